//! Rare variants of file formats.

use image::{Rgba, RgbaImage};
use serde_json::{Value, json};

use crate::api::run;
use crate::fixture::{png, tiny_model, upscaled, waves};
use crate::page::to_image;
use crate::site::{Gpu, PLAIN, Visit};

/// A file of `images`, upscaled in the page.
fn upscaled_in_page(name: &str) -> RgbaImage {
    let visit = Visit::of(PLAIN, Gpu::None);
    visit.file("tiny.bpk", &tiny_model());
    visit.file(name, &read(name));
    let script = "const [model, url] = arguments;
        const upscaler = await load(model);
        return plain(await upscaler.upscale(await fetchBlob(url)));";
    let found = run(&visit, script, &[visit.url("tiny.bpk"), visit.url(name)]);
    visit.finish();
    to_image(found)
}

/// A file of `images`.
pub fn read(name: &str) -> Vec<u8> {
    let folder = xtask::root().join("tests/tests/browser/images");
    std::fs::read(folder.join(name)).unwrap()
}

/// Whether a pixel has a colour, up to the rounding of decoders.
fn is(pixel: &Rgba<u8>, colour: [u8; 3]) -> bool {
    pixel.0.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 24)
}

#[test]
fn sixteen_bits_become_eight() {
    for name in ["16-bit.png", "16-bit-alpha.png"] {
        let image = image::load_from_memory(&read(name)).unwrap().into_rgba8();
        let (found, expected) = (upscaled_in_page(name), upscaled(&tiny_model(), &image));
        assert_eq!(found.dimensions(), expected.dimensions());
        let apart = found
            .iter()
            .zip(expected.iter())
            .map(|(a, b)| a.abs_diff(*b));
        // Browsers truncate where we round.
        assert!(apart.max() <= Some(2), "{name}");
    }
}

#[test]
fn cmyk_becomes_rgb() {
    let found = upscaled_in_page("cmyk.jpg");
    assert_eq!(found.dimensions(), (64, 32));
    // Magenta and yellow.
    let pixel = found.get_pixel(30, 15);
    assert!(
        pixel[0] > 180 && pixel[1] < 90 && pixel[2] < 90,
        "{pixel:?}"
    );
}

/// The profile of the file swaps red and blue.
#[test]
fn colour_profiles_are_applied_with_alpha_too() {
    let found = upscaled_in_page("profile.png");
    for x in [4, 20] {
        let pixel = found.get_pixel(x, 8);
        assert!(is(pixel, [10, 20, 250]), "{pixel:?}");
    }
    assert!(found.get_pixel(4, 8)[3].abs_diff(120) <= 1);
}

/// A box of ISO/IEC 14496-12.
fn iso_box(kind: &str, content: &[u8]) -> Vec<u8> {
    let length = (8 + content.len() as u32).to_be_bytes();
    [&length, kind.as_bytes(), content].concat()
}

/// The header of a HEIC file: an image of 640×480 pixels, turned by `quarters`, beside a thumbnail, with or without alpha.
fn heic(quarters: u8, alpha: bool) -> Vec<u8> {
    let full = |content: &[u8]| [&[0; 4], content].concat();
    let size = |width: u32, height: u32| {
        let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
        iso_box("ispe", &full(&sides))
    };
    let kind = b"urn:mpeg:hevc:2015:auxid:1\0";
    let properties = [
        size(64, 48),
        size(640, 480),
        iso_box("irot", &[quarters]),
        iso_box(if alpha { "auxC" } else { "free" }, &full(kind)),
    ]
    .concat();
    // Two items; the upper bit of an association says whether it is essential.
    let associations = full(&[0, 0, 0, 2, 0, 7, 1, 1, 0, 9, 2, 2, 0x83]);
    let iprp = [iso_box("ipco", &properties), iso_box("ipma", &associations)].concat();
    let meta = [iso_box("pitm", &full(&[0, 9])), iso_box("iprp", &iprp)].concat();
    let brands = b"heic\0\0\0\0mif1heic";
    [iso_box("ftyp", brands), iso_box("meta", &full(&meta))].concat()
}

fn header(kind: &str, [width, height]: [u32; 2], alpha: bool, animated: bool) -> Value {
    json!({ "type": kind, "width": width, "height": height, "alpha": alpha, "animated": animated })
}

