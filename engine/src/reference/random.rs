//! Random graphs, the same ones for a seed on every machine.

use std::collections::BTreeMap;

use crate::graph::{
    Activation, Border, Builder, ConvOptions, Form, Graph, GraphError, Interpolation, Kernel,
    Padding, Parameter, Plan, Term, Value,
};
use crate::image::Planes;

/// xorshift64* (Vigna 2016, arXiv:1402.6246).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// 64 bits, the higher ones being the better ones.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// 0 … `end` − 1
    pub fn below(&mut self, end: usize) -> usize {
        ((self.bits() >> 32) as usize) % end.max(1)
    }

    /// One of several values.
    pub fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// −0.5 … 0.5
    pub fn value(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 24) as f32 - 0.5
    }

    /// An image of noise, −0.5 … 0.5.
    pub fn planes(&mut self, [channels, width, height]: [usize; 3]) -> Planes {
        let data = (0..channels * width * height).map(|_| self.value());
        Planes {
            channels,
            width,
            height,
            data: data.collect(),
        }
    }
}

/// A graph of some steps, each of which reads any of the values before it, and its parameters.
#[derive(Clone, Debug)]
pub struct RandomGraph {
    /// The graph.
    pub graph: Graph,
    /// Its parameters.
    pub parameters: BTreeMap<String, Vec<f32>>,
}

impl RandomGraph {
    /// A random graph of up to `steps` steps, beside those that end it.
    pub fn new(random: &mut Random, steps: usize) -> Self {
        loop {
            // Rarely the result depends on pixels too far away.
            if let Some(graph) = Self::attempt(random, steps) {
                return graph;
            }
        }
    }

    fn attempt(random: &mut Random, steps: usize) -> Option<Self> {
        let mut maker = Maker {
            builder: Builder::new(random.one_of(&[1, 3, 4])),
            parameters: BTreeMap::new(),
            random,
        };
        let mut last = maker.builder.input();
        for _ in 0..1 + maker.random.below(steps) {
            // A step that does not fit leaves the graph as it was.
            let before = maker.builder.clone();
            match maker.step(last) {
                Ok(value) => last = value,
                Err(_) => maker.builder = before,
            }
        }
        maker.end(last);
        let Maker {
            builder,
            parameters,
            ..
        } = maker;
        let graph = builder.finish().ok()?;
        Some(Self { graph, parameters })
    }

    /// The graph with its parameters.
    ///
    /// # Panics
    /// Never: the parameters are those that the graph names.
    pub fn plan(&self) -> Plan {
        let lookup = |name: &str| self.parameters.get(name).map(Vec::as_slice);
        self.graph
            .compile(lookup)
            .expect("the graph's own parameters")
    }
}

struct Maker<'r> {
    builder: Builder,
    parameters: BTreeMap<String, Vec<f32>>,
    random: &'r mut Random,
}

