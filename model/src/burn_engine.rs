//! Burn itself as the engine: any network on any Burn device.

use burn::tensor::{Device, Tensor, TensorData};

use crate::network::Network;
use engine::image::Planes;
use engine::{Engine, EngineError, Running};

/// Burn's ndarray device: the CPU in a page, and the reference that other engines are held to.
///
/// Burn announces that it will give up ndarray for flex; the project keeps to it while it is there.
#[cfg(feature = "ndarray")]
#[allow(deprecated)]
pub fn ndarray() -> Device {
    Device::ndarray()
}

/// Runs the module as it is.
pub struct BurnEngine {
    network: Network,
    device: Device,
    name: String,
}

impl BurnEngine {
    /// `network` has to lie on `device`; `name` is what people are told.
    pub fn new(network: Network, device: Device, name: impl Into<String>) -> Self {
        Self {
            network,
            device,
            name: name.into(),
        }
    }
}

impl Engine for BurnEngine {
    fn name(&self) -> &str {
        &self.name
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
