//! Models, tiles and errors as JavaScript sees them, in a real browser.
#![cfg(all(
    target_family = "wasm",
    any(all(feature = "cpu", feature = "webgpu"), feature = "burn-wgpu")
))]

use std::future::poll_fn;
use std::task::Poll;

use engine::image::{Channels, Image, Rect};
use js_sys::{JSON, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::*;
use web::Upscaler;

wasm_bindgen_test_configure!(run_in_browser);

/// A shipped model.
const MODEL: &[u8] = include_bytes!("../../www/models/fast-x2.bpk");

/// The engines of this build.
const ENGINES: [&str; 2] = if cfg!(feature = "cpu") {
    ["cpu", "webgpu"]
} else {
    ["burn-cpu", "burn-webgpu"]
};

fn code(error: &JsValue) -> String {
    Reflect::get(error, &"code".into())
        .unwrap()
        .as_string()
        .unwrap_or_default()
}

fn noise(width: usize, height: usize) -> Image {
    let values = 0..(width * height * 4) as u32;
    let data = values.map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8);
    Image::new(width, height, Channels::Rgba, data.collect()).unwrap()
}

async fn load(engine: &str) -> Upscaler {
    let upscaler = Upscaler::load(MODEL.to_vec(), None, engine.to_string());
    upscaler.await.unwrap()
}

/// An image upscaled in tiles, `at_once` of them at the same time.
async fn upscaled(
    upscaler: &Upscaler,
    image: &Image,
    tile_px: Option<usize>,
    at_once: usize,
) -> Image {
    let (width, height) = (image.width, image.height);
    let mut whole = Image::blank(2 * width, 2 * height, Channels::Rgba).unwrap();
    let tiles = upscaler.tiles(width, height, 2, tile_px);
    for tiles in tiles.chunks(8 * at_once) {
        let cores = tiles.chunks(8).map(|tile| core(upscaler, image, tile));
        for (place, core) in all(cores).await {
            whole.paste(&core, place);
        }
    }
    whole
}

/// The enlarged core of a tile, and its place in the result.
async fn core(upscaler: &Upscaler, image: &Image, tile: &[u32]) -> (Rect, Image) {
    let rect = |numbers: &[u32]| {
        let [x, y, width, height] = [0, 1, 2, 3].map(|i| numbers[i] as usize);
        Rect {
            x,
            y,
            width,
            height,
        }
    };
    let (place, padded) = (rect(&tile[..4]).scaled(2), rect(&tile[4..]));
    let part = image.crop(padded).data;
    let target = Uint8Array::new_with_length(4 * (place.width * place.height) as u32);
    let (width, height) = (image.width, image.height);
    let work = upscaler.upscale(part, tile.to_vec(), width, height, target.clone());
    work.await.unwrap();
    let core = Image::new(place.width, place.height, Channels::Rgba, target.to_vec());
    (place, core.unwrap())
}

/// Starts all of them, then waits for all.
async fn all<T>(works: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut works: Vec<_> = works.map(|work| (Box::pin(work), None)).collect();
    poll_fn(|context| {
        for (work, result) in &mut works {
            if result.is_none()
                && let Poll::Ready(value) = work.as_mut().poll(context)
            {
                *result = Some(value);
            }
        }
        match works.iter().all(|(_, result)| result.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    works.into_iter().filter_map(|(_, result)| result).collect()
}

/// On a GPU, loading includes the test of its result.
#[wasm_bindgen_test]
async fn a_model_has_its_metadata_and_engine() {
    for engine in ENGINES {
        let upscaler = load(engine).await;
        assert_eq!(upscaler.engine(), engine);
        assert_eq!((upscaler.scale(), upscaler.scales()), (2, vec![2]));
        let info = JSON::parse(&upscaler.description()).unwrap();
        assert_eq!(Reflect::get(&info, &"name".into()).unwrap(), "fast-x2");
    }
}

#[wasm_bindgen_test]
async fn tiling_does_not_change_pixels_and_alpha_is_kept() {
    for engine in ENGINES {
        let upscaler = load(engine).await;
        let mut image = noise(71, 42);
        image.data.chunks_mut(4).for_each(|pixel| pixel[3] = 77);
        let whole = upscaled(&upscaler, &image, Some(128), 1).await;
        assert!(whole.data.chunks(4).all(|pixel| pixel[3] == 77));
        for (tile_px, at_once) in [(Some(16), 2), (Some(27), 1), (None, 2)] {
            let tiled = upscaled(&upscaler, &image, tile_px, at_once).await;
            let pairs = whole.data.iter().zip(&tiled.data);
            let largest = pairs.map(|(a, b)| a.abs_diff(*b)).max();
            // Burn's GPU kernels may sum in another order for another size of tile.
            let allowed = u8::from(engine == "burn-webgpu");
            assert!(
                largest <= Some(allowed),
                "{engine}, {tile_px:?}: {largest:?}"
            );
        }
    }
}

#[wasm_bindgen_test]
async fn errors_have_codes() {
    let refused = async |bytes: &[u8], scale, engine: &str| {
        let upscaler = Upscaler::load(bytes.to_vec(), scale, engine.to_string());
        code(&upscaler.await.err().unwrap())
    };
    let engine = ENGINES[0];
    assert_eq!(refused(b"no model", None, engine).await, "bad-model");
    let cut = &MODEL[..MODEL.len() / 2];
    assert_eq!(refused(cut, None, engine).await, "bad-model");
    assert_eq!(refused(MODEL, Some(3), engine).await, "unknown-scale");
    assert_eq!(refused(MODEL, None, "abacus").await, "internal");

    let upscaler = load(engine).await;
    let tile = upscaler.tiles(9, 7, 1, None);
    let target = Uint8Array::new_with_length(4 * 18 * 14);
    let short = upscaler
        .upscale(vec![0; 7], tile.clone(), 9, 7, target.clone())
        .await;
    assert_eq!(code(&short.unwrap_err()), "not-an-image");
    for (index, wrong) in [(0, 9), (2, 0), (3, 8), (4, 1), (6, u32::MAX), (7, 6)] {
        let mut tile = tile.clone();
        tile[index] = wrong;
        let bytes = vec![0; 4 * 9 * 7];
        let refused = upscaler.upscale(bytes, tile, 9, 7, target.clone()).await;
        assert_eq!(code(&refused.unwrap_err()), "internal", "{index}");
    }
    // It stays usable.
    let bytes = vec![9; 4 * 9 * 7];
    let small = Uint8Array::new_with_length(9);
    let refused = upscaler.upscale(bytes.clone(), tile.clone(), 9, 7, small);
    assert_eq!(code(&refused.await.unwrap_err()), "internal");
    let whole = upscaler.upscale(bytes, tile, 9, 7, target.clone()).await;
    assert!(whole.is_ok() && target.get_index(0) > 0);
}

#[wasm_bindgen_test]
async fn engines_compute_the_same_pixels() {
    let image = noise(45, 34);
    let [cpu, gpu] = ENGINES;
    let expected = upscaled(&load(cpu).await, &image, Some(20), 1).await;
    let found = upscaled(&load(gpu).await, &image, Some(20), 2).await;
    let pairs = found.data.iter().zip(&expected.data);
    let largest = pairs.map(|(a, b)| a.abs_diff(*b)).max();
    assert!(largest <= Some(1), "{largest:?}");
}
