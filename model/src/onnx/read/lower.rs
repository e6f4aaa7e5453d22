//! Makes a graph of layers.

use std::collections::BTreeMap;

use engine::graph::{
    Activation, Builder, ConvOptions, Form, Graph, Kernel, Padding, Parameter, Value,
};

use super::error::{Problem, operand};
use super::layers::{Conv, Edge, Id, Layer, Op, Weights};
use super::names::Parameters;
use super::simplify::AtNode;
use super::tensor::Budget;

/// Puts a graph together, layer by layer.
struct Lowering<'l> {
    layers: &'l [Layer],
    builder: Builder,
    parameters: Parameters,
    /// The graph's value for each layer.
    values: Vec<Value>,
    /// For each layer whether it is left to the sum that reads it, because both become one step: a convolution, which
    /// has to be the step before, or a shuffle and an enlargement.
    is_deferred: Vec<bool>,
    budget: &'l mut Budget,
}

/// The graph whose result is that of the last layer, and its parameters.
pub(super) fn lower(
    layers: &[Layer],
    budget: &mut Budget,
) -> AtNode<(Graph, BTreeMap<String, Vec<f32>>)> {
    let multiple = multiple(layers);
    let mut lowering = Lowering {
        layers,
        builder: Builder::new(layers[0].shape[0]),
        parameters: Parameters::default(),
        values: vec![0; layers.len()],
        is_deferred: deferred(layers),
        budget,
    };
    let last = layers.len() - 1;
    if multiple > 1 {
        let aligned = lowering.builder.align(0, multiple);
        lowering.values[0] = aligned.map_err(|error| (0, error.into()))?;
    }
    for (id, layer) in layers.iter().enumerate().skip(1) {
        if !lowering.is_deferred[id] {
            lowering
                .layer(id)
                .map_err(|problem| (layer.node, problem))?;
        }
    }
    let Lowering {
        mut builder,
        parameters,
        values,
        ..
    } = lowering;
    let finish = move || {
        if multiple > 1 {
            builder.crop(values[last], layers[last].shape[1] / layers[0].shape[1])?;
        }
        builder.finish()
    };
    let graph = finish().map_err(|error| (layers[last].node, error.into()))?;
    Ok((graph, parameters.finish()))
}

