//! Lists the convolutions of a network in the order in which they run.

use std::convert::Infallible;

use engine::graph::{Activation, Border};

use super::Ops;
use crate::layer::{ConvBlock, Skip};

/// Lists the convolutions of a network, in the same order before and after folding.
pub struct Blocks {
    /// The convolutions.
    pub convs: Vec<ConvBlock>,
    /// Channels that the first convolution reads per channel of the network's input: more than one after a pixel
    /// unshuffle.
    pub input_phases: usize,
}

impl Default for Blocks {
    fn default() -> Self {
        Self {
            convs: Vec::new(),
            input_phases: 1,
        }
    }
}

impl Ops for Blocks {
    type Maps = ();
    type Error = Infallible;

    fn conv(&mut self, block: &ConvBlock, (): &()) -> Result<(), Infallible> {
        self.convs.push(block.clone());
        Ok(())
    }

    fn conv_valid(&mut self, block: &ConvBlock, x: &()) -> Result<(), Infallible> {
        self.conv(block, x)
    }

    fn add(&mut self, (): &(), (): &()) -> Result<(), Infallible> {
        Ok(())
    }

    fn sum(&mut self, _: &[(&(), f64)], _: f64) -> Result<(), Infallible> {
        Ok(())
    }

    fn product(&mut self, (): &(), (): &()) -> Result<(), Infallible> {
        Ok(())
    }

    fn activate(&mut self, (): &(), _: &Activation<Infallible>) -> Result<(), Infallible> {
        Ok(())
    }

    fn repeat(&mut self, (): &(), _: usize) -> Result<(), Infallible> {
        Ok(())
    }

    fn unshuffle(&mut self, (): &(), scale: usize) -> Result<(), Infallible> {
        if self.convs.is_empty() {
            self.input_phases *= scale * scale;
        }
        Ok(())
    }

    fn concat(&mut self, _: &[()]) -> Result<(), Infallible> {
        Ok(())
    }

    fn sub_pixel(&mut self, (): &(), (): &(), _: Skip, _: usize) -> Result<(), Infallible> {
        Ok(())
    }

    fn pad(&mut self, (): &(), _: usize, _: Border) -> Result<(), Infallible> {
        Ok(())
    }

    fn align(&mut self, (): &(), _: usize) -> Result<(), Infallible> {
        Ok(())
    }

    fn crop(&mut self, (): &(), _: usize) -> Result<(), Infallible> {
        Ok(())
    }

    fn mean(&mut self, (): &(), _: usize) -> Result<(), Infallible> {
        Ok(())
    }
}
