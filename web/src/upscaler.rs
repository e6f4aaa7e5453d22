//! A model on an engine, upscaling tile by tile.

use std::cell::RefCell;

use engine::container::File;
use engine::image::{Channels, Image, Rect};
use engine::pipeline::{Options, Rgba, Tile, UpscaleError, start_tile, tiling};
use engine::{Engine, EngineError, Spec};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::error::error;
use crate::runner::{Opened, Runner, no_engine};

/// A model on one of the engines of this build.
#[wasm_bindgen]
pub struct Upscaler {
    /// Borrowed only while a tile is started: another may be running.
    runner: RefCell<Runner>,
    spec: Spec,
    scales: Vec<usize>,
    description: String,
}

#[wasm_bindgen]
impl Upscaler {
    /// Reads a record and opens an engine by its name, at one of the record's scales, by default the largest.
    ///
    /// # Errors
    ///
    /// `bad-model` for an unusable record, `unknown-scale`, `no-plan` for a record without a graph unless Burn is asked
    /// for, `no-webgpu`, `wrong-gpu` and `gpu-failed` for GPUs.
    pub async fn load(
        bytes: Vec<u8>,
        scale: Option<u32>,
        engine: String,
    ) -> Result<Upscaler, JsValue> {
        let scale = scale.map(|scale| scale as usize);
        let Opened {
            runner,
            spec,
            scales,
        } = match engine.as_str() {
            #[cfg(any(feature = "cpu", feature = "webgpu"))]
            "cpu" | "webgpu" => crate::plan::open(&bytes, scale, &engine).await?,
            #[cfg(feature = "burn-wgpu")]
            "burn-cpu" | "burn-webgpu" => crate::burn::open(&bytes, scale, &engine).await?,
            _ => return Err(no_engine(&engine)),
        };
        let file = File::open(&bytes).map_err(|e| error("bad-model", e))?;
        let description = file.description().map_err(|e| error("bad-model", e))?;
        Ok(Self {
            runner: RefCell::new(runner),
            spec,
            scales,
            description: description.to_string(),
        })
    }

    /// The engine: `webgpu`, `cpu`, `burn-webgpu` or `burn-cpu`.
    #[wasm_bindgen(getter)]
    pub fn engine(&self) -> String {
        self.runner.borrow().name().to_string()
    }

    /// Output pixels per input pixel, in each direction.
    #[wasm_bindgen(getter)]
    pub fn scale(&self) -> u32 {
        self.spec.scale as u32
    }

    /// All scales of the record.
    #[wasm_bindgen(getter)]
    pub fn scales(&self) -> Vec<usize> {
        self.scales.clone()
    }

    /// The record's metadata, as JSON.
    #[wasm_bindgen(getter)]
    pub fn description(&self) -> String {
        self.description.clone()
    }

    /// The tiles of an image, eight numbers each: x, y, width and height of the core, then of its padded input.
    /// `tile_px` is the side of a core; by default the engine chooses it, with at least one tile per worker
    /// unless the image is small.
    pub fn tiles(
        &self,
        width: usize,
        height: usize,
        workers: usize,
        tile_px: Option<usize>,
    ) -> Vec<u32> {
        let options = Options { tile_px };
        let tiles = tiling(
            &self.spec,
            &self.runner.borrow().grid(),
            [width, height],
            &options,
            workers,
        );
        let numbers = |rect: Rect| [rect.x, rect.y, rect.width, rect.height];
        let tiles = tiles.iter().flat_map(|tile| [tile.core, tile.padded]);
        tiles
            .flat_map(numbers)
            .map(|number| number as u32)
            .collect()
    }

    /// Upscales a tile of an image of this size: from the RGBA bytes of the padded input to those of the
    /// enlarged core, written to `target`, whose memory the caller can use again. The next tile can be started
    /// before this one is done.
    pub async fn upscale(
        &self,
        rgba: Vec<u8>,
        tile: Vec<u32>,
        width: usize,
        height: usize,
        target: Uint8Array,
    ) -> Result<(), JsValue> {
        let tile = tile_of(&tile, [width, height]);
        let tile = tile.ok_or_else(|| error("internal", "the tile is outside of the image"))?;
        let Rect {
            width: columns,
            height: rows,
            ..
        } = tile.padded;
        let part = Image::new(columns, rows, Channels::Rgba, rgba);
        let part = part.map_err(|e| error("not-an-image", e))?;
        let failed = |e| error(self.code(&e), e);
        let whole = [width, height];
        let started = start_tile::<Rgba, _>(
            &mut *self.runner.borrow_mut(),
            &self.spec,
            &part,
            &tile,
            whole,
        );
        let started = started.map_err(failed)?;
        // Free it while the engine computes.
        drop(part);
        let image = started.finish().await.map_err(failed)?;
        if image.data.len() != target.length() as usize {
            return Err(error(
                "internal",
                "the target has another length than the tile",
            ));
        }
        target.copy_from(&image.data);
        Ok(())
    }
}

/// A tile from its eight numbers; `None` if it is not inside the image.
impl Upscaler {
    fn code(&self, error: &UpscaleError) -> &'static str {
        let on_cpu = self.runner.borrow().name() == "cpu";
        match error {
            UpscaleError::Cancelled => "cancelled",
            UpscaleError::Size(_) => "too-large",
            // On a GPU, the page tries the CPU next, whose tiles take less.
            UpscaleError::Engine(EngineError::Memory { .. }) if on_cpu => "too-large",
            UpscaleError::Engine(_) => "gpu-failed",
            UpscaleError::Shape { .. } => "internal",
        }
    }
}

fn tile_of(numbers: &[u32], whole: [usize; 2]) -> Option<Tile> {
    let rect = |numbers: &[u32]| match numbers.iter().map(|n| *n as usize).collect::<Vec<_>>()[..] {
        [x, y, width, height] => Some(Rect {
            x,
            y,
            width,
            height,
        }),
        _ => None,
    };
    let inside = |inner: Rect, outer: Rect| {
        let holds = |from: usize, length: usize, outer_from: usize, outer_length: usize| {
            let end = from.checked_add(length);
            length > 0
                && from >= outer_from
                && end.is_some_and(|end| end <= outer_from + outer_length)
        };
        holds(inner.x, inner.width, outer.x, outer.width)
            && holds(inner.y, inner.height, outer.y, outer.height)
    };
    let (core, padded) = numbers.split_at_checked(4)?;
    let (core, padded) = (rect(core)?, rect(padded)?);
    let fits = inside(core, padded) && inside(padded, Rect::whole(whole[0], whole[1]));
    fits.then_some(Tile { core, padded })
}
