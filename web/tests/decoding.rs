//! The decoders as JavaScript sees them, in a real browser.
#![cfg(all(target_family = "wasm", feature = "decode"))]

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::*;
use web::decode;

wasm_bindgen_test_configure!(run_in_browser);

/// An image of 256×256 pixels.
const IMAGE: &[u8] = include_bytes!("../../www/examples/indri.png");

fn code(error: &JsValue) -> String {
    Reflect::get(error, &"code".into())
        .unwrap()
        .as_string()
        .unwrap_or_default()
}

#[wasm_bindgen_test]
fn images_are_decoded_within_limits() {
    let image = decode(IMAGE, 1e6).unwrap();
    assert_eq!((image.width(), image.height()), (256, 256));
    assert_eq!(image.into_rgba().len(), 4 * 256 * 256);
    assert_eq!(
        code(&decode(IMAGE, 1000.0).map(|_| ()).unwrap_err()),
        "too-large"
    );
    assert_eq!(
        code(&decode(&IMAGE[..300], 1e6).map(|_| ()).unwrap_err()),
        "not-an-image"
    );
    assert_eq!(
        code(&decode(b"letter", 1e6).map(|_| ()).unwrap_err()),
        "not-an-image"
    );
}

/// A JPEG of flat blocks, red on the left and blue on the right, with an EXIF orientation.
fn red_and_blue(orientation: u8) -> Vec<u8> {
    let image = RgbImage::from_fn(32, 16, |x, _| {
        image::Rgb([[255, 0, 0], [0, 0, 255]][x as usize / 16])
    });
    let mut jpeg = Cursor::new(Vec::new());
    DynamicImage::from(image)
        .write_to(&mut jpeg, ImageFormat::Jpeg)
        .unwrap();
    // A TIFF header, and a directory of one entry: tag 0x0112, one short.
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let jpeg = jpeg.into_inner();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

#[wasm_bindgen_test]
fn the_exif_orientation_is_applied() {
    // The edge that is red: left, right, and after a quarter turn in either direction top and bottom.
    for (orientation, size, red) in [
        (1, (32, 16), (1, 8)),
        (3, (32, 16), (30, 8)),
        (6, (16, 32), (8, 1)),
        (8, (16, 32), (8, 30)),
    ] {
        let image = decode(&red_and_blue(orientation), 1e6).unwrap();
        assert_eq!(
            (image.width(), image.height()),
            size,
            "orientation {orientation}"
        );
        let rgba = image.into_rgba();
        let at = |(x, y): (u32, u32)| &rgba[4 * (y * size.0 + x) as usize..][..3];
        let other = (size.0 - 1 - red.0, size.1 - 1 - red.1);
        assert!(
            at(red)[0] > 200 && at(red)[2] < 50,
            "orientation {orientation}: {:?}",
            at(red)
        );
        assert!(
            at(other)[2] > 200 && at(other)[0] < 50,
            "orientation {orientation}: {:?}",
            at(other)
        );
    }
}
