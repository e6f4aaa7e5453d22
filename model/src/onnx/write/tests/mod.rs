//! Structure of the files; that runtimes compute the right results was checked with ONNX Runtime.

mod networks;

use std::collections::HashSet;

use engine::graph::{Builder, ConvOptions, Form, Graph, Kernel, Plan};
use engine::{Colour, Input, Spec};
use prost::Message;

use self::networks::{all_steps, compile, network, parameter};
use super::proto::{Dimension, Model, ValueInfo};
use super::{About, WriteError, write, write_steps};

fn spec(scale: usize, colour: Colour, input: Input) -> Spec {
    Spec {
        scale,
        colour,
        input,
    }
}

/// Reads a file, and checks that every value has one name, is computed before it is read, and is used.
fn read(bytes: &[u8]) -> Model {
    let model = Model::decode(bytes).unwrap();
    let graph = model.graph.as_ref().unwrap();
    let mut known = HashSet::from(["input"]);
    let mut unused = HashSet::new();
    for tensor in &graph.initializer {
        let count: i64 = tensor.dims.iter().product();
        let width = tensor.raw_data.len() as i64 / count;
        assert!([4, 8].contains(&width) && width * count == tensor.raw_data.len() as i64);
        assert!(known.insert(&tensor.name), "{}", tensor.name);
        unused.insert(tensor.name.as_str());
    }
    let mut nodes = HashSet::new();
    for node in &graph.node {
        assert!(nodes.insert(&node.name), "two nodes {}", node.name);
        for input in &node.input {
            let left_out = input.is_empty() && node.op_type == "Resize";
            assert!(left_out || known.contains(input.as_str()), "{input}");
            unused.remove(input.as_str());
        }
        for output in &node.output {
            assert!(!output.is_empty() && known.insert(output), "{output}");
            unused.insert(output);
        }
    }
    assert_eq!(unused, HashSet::from(["output"]));
    model
}

/// A value's sides, as numbers or names.
fn sides(value: &ValueInfo) -> Vec<String> {
    let tensor = value.r#type.as_ref().and_then(|kind| kind.tensor.as_ref());
    let shape = tensor.and_then(|tensor| tensor.shape.as_ref()).unwrap();
    let side = |dim: &Dimension| match dim.value {
        0 => dim.name.clone(),
        value => value.to_string(),
    };
    shape.dim.iter().map(side).collect()
}

#[test]
fn every_step_is_written_in_an_order_that_can_run() {
    let (graph, plan) = all_steps();
    let bytes = write_steps(&graph, &plan, &About::default()).unwrap();
    assert_eq!(
        bytes,
        write_steps(&graph, &plan, &About::default()).unwrap()
    );
    let model = read(&bytes);
    let graph = model.graph.unwrap();
    assert_eq!(sides(&graph.input[0]), ["batch", "3", "height", "width"]);
    assert_eq!(
        sides(&graph.output[0]),
        ["batch", "6", "4*height", "4*width"]
    );
    // The two convolutions share their parameters.
    let named = |start: &str| {
        let names = graph.initializer.iter().map(|tensor| tensor.name.as_str());
        names.filter(|name| name.starts_with(start)).count()
    };
    assert_eq!([named("valid.weight"), named("valid.bias")], [1, 1]);
    assert_eq!([named("up.weight"), named("up.bias")], [1, 0]);
    let nodes = graph.node.iter().map(|node| node.name.as_str());
    let layers: Vec<_> = nodes.filter(|name| !name.contains(['/', '_'])).collect();
    assert_eq!(layers, ["down", "up", "valid"]);
}

#[test]
fn sides_that_are_rounded_are_formulas() {
    let mut builder = Builder::new(1);
    let half = builder.unshuffle(0, 2).unwrap();
    builder.repeat(half, 3).unwrap();
    let graph = builder.finish().unwrap();
    let bytes = write_steps(&graph, &compile(&graph, &[]), &About::default()).unwrap();
    let graph = read(&bytes).graph.unwrap();
    let expected = ["batch", "4", "3*ceil(height/2)", "3*ceil(width/2)"];
    assert_eq!(sides(&graph.output[0]), expected);
}

