//! Compares convolutions with their definition.

use super::definition::Window;
use super::{Attr, Writer, assert_computes, image};

/// Kernel sides, stride, dilation, pads and groups.
pub(super) type Case = ([usize; 2], usize, usize, [usize; 4], usize);

pub(super) fn window(
    ([rows, columns], stride, dilation, pads, groups): Case,
    channels: [usize; 2],
) -> Window {
    Window {
        shape: [channels[0], channels[1] / groups, rows, columns],
        stride,
        dilation,
        pads,
        groups,
        output_padding: 0,
    }
}

fn attributes<'a>(window: &Window, numbers: &'a mut Vec<i64>) -> Vec<(&'static str, Attr<'a>)> {
    let (stride, dilation, further) = (window.stride, window.dilation, window.output_padding);
    let pads = window.pads.map(|pad| pad as i64);
    *numbers = pads
        .into_iter()
        .chain([stride, stride, dilation, dilation, further, further].map(|n| n as i64))
        .collect();
    vec![
        ("pads", Attr::Ints(&numbers[..4])),
        ("strides", Attr::Ints(&numbers[4..6])),
        ("dilations", Attr::Ints(&numbers[6..8])),
        ("output_padding", Attr::Ints(&numbers[8..])),
        ("group", Attr::Int(window.groups as i64)),
    ]
}

/// Adds a convolution with random weights, which it gives as well.
pub(super) fn add(
    writer: &mut Writer,
    operator: &str,
    input: &str,
    window: &Window,
    maps: usize,
) -> (String, Vec<f32>, Vec<f32>) {
    let weight = writer.random(window.shape.iter().product());
    let bias = writer.random(maps);
    let names = [
        writer.floats(&window.shape.map(|side| side as i64), &weight),
        writer.floats(&[maps as i64], &bias),
    ];
    let mut numbers = Vec::new();
    let attributes = attributes(window, &mut numbers);
    let result = writer.node(operator, &[input, &names[0], &names[1]], &attributes);
    (result, weight, bias)
}

/// Convolutions of all kinds, each followed by a transposed one that restores the size.
#[test]
fn convolutions() {
    let cases: [(Case, [usize; 2]); 13] = [
        (([3, 3], 1, 1, [1; 4], 1), [7, 9]),
        (([3, 3], 1, 1, [1; 4], 3), [7, 9]),
        (([5, 5], 1, 2, [4; 4], 1), [7, 9]),
        (([3, 3], 1, 3, [3; 4], 3), [5, 4]),
        (([2, 2], 1, 1, [0, 0, 1, 1], 1), [5, 6]),
        (([4, 4], 1, 1, [2, 1, 1, 2], 1), [5, 6]),
        (([3, 3], 1, 1, [0, 2, 2, 0], 1), [5, 6]),
        (([1, 5], 1, 1, [0, 2, 0, 2], 1), [5, 6]),
        (([3, 3], 2, 1, [1; 4], 1), [8, 10]),
        (([4, 4], 2, 1, [1; 4], 3), [8, 10]),
        (([2, 2], 2, 1, [0; 4], 1), [8, 10]),
        (([5, 5], 3, 1, [1; 4], 1), [6, 9]),
        (([7, 7], 4, 1, [3; 4], 1), [8, 12]),
    ];
    for (case, [rows, columns]) in cases {
        let mut writer = Writer::new(3, None);
        let (s, groups) = (case.1, case.4);
        let first = window(case, [6, 3]);
        let (maps, weight, bias) = add(&mut writer, "Conv", "x", &first, 6);
        // A kernel of s + 2 taps with one pixel cut off on each side.
        let mut second = window(([s + 2; 2], s, 1, [1; 4], groups), [6, 3]);
        second.groups = groups;
        let (result, weight_2, bias_2) = add(&mut writer, "ConvTranspose", &maps, &second, 3);
        let network = writer
            .read(&result)
            .unwrap_or_else(|error| panic!("{case:?}: {error}"));
        let input = image([3, rows, columns]);
        let between = first.conv(&input, &weight, &bias);
        let expected = second.conv_transpose(&between, &weight_2, &bias_2);
        assert_computes(&network, input, &expected, &format!("{case:?}"));
    }
}

#[test]
fn transposed_convolutions_with_output_padding() {
    let mut writer = Writer::new(1, None);
    let mut nine = window(([9, 9], 3, 1, [4; 4], 1), [1, 1]);
    nine.output_padding = 2;
    let (result, weight, bias) = add(&mut writer, "ConvTranspose", "x", &nine, 1);
    let network = writer.read(&result).unwrap();
    let input = image([1, 5, 7]);
    let expected = nine.conv_transpose(&input, &weight, &bias);
    assert_eq!(network.spec.scale, 3);
    assert_computes(&network, input, &expected, "k = 9");
}