/// The multiple of pixels that the image has to have, so that all unshuffles divide evenly.
fn multiple(layers: &[Layer]) -> usize {
    // Scales of values relative to the image, as fractions.
    let mut scales: Vec<[usize; 2]> = Vec::new();
    for layer in layers {
        let [up, down] = layer
            .op
            .reads()
            .first()
            .map_or([1, 1], |input| scales[*input]);
        let [up, down] = match layer.op {
            Op::Shuffle { scale, .. } | Op::Repeat { scale, .. } => [up * scale, down],
            Op::Unshuffle { scale, .. } => [up, down * scale],
            _ => [up, down],
        };
        let common = gcd(up, down);
        scales.push([up / common, down / common]);
    }
    scales
        .iter()
        .fold(1, |all, [_, down]| all / gcd(all, *down) * down)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The layers that are added together with a sum that reads them.
fn deferred(layers: &[Layer]) -> Vec<bool> {
    let mut readers = vec![0; layers.len()];
    let reads = layers.iter().flat_map(|layer| layer.op.reads());
    reads.for_each(|value| readers[value] += 1);
    let mut deferred = vec![false; layers.len()];
    for layer in layers {
        let Some(ids) = plain_sum(&layer.op) else {
            continue;
        };
        let is_read_once = ids.map(|id| readers[id] == 1);
        let is_skip = is_read_once == [true; 2] && shuffle_and_repeat(layers, ids).is_some();
        for (id, is_read_once) in ids.into_iter().zip(is_read_once) {
            deferred[id] = is_skip || is_read_once && matches!(layers[id].op, Op::Conv(_));
        }
    }
    deferred
}

/// A shuffle and an enlargement by the same scale: what they read, and the scale.
fn shuffle_and_repeat(layers: &[Layer], [a, b]: [Id; 2]) -> Option<([Id; 2], usize)> {
    match (&layers[a].op, &layers[b].op) {
        (
            Op::Shuffle { input, scale },
            Op::Repeat {
                input: skip,
                scale: same,
            },
        )
        | (
            Op::Repeat {
                input: skip,
                scale: same,
            },
            Op::Shuffle { input, scale },
        ) if scale == same => Some(([*input, *skip], *scale)),
        _ => None,
    }
}

/// The values of a sum of two without factors.
fn plain_sum(op: &Op) -> Option<[Id; 2]> {
    match op {
        Op::Sum { terms, constant } if *constant == 0.0 => match terms[..] {
            [a, b] if a.factor == 1.0 && b.factor == 1.0 => Some([a.value, b.value]),
            _ => None,
        },
        _ => None,
    }
}

impl Lowering<'_> {
    fn layer(&mut self, id: Id) -> Result<(), Problem> {
        let layer = &self.layers[id];
        let value = self.step(&layer.op)?;
        self.values[id] = value;
        let extent = self.builder.extent(value);
        let [_, rows, columns] = layer.shape;
        let [_, image_rows, image_columns] = self.layers[0].shape;
        let found = extent.map(|extent| [extent.px(image_rows), extent.px(image_columns)]);
        match found {
            Some([h, w]) if [h, w] != [rows, columns] => Err(operand!(
                "its result of {columns}×{rows} px for an image of {image_columns}×{image_rows} px cannot be expressed: \
                 the engine would compute {w}×{h} px"
            )),
            _ => Ok(()),
        }
    }

    fn step(&mut self, op: &Op) -> Result<Value, Problem> {
        let of = |id: &Id| self.values[*id];
        Ok(match op {
            Op::Image => self.values[0],
            Op::Conv(conv) => self.conv(conv)?,
            Op::Activate { input, activation } => {
                if let Activation::PRelu(_) = activation {
                    return self.prelu(*input, activation);
                }
                let input = of(input);
                let activation = self.activation(activation)?;
                self.builder.activate(input, activation)?
            }
            Op::Erf(_) => return Err(Problem::Operator),
            Op::Sum { terms, constant } => {
                if let Some(ids) = plain_sum(op)
                    && ids.iter().any(|id| self.is_deferred[*id])
                {
                    return self.add(ids);
                }
                let mut terms = terms.clone();
                terms
                    .iter_mut()
                    .for_each(|term| term.value = of(&term.value));
                self.builder.sum(terms, *constant)?
            }
            Op::Product { a, b, factor } => self.builder.product(of(a), of(b), *factor)?,
            Op::Shuffle { input, scale } => self.builder.shuffle(of(input), *scale, None)?,
            Op::Unshuffle { input, scale } => self.builder.unshuffle(of(input), *scale)?,
            Op::Repeat { input, scale } => self.builder.repeat(of(input), *scale)?,
            Op::Mean { input, window } => self.builder.mean(of(input), *window)?,
            Op::Concat(inputs) => self.builder.concat(inputs.iter().map(of).collect())?,
            Op::Pad {
                input,
                sides,
                border,
            } => {
                let [margin, rest @ ..] = *sides;
                let border = border.filter(|_| rest == [margin; 3]).ok_or_else(|| {
                    operand!(
                        "a padding of {sides:?} px (above, left, below, right) is only supported before a \
                         convolution that makes up for it, or if it repeats or reflects the border on all \
                         sides alike"
                    )
                })?;
                self.builder.pad(of(input), margin, border)?
            }
            Op::Pick { input, channels } => self.pick(of(input), *input, channels)?,
        })
    }

    /// A sum of which one or both values are deferred.
    fn add(&mut self, ids: [Id; 2]) -> Result<Value, Problem> {
        if let Some((inner, scale)) = shuffle_and_repeat(self.layers, ids) {
            let [input, skip] = inner.map(|id| self.values[id]);
            return Ok(self.builder.shuffle(input, scale, Some(skip))?);
        }
        for id in ids {
            if self.is_deferred[id] {
                self.layer(id)?;
            }
        }
        let [a, b] = ids.map(|id| self.values[id]);
        Ok(self.builder.add(a, b)?)
    }

    fn conv(&mut self, conv: &Conv) -> Result<Value, Problem> {
        let reach = conv.dilation * (conv.k / 2);
        let input = self.values[conv.input];
        let (input, padding) = match conv.edge {
            Edge::Same(_) if reach == 0 => (input, Padding::Same),
            Edge::Same(None) => (input, Padding::Same),
            Edge::Same(Some(border)) => {
                let padded = self.builder.pad(input, reach, border)?;
                (padded, Padding::Valid)
            }
            Edge::Valid => (input, Padding::Valid),
        };
        let (k, inputs) = (conv.k, conv.channels_in / conv.groups);
        let outputs = conv.weight.numbers.len() / (inputs * k * k);
        let kernel = Kernel::Parameter {
            weight: Parameter {
                name: self.parameters.add(&conv.weight)?,
                shape: [outputs, inputs, k, k],
            },
            form: Form::Plain,
            bias: match &conv.bias {
                Some(bias) => Some(self.vector(bias)?),
                None => None,
            },
        };
        let options = ConvOptions {
            groups: conv.groups,
            dilation: conv.dilation,
            padding,
            activation: self.activation(&conv.activation)?,
        };
        Ok(self.builder.conv(input, kernel, options)?)
    }

    fn activation(
        &mut self,
        activation: &Activation<Weights>,
    ) -> Result<Activation<Parameter>, Problem> {
        activation.try_map(|slopes| self.vector(slopes))
    }

    fn vector(&mut self, weights: &Weights) -> Result<Parameter, Problem> {
        let name = self.parameters.add(weights)?;
        Ok(Parameter::vector(name, weights.numbers.len()))
    }

    /// PReLU that follows no convolution, as one that multiplies each channel by 1: only convolutions have parameters.
    fn prelu(&mut self, input: Id, activation: &Activation<Weights>) -> Result<Value, Problem> {
        let channels = self.layers[input].shape[0];
        let weight = Weights::new("prelu.weight", vec![1.0; channels]);
        let kernel = Kernel::Parameter {
            weight: Parameter {
                name: self.parameters.add(&weight)?,
                shape: [channels, 1, 1, 1],
            },
            form: Form::Plain,
            bias: None,
        };
        let options = ConvOptions {
            groups: channels,
            activation: self.activation(activation)?,
            ..ConvOptions::default()
        };
        Ok(self.builder.conv(self.values[input], kernel, options)?)
    }

    /// Channels, by a convolution whose weights are ones and zeros.
    fn pick(&mut self, input: Value, from: Id, channels: &[usize]) -> Result<Value, Problem> {
        let inputs = self.layers[from].shape[0];
        let mut weight = vec![0.0; self.budget.charge_product(&[inputs, channels.len()])?];
        for (out, channel) in channels.iter().enumerate() {
            weight[out * inputs + channel] = 1.0;
        }
        let weight = Weights::new("pick.weight", weight);
        let kernel = Kernel::Parameter {
            weight: Parameter {
                name: self.parameters.add(&weight)?,
                shape: [channels.len(), inputs, 1, 1],
            },
            form: Form::Plain,
            bias: None,
        };
        Ok(self.builder.conv(input, kernel, ConvOptions::default())?)
    }
}
