//! The decoders' border in a real browser.
#![cfg(all(target_family = "wasm", feature = "decode"))]

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::*;
use web::decode;

wasm_bindgen_test_configure!(run_in_browser);

/// A picture of 256×256 pixels.
const PICTURE: &[u8] = include_bytes!("../../www/examples/indri.png");

fn code(error: &JsValue) -> String {
    Reflect::get(error, &"code".into())
        .unwrap()
        .as_string()
        .unwrap_or_default()
}

#[wasm_bindgen_test]
fn pictures_are_decoded_within_limits() {
    let picture = decode(PICTURE, 1e6).unwrap();
    assert_eq!((picture.width(), picture.height()), (256, 256));
    assert_eq!(picture.into_rgba().len(), 4 * 256 * 256);
    assert_eq!(
        code(&decode(PICTURE, 1000.0).map(|_| ()).unwrap_err()),
        "too-large"
    );
    assert_eq!(
        code(&decode(&PICTURE[..300], 1e6).map(|_| ()).unwrap_err()),
        "not-an-image"
    );
    assert_eq!(
        code(&decode(b"letter", 1e6).map(|_| ()).unwrap_err()),
        "not-an-image"
    );
}

/// Red on the left half, blue on the right, as JPEG of flat blocks; EXIF says how to turn it.
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
fn pictures_stand_upright() {
    // Which edge is red: left, right, and after a quarter turn either way top and bottom.
    for (orientation, size, red) in [
        (1, (32, 16), (1, 8)),
        (3, (32, 16), (30, 8)),
        (6, (16, 32), (8, 1)),
        (8, (16, 32), (8, 30)),
    ] {
        let picture = decode(&red_and_blue(orientation), 1e6).unwrap();
        assert_eq!(
            (picture.width(), picture.height()),
            size,
            "orientation {orientation}"
        );
        let rgba = picture.into_rgba();
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
