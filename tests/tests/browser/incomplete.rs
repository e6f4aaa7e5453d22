//! Files that end too early, as after an interrupted copy: a notice, and the result all the same.

use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::{Value, json};
use std::io::Cursor;

use crate::api::{opaque, run};
use crate::fixture::{blocks_jpeg, png, png_without_alpha, tiny_model, waves};
use crate::format::read;
use crate::page::{
    choose, error, is_error, message, settle, state, text, to_image, wait_for_result,
    with_tiny_model,
};
use crate::site::{Gpu, PLAIN, Visit};

fn half_a_jpeg() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = RgbImage::from_fn(160, 160, |x, y| {
        image::Rgb([(x % 97) as u8, (40 + y % 101) as u8, ((x * y) % 251) as u8])
    });
    DynamicImage::from(image)
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .unwrap();
    let mut bytes = bytes.into_inner();
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// Puts a whole JPEG into a segment of another one, like a thumbnail in EXIF, and bytes after its end.
fn with_thumbnail(jpeg: &[u8]) -> Vec<u8> {
    let length = u16::try_from(jpeg.len() + 2).unwrap().to_be_bytes();
    // 0xff may pad the next marker.
    let segment = [&[0xff, 0xe1][..], &length, jpeg, &[0xff]].concat();
    [&jpeg[..2], &segment, &jpeg[2..]].concat()
}

#[test]
fn the_end_of_a_file_is_found() {
    let visit = Visit::of(PLAIN, Gpu::None);
    let jpeg = blocks_jpeg();
    // The length of a file without the bytes that it can do without.
    let files = [
        ("plain.jpg", jpeg.clone(), 0),
        ("thumbnail.jpg", with_thumbnail(&jpeg), 0),
        ("alpha.png", png(&waves(9, 7)), 4),
        ("opaque.png", png_without_alpha(&waves(9, 7)), 4),
    ];
    // The lengths from which on a file counts as whole, and its type.
    let script = "const { isTruncated, readHeader } = await import('/source/lib/image-header.js');
        const bytes = new Uint8Array(await (await fetchBlob(arguments[0])).arrayBuffer());
        const whole = [];
        let type;
        for (let length = 0; length <= bytes.length; length += 1) {
            const part = bytes.slice(0, length);
            const header = readHeader(part);
            type = header?.type ?? type;
            if (header && !isTruncated(part, header.type)) whole.push(length);
        }
        const trailing = new Uint8Array([...bytes, 0, 0xff, 1, 2, 3]);
        return { type, whole, total: bytes.length, trailing: isTruncated(trailing, type) };";
    for (name, bytes, spare) in files {
        visit.file(name, &bytes);
        let found = run(&visit, script, &[visit.url(name)]);
        let whole: Vec<_> = (bytes.len() - spare..=bytes.len()).collect();
        assert_eq!(found["whole"], json!(whole), "{name}");
        assert_eq!(found["trailing"], json!(false), "{name}");
    }
    // WebP in both forms, and a format whose end is not looked for.
    let script = "const { isTruncated, readHeader } = await import('/source/lib/image-header.js');
        const canvas = new OffscreenCanvas(33, 21);
        canvas.getContext('2d').fillRect(3, 3, 9, 9);
        const found = [];
        for (const quality of [0.5, 1]) {
            const blob = await canvas.convertToBlob({ type: 'image/webp', quality });
            const bytes = new Uint8Array(await blob.arrayBuffer());
            const { type } = readHeader(bytes);
            found.push([0, 1, 2, 9].map((cut) => isTruncated(bytes.slice(0, bytes.length - cut), type)));
        }
        return [...found, isTruncated(new TextEncoder().encode('GIF89a'), 'gif')];";
    let cut = json!([false, false, true, true]);
    assert_eq!(run(&visit, script, &[]), json!([cut, cut, false]));
    visit.finish();
}

/// Upscales a file in a third-party page: warnings, and the result or the failure.
fn upscale(bytes: &[u8]) -> Value {
    let visit = Visit::of(PLAIN, Gpu::None);
    visit.file("tiny.bpk", &tiny_model());
    visit.file("file", bytes);
    let script = "const [model, url] = arguments;
        const upscaler = await load(model);
        const warnings = [];
        const onWarning = (warning) => warnings.push(warning);
        const results = [];
        for (const source of [url, await fetchBlob(url)]) {
            const result = upscaler.upscale(source, { onWarning });
            results.push({ failed: await failure(result), ...(await result.then(plain, () => ({}))) });
        }
        return { warnings, results };";
    let found = run(&visit, script, &[visit.url("tiny.bpk"), visit.url("file")]);
    visit.finish();
    found
}

