//! Tests each step separately, with all numbers of channels for which the shaders differ.

use std::collections::BTreeMap;

use engine::Engine;
use engine::graph::{
    Activation, Border, Builder, ConvOptions, Form, GraphError, Interpolation, Kernel, Padding,
    Parameter, Plan, Term, Value,
};
use engine::image::Planes;
use engine::reference::evaluate;
use engine::reference::random::Random;
use engine::webgpu::Gpu;

use crate::{difference, engine, open};

/// Builds graphs with random parameters.
pub struct Maker {
    pub builder: Builder,
    parameters: BTreeMap<String, Vec<f32>>,
    random: Random,
}

type Made = Result<Value, GraphError>;

impl Maker {
    pub fn new(channels: usize) -> Self {
        Self {
            builder: Builder::new(channels),
            parameters: BTreeMap::new(),
            random: Random::new(12),
        }
    }

    fn parameter(&mut self, shape: [usize; 4]) -> Parameter {
        let name = format!("p{}", self.parameters.len());
        let count: usize = shape.iter().product();
        let bound = 3.0 / ((count / shape[0]) as f32).sqrt();
        let values = (0..count).map(|_| self.random.value() * bound).collect();
        self.parameters.insert(name.clone(), values);
        Parameter { name, shape }
    }

    fn conv(&mut self, input: Value, maps: usize, k: usize, options: ConvOptions) -> Made {
        let channels = self.builder.extent(input).unwrap().channels;
        let kernel = Kernel::Parameter {
            weight: self.parameter([maps, channels / options.groups, k, k]),
            form: Form::Plain,
            bias: Some(self.parameter([maps, 1, 1, 1])),
        };
        self.builder.conv(input, kernel, options)
    }

    pub fn plain(&mut self, input: Value, maps: usize) -> Made {
        self.conv(input, maps, 3, ConvOptions::default())
    }

    pub fn plan(self) -> Plan {
        let lookup = |name: &str| self.parameters.get(name).map(Vec::as_slice);
        self.builder.finish().unwrap().compile(lookup).unwrap()
    }
}

/// Compares the step that `make` builds with its definition, for several numbers of channels and image sizes. The step
/// reads the graph's input or the maps of a convolution, which are stored in blocks; its value is the result, or is
/// read by another convolution.
fn check(gpu: &Gpu, name: &str, channels: &[usize], make: impl Fn(&mut Maker, Value) -> Made) {
    for &channels in channels {
        for (first, last) in [(false, false), (true, true)] {
            let mut maker = Maker::new(if first { 3 } else { channels });
            let mut value = 0;
            if first {
                value = maker.plain(value, channels).unwrap();
            }
            value = make(&mut maker, value).unwrap();
            while maker.builder.extent(value).unwrap().margin > 0 {
                let padding = Padding::Valid;
                let options = ConvOptions {
                    padding,
                    ..ConvOptions::default()
                };
                value = maker.conv(value, 5, 3, options).unwrap();
            }
            if last {
                maker.plain(value, 5).unwrap();
            }
            let plan = maker.plan();
            let mut engine = engine(gpu, &plan, false);
            let mut random = Random::new(13);
            for (width, height) in [(37, 9), (1, 1), (2, 3), (5, 18)] {
                let mut input = random.planes([plan.input().channels, width, height]);
                // A value for which activations have saturated.
                input.data[0] *= 1e5;
                let apart = difference(&mut engine, &plan, input);
                assert!(
                    apart < 5e-5,
                    "{name} of {channels} channels: {apart} at {width}×{height}"
                );
            }
        }
    }
}

#[test]
fn activations_compute_their_definition() {
    let Some(gpu) = open() else { return };
    let kinds: [fn(&mut Maker) -> Activation<Parameter>; 8] = [
        |_| Activation::Relu,
        |_| Activation::LeakyRelu(0.1),
        |maker| Activation::PRelu(maker.parameter([7, 1, 1, 1])),
        |_| Activation::Sigmoid,
        |_| Activation::Tanh,
        |_| Activation::Silu,
        |_| Activation::Gelu,
        |_| Activation::Clamp {
            low: f32::NEG_INFINITY,
            high: 0.1,
        },
    ];
    for (i, kind) in kinds.into_iter().enumerate() {
        let name = format!("activation {i}");
        check(&gpu, &name, &[7], |maker, input| {
            let activation = kind(maker);
            maker.builder.activate(input, activation)
        });
        check(&gpu, &name, &[6], |maker, input| {
            let options = ConvOptions {
                activation: kind(maker),
                ..ConvOptions::default()
            };
            maker.conv(input, 7, 1, options)
        });
    }
}

