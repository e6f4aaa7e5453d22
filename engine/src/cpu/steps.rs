//! The steps of a plan, some rows at a time.

use crate::conv::{FusedActivation, RowConv, Rows, Scratch};
use crate::graph::{self, Border};
use crate::image::resize::mirror;

pub(super) fn convolve(
    prepared: &RowConv,
    conv: &graph::Conv,
    scratch: &mut Scratch,
    input: &Rows,
    add: Option<&Rows>,
    output: &mut Rows,
    count: usize,
) {
    let function: Option<fn(f32) -> f32> = match conv.activation {
        graph::Activation::Sigmoid => Some(|z| 1.0 / (1.0 + (-z).exp())),
        graph::Activation::Tanh => Some(f32::tanh),
        _ => None,
    };
    let activation = match &conv.activation {
        graph::Activation::Relu => FusedActivation::Relu,
        graph::Activation::PRelu(slopes) => FusedActivation::PRelu(slopes),
        _ => FusedActivation::None,
    };
    let from = output.end();
    // What is added comes after the activation.
    let (fused, rest) = if function.is_some() {
        (None, add)
    } else {
        (add, None)
    };
    prepared.run(scratch, &[input], activation, fused, output, count);
    let Some(function) = function else { return };
    for y in from..output.end() {
        for channel in 0..output.channels() {
            let row = output.row_mut(y, channel);
            row.iter_mut().for_each(|value| *value = function(*value));
            if let Some(add) = rest {
                let pairs = row.iter_mut().zip(add.row(y, channel));
                pairs.for_each(|(value, add)| *value += add);
            }
        }
    }
}

pub(super) fn shuffle(
    input: &Rows,
    scale: usize,
    skip: Option<&Rows>,
    output: &mut Rows,
    count: usize,
) {
    let from = output.push(count);
    let nothing = vec![0.0; input.columns()];
    for y in from..from + count as isize {
        let (row, phase) = (y / scale as isize, y as usize % scale);
        for channel in 0..output.channels() {
            let map = |j| input.row(row, (channel * scale + phase) * scale + j);
            let skip = skip.map_or(&nothing[..], |skip| skip.row(row, channel));
            let target = output.row_mut(y, channel);
            if scale == 2 {
                // In one pass, which is made of vectors.
                let pixels = map(0).iter().zip(map(1)).zip(skip);
                for (pair, ((a, b), skip)) in target.chunks_exact_mut(2).zip(pixels) {
                    pair[0] = a + skip;
                    pair[1] = b + skip;
                }
                continue;
            }
            for j in 0..scale {
                let pixels = map(j).iter().zip(skip);
                let places = target[j..].iter_mut().step_by(scale);
                places
                    .zip(pixels)
                    .for_each(|(to, (a, skip))| *to = a + skip);
            }
        }
    }
}

pub(super) fn add(a: &Rows, b: &Rows, output: &mut Rows, count: usize) {
    let from = output.push(count);
    for y in from..from + count as isize {
        for channel in 0..output.channels() {
            let pixels = a.row(y, channel).iter().zip(b.row(y, channel));
            let places = output.row_mut(y, channel).iter_mut();
            places.zip(pixels).for_each(|(to, (a, b))| *to = a + b);
        }
    }
}

pub(super) fn concat<'a>(
    inputs: impl Iterator<Item = &'a Rows> + Clone,
    output: &mut Rows,
    count: usize,
) {
    let from = output.push(count);
    for y in from..from + count as isize {
        let rows = inputs.clone();
        let rows = rows.flat_map(|input| (0..input.channels()).map(move |c| input.row(y, c)));
        for (channel, row) in rows.enumerate() {
            output.row_mut(y, channel).copy_from_slice(row);
        }
    }
}

/// `count` more rows of a value with a margin; `height` is the input's.
pub(super) fn pad(
    input: &Rows,
    height: usize,
    [margin, count]: [usize; 2],
    border: Border,
    output: &mut Rows,
) {
    let inside = |at: usize, side: usize| {
        let at = at as i64 - margin as i64;
        match border {
            Border::Replicate => at.clamp(0, side as i64 - 1) as usize,
            Border::Symmetric => mirror(at, side),
        }
    };
    let from = output.push(count);
    for y in from..from + count as isize {
        let row = inside(y as usize, height) as isize;
        for channel in 0..output.channels() {
            let source = input.row(row, channel);
            let target = output.row_mut(y, channel);
            let (right, end) = (margin + source.len(), target.len());
            target[margin..right].copy_from_slice(source);
            for x in (0..margin).chain(right..end) {
                target[x] = source[inside(x, source.len())];
            }
        }
    }
}
