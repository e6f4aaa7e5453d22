//! Small networks.

use std::collections::BTreeMap;

use engine::graph::{
    Activation, Border, Builder, ConvOptions, Form, Graph, Interpolation, Kernel, Padding,
    Parameter, Plan, Term,
};

pub fn parameter(name: &str, shape: [usize; 4]) -> Parameter {
    let name = name.into();
    Parameter { name, shape }
}

fn kernel(layer: &str, shape: [usize; 4], form: Form, biases: usize) -> Kernel {
    let bias = || parameter(&format!("{layer}.bias"), [biases, 1, 1, 1]);
    Kernel::Parameter {
        weight: parameter(&format!("{layer}.weight"), shape),
        form,
        bias: (biases > 0).then(bias),
    }
}

/// The graph's plan, whose every parameter holds 0, 1, 2, …; `sizes` are the parameters' lengths.
pub fn compile(graph: &Graph, sizes: &[(&str, usize)]) -> Plan {
    let count = |length: &usize| (0..*length).map(|i| i as f32).collect();
    let all: BTreeMap<&str, Vec<f32>> = sizes.iter().map(|(n, l)| (*n, count(l))).collect();
    graph
        .compile(|name| all.get(name).map(Vec::as_slice))
        .unwrap()
}

/// A convolution with PReLU, and a shuffle.
pub fn network(channels: usize, ratio: usize) -> (Graph, Plan) {
    let mut builder = Builder::new(channels);
    let phases = channels * ratio * ratio;
    let options = ConvOptions {
        activation: Activation::PRelu(parameter("last.slope", [1, 1, 1, 1])),
        ..ConvOptions::default()
    };
    let weight = kernel("last", [phases, channels, 3, 3], Form::Plain, channels);
    let maps = builder.conv(0, weight, options).unwrap();
    builder.shuffle(maps, ratio, Some(0)).unwrap();
    let graph = builder.finish().unwrap();
    let weights = phases * channels * 9;
    let sizes = [
        ("last.weight", weights),
        ("last.bias", channels),
        ("last.slope", 1),
    ];
    let plan = compile(&graph, &sizes);
    (graph, plan)
}

/// Every kind of step.
pub fn all_steps() -> (Graph, Plan) {
    let mut b = Builder::new(3);
    let plain = ConvOptions::default;
    let then = |activation| ConvOptions {
        activation,
        ..plain()
    };
    let aligned = b.align(0, 4).unwrap();
    let form = Form::Strided {
        stride: 2,
        padding: 1,
    };
    let small = b.unshuffle(aligned, 2).unwrap();
    let small = b.conv(
        small,
        kernel("down", [3, 3, 4, 4], form, 3),
        then(Activation::Silu),
    );
    let form = Form::Transposed {
        stride: 2,
        padding: 1,
    };
    let large = b.conv(
        small.unwrap(),
        kernel("up", [3, 3, 4, 4], form, 0),
        then(Activation::Gelu),
    );
    let large = b.shuffle(large.unwrap(), 2, None).unwrap();
    let mut value = b.crop(large, 1).unwrap();
    let odd = b.unshuffle(0, 2).unwrap();
    let odd = b.shuffle(odd, 2, None).unwrap();
    let odd = b.crop(odd, 1).unwrap();
    value = b.add(value, odd).unwrap();
    for border in [Border::Replicate, Border::Symmetric, Border::Reflect] {
        let padded = b.pad(value, 2, border).unwrap();
        let options = ConvOptions {
            dilation: 2,
            groups: 3,
            padding: Padding::Valid,
            ..then(Activation::LeakyRelu(0.1))
        };
        let weight = kernel("valid", [3, 1, 3, 3], Form::Plain, 1);
        value = b.conv(padded, weight, options).unwrap();
        value = b.add(value, 0).unwrap();
    }
    let clamp = Activation::Clamp {
        low: 0.0,
        high: 1.0,
    };
    for activation in [
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
        clamp,
    ] {
        value = b.activate(value, activation).unwrap();
    }
    let term = |value, factor| Term { value, factor };
    let sum = b.sum(vec![term(value, 0.5), term(0, 1.0)], 0.25).unwrap();
    let mean = b.mean(sum, 5).unwrap();
    let product = b.product(mean, value, -1.0).unwrap();
    let both = b.concat(vec![product, 0]).unwrap();
    let twice = b.repeat(both, 2).unwrap();
    b.enlarge(twice, 2, Interpolation::Bicubic).unwrap();
    let graph = b.finish().unwrap();
    let sizes = [
        ("down.weight", 144),
        ("down.bias", 3),
        ("up.weight", 144),
        ("valid.weight", 27),
        ("valid.bias", 1),
    ];
    let plan = compile(&graph, &sizes);
    (graph, plan)
}
