//! The border in a real browser: what JavaScript sees of pictures, models, errors and cancelling.
#![cfg(target_family = "wasm")]

use std::io::Cursor;
use std::ops::ControlFlow;

use image::{DynamicImage, ImageFormat, RgbImage};
use js_sys::{Function, Reflect};
use model::engine::BurnEngine;
use model::pixel::{Channels, Image};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::*;
use web::{Upscaler, decode};

wasm_bindgen_test_configure!(run_in_browser);

/// A model as the page loads it.
const MODEL: &[u8] = include_bytes!("../../www/models/fast-x2.bpk");

/// A picture of 256×256 pixels.
const PICTURE: &[u8] = include_bytes!("../../www/examples/indri.png");

fn code(error: &JsValue) -> String {
    Reflect::get(error, &"code".into())
        .unwrap()
        .as_string()
        .unwrap_or_default()
}

fn go_on() -> Function {
    Function::new_no_args("return false")
}

fn pause() -> Function {
    Function::new_no_args("return new Promise((resolve) => setTimeout(resolve, 0))")
}

fn noise(width: usize, height: usize) -> Vec<u8> {
    let values = 0..(width * height * 4) as u32;
    values
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8)
        .collect()
}

/// On the GPU build this includes the self-test: GPU and ndarray agree, or loading fails.
#[wasm_bindgen_test]
async fn a_model_says_what_it_is_and_what_runs() {
    let upscaler = Upscaler::load(MODEL.to_vec(), None).await.unwrap();
    let runs = if cfg!(feature = "webgpu") {
        "webgpu"
    } else {
        "cpu"
    };
    assert_eq!(upscaler.engine(), runs);
    assert_eq!(upscaler.scale(), 2);
    let name = Reflect::get(&upscaler.info().unwrap(), &"name".into()).unwrap();
    assert_eq!(name, "fast-x2");
    let refused = Upscaler::load(MODEL.to_vec(), Some(3)).await.err().unwrap();
    assert_eq!(code(&refused), "unknown-scale");
}

#[wasm_bindgen_test]
async fn tiles_and_alpha_survive() {
    let mut upscaler = Upscaler::load(MODEL.to_vec(), None).await.unwrap();
    let (width, height) = (31, 22);
    let mut rgba = noise(width, height);
    rgba.chunks_mut(4).for_each(|pixel| pixel[3] = 77);
    let mut run = async |tile_px| {
        let work = upscaler.upscale(rgba.clone(), width, height, tile_px, go_on(), pause());
        work.await.unwrap()
    };
    let (whole, tiled) = (run(64).await, run(16).await);
    assert_eq!(whole.len(), 4 * 62 * 44);
    assert!(whole.chunks(4).all(|pixel| pixel[3] == 77));
    let largest = whole.iter().zip(&tiled).map(|(a, b)| a.abs_diff(*b)).max();
    // Burn's GPU kernels may sum in another order for another size of tile.
    let allowed = if cfg!(feature = "webgpu") { 1 } else { 0 };
    assert!(largest <= Some(allowed), "{largest:?}");
}

#[wasm_bindgen_test]
async fn cancelling_ends_the_work_and_not_the_upscaler() {
    let mut upscaler = Upscaler::load(MODEL.to_vec(), None).await.unwrap();
    let cancel = Function::new_with_args("done", "return done >= 1");
    let error = upscaler
        .upscale(noise(40, 40), 40, 40, 16, cancel, pause())
        .await
        .unwrap_err();
    assert_eq!(code(&error), "cancelled");
    assert!(
        upscaler
            .upscale(noise(4, 4), 4, 4, 16, go_on(), pause())
            .await
            .is_ok()
    );
}

#[wasm_bindgen_test]
async fn errors_have_codes() {
    let error = Upscaler::load(b"no model".to_vec(), None)
        .await
        .map(|_| ())
        .unwrap_err();
    assert_eq!(code(&error), "bad-model");
    let error = Upscaler::load(MODEL[..MODEL.len() / 2].to_vec(), None)
        .await
        .map(|_| ())
        .unwrap_err();
    assert_eq!(code(&error), "bad-model");
    let mut upscaler = Upscaler::load(MODEL.to_vec(), None).await.unwrap();
    let error = upscaler
        .upscale(vec![0; 7], 2, 1, 16, go_on(), pause())
        .await
        .unwrap_err();
    assert_eq!(code(&error), "not-an-image");
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

/// In the GPU build this holds WebGPU and ndarray together, in the other one the border and the
/// pipeline behind it.
#[wasm_bindgen_test]
async fn the_pixels_are_those_of_the_cpu() {
    let (width, height) = (45, 34);
    let rgba = noise(width, height);
    let mut upscaler = Upscaler::load(MODEL.to_vec(), None).await.unwrap();
    let found = upscaler
        .upscale(rgba.clone(), width, height, 20, go_on(), pause())
        .await
        .unwrap();

    let device = model::engine::ndarray();
    let (network, metadata) = model::record::read(MODEL, &device).unwrap();
    let mut engine = BurnEngine::new(network, device, "cpu");
    let image = Image::new(width, height, Channels::Rgba, rgba).unwrap();
    let (spec, options) = (metadata.network.spec(), model::Options { tile_px: 64 });
    let watch = |_| ControlFlow::Continue(());
    let expected = model::upscale(&mut engine, &spec, &image, &options, watch)
        .await
        .unwrap();
    assert_eq!(found.len(), expected.data.len());
    let largest = found
        .iter()
        .zip(&expected.data)
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    assert!(largest <= Some(1), "{largest:?}");
}
