//! Runs any network on any Burn device with Burn's own operators: the reference for the other engines.

use burn::tensor::{Device, Tensor, TensorData};

use crate::network::Network;
use engine::image::Planes;
use engine::{Engine, EngineError, Grid, Running};

/// Burn's ndarray device, which runs on the CPU of a page.
///
/// Burn 0.23 replaces ndarray with flex; the project stays on 0.22.
#[cfg(feature = "ndarray")]
#[allow(deprecated)]
pub fn ndarray() -> Device {
    Device::ndarray()
}

/// Runs a network's module, folded or not.
pub struct BurnEngine {
    network: Network,
    device: Device,
    name: String,
    grid: Grid,
}

impl BurnEngine {
    /// `network` has to be on `device`; `name` is shown to users.
    ///
    /// # Panics
    /// If the network has no graph, which does not happen with a valid configuration.
    pub fn new(network: Network, device: Device, name: impl Into<String>) -> Self {
        let reach = network
            .reach()
            .expect("a network of a valid configuration has a graph");
        Self {
            network,
            device,
            name: name.into(),
            grid: Grid {
                align_px: reach.align_px,
                halo_px: [reach.before_px, reach.after_px],
                ..Grid::default()
            },
        }
    }
}

impl Engine for BurnEngine {
    fn name(&self) -> &str {
        &self.name
    }

    fn grid(&self) -> Grid {
        self.grid
    }

    fn start(&mut self, input: Planes) -> Result<Running, EngineError> {
        let shape = [1, input.channels, input.height, input.width];
        let x = Tensor::<4>::from_data(TensorData::new(input.data, shape), &self.device);
        let y = self.network.forward(x);
        let [_, channels, height, width] = y.dims();
        Ok(Box::pin(async move {
            let failed = |error: &dyn std::fmt::Display| EngineError::Failed(error.to_string());
            let data = y.into_data_async().await.map_err(|e| failed(&e))?;
            let data = data.try_into_vec::<f32>().map_err(|e| failed(&e))?;
            Ok(Planes {
                channels,
                width,
                height,
                data,
            })
        }))
    }
}
