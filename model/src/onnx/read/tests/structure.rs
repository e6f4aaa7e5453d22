//! The steps that become of several operators.

use engine::graph::{Graph, Step, text};

use super::{Attr, Writer, read};
use prost::Message;

fn kinds(graph: &Graph) -> Vec<&'static str> {
    graph.steps().iter().map(Step::kind).collect()
}

/// A network as nodes after `x`, and the steps that become of it.
type Case = (
    &'static str,
    fn(&mut Writer) -> String,
    &'static [&'static str],
);

#[test]
fn operators_are_merged() {
    let cases: [Case; 10] = [
        (
            "an activation after a convolution",
            |w| {
                let c = w.conv3("x", [3, 3]);
                w.node("Relu", &[&c], &[])
            },
            &["conv"],
        ),
        (
            "an activation after a pixel shuffle",
            |w| {
                let c = w.conv3("x", [3, 12]);
                let s = w.node("DepthToSpace", &[&c], &[("blocksize", Attr::Int(2))]);
                w.node("Tanh", &[&s], &[])
            },
            &["conv", "shuffle"],
        ),
        (
            "a skip connection",
            |w| {
                let c = w.conv3("x", [3, 3]);
                w.node("Add", &["x", &c], &[])
            },
            &["conv"],
        ),
        (
            "an enlarged skip connection",
            |w| {
                let c = w.conv3("x", [3, 12]);
                let s = w.node("DepthToSpace", &[&c], &[("blocksize", Attr::Int(2))]);
                let scales = w.floats(&[4], &[1.0, 1.0, 2.0, 2.0]);
                let r = w.node("Resize", &["x", "", &scales], &[]);
                w.node("Add", &[&r, &s], &[])
            },
            &["conv", "shuffle"],
        ),
        (
            "SiLU",
            |w| {
                let c = w.conv3("x", [3, 3]);
                let s = w.node("Sigmoid", &[&c], &[]);
                w.node("Mul", &[&c, &s], &[])
            },
            &["conv"],
        ),
        (
            "GELU",
            |w| {
                let c = w.conv3("x", [3, 3]);
                let [root, one, half] = [2f32.sqrt(), 1.0, 0.5].map(|n| w.floats(&[], &[n]));
                let d = w.node("Div", &[&c, &root], &[]);
                let e = w.node("Erf", &[&d], &[]);
                let a = w.node("Add", &[&e, &one], &[]);
                let m = w.node("Mul", &[&c, &a], &[]);
                w.node("Mul", &[&m, &half], &[])
            },
            &["conv"],
        ),
        (
            "a gate of two halves",
            |w| {
                let c = w.conv3("x", [3, 6]);
                let halves = w.nodes("Split", &[&c], &[("axis", Attr::Int(1))], 2);
                w.node("Mul", &[&halves[0], &halves[1]], &[])
            },
            &["conv", "conv", "product"],
        ),
        (
            "a residual with a factor",
            |w| {
                let c = w.conv3("x", [3, 3]);
                let factor = w.floats(&[], &[0.2]);
                let m = w.node("Mul", &[&c, &factor], &[]);
                w.node("Add", &[&m, "x"], &[])
            },
            &["conv"],
        ),
        (
            "a convolution that other layers read as well",
            |w| {
                let c = w.conv3("x", [3, 3]);
                let r = w.node("Relu", &[&c], &[]);
                w.node("Add", &[&r, &c], &[])
            },
            &["conv", "activate", "sum"],
        ),
        (
            "zeros around a convolution",
            |w| {
                let pads = w.ints(&[0, 0, 1, 1, 0, 0, 1, 1]);
                let p = w.node("Pad", &["x", &pads], &[]);
                let weight = w.random(81);
                let weight = w.floats(&[3, 3, 3, 3], &weight);
                w.node("Conv", &[&p, &weight], &[])
            },
            &["conv"],
        ),
    ];
    for (name, nodes, expected) in cases {
        let mut writer = Writer::new(3, None);
        let result = nodes(&mut writer);
        let network = writer
            .read(&result)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(kinds(&network.graph), expected, "{name}");
        // Names are such that the text can be read again.
        let written = text::write(&network.graph, &network.spec);
        assert_eq!(
            text::read(&written),
            Ok((network.graph, network.spec)),
            "{name}"
        );
    }
}

/// Sizes that a file computes of the image's shape.
#[test]
fn computed_sizes() {
    let mut writer = Writer::new(3, None);
    let shape = writer.node("Shape", &["x"], &[]);
    let numbers = [[2], [4], [0], [2], [3]].map(|number| writer.ints(&number));
    let cut = |w: &mut Writer, from: usize, to: usize| {
        w.node("Slice", &[&shape, &numbers[from], &numbers[to]], &[])
    };
    let sides = cut(&mut writer, 0, 1);
    let rest = cut(&mut writer, 2, 3);
    let larger = writer.node("Mul", &[&sides, &numbers[4]], &[]);
    let sizes = writer.node("Concat", &[&rest, &larger], &[("axis", Attr::Int(0))]);
    let result = writer.node(
        "Resize",
        &["x", "", "", &sizes],
        &[("mode", Attr::Text("nearest"))],
    );
    let network = writer.read(&result).unwrap();
    assert_eq!(
        (kinds(&network.graph), network.spec.scale),
        (vec!["repeat"], 3)
    );
}

/// Weights that several convolutions share are stored once, and others are never mixed up.
#[test]
fn names_are_unique() {
    let mut writer = Writer::new(3, None);
    let weight = writer.random(81);
    let weight = writer.floats(&[3, 3, 3, 3], &weight);
    let pads = [("pads", Attr::Ints(&[1; 4]))];
    let first = writer.node("Conv", &["x", &weight], &pads);
    let second = writer.node("Conv", &[&first, &weight], &pads);
    let third = writer.node("Conv", &[&second, &weight], &pads);
    let factor = writer.floats(&[], &[2.0]);
    let result = writer.node("Mul", &[&third, &factor], &[]);
    let mut model = writer.model(&result);
    if let Some(graph) = &mut model.graph {
        // A name with the characters that separate words in the text.
        let odd = "a weight=1\nb".to_string();
        for node in &mut graph.node {
            node.input
                .iter_mut()
                .filter(|name| **name == weight)
                .for_each(|name| name.clone_from(&odd));
        }
        graph.initializer[0].name = odd;
    }
    let network = read(&model.encode_to_vec(), 1.0).unwrap();
    let names: Vec<&String> = network.parameters.keys().collect();
    assert_eq!(names, ["a_weight_1_b", "a_weight_1_b_2"]);
    let [once, doubled] = ["a_weight_1_b", "a_weight_1_b_2"].map(|name| &network.parameters[name]);
    assert!(once.iter().zip(doubled).all(|(a, b)| 2.0 * a == *b));
}