impl Maker<'_> {
    /// A parameter whose values keep sums of `fan_in` products near the size of their inputs.
    fn parameter(&mut self, shape: [usize; 4], fan_in: usize) -> Parameter {
        let name = format!("p{}", self.parameters.len());
        let bound = 3.0 / (fan_in as f32).sqrt();
        let count = shape.iter().product();
        let values = (0..count).map(|_| self.random.value() * bound).collect();
        self.parameters.insert(name.clone(), values);
        Parameter { name, shape }
    }

    /// One more step after `last`, or an error for one that does not fit.
    fn step(&mut self, last: Value) -> Result<Value, GraphError> {
        let Some(extent) = self.builder.extent(last) else {
            return Ok(last);
        };
        let channels = extent.channels;
        let scale = 2 + self.random.below(2);
        match self.random.below(20) {
            0 | 1 if channels < 20 => {
                let other = if extent.margin == 0 {
                    let maps = 1 + self.random.below(5);
                    self.conv(last, maps, Padding::Same)?
                } else {
                    last
                };
                let both = self.random.one_of(&[[last, other], [other, last]]);
                self.builder.concat(both.to_vec())
            }
            2 => self.builder.add(last, last),
            3 => {
                let border =
                    self.random
                        .one_of(&[Border::Replicate, Border::Symmetric, Border::Reflect]);
                let margin = 1 + self.random.below(6);
                self.builder.pad(last, margin, border)
            }
            4 if channels < 8 => {
                let maps = self.conv(last, channels * scale * scale, Padding::Same)?;
                let skip = self.random.one_of(&[None, Some(last)]);
                self.builder.shuffle(maps, scale, skip)
            }
            5 if channels < 8 => {
                let value = self.builder.unshuffle(last, scale)?;
                let maps = 1 + self.random.below(6);
                self.conv(value, maps, Padding::Same)
            }
            6 => self.builder.repeat(last, 2),
            7 => {
                let window = self.random.one_of(&[3, 5, 9]);
                self.builder.mean(last, window)
            }
            8 => {
                let multiple = self.random.one_of(&[2, 4]);
                self.builder.align(last, multiple)
            }
            9 => {
                let activation = self.activation(channels);
                self.builder.activate(last, activation)
            }
            10 => {
                let other = self.conv(last, channels, Padding::Same)?;
                let factor = self.random.value();
                self.builder.product(last, other, factor)
            }
            11 => {
                let other = self.conv(last, channels, Padding::Same)?;
                let mut term = |value| Term {
                    value,
                    factor: 2.0 * self.random.value(),
                };
                let terms = vec![term(last), term(other), term(last)];
                let constant = self.random.value();
                self.builder.sum(terms, constant)
            }
            12 => {
                let kind = [
                    Interpolation::Bilinear,
                    Interpolation::Bicubic,
                    Interpolation::Nearest,
                ];
                let kind = self.random.one_of(&kind);
                self.builder.enlarge(last, 2, kind)
            }
            13 => self.strided(last, channels, scale),
            14 => self.transposed(last, channels, scale),
            15 => {
                let same = self.conv(last, channels, Padding::Same)?;
                self.builder.add(same, last)
            }
            16 if extent.margin > 0 => self.conv(last, channels, Padding::Valid),
            _ => {
                let maps = self.random.one_of(&[1, 2, 3, 4, 7, 16, 19]);
                self.conv(last, maps, Padding::Same)
            }
        }
    }

    fn conv(&mut self, input: Value, maps: usize, padding: Padding) -> Result<Value, GraphError> {
        let channels = self.channels(input);
        let side = self.random.one_of(&[1, 3, 3, 3, 5, 9]);
        let dilation = self.random.one_of(&[1, 1, 1, 2, 3]);
        let (k, dilation) = match padding {
            Padding::Same => (side, dilation),
            Padding::Valid => (3, 1),
        };
        let groups = match self.random.below(4) {
            0 if maps == channels => channels,
            1 if channels.is_multiple_of(2) && maps.is_multiple_of(2) => 2,
            _ => 1,
        };
        self.conv_of(
            input,
            [maps, channels / groups, k, k],
            Form::Plain,
            ConvOptions {
                groups,
                dilation,
                padding,
                ..ConvOptions::default()
            },
        )
    }

    fn strided(&mut self, last: Value, maps: usize, stride: usize) -> Result<Value, GraphError> {
        let channels = self.channels(last);
        let k = self.random.one_of(&[2, 3, 4]);
        let padding = self.random.below(2);
        let unshuffled = self.builder.unshuffle(last, stride)?;
        let form = Form::Strided { stride, padding };
        self.conv_of(
            unshuffled,
            [maps, channels, k, k],
            form,
            ConvOptions::default(),
        )
    }

    fn transposed(&mut self, last: Value, maps: usize, stride: usize) -> Result<Value, GraphError> {
        let channels = self.channels(last);
        let k = self.random.one_of(&[2, 4, 5]);
        let form = Form::Transposed { stride, padding: 1 };
        let maps = self.conv_of(last, [channels, maps, k, k], form, ConvOptions::default())?;
        self.builder.shuffle(maps, stride, None)
    }

    fn conv_of(
        &mut self,
        input: Value,
        shape: [usize; 4],
        form: Form,
        options: ConvOptions,
    ) -> Result<Value, GraphError> {
        let fan_in = shape[1] * shape[2] * shape[3];
        let outputs = match form {
            Form::Transposed { .. } => shape[1],
            Form::Plain | Form::Strided { .. } => shape[0],
        };
        let bias = self.random.below(4) > 0;
        let kernel = Kernel::Parameter {
            weight: self.parameter(shape, fan_in),
            form,
            bias: bias.then(|| self.parameter([outputs, 1, 1, 1], 4)),
        };
        let activation = self.activation(outputs);
        self.builder.conv(
            input,
            kernel,
            ConvOptions {
                activation,
                ..options
            },
        )
    }

    fn activation(&mut self, channels: usize) -> Activation<Parameter> {
        match self.random.below(9) {
            0 => Activation::Relu,
            1 => Activation::LeakyRelu(0.2),
            2 => Activation::PRelu(self.parameter([channels, 1, 1, 1], 1)),
            3 => Activation::Sigmoid,
            4 => Activation::Tanh,
            5 => Activation::Silu,
            6 => Activation::Gelu,
            7 => Activation::Clamp {
                low: -0.25,
                high: 0.3,
            },
            _ => Activation::None,
        }
    }

    fn channels(&self, value: Value) -> usize {
        self.builder
            .extent(value)
            .map_or(1, |extent| extent.channels)
    }

    /// Removes what is left of a margin, and ends with three channels.
    fn end(&mut self, mut last: Value) {
        let conv = |maker: &mut Self, input, padding| {
            let channels = maker.channels(input);
            let options = ConvOptions {
                padding,
                ..ConvOptions::default()
            };
            let value = maker.conv_of(input, [3, channels, 3, 3], Form::Plain, options);
            value.expect("a 3×3 convolution fits every value")
        };
        while self
            .builder
            .extent(last)
            .is_some_and(|extent| extent.margin > 0)
        {
            last = conv(self, last, Padding::Valid);
        }
        conv(self, last, Padding::Same);
    }
}
