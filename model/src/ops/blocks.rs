//! Lists the convolutions of a network in the order in which they run.

use std::convert::Infallible;

use engine::graph::Border;

use super::Ops;
use crate::layer::{ConvBlock, Skip};

/// Lists the convolutions of a network, in the same order before and after folding.
#[derive(Default)]
pub struct Blocks(pub Vec<ConvBlock>);

impl Ops for Blocks {
    type Maps = ();
    type Error = Infallible;

    fn conv(&mut self, block: &ConvBlock, (): &()) -> Result<(), Infallible> {
        self.0.push(block.clone());
        Ok(())
    }

    fn conv_valid(&mut self, block: &ConvBlock, x: &()) -> Result<(), Infallible> {
        self.conv(block, x)
    }

    fn add(&mut self, (): &(), (): &()) -> Result<(), Infallible> {
        Ok(())
    }

    fn subtract(&mut self, (): &(), (): &()) -> Result<(), Infallible> {
        Ok(())
    }

    fn scale(&mut self, (): &(), _: f64) -> Result<(), Infallible> {
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
