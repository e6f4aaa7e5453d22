//! The steps of a plan, some rows at a time.

use super::activation::apply;
use super::program::Prepared;
use crate::conv::{FusedActivation, Rows, Scratch};
use crate::graph::{Activation, Border};
use crate::image::resize::mirror;

/// Computes `count` more rows of a convolution.
pub(super) fn convolve(
    conv: &Prepared,
    scratch: &mut Scratch,
    inputs: &[&Rows],
    add: Option<&Rows>,
    output: &mut Rows,
    count: usize,
) {
    if let Some(activation) = conv.fused() {
        return conv
            .kernel
            .run(scratch, inputs, activation, add, output, count);
    }
    let from = output.end();
    conv.kernel
        .run(scratch, inputs, FusedActivation::None, None, output, count);
    for y in from..output.end() {
        for channel in 0..output.channels() {
            let row = output.row_mut(y, channel);
            apply(&conv.activation, channel, row);
            if let Some(add) = add {
                add_to(row, add.row(y, channel), 1.0);
            }
        }
    }
}

/// Computes `count` more rows of `output`, whose rows and columns are those of its inputs.
fn each_row(output: &mut Rows, count: usize, mut fill: impl FnMut(isize, usize, &mut [f32])) {
    let from = output.push(count);
    for y in from..from + count as isize {
        for channel in 0..output.channels() {
            fill(y, channel, output.row_mut(y, channel));
        }
    }
}

fn add_to(row: &mut [f32], values: &[f32], factor: f32) {
    let pairs = row.iter_mut().zip(values);
    pairs.for_each(|(sum, value)| *sum += factor * value);
}

pub(super) fn activate(input: &Rows, activation: &Activation, output: &mut Rows, count: usize) {
    each_row(output, count, |y, channel, row| {
        row.copy_from_slice(input.row(y, channel));
        apply(activation, channel, row);
    });
}

pub(super) fn sum(terms: &[(&Rows, f32)], constant: f32, output: &mut Rows, count: usize) {
    each_row(output, count, |y, channel, row| {
        row.fill(constant);
        for (rows, factor) in terms {
            add_to(row, rows.row(y, channel), *factor);
        }
    });
}

pub(super) fn product(a: &Rows, b: &Rows, factor: f32, output: &mut Rows, count: usize) {
    each_row(output, count, |y, channel, row| {
        let pixels = a.row(y, channel).iter().zip(b.row(y, channel));
        let places = row.iter_mut().zip(pixels);
        places.for_each(|(to, (a, b))| *to = factor * a * b);
    });
}

pub(super) fn shuffle(
    input: &Rows,
    scale: usize,
    skip: Option<&Rows>,
    output: &mut Rows,
    count: usize,
) {
    let nothing = vec![0.0; input.columns()];
    each_row(output, count, |y, channel, target| {
        let (row, phase) = (y / scale as isize, y as usize % scale);
        let map = |j| input.row(row, (channel * scale + phase) * scale + j);
        let skip = skip.map_or(&nothing[..], |skip| skip.row(row, channel));
        if scale == 2 {
            // In one pass, which compiles to vector code.
            let pixels = map(0).iter().zip(map(1)).zip(skip);
            for (pair, ((a, b), skip)) in target.as_chunks_mut().0.iter_mut().zip(pixels) {
                *pair = [a + skip, b + skip];
            }
            return;
        }
        for j in 0..scale {
            let pixels = map(j).iter().zip(skip);
            let places = target[j..].iter_mut().step_by(scale);
            places
                .zip(pixels)
                .for_each(|(to, (a, skip))| *to = a + skip);
        }
    });
}

/// `height` is the input's.
pub(super) fn unshuffle(
    input: &Rows,
    height: usize,
    scale: usize,
    output: &mut Rows,
    count: usize,
) {
    each_row(output, count, |y, map, target| {
        let (channel, phase) = (map / (scale * scale), map % (scale * scale));
        let (row, first) = (y as usize * scale + phase / scale, phase % scale);
        target.fill(0.0);
        if row < height {
            let source = input.row(row as isize, channel);
            let pixels = source
                .get(first..)
                .unwrap_or_default()
                .iter()
                .step_by(scale);
            target
                .iter_mut()
                .zip(pixels)
                .for_each(|(to, pixel)| *to = *pixel);
        }
    });
}

pub(super) fn repeat(input: &Rows, scale: usize, output: &mut Rows, count: usize) {
    each_row(output, count, |y, channel, target| {
        let source = input.row(y / scale as isize, channel);
        for (places, pixel) in target.chunks_exact_mut(scale).zip(source) {
            places.fill(*pixel);
        }
    });
}

/// `height` is the input's.
pub(super) fn mean(input: &Rows, height: usize, window: usize, output: &mut Rows, count: usize) {
    let reach = window / 2;
    let clip = |at: usize, side: usize| at.saturating_sub(reach)..(at + reach + 1).min(side);
    let columns = input.columns();
    let mut sums = vec![0.0; columns];
    each_row(output, count, |y, channel, target| {
        let rows = clip(y as usize, height);
        sums.fill(0.0);
        for row in rows.clone() {
            add_to(&mut sums, input.row(row as isize, channel), 1.0);
        }
        for (x, to) in target.iter_mut().enumerate() {
            let columns = clip(x, columns);
            let pixels = rows.len() * columns.len();
            *to = sums[columns].iter().sum::<f32>() / pixels as f32;
        }
    });
}

pub(super) fn concat(inputs: &[&Rows], output: &mut Rows, count: usize) {
    let sources = inputs
        .iter()
        .flat_map(|input| (0..input.channels()).map(move |c| (input, c)));
    let sources: Vec<_> = sources.collect();
    each_row(output, count, |y, channel, target| {
        let (input, channel) = sources[channel];
        target.copy_from_slice(input.row(y, channel));
    });
}

/// A value with a margin, or with its last row and column repeated; `height` is the input's.
pub(super) fn pad(
    input: &Rows,
    height: usize,
    margin: usize,
    border: Border,
    output: &mut Rows,
    count: usize,
) {
    let inside = |at: usize, side: usize| {
        let at = at as i64 - margin as i64;
        match border {
            Border::Replicate => at.clamp(0, side as i64 - 1) as usize,
            Border::Symmetric => mirror(at, side),
        }
    };
    each_row(output, count, |y, channel, target| {
        let source = input.row(inside(y as usize, height) as isize, channel);
        let (right, end) = (margin + source.len(), target.len());
        target[margin..right].copy_from_slice(source);
        for x in (0..margin).chain(right..end) {
            target[x] = source[inside(x, source.len())];
        }
    });
}

pub(super) fn crop(input: &Rows, output: &mut Rows, count: usize) {
    each_row(output, count, |y, channel, target| {
        target.copy_from_slice(&input.row(y, channel)[..target.len()]);
    });
}
