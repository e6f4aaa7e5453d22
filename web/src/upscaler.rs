//! A network, loaded and ready.

use std::ops::ControlFlow;

use burn::tensor::Device;
use js_sys::{Function, JSON, Promise};
use model::engine::{BurnEngine, Engine, EngineError};
use model::pixel::{Channels, Image, Planes};
use model::record::{self, Metadata, RecordError};
use model::{Options, UpscaleError, upscale};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::device;
use crate::error::error;

/// A network on this build's device.
#[wasm_bindgen]
pub struct Upscaler {
    engine: BurnEngine,
    metadata: Metadata,
    /// Those of the record, whichever was chosen.
    scales: Vec<usize>,
}

#[wasm_bindgen]
impl Upscaler {
    /// Reads a record (`bad-model` where it cannot be used) and opens the device; a `scale` other
    /// than the record's own has to be one of its network's (`unknown-scale`).
    pub async fn load(bytes: Vec<u8>, scale: Option<u32>) -> Result<Upscaler, JsValue> {
        let scale = scale.map(|scale| scale as usize);
        let refused = |e: RecordError| match e {
            RecordError::Scale(e) => error("unknown-scale", e),
            e => error("bad-model", e),
        };
        // What cannot be used is said before a GPU is woken up.
        let metadata = record::metadata(&bytes).map_err(refused)?;
        let scales = metadata.network.scales();
        metadata.at(scale).map_err(|e| refused(e.into()))?;
        let (device, name) = device::open().await?;
        let read = |device: &Device| record::read_at(&bytes, scale, device).map_err(refused);
        let (network, metadata) = read(&device)?;
        let engine = BurnEngine::new(network, device, name);
        #[cfg(feature = "webgpu")]
        let engine = {
            let mut gpu = engine;
            let cpu = model::engine::ndarray();
            let mut cpu = BurnEngine::new(read(&cpu)?.0, cpu, "cpu");
            device::self_test(&mut gpu, &mut cpu, &metadata.network.spec()).await?;
            gpu
        };
        Ok(Self {
            engine,
            metadata,
            scales,
        })
    }

    /// What runs: `webgpu` or `cpu`.
    #[wasm_bindgen(getter)]
    pub fn engine(&self) -> String {
        self.engine.name().to_string()
    }

    /// Output pixels per input pixel, in each direction.
    #[wasm_bindgen(getter)]
    pub fn scale(&self) -> u32 {
        self.metadata.network.spec().scale as u32
    }

    /// The record's metadata as an object, `scale` and the `scales` of the record added.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> Result<JsValue, JsValue> {
        let internal = |e: serde_json::Error| error("internal", e);
        let mut info = serde_json::to_value(&self.metadata).map_err(internal)?;
        if let Some(info) = info.as_object_mut() {
            info.insert("scale".into(), self.scale().into());
            info.insert("scales".into(), self.scales.clone().into());
        }
        JSON::parse(&info.to_string())
    }

    /// Upscales RGBA bytes; returns RGBA bytes.
    ///
    /// `watch(done, total)` is called before the first tile and after each one, and cancels
    /// (`cancelled`) by returning true. `pause()` is awaited before each tile: it returns a promise
    /// that lets the worker read its messages.
    pub async fn upscale(
        &mut self,
        rgba: Vec<u8>,
        width: usize,
        height: usize,
        tile_px: usize,
        watch: Function,
        pause: Function,
    ) -> Result<Vec<u8>, JsValue> {
        let image = Image::new(width, height, Channels::Rgba, rgba);
        let image = image.map_err(|e| error("not-an-image", e))?;
        let spec = self.metadata.network.spec();
        let options = Options { tile_px };
        let mut engine = Pausing {
            engine: &mut self.engine,
            pause,
        };
        let watch = |progress: model::Progress| {
            let (done, total) = (progress.done as f64, progress.total as f64);
            let answer = watch.call2(&JsValue::NULL, &done.into(), &total.into());
            // Whoever watches and fails does not want the picture any more.
            match answer.map_or(true, |answer| answer.is_truthy()) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        match upscale(&mut engine, &spec, &image, &options, watch).await {
            Ok(image) => Ok(image.data),
            Err(e) => Err(error(code(&e), e)),
        }
    }
}

fn code(error: &UpscaleError) -> &'static str {
    match error {
        UpscaleError::Cancelled => "cancelled",
        UpscaleError::Size(_) => "too-large",
        UpscaleError::Engine(_) => "gpu-failed",
        UpscaleError::Shape { .. } => "internal",
    }
}

/// An engine that lets the worker read its messages before each tile.
struct Pausing<'a> {
    engine: &'a mut BurnEngine,
    pause: Function,
}

impl Engine for Pausing<'_> {
    fn name(&self) -> &str {
        self.engine.name()
    }

    async fn run(&mut self, input: Planes) -> Result<Planes, EngineError> {
        if let Ok(promise) = self.pause.call0(&JsValue::NULL) {
            // A pause that fails is a short one.
            let _ = JsFuture::from(Promise::resolve(&promise)).await;
        }
        self.engine.run(input).await
    }
}
