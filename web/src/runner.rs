//! The engines of this build.

use engine::image::Planes;
use engine::{Engine, EngineError, Grid, Running, Spec};
use wasm_bindgen::JsValue;

use crate::error::error;

/// One of the engines of this build.
pub enum Runner {
    /// A plan on the CPU, with SIMD.
    #[cfg(feature = "cpu")]
    Cpu(engine::CpuEngine),
    /// A plan on WebGPU.
    #[cfg(feature = "webgpu")]
    WebGpu(Box<engine::webgpu::WebGpuEngine>),
    /// Burn's operators.
    #[cfg(feature = "burn-wgpu")]
    Burn(model::burn_engine::BurnEngine),
}

/// The error for an engine that another build has.
pub fn no_engine(engine: &str) -> JsValue {
    error(
        "internal",
        format_args!("this build has no engine `{engine}`"),
    )
}

/// A model opened on an engine.
pub struct Opened {
    /// The engine.
    pub runner: Runner,
    /// Scale and colours of the network.
    pub spec: Spec,
    /// All scales of the model.
    pub scales: Vec<usize>,
}

/// Evaluates an expression with the engine of any variant.
macro_rules! with {
    ($runner:expr, $engine:ident => $do:expr) => {
        match $runner {
            #[cfg(feature = "cpu")]
            Runner::Cpu($engine) => $do,
            #[cfg(feature = "webgpu")]
            Runner::WebGpu($engine) => $do,
            #[cfg(feature = "burn-wgpu")]
            Runner::Burn($engine) => $do,
        }
    };
}

impl Engine for Runner {
    fn name(&self) -> &str {
        with!(self, engine => engine.name())
    }

    fn grid(&self) -> Grid {
        with!(self, engine => engine.grid())
    }

    fn depth(&self) -> usize {
        with!(self, engine => engine.depth())
    }

    fn start(&mut self, input: Planes) -> Result<Running, EngineError> {
        with!(self, engine => engine.start(input))
    }
}
