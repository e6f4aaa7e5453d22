//! Rare variants of file formats.

use image::{Rgba, RgbaImage};

use crate::api::run;
use crate::fixture::{tiny_model, upscaled};
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

fn read(name: &str) -> Vec<u8> {
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
