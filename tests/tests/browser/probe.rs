//! How an image was compressed, and which model suits it.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};

use crate::api::run;
use crate::fixture::png_without_alpha;
use crate::site::{Gpu, PLAIN, Visit};

/// A photograph that was never compressed.
fn photograph() -> DynamicImage {
    image::open(xtask::root().join("www/examples/indri.png")).unwrap()
}

fn jpeg(image: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let rgb = image.to_rgb8();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(&rgb)
        .unwrap();
    bytes
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.to_rgb8().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The results of the functions of probe.js for a file: `{ compressed, blocky, purpose }`.
fn probed(visit: &Visit, name: &str, bytes: &[u8]) -> Value {
    visit.file(name, bytes);
    let script =
        "const { compression, isBlocky, suggestedPurpose } = await import('/source/app/probe.js');
        const blob = await fetchBlob(arguments[0]);
        const compressed = compression(new Uint8Array(await blob.arrayBuffer()));
        const bitmap = await createImageBitmap(blob).catch(() => null);
        if (!bitmap) return { compressed, purpose: suggestedPurpose(compressed, false, NaN) };
        const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
        context.drawImage(bitmap, 0, 0);
        const blocky = isBlocky(context.getImageData(0, 0, bitmap.width, bitmap.height));
        return { compressed, blocky, purpose: suggestedPurpose(compressed, blocky, NaN) };";
    run(visit, script, &[visit.url(name)])
}

#[test]
fn the_quality_of_a_jpeg_is_read_from_its_tables() {
    let visit = Visit::of(PLAIN, Gpu::None);
    let image = photograph();
    for quality in [5, 10, 30, 50, 75, 90, 95, 98, 100] {
        let found = probed(&visit, "image.jpg", &jpeg(&image, quality));
        let purpose = if quality < 94 { "photo" } else { "clean" };
        assert_eq!(found["purpose"], purpose, "{quality}: {found}");
        let read = found["compressed"]["quality"].as_i64().unwrap();
        assert!((read - i64::from(quality)).abs() <= 1, "{quality}: {found}");
    }
    // A file that ends before its tables.
    let found = probed(&visit, "image.jpg", &jpeg(&image, 50)[..20]);
    let unknown = json!({ "format": "JPEG", "lossy": true, "quality": null });
    assert_eq!(found["compressed"], unknown);
    visit.finish();
}

#[test]
fn formats_tell_whether_they_lose_details() {
    let visit = Visit::of(PLAIN, Gpu::None);
    let image = photograph();
    // Of formats that are not encoded here the beginning is enough.
    let lossy_webp =
        b"RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0VP8 \x06\0\0\0\0\0\0\0\0\0";
    for (name, bytes, format, lossy, purpose) in [
        (
            "a.png",
            encoded(&image, ImageFormat::Png),
            "PNG",
            false,
            "clean",
        ),
        (
            "a.gif",
            b"GIF89a\x01\0\x01\0\0\0\0".to_vec(),
            "GIF",
            false,
            "clean",
        ),
        (
            "a.bmp",
            encoded(&image, ImageFormat::Bmp),
            "BMP",
            false,
            "clean",
        ),
        (
            "a.webp",
            encoded(&image, ImageFormat::WebP),
            "WebP",
            false,
            "clean",
        ),
        ("b.webp", lossy_webp.to_vec(), "WebP", true, "photo"),
        (
            "a.avif",
            b"\0\0\0\x1cftypavif\0\0\0\0".to_vec(),
            "AVIF",
            true,
            "photo",
        ),
        (
            "a.heic",
            b"\0\0\0\x1cftypheic\0\0\0\0".to_vec(),
            "HEIC",
            true,
            "photo",
        ),
    ] {
        let found = probed(&visit, name, &bytes);
        let expected = json!({ "format": format, "lossy": lossy, "quality": null });
        assert_eq!(found["compressed"], expected, "{name}");
        assert_eq!(found["purpose"], purpose, "{name}");
    }
    let found = probed(&visit, "a.svg", b"<svg/>");
    assert_eq!(found["compressed"], Value::Null);
    assert_eq!(found["purpose"], "photo");
    visit.finish();
}

/// Of a WebP, AVIF or HEIC file, the bits per pixel tell how strongly it was compressed; a JPEG has its tables.
#[test]
fn files_of_many_bits_were_hardly_compressed() {
    let visit = Visit::of(PLAIN, Gpu::None);
    let script = "const { suggestedPurpose } = await import('/source/app/probe.js');
        const [format, quality, bits] = arguments;
        return suggestedPurpose({ format, lossy: true, quality }, false, bits);";
    for (format, quality, bits, purpose) in [
        ("WebP", None, 1.9, "photo"),
        ("WebP", None, 2.1, "clean"),
        ("AVIF", None, 1.4, "photo"),
        ("AVIF", None, 1.6, "clean"),
        ("HEIC", None, 1.6, "clean"),
        ("JPEG", Some(75), 4.0, "photo"),
        ("JPEG", Some(95), 4.0, "clean"),
    ] {
        let args = [json!(format), json!(quality), json!(bits)];
        assert_eq!(run(&visit, script, &args), purpose, "{format}, {bits} bits");
    }
    visit.finish();
}

#[test]
fn blocks_of_an_earlier_compression_are_seen_wherever_their_grid_lies() {
    let visit = Visit::of(PLAIN, Gpu::None);
    let image = photograph();
    for quality in [30, 50, 75] {
        let decoded = image::load_from_memory(&jpeg(&image, quality)).unwrap();
        for (x, y) in [(0, 0), (3, 5)] {
            let part = decoded.crop_imm(x, y, decoded.width() - x, decoded.height() - y);
            let found = probed(&visit, "a.png", &png_without_alpha(&part.to_rgba8()));
            assert_eq!(found["blocky"], true, "{quality} {x} {y}");
            assert_eq!(found["purpose"], "photo");
        }
    }
    let bytes = std::fs::read(xtask::root().join("www/examples/indri.png")).unwrap();
    assert_eq!(probed(&visit, "indri.png", &bytes)["blocky"], false);
    visit.finish();
}
