//! Transposed convolutions, and factors of channels, which are convolutions as well.

use std::rc::Rc;

use engine::graph::Activation;

use super::conv::{bias, groups, shape, weights};
use super::window::{MAX_STRIDE, Window};
use crate::onnx::read::error::{Problem, operand};
use crate::onnx::read::layers::{Conv, Edge, Id, Op, Weights};
use crate::onnx::read::node::{Node, Value};
use crate::onnx::read::taps::Taps;
use crate::onnx::read::trace::Tracer;

impl Tracer<'_> {
    pub(super) fn conv_transpose(&mut self, node: &Node) -> Result<Value, Problem> {
        let input = self.maps(node.input(0)?)?;
        let weight = node.constant(1)?;
        let [inputs, outputs, taps @ ..] = shape(weight)?;
        let groups = groups(node)?;
        let [channels, rows, columns] = self.layers.shape(input);
        if inputs != channels || !channels.is_multiple_of(groups) {
            return Err(operand!(
                "its weight {:?} with {groups} groups does not fit {channels} channels",
                weight.dims
            ));
        }
        if let Some(shape) = node.ints("output_shape") {
            return Err(Problem::attribute(
                "output_shape",
                format!("{shape:?}"),
                "pads instead",
            ));
        }
        if !["NOTSET", "VALID"].contains(&&node.word("auto_pad", "NOTSET")[..]) {
            return Err(Problem::attribute(
                "auto_pad",
                node.word("auto_pad", ""),
                "NOTSET and VALID",
            ));
        }
        let window = Window::of(node, taps, [rows, columns])?;
        let further = match node.ints("output_padding") {
            None => [0, 0],
            Some(&[rows @ 0..MAX_STRIDE, columns @ 0..MAX_STRIDE]) => {
                [rows as usize, columns as usize]
            }
            Some(other) => {
                let expected = "two numbers below the stride";
                return Err(Problem::attribute(
                    "output_padding",
                    format!("{other:?}"),
                    expected,
                ));
            }
        };
        let s = window.stride;
        let [top, left, bottom, right] = window.pads;
        let cut = [top + bottom, left + right];
        for axis in 0..2 {
            // The result has s·(side − 1) + span + 1 + further − cut pixels: s·side are needed.
            if window.span(axis) + 1 + further[axis] != cut[axis] + s {
                return Err(operand!(
                    "its kernel of {} taps, padding of {} px and output padding of {} px do not enlarge exactly by \
                     its stride of {s}",
                    window.taps[axis],
                    cut[axis],
                    further[axis]
                ));
            }
        }
        let taps = Taps::transposed([window.axis(0, top), window.axis(1, left)], s)?;
        let name = weights(weight, "weight", node).name;
        let arranged = taps.arrange_transposed(
            &weight.to_floats(),
            [channels, outputs, groups],
            self.budget,
        )?;
        let maps = outputs.checked_mul(groups).ok_or(Problem::TooLarge)?;
        let bias = match bias(node, maps)? {
            Some(bias) => {
                self.budget.charge_product(&[maps, s * s])?;
                let numbers = bias.numbers.iter();
                let numbers = numbers.flat_map(|number| std::iter::repeat_n(*number, s * s));
                Some(Weights::new(&bias.name, numbers.collect()))
            }
            None => None,
        };
        let conv = Conv {
            input,
            channels_in: channels,
            weight: Weights::new(&name, arranged),
            bias,
            groups,
            k: taps.k,
            dilation: taps.dilation,
            edge: Edge::Same(None),
            activation: Activation::None,
        };
        let phases = self
            .layers
            .push(Op::Conv(conv), [maps * s * s, rows, columns])?;
        let id = self.layers.shuffle(phases, s)?;
        Ok(self.value(id))
    }

    /// A factor and a constant per channel, as a convolution.
    pub(super) fn affine(
        &mut self,
        input: Id,
        factor: Weights,
        constant: Weights,
    ) -> Result<Id, Problem> {
        let shape = self.layers.shape(input);
        let [groups, ..] = shape;
        let conv = Conv {
            input,
            channels_in: groups,
            bias: constant
                .numbers
                .iter()
                .any(|n| *n != 0.0)
                .then_some(constant),
            weight: factor,
            groups,
            k: 1,
            dilation: 1,
            edge: Edge::Same(None),
            activation: Activation::None,
        };
        self.layers.push(Op::Conv(conv), shape)
    }

    pub(super) fn batch_normalization(&mut self, node: &Node) -> Result<Value, Problem> {
        let input = self.maps(node.input(0)?)?;
        node.expect_int("training_mode", 0, 0, "0")?;
        let [channels, ..] = self.layers.shape(input);
        let vector = |i| {
            let numbers: Rc<Vec<f32>> = node.constant(i)?.to_floats();
            match numbers.len() == channels {
                true => Ok(numbers),
                false => Err(operand!(
                    "its input {i} has {} numbers for {channels} channels",
                    numbers.len()
                )),
            }
        };
        let (scale, shift, mean, variance) = (vector(1)?, vector(2)?, vector(3)?, vector(4)?);
        let epsilon = node.float("epsilon", 1e-5);
        self.budget.charge_product(&[channels, 2])?;
        let root = |channel: usize| (f64::from(variance[channel]) + f64::from(epsilon)).sqrt();
        let factor = |channel: usize| f64::from(scale[channel]) / root(channel);
        let constant =
            |channel: usize| f64::from(shift[channel]) - f64::from(mean[channel]) * factor(channel);
        let numbers =
            |of: &dyn Fn(usize) -> f64| (0..channels).map(|channel| of(channel) as f32).collect();
        let name = |suffix| format!("{}.{suffix}", node.name());
        let factors = Weights::new(&name("weight"), numbers(&factor));
        let constants = Weights::new(&name("bias"), numbers(&constant));
        let id = self.affine(input, factors, constants)?;
        Ok(self.value(id))
    }
}
