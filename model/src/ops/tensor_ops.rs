//! An interpreter that computes with Burn tensors.

use std::convert::Infallible;

use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Tensor, module};
use engine::graph::{Activation, Border, Padding};

use super::Ops;
use crate::layer::{ConvBlock, Skip, activate, add_skip, pad, pixel_shuffle, pixel_unshuffle};

/// Computes with Burn tensors `[batch, c, h, w]`, in training and in inference.
pub struct TensorOps {
    /// Height and width of the network's input.
    input: [usize; 2],
    intermediate: Option<Vec<Tensor<4>>>,
}

impl TensorOps {
    /// For an input `[batch, c, h, w]`.
    pub fn new(input: &Tensor<4>) -> Self {
        let [_, _, height, width] = input.dims();
        Self {
            input: [height, width],
            intermediate: None,
        }
    }

    /// Like [`Self::new`], for training: keeps intermediate results.
    pub fn training(input: &Tensor<4>) -> Self {
        Self {
            intermediate: Some(Vec::new()),
            ..Self::new(input)
        }
    }

    /// The intermediate results, in order.
    pub fn into_intermediate(self) -> Vec<Tensor<4>> {
        self.intermediate.unwrap_or_default()
    }
}

impl Ops for TensorOps {
    type Maps = Tensor<4>;
    type Error = Infallible;

    fn conv(&mut self, block: &ConvBlock, x: &Tensor<4>) -> Result<Tensor<4>, Infallible> {
        Ok(block.forward(x.clone()))
    }

    fn conv_valid(&mut self, block: &ConvBlock, x: &Tensor<4>) -> Result<Tensor<4>, Infallible> {
        Ok(block.forward_padded(x.clone(), Padding::Valid))
    }

    fn add(&mut self, a: &Tensor<4>, b: &Tensor<4>) -> Result<Tensor<4>, Infallible> {
        Ok(a.clone() + b.clone())
    }

    fn sum(&mut self, terms: &[(&Tensor<4>, f64)], constant: f64) -> Result<Tensor<4>, Infallible> {
        let scaled = terms.iter().map(|(maps, factor)| match *factor {
            1.0 => (*maps).clone(),
            factor => (*maps).clone().mul_scalar(factor),
        });
        let sum = scaled.reduce(|a, b| a + b).expect("a sum has terms");
        Ok(match constant {
            0.0 => sum,
            constant => sum.add_scalar(constant),
        })
    }

    fn product(&mut self, a: &Tensor<4>, b: &Tensor<4>) -> Result<Tensor<4>, Infallible> {
        Ok(a.clone() * b.clone())
    }

    fn activate(
        &mut self,
        x: &Tensor<4>,
        activation: &Activation<Infallible>,
    ) -> Result<Tensor<4>, Infallible> {
        let slopes = |never: &Infallible| -> Result<Tensor<1>, Infallible> { match *never {} };
        Ok(activate(activation.try_map(slopes)?, x.clone()))
    }

    fn concat(&mut self, parts: &[Tensor<4>]) -> Result<Tensor<4>, Infallible> {
        Ok(Tensor::cat(parts.to_vec(), 1))
    }

    fn sub_pixel(
        &mut self,
        maps: &Tensor<4>,
        x: &Tensor<4>,
        skip: Skip,
        scale: usize,
    ) -> Result<Tensor<4>, Infallible> {
        let phases = add_skip(maps.clone(), x.clone(), skip, scale);
        Ok(pixel_shuffle(phases, scale))
    }

    fn repeat(&mut self, x: &Tensor<4>, scale: usize) -> Result<Tensor<4>, Infallible> {
        let [batch, channels, h, w] = x.dims();
        let split = x.clone().reshape([batch, channels, h, 1, w, 1]);
        let repeated = split.expand([batch, channels, h, scale, w, scale]);
        Ok(repeated.reshape([batch, channels, h * scale, w * scale]))
    }

    fn unshuffle(&mut self, x: &Tensor<4>, scale: usize) -> Result<Tensor<4>, Infallible> {
        Ok(pixel_unshuffle(x.clone(), scale))
    }

    fn pad(
        &mut self,
        x: &Tensor<4>,
        margin: usize,
        border: Border,
    ) -> Result<Tensor<4>, Infallible> {
        Ok(pad(x.clone(), margin, border))
    }

    fn align(&mut self, x: &Tensor<4>, multiple: usize) -> Result<Tensor<4>, Infallible> {
        Ok([2, 3].into_iter().fold(x.clone(), |x, dim| {
            let side = x.dims()[dim];
            let missing = side.next_multiple_of(multiple) - side;
            let edge = x.clone().narrow(dim, side - 1, 1);
            let edges = std::iter::repeat_n(edge, missing);
            Tensor::cat(std::iter::once(x).chain(edges).collect(), dim)
        }))
    }

    fn crop(&mut self, x: &Tensor<4>, scale: usize) -> Result<Tensor<4>, Infallible> {
        let [batch, channels, ..] = x.dims();
        let [rows, columns] = self.input.map(|side| side * scale);
        let part = [0..batch, 0..channels, 0..rows, 0..columns];
        Ok(x.clone().slice(part))
    }

    fn mean(&mut self, x: &Tensor<4>, window: usize) -> Result<Tensor<4>, Infallible> {
        let options = AvgPoolOptions::new([window, window])
            .with_stride([1, 1])
            .with_padding([window / 2, window / 2])
            .with_count_include_pad(false);
        Ok(module::avg_pool2d(x.clone(), options))
    }

    fn wants_intermediate(&self) -> bool {
        self.intermediate.is_some()
    }

    fn intermediate(&mut self, result: &Tensor<4>) {
        if let Some(results) = &mut self.intermediate {
            results.push(result.clone());
        }
    }
}