#[test]
fn half_a_jpeg_is_upscaled_with_a_warning() {
    let found = upscale(&half_a_jpeg());
    let warnings = found["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for warning in warnings {
        assert_eq!(warning["code"], "incomplete-file");
        let message = warning["message"].as_str().unwrap();
        assert!(message.contains("ends too early"), "{message}");
    }
    for result in found["results"].as_array().unwrap() {
        let image = to_image(result.clone());
        assert_eq!(image.dimensions(), (320, 320));
        let [top, middle, bottom] = [20, 250, 300].map(|y| image.get_pixel(100, y).0);
        assert_ne!(top[0], top[1], "{top:?}");
        // The random network changes the lightness of grey.
        assert_eq!([bottom[0]; 2], [bottom[1], bottom[2]], "{bottom:?}");
        assert_eq!(middle, bottom);
    }
}

#[test]
fn whole_files_cause_no_warning() {
    for bytes in [blocks_jpeg(), with_thumbnail(&blocks_jpeg())] {
        let found = upscale(&bytes);
        assert_eq!(found["warnings"], json!([]));
        assert_eq!(found["results"][0]["failed"], "nothing failed");
    }
}

/// Chromium and our decoders reject these.
#[test]
fn half_a_png_is_an_error() {
    let image = waves(90, 80);
    for bytes in [png(&image), png_without_alpha(&opaque(image.clone()))] {
        let found = upscale(&bytes[..bytes.len() / 2]);
        for result in found["results"].as_array().unwrap() {
            assert_eq!(result["failed"]["code"], "not-an-image", "{result}");
        }
        assert_eq!(found["warnings"], json!([]));
    }
}

#[test]
fn the_app_shows_a_notice_and_the_result() {
    let visit = with_tiny_model();
    choose(&visit, "half.jpg", &half_a_jpeg());
    settle(&visit);
    assert_eq!(state(&visit, "half.jpg"), "done");
    wait_for_result(&visit, "half.jpg");
    let said = message(&visit, "half.jpg");
    assert!(
        said.starts_with("The file ends too early") && said.ends_with("grey."),
        "{said}"
    );
    assert!(!is_error(&visit, "half.jpg"));
    assert_eq!(error(&visit), "");
    let status = text(&visit, "#status");
    assert_eq!(status, format!("half.jpg is done. {said}"));
    // The viewer shows the original beside the result.
    let facts = text(&visit, "#facts");
    assert!(facts.contains("160 × 160"), "{facts}");
    assert_eq!(
        crate::page::canvas(&visit, "#before").dimensions(),
        (160, 160)
    );
    visit.finish();
}

/// Executions of the readers on damaged files.
const DAMAGED: u32 = 100_000;

#[test]
fn damaged_headers_are_read_or_refused() {
    let visit = Visit::of(PLAIN, Gpu::None);
    let encoded = |format| {
        let mut bytes = Cursor::new(Vec::new());
        let image = DynamicImage::from(waves(9, 7));
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    };
    let files = [
        ("a.jpg", with_thumbnail(&blocks_jpeg())),
        ("a.png", png(&waves(9, 7))),
        ("a.webp", encoded(ImageFormat::WebP)),
        ("a.bmp", encoded(ImageFormat::Bmp)),
        (
            "a.gif",
            b"GIF89a\x09\0\x07\0\x80\0\0\0\0\0\xff\xff\xff;".to_vec(),
        ),
        ("a.avif", read("alpha.avif")),
    ];
    for (name, bytes) in &files {
        visit.file(name, bytes);
    }
    // An exception fails the test, and so does a reader that does not end.
    let script =
        "const { isTruncated, readAnyHeader } = await import('/source/lib/image-header.js');
        const [urls, runs] = arguments;
        const read = async (url) => new Uint8Array(await (await fetchBlob(url)).arrayBuffer());
        const files = await Promise.all(urls.map(read));
        let state = 1;
        // Knuth's generator, of which the upper bits are the random ones.
        const below = (end) => {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            return Math.floor((state / 2 ** 32) * end);
        };
        const found = {};
        for (let run = 0; run < runs; run += 1) {
            const file = files[run % files.length];
            const bytes = below(4) ? file.slice() : file.slice(0, below(file.length));
            for (let change = below(6); change > 0; change -= 1) {
                const near = below(3) ? Math.min(64, bytes.length) : bytes.length;
                bytes[below(near)] = [0, 1, 127, 128, 255, below(256)][below(6)];
            }
            const header = await readAnyHeader(bytes);
            const type = header ? header.type : 'refused';
            found[type] = (found[type] ?? 0) + 1;
            if (header) isTruncated(bytes, type);
        }
        return found;";
    let urls: Vec<Value> = files.iter().map(|(name, _)| visit.url(name)).collect();
    let found = run(&visit, script, &[json!(urls), json!(DAMAGED)]);
    for kind in ["jpeg", "png", "webp", "bmp", "gif", "avif", "refused"] {
        assert!(
            found[kind].as_u64() > Some(u64::from(DAMAGED) / 50),
            "{found}"
        );
    }
    visit.finish();
}