/// The approximation has an absolute error, which shows most with small values.
#[test]
fn gelu_is_accurate() {
    let Some(gpu) = open() else { return };
    let mut builder = Builder::new(1);
    builder.activate(0, Activation::Gelu).unwrap();
    let plan = builder.finish().unwrap().compile(|_| None).unwrap();
    let input = Planes {
        channels: 1,
        width: 1201,
        height: 1,
        data: (-600..=600).map(|i| i as f32 / 100.0).collect(),
    };
    let expected = evaluate(&plan, &input);
    let mut engine = engine(&gpu, &plan, false);
    let found = pollster::block_on(engine.run(input.clone())).unwrap();
    for ((x, a), b) in input.data.iter().zip(&found.data).zip(&expected.data) {
        let apart = (f64::from(*a) - b).abs();
        assert!(apart < 1e-6, "{a}, not {b}, at {x}");
    }
}

#[test]
fn convolutions_compute_their_definition() {
    let Some(gpu) = open() else { return };
    for (maps, k, dilation, padding) in [
        (8, 1, 1, Padding::Same),
        (16, 3, 1, Padding::Same),
        (5, 5, 2, Padding::Same),
        (12, 9, 1, Padding::Same),
        (4, 11, 1, Padding::Same),
        (8, 3, 7, Padding::Same),
        (3, 15, 3, Padding::Same),
    ] {
        let name = format!("{k}×{k} convolution to {maps}, dilation {dilation}");
        check(&gpu, &name, &[1, 6, 8], |maker, input| {
            let options = ConvOptions {
                dilation,
                padding,
                ..ConvOptions::default()
            };
            maker.conv(input, maps, k, options)
        });
    }
    check(
        &gpu,
        "convolution without padding",
        &[3, 6],
        |maker, input| {
            let padded = maker.builder.pad(input, 9, Border::Symmetric)?;
            let options = ConvOptions {
                dilation: 3,
                padding: Padding::Valid,
                ..ConvOptions::default()
            };
            let value = maker.conv(padded, 7, 3, options.clone())?;
            let options = ConvOptions {
                dilation: 1,
                ..options
            };
            maker.conv(value, 7, 3, options)
        },
    );
    check(&gpu, "convolution and addition", &[3, 8], |maker, input| {
        let channels = maker.builder.extent(input).unwrap().channels;
        let value = maker.plain(input, channels)?;
        maker.builder.add(input, value)
    });
}

#[test]
fn groups_compute_their_definition() {
    let Some(gpu) = open() else { return };
    for (channels, maps, groups) in [
        (7, 7, 7),
        (8, 8, 8),
        (6, 12, 6),
        (3, 48, 3),
        (12, 6, 6),
        (9, 15, 3),
        (10, 6, 2),
        (13, 26, 13),
        (64, 32, 4),
    ] {
        for (k, dilation) in [(1, 1), (3, 1), (5, 4)] {
            let name = format!("{k}×{k} convolution to {maps} in {groups} groups");
            check(&gpu, &name, &[channels], |maker, input| {
                let activation = Activation::PRelu(maker.parameter([maps, 1, 1, 1]));
                let options = ConvOptions {
                    groups,
                    dilation,
                    activation,
                    ..ConvOptions::default()
                };
                maker.conv(input, maps, k, options)
            });
        }
    }
    for kind in [
        Interpolation::Nearest,
        Interpolation::Bilinear,
        Interpolation::Bicubic,
    ] {
        for scale in [2, 3] {
            let name = format!("{kind:?} enlargement by {scale}");
            check(&gpu, &name, &[3, 6], |maker, input| {
                maker.builder.enlarge(input, scale, kind)
            });
        }
    }
}

