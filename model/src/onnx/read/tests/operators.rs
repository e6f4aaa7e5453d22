//! Compares networks of a few operators with the operators' definitions.

use engine::image::Planes;

use super::convolutions::{add, window};
use super::definition::{at, planes};
use super::{Attr, Writer, assert_computes, image};

/// A function of each value, as nodes after `x`, for x between −0.5 and 0.5.
type Function = (&'static str, fn(&mut Writer) -> String, fn(f32) -> f32);

#[test]
fn functions() {
    fn scalar(writer: &mut Writer, operator: &str, number: f32) -> String {
        let number = writer.floats(&[], &[number]);
        writer.node(operator, &["x", &number], &[])
    }
    let cases: [Function; 14] = [
        ("relu", |w| w.node("Relu", &["x"], &[]), |x| x.max(0.0)),
        (
            "leaky",
            |w| w.node("LeakyRelu", &["x"], &[("alpha", Attr::Float(0.2))]),
            |x| x.max(0.2 * x),
        ),
        (
            "sigmoid",
            |w| w.node("Sigmoid", &["x"], &[]),
            |x| 1.0 / (1.0 + (-x).exp()),
        ),
        ("tanh", |w| w.node("Tanh", &["x"], &[]), f32::tanh),
        (
            "hard sigmoid",
            |w| w.node("HardSigmoid", &["x"], &[]),
            |x| (0.2 * x + 0.5).clamp(0.0, 1.0),
        ),
        (
            "hard swish",
            |w| w.node("HardSwish", &["x"], &[]),
            |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        ),
        ("neg", |w| w.node("Neg", &["x"], &[]), |x| -x),
        ("add", |w| scalar(w, "Add", 0.3), |x| x + 0.3),
        ("sub", |w| scalar(w, "Sub", 0.3), |x| x - 0.3),
        ("mul", |w| scalar(w, "Mul", -3.0), |x| x * -3.0),
        ("div", |w| scalar(w, "Div", 4.0), |x| x / 4.0),
        ("max", |w| scalar(w, "Max", 0.1), |x| x.max(0.1)),
        ("square", |w| scalar(w, "Pow", 2.0), |x| x * x),
        (
            "clip",
            |w| {
                let bounds = [w.floats(&[], &[-0.25]), w.floats(&[], &[0.125])];
                w.node("Clip", &["x", &bounds[0], &bounds[1]], &[])
            },
            |x| x.clamp(-0.25, 0.125),
        ),
    ];
    for (name, nodes, function) in cases {
        let mut writer = Writer::new(3, None);
        let result = nodes(&mut writer);
        let network = writer.read(&result).unwrap();
        let input = image([3, 5, 6]);
        let expected = planes([3, 5, 6], |c, y, x| {
            function(at(&input, c, y as isize, x as isize))
        });
        assert_computes(&network, input, &expected, name);
    }
}

/// A rearrangement of maps `[1, 12, 4, 6]`, as nodes; and the place in them for each (channel, row, column) of the result.
type Rearrangement = (
    &'static str,
    fn(&mut Writer, &str) -> String,
    fn([usize; 3]) -> [usize; 3],
);

#[test]
fn rearrangements() {
    fn shuffled(writer: &mut Writer, input: &str, split: &[i64], order: &[i64]) -> String {
        let [split, joined] = [split, &[1, 3, 8, 12]].map(|shape| writer.ints(shape));
        let split = writer.node("Reshape", &[input, &split], &[]);
        let moved = writer.node("Transpose", &[&split], &[("perm", Attr::Ints(order))]);
        writer.node("Reshape", &[&moved, &joined], &[])
    }
    let cases: [Rearrangement; 6] = [
        (
            "DCR",
            |w, x| w.node("DepthToSpace", &[x], &[("blocksize", Attr::Int(2))]),
            |[c, y, x]| [(y % 2 * 2 + x % 2) * 3 + c, y / 2, x / 2],
        ),
        (
            "CRD",
            |w, x| {
                w.node(
                    "DepthToSpace",
                    &[x],
                    &[("blocksize", Attr::Int(2)), ("mode", Attr::Text("CRD"))],
                )
            },
            |[c, y, x]| [c * 4 + y % 2 * 2 + x % 2, y / 2, x / 2],
        ),
        (
            "reshaped CRD",
            |w, x| shuffled(w, x, &[1, 3, 2, 2, 4, 6], &[0, 1, 4, 2, 5, 3]),
            |[c, y, x]| [c * 4 + y % 2 * 2 + x % 2, y / 2, x / 2],
        ),
        (
            "reshaped DCR",
            |w, x| shuffled(w, x, &[-1, 2, 2, 3, 4, 6], &[0, 3, 4, 1, 5, 2]),
            |[c, y, x]| [(y % 2 * 2 + x % 2) * 3 + c, y / 2, x / 2],
        ),
        (
            "slice backwards",
            |w, x| {
                let numbers = [[7], [1], [1], [-2]].map(|number| w.ints(&number));
                w.node(
                    "Slice",
                    &[x, &numbers[0], &numbers[1], &numbers[2], &numbers[3]],
                    &[],
                )
            },
            |[c, y, x]| [7 - 2 * c, y, x],
        ),
        (
            "space to depth",
            |w, x| {
                let small = w.node("SpaceToDepth", &[x], &[("blocksize", Attr::Int(2))]);
                let large = w.node("DepthToSpace", &[&small], &[("blocksize", Attr::Int(2))]);
                let parts = w.nodes("Split", &[&large], &[("axis", Attr::Int(1))], 4);
                w.node("Concat", &[&parts[3]], &[("axis", Attr::Int(1))])
            },
            |[c, y, x]| [c + 9, y, x],
        ),
    ];
    for (name, nodes, source) in cases {
        let mut writer = Writer::new(3, Some([4, 6]));
        let input = image([3, 4, 6]);
        let first = window(([1, 1], 1, 1, [0; 4], 1), [12, 3]);
        let (maps, weight, bias) = add(&mut writer, "Conv", "x", &first, 12);
        let result = nodes(&mut writer, &maps);
        let network = writer
            .read(&result)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let maps = first.conv(&input, &weight, &bias);
        let s = network.spec.scale;
        let expected = planes([3, 4 * s, 6 * s], |c, y, x| {
            let [c, y, x] = source([c, y, x]);
            at(&maps, c, y as isize, x as isize)
        });
        assert_computes(&network, input, &expected, name);
    }
}

/// Borders of the image's own pixels, before one convolution that reads all of them and before two.
#[test]
fn borders() {
    type Inside = fn(isize, isize) -> isize;
    let edge: Inside = |at, side| at.clamp(0, side - 1);
    let reflect: Inside = |at, side| at.abs().min(2 * (side - 1) - at.abs());
    for (mode, inside) in [("edge", edge), ("reflect", reflect)] {
        for count in [1, 2] {
            let mut writer = Writer::new(3, None);
            let input = image([3, 4, 6]);
            let margin = count as i64;
            let pads = writer.ints(&[0, 0, margin, margin, 0, 0, margin, margin]);
            let mut result = writer.node("Pad", &["x", &pads], &[("mode", Attr::Text(mode))]);
            let mut expected = planes([3, 4 + 2 * count, 6 + 2 * count], |c, y, x| {
                let [y, x] =
                    [(y, 4), (x, 6)].map(|(at, side)| inside(at as isize - count as isize, side));
                at(&input, c, y, x)
            });
            for _ in 0..count {
                let layer = window(([3, 3], 1, 1, [0; 4], 1), [3, 3]);
                let (maps, weight, bias) = add(&mut writer, "Conv", &result, &layer, 3);
                expected = layer.conv(&expected, &weight, &bias);
                result = maps;
            }
            let name = format!("{mode} before {count}");
            let network = writer
                .read(&result)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_computes(&network, input, &expected, &name);
        }
    }
}

/// Enlargement, by the coordinate in the image of each pixel of the result.
#[test]
fn resizing() {
    for (mode, coordinates, rounding, shift) in [
        ("nearest", "asymmetric", "floor", 0.0f32),
        ("nearest", "half_pixel", "round_prefer_floor", 0.5),
        ("linear", "half_pixel", "floor", 0.5),
        ("linear", "pytorch_half_pixel", "floor", 0.5),
        ("linear", "asymmetric", "floor", 0.0),
    ] {
        for scale in [2, 3, 4] {
            let mut writer = Writer::new(3, None);
            let scales = writer.floats(&[4], &[1.0, 1.0, scale as f32, scale as f32]);
            let attributes = [
                ("mode", Attr::Text(mode)),
                ("coordinate_transformation_mode", Attr::Text(coordinates)),
                ("nearest_mode", Attr::Text(rounding)),
            ];
            let result = writer.node("Resize", &["x", "", &scales], &attributes);
            let network = writer.read(&result).unwrap();
            let input = image([3, 4, 5]);
            let pixel = |c: usize, y: isize, x: isize| at(&input, c, y.clamp(0, 3), x.clamp(0, 4));
            let expected = planes([3, 4 * scale, 5 * scale], |c, y, x| {
                let [y, x] = [y, x].map(|at| (at as f32 + shift) / scale as f32 - shift);
                if mode == "nearest" {
                    let [y, x] = [y, x].map(|at| {
                        if shift == 0.0 {
                            at.floor()
                        } else {
                            (at - 0.5).ceil()
                        }
                    });
                    return pixel(c, y as isize, x as isize);
                }
                let ([top, left], [down, right]) =
                    ([y.floor(), x.floor()], [y - y.floor(), x - x.floor()]);
                let row = |y: isize| {
                    let left = left as isize;
                    pixel(c, y, left) * (1.0 - right) + pixel(c, y, left + 1) * right
                };
                row(top as isize) * (1.0 - down) + row(top as isize + 1) * down
            });
            assert_computes(
                &network,
                input,
                &expected,
                &format!("{mode} {coordinates} ×{scale}"),
            );
        }
    }
}

#[test]
fn normalization_and_slopes() {
    let mut writer = Writer::new(3, None);
    let first = window(([3, 3], 1, 1, [1; 4], 1), [3, 3]);
    let (maps, weight, bias) = add(&mut writer, "Conv", "x", &first, 3);
    let vectors: Vec<Vec<f32>> = (0..5)
        .map(|_| writer.random(3).iter().map(|n| n + 1.0).collect())
        .collect();
    let names: Vec<String> = vectors
        .iter()
        .map(|numbers| writer.floats(&[3], numbers))
        .collect();
    let inputs = [&maps[..], &names[0], &names[1], &names[2], &names[3]];
    let normalized = writer.node(
        "BatchNormalization",
        &inputs,
        &[("epsilon", Attr::Float(0.01))],
    );
    let slopes = writer.floats(&[3, 1, 1], &vectors[4]);
    let result = writer.node("PRelu", &[&normalized, &slopes], &[]);
    let network = writer.read(&result).unwrap();
    assert_eq!(network.graph.steps().len(), 1);
    let input = image([3, 6, 7]);
    let maps: Planes = first.conv(&input, &weight, &bias);
    let expected = planes([3, 6, 7], |c, y, x| {
        let [scale, shift, mean, variance, slope] = [0, 1, 2, 3, 4].map(|i| vectors[i][c]);
        let z = (at(&maps, c, y as isize, x as isize) - mean) / (variance + 0.01).sqrt() * scale
            + shift;
        if z > 0.0 { z } else { slope * z }
    });
    assert_computes(&network, input, &expected, "normalization");
}