#[test]
fn files_read_and_return_rgb_and_describe_themselves() {
    for colour in [Colour::Y, Colour::Rgb, Colour::Grey] {
        for (input, ratio) in [(Input::LowResolution, 2), (Input::Upsampled, 1)] {
            let (graph, plan) = network(colour.channels(), ratio);
            let about = About {
                name: "small-x2",
                version: "1.2.3",
                metadata: vec![("licence".into(), "MIT".into())],
            };
            let bytes = write(&graph, &plan, &spec(2, colour, input), &about).unwrap();
            let model = read(&bytes);
            assert_eq!((model.ir_version, model.opset_import[0].version), (8, 17));
            assert_eq!(
                (&*model.producer_name, &*model.producer_version),
                ("uprez", "1.2.3")
            );
            let [entry] = &model.metadata[..] else {
                panic!("{:?}", model.metadata)
            };
            assert_eq!((&*entry.key, &*entry.value), ("licence", "MIT"));
            let graph = model.graph.unwrap();
            assert_eq!(graph.name, "small-x2");
            assert_eq!(sides(&graph.input[0]), ["batch", "3", "height", "width"]);
            assert_eq!(
                sides(&graph.output[0]),
                ["batch", "3", "2*height", "2*width"]
            );
            let weight = graph.initializer.iter().find(|t| t.name == "last.weight");
            let raw = &weight.unwrap().raw_data;
            assert_eq!(raw[4..8], 1f32.to_le_bytes());
            let bicubic = graph.node.iter().filter(|n| n.name.contains("bicubic_x2"));
            let needed = usize::from(input == Input::Upsampled || colour == Colour::Y);
            assert_eq!(bicubic.count(), needed, "{colour:?} {input:?}");
        }
    }
}

#[test]
fn parameters_may_have_any_names() {
    let mut builder = Builder::new(1);
    let names = ["input", "", "output", "input_2", ""];
    let mut value = builder.input();
    for name in names {
        let kernel = Kernel::Parameter {
            weight: parameter(name, [1, 1, 1, 1]),
            form: Form::Plain,
            bias: None,
        };
        value = builder.conv(value, kernel, ConvOptions::default()).unwrap();
    }
    let graph = builder.finish().unwrap();
    let plan = compile(&graph, &names.map(|name| (name, 1)));
    read(&write_steps(&graph, &plan, &About::default()).unwrap());
}

#[test]
fn networks_that_are_not_what_they_say_are_refused() {
    let about = About::default();
    let (graph, plan) = network(1, 2);
    let luma = spec(2, Colour::Y, Input::LowResolution);
    let error = |graph: &Graph, plan: &Plan, spec: &Spec, about: &About| {
        write(graph, plan, spec, about).unwrap_err()
    };
    let (other, _) = network(1, 3);
    let found = error(&other, &plan, &luma, &about);
    assert!(
        matches!(found, WriteError::Steps { step: 1, .. }),
        "{found}"
    );
    let (all, _) = all_steps();
    let found = error(&all, &plan, &luma, &about);
    assert!(matches!(
        found,
        WriteError::Steps {
            step: 1,
            found: "conv",
            expected: "align"
        }
    ));
    let rgb = spec(2, Colour::Rgb, Input::LowResolution);
    let found = error(&graph, &plan, &rgb, &about);
    let text = "the network reads 1 channels, but its description says 3";
    assert_eq!(found.to_string(), text);
    let upsampled = spec(2, Colour::Y, Input::Upsampled);
    let found = error(&graph, &plan, &upsampled, &about);
    let text = "the network's result is 2*side a side, but its description says side";
    assert_eq!(found.to_string(), text);
    let (sharpen, weights) = network(1, 1);
    let huge = spec(17, Colour::Y, Input::Upsampled);
    let found = error(&sharpen, &weights, &huge, &about);
    assert!(matches!(found, WriteError::Enlargement(_)), "{found}");
    let entry = || ("a".to_string(), "b".to_string());
    let twice = About {
        metadata: vec![entry(), entry()],
        ..about
    };
    let found = error(&graph, &plan, &luma, &twice);
    assert_eq!(found, WriteError::Metadata("a".into()));
}