#[test]
fn steps_compute_their_definition() {
    let Some(gpu) = open() else { return };
    let channels = [3, 6];
    let term = |value, factor| Term { value, factor };
    check(&gpu, "sum", &channels, |maker, input| {
        let maps = maker.builder.extent(input).unwrap().channels;
        let other = maker.plain(input, maps)?;
        let terms = vec![term(input, -0.5), term(other, 2.0), term(input, 1.0)];
        maker.builder.sum(terms, 0.25)
    });
    check(&gpu, "sum of 15 terms", &channels, |maker, input| {
        let maps = maker.builder.extent(input).unwrap().channels;
        let other = maker.plain(input, maps)?;
        let terms = (0..15).map(|i| term([input, other][i % 2], 0.1 * i as f32));
        maker.builder.sum(terms.collect(), -0.25)
    });
    check(&gpu, "product", &channels, |maker, input| {
        let maps = maker.builder.extent(input).unwrap().channels;
        let other = maker.plain(input, maps)?;
        let square = maker.builder.product(other, other, 0.5)?;
        maker.builder.product(square, other, -1.5)
    });
    for scale in [2, 3] {
        check(&gpu, "shuffle", &channels, |maker, input| {
            let maps = maker.builder.extent(input).unwrap().channels;
            let phases = maker.plain(input, maps * scale * scale)?;
            let plain = maker.builder.shuffle(phases, scale, None)?;
            let skipped = maker.builder.shuffle(phases, scale, Some(input))?;
            maker.builder.product(plain, skipped, 1.0)
        });
        check(&gpu, "unshuffle", &channels, |maker, input| {
            maker.builder.unshuffle(input, scale)
        });
        check(&gpu, "repeat", &channels, |maker, input| {
            maker.builder.repeat(input, scale)
        });
        check(&gpu, "align and crop", &channels, |maker, input| {
            let aligned = maker.builder.align(input, scale + 1)?;
            let maps = maker.builder.extent(input).unwrap().channels;
            let value = maker.plain(aligned, maps)?;
            maker.builder.crop(value, 1)
        });
        check(&gpu, "half-size branch", &channels, |maker, input| {
            let aligned = maker.builder.align(input, scale)?;
            let small = maker.builder.unshuffle(aligned, scale)?;
            let maps = maker.plain(small, scale * scale)?;
            let large = maker.builder.shuffle(maps, scale, None)?;
            maker.builder.concat(vec![aligned, large])
        });
    }
    for window in [1, 3, 9, 63] {
        check(&gpu, "mean", &channels, |maker, input| {
            maker.builder.mean(input, window)
        });
    }
    for border in [Border::Replicate, Border::Symmetric] {
        check(&gpu, "pad", &channels, |maker, input| {
            maker.builder.pad(input, 4, border)
        });
    }
}

#[test]
fn concatenations_compute_their_definition() {
    let Some(gpu) = open() else { return };
    check(&gpu, "dense block", &[3, 6], |maker, input| {
        let mut parts = vec![input];
        for maps in [5, 4, 2] {
            let all = maker.builder.concat(parts.clone())?;
            parts.push(maker.plain(all, maps)?);
        }
        // A step other than a convolution reads it, so it is copied.
        let all = maker.builder.concat(parts)?;
        maker.builder.activate(all, Activation::Tanh)
    });
    check(&gpu, "nested concatenations", &[3], |maker, input| {
        let front = maker.builder.concat(vec![input, input])?;
        let all = maker.builder.concat(vec![front, input, front])?;
        maker.plain(all, 4)
    });
    // More parts than a shader can read, so some of them are copied.
    check(&gpu, "concatenation of 21 parts", &[5], |maker, input| {
        let mut parts = vec![input];
        for i in 0..20 {
            let maps = 1 + i % 3;
            parts.push(maker.conv(input, maps, 1, ConvOptions::default())?);
            if i == 5 {
                parts = vec![maker.builder.concat(parts)?];
            }
        }
        let all = maker.builder.concat(parts)?;
        maker.conv(all, 4, 1, ConvOptions::default())
    });
    check(&gpu, "concatenation", &[3, 6], |maker, input| {
        let other = maker.plain(input, 5)?;
        maker.builder.concat(vec![input, other, input])
    });
}
