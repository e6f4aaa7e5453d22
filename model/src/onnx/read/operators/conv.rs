//! Convolutions of any stride.

use engine::graph::{Activation, Border};

use super::window::Window;
use crate::onnx::read::error::{Problem, operand};
use crate::onnx::read::layers::{Conv, Edge, Id, Op, Weights};
use crate::onnx::read::node::{Node, Value};
use crate::onnx::read::taps::Taps;
use crate::onnx::read::tensor::Tensor;
use crate::onnx::read::trace::Tracer;

/// The weights of a convolution.
pub(super) struct Kernels {
    /// `[out, in / groups, rows, columns]`
    pub(super) weight: Weights,
    pub(super) bias: Option<Weights>,
    pub(super) groups: usize,
}

/// A weight's shape.
pub(super) fn shape(weight: &Tensor) -> Result<[usize; 4], Problem> {
    match weight.dims[..] {
        [a, b, rows, columns] if a * b > 0 => Ok([a, b, rows, columns]),
        _ => Err(operand!(
            "its weight has the shape {:?}, expected are four dimensions",
            weight.dims
        )),
    }
}

pub(super) fn weights(tensor: &Tensor, suffix: &str, node: &Node) -> Weights {
    let name = match tensor.name.is_empty() {
        true => format!("{}.{suffix}", node.name()),
        false => tensor.name.clone(),
    };
    Weights {
        name,
        numbers: tensor.to_floats(),
    }
}

/// The bias, which has a value for each of the result's channels.
pub(super) fn bias(node: &Node, channels: usize) -> Result<Option<Weights>, Problem> {
    match node.optional_constant(2)? {
        None => Ok(None),
        Some(bias) if bias.dims == [channels] => Ok(Some(weights(bias, "bias", node))),
        Some(bias) => Err(operand!(
            "its bias has the shape {:?} for {channels} channels",
            bias.dims
        )),
    }
}

pub(super) fn groups(node: &Node) -> Result<usize, Problem> {
    let groups = node.int("group", 1);
    let known = usize::try_from(groups).ok().filter(|groups| *groups > 0);
    known.ok_or_else(|| Problem::attribute("group", groups, "positive numbers"))
}

impl Tracer<'_> {
    pub(super) fn conv(&mut self, node: &Node) -> Result<Value, Problem> {
        let input = self.maps(node.input(0)?)?;
        let weight = node.constant(1)?;
        let [outputs, inputs, taps @ ..] = shape(weight)?;
        let groups = groups(node)?;
        let [channels, rows, columns] = self.layers.shape(input);
        if inputs.checked_mul(groups) != Some(channels) || !outputs.is_multiple_of(groups) {
            return Err(operand!(
                "its weight {:?} with {groups} groups does not fit {channels} channels",
                weight.dims
            ));
        }
        let window = Window::of(node, taps, [rows, columns])?;
        let kernels = Kernels {
            bias: bias(node, outputs)?,
            weight: weights(weight, "weight", node),
            groups,
        };
        let id = self.convolve(input, window, kernels)?;
        Ok(self.value(id))
    }

    /// A convolution whose weight fits its input.
    pub(super) fn convolve(
        &mut self,
        input: Id,
        window: Window,
        kernels: Kernels,
    ) -> Result<Id, Problem> {
        let (input, window, border) = self.with_padding(input, window);
        let [channels, rows, columns] = self.layers.shape(input);
        let image = [rows, columns];
        let [top, left, bottom, right] = window.pads;
        let s = window.stride;
        let mut result = [0; 2];
        for (axis, padding) in [top + bottom, left + right].into_iter().enumerate() {
            let padded = image[axis] + padding;
            let moves = padded.checked_sub(window.span(axis) + 1);
            let moves = moves
                .ok_or_else(|| operand!("its kernel is larger than its input of {padded} px"))?;
            result[axis] = moves / s + 1;
        }
        let has_padding = window.pads != [0; 4];
        let edge = match s {
            1 if result == image => Edge::Same(border),
            1 if !has_padding => Edge::Valid,
            _ if result.map(|side| side * s) == image && border.is_none() => Edge::Same(border),
            _ => {
                return Err(operand!(
                    "pads of {:?} px (above, left, below, right) with a stride of {s} make {columns}×{rows} px into \
                     {}×{}: expected are 1/{s} of the sides, or no padding at a stride of 1",
                    window.pads,
                    result[1],
                    result[0],
                ));
            }
        };
        let axes = match edge {
            Edge::Same(_) => [window.axis(0, top), window.axis(1, left)],
            Edge::Valid => {
                // The result is taken as the middle of the image.
                let spans = [window.span(0), window.span(1)];
                if spans[0] != spans[1] || !spans[0].is_multiple_of(2) {
                    return Err(operand!(
                        "without padding its kernel has to be square with an odd side, but spans {}×{} px",
                        spans[1] + 1,
                        spans[0] + 1
                    ));
                }
                [0, 1].map(|axis| window.axis(axis, spans[axis] / 2))
            }
        };
        let taps = Taps::strided(axes, s)?;
        let weight = match taps.arrange(&kernels.weight.numbers, self.budget)? {
            Some(arranged) => Weights::new(&kernels.weight.name, arranged),
            None => kernels.weight,
        };
        let input = match s {
            1 => input,
            _ => self.layers.unshuffle(input, s)?,
        };
        let channels_in = channels * s * s;
        let outputs = weight.numbers.len() / (channels_in / kernels.groups * taps.k * taps.k);
        let conv = Conv {
            input,
            channels_in,
            weight,
            bias: kernels.bias,
            groups: kernels.groups,
            k: taps.k,
            dilation: taps.dilation,
            edge,
            activation: Activation::None,
        };
        self.layers
            .push(Op::Conv(conv), [outputs, result[0], result[1]])
    }

    /// Takes a padding before a convolution as the convolution's own, if that is the same.
    fn with_padding(&self, input: Id, window: Window) -> (Id, Window, Option<Border>) {
        let plain = (input, window, None);
        let Op::Pad {
            input: inner,
            sides,
            border,
        } = self.layers.all[input].op
        else {
            return plain;
        };
        let mut merged = window;
        merged
            .pads
            .iter_mut()
            .zip(sides)
            .for_each(|(pad, more)| *pad += more);
        // A border of the image's pixels goes no farther than the kernel reaches.
        let [top, left, bottom, right] = sides;
        let is_reached = [top + bottom, left + right] == [window.span(0), window.span(1)];
        let has_own = window.pads != [0; 4];
        match border {
            None => (inner, merged, border),
            Some(_) if window.stride == 1 && is_reached && !has_own => (inner, merged, border),
            Some(_) => plain,
        }
    }
}