#[test]
fn headers_of_avif_and_heic_tell_the_upright_size() {
    let visit = Visit::of(PLAIN, Gpu::None);
    let script = "const [url] = arguments;
        const { readAnyHeader } = await import('/source/lib/image-header.js');
        const blob = await fetchBlob(url);
        // Chromium decodes AVIF.
        const decoded = url.endsWith('.avif') ? await createImageBitmap(blob) : null;
        const header = await readAnyHeader(new Uint8Array(await blob.arrayBuffer()));
        return { header, decoded: decoded && [decoded.width, decoded.height] };";
    let avif = |name| (name, read(name));
    for ((name, bytes), expected) in [
        (avif("still.avif"), header("avif", [64, 32], false, false)),
        (avif("turned.avif"), header("avif", [32, 64], false, false)),
        (avif("alpha.avif"), header("avif", [64, 32], true, false)),
        (avif("moving.avif"), header("avif", [64, 32], false, true)),
        (
            ("a.heic", heic(0, false)),
            header("heic", [640, 480], false, false),
        ),
        (
            ("b.heic", heic(2, true)),
            header("heic", [640, 480], true, false),
        ),
        (
            ("c.heic", heic(3, false)),
            header("heic", [480, 640], false, false),
        ),
        // A video, and a file that ends before the size.
        (("a.mp4", iso_box("ftyp", b"isom\0\0\0\0mp42")), Value::Null),
        (("d.heic", heic(0, false)[..60].to_vec()), Value::Null),
    ] {
        visit.file(name, &bytes);
        let found = run(&visit, script, &[visit.url(name)]);
        assert_eq!(found["header"], expected, "{name}");
        if name.ends_with(".avif") {
            let size = json!([expected["width"], expected["height"]]);
            assert_eq!(found["decoded"], size, "{name}");
        }
    }
    visit.finish();
}

/// A header that claims too large an image is refused before the browser decodes it.
#[test]
fn large_avif_files_are_refused_by_their_headers() {
    let mut bytes = read("still.avif");
    let place = bytes.windows(4).position(|part| part == b"ispe").unwrap() + 8;
    bytes[place..place + 4].copy_from_slice(&60_000_u32.to_be_bytes());
    bytes[place + 4..place + 8].copy_from_slice(&50_000_u32.to_be_bytes());
    let visit = Visit::of(PLAIN, Gpu::None);
    visit.file("tiny.bpk", &tiny_model());
    visit.file("large.avif", &bytes);
    let script = "const [model, url] = arguments;
        const upscaler = await load(model);
        let decoded = 0;
        const { createImageBitmap } = window;
        window.createImageBitmap = (...args) => { decoded += 1; return createImageBitmap(...args); };
        const failed = await failure(upscaler.upscale(await fetchBlob(url)));
        return { decoded, failed };";
    let urls = [visit.url("tiny.bpk"), visit.url("large.avif")];
    let found = run(&visit, script, &urls);
    assert_eq!(found["failed"]["code"], "too-large", "{found}");
    assert_eq!(found["decoded"], 0);
    visit.finish();
}

/// A GIF of black pixels.
pub fn gif(frames: usize) -> Vec<u8> {
    let frame = b"!\xf9\x04\0\x0a\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
    let (end, frame) = frame.split_last().unwrap();
    let header = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff";
    [&header[..], &frame.repeat(frames), &[*end]].concat()
}

#[test]
fn animations_of_every_format_are_announced() {
    let visit = Visit::of(PLAIN, Gpu::None);
    visit.file("tiny.bpk", &tiny_model());
    let script = "const [model, url] = arguments;
        window.upscaler ??= await load(model);
        const warnings = [];
        await upscaler.upscale(await fetchBlob(url), { onWarning: ({ code }) => warnings.push(code) });
        return warnings;";
    for (name, bytes, warnings) in [
        ("a.gif", gif(2), json!(["animated"])),
        ("a.png", read("moving.png"), json!(["animated"])),
        ("a.webp", read("moving.webp"), json!(["animated"])),
        ("a.avif", read("moving.avif"), json!(["animated"])),
        ("b.gif", gif(1), json!([])),
        ("b.png", png(&waves(9, 7)), json!([])),
        ("b.avif", read("still.avif"), json!([])),
    ] {
        visit.file(name, &bytes);
        let urls = [visit.url("tiny.bpk"), visit.url(name)];
        assert_eq!(run(&visit, script, &urls), warnings, "{name}");
    }
    visit.finish();
}
