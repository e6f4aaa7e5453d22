//! The steps of a plan, some rows at a time.

use crate::conv::{Rows, Threads};
use crate::graph::Border;

/// Rows to be made of a step's result.
pub(super) struct New<'a> {
    pub rows: &'a mut Rows,
    pub count: usize,
    /// Threads that share them.
    pub threads: &'a Threads<'a>,
}

impl New<'_> {
    /// Fills each channel of each row.
    fn each(self, fill: impl Fn(isize, usize, &mut [f32]) + Sync) {
        let fill = |_: &mut (), y, channel, row: &mut [f32]| fill(y, channel, row);
        self.rows.push_each(self.count, self.threads, || (), fill);
    }
}

fn add_to(row: &mut [f32], values: &[f32], factor: f32) {
    let pairs = row.iter_mut().zip(values);
    pairs.for_each(|(sum, value)| *sum += factor * value);
}

pub(super) fn sum(terms: &[(&Rows, f32)], constant: f32, output: New) {
    output.each(|y, channel, row| {
        let Some(((first, factor), others)) = terms.split_first() else {
            return row.fill(constant);
        };
        let places = row.iter_mut().zip(first.row(y, channel));
        places.for_each(|(sum, value)| *sum = constant + factor * value);
        for (rows, factor) in others {
            add_to(row, rows.row(y, channel), *factor);
        }
    });
}

pub(super) fn product(a: &Rows, b: &Rows, factor: f32, output: New) {
    output.each(|y, channel, row| {
        let pixels = a.row(y, channel).iter().zip(b.row(y, channel));
        let places = row.iter_mut().zip(pixels);
        places.for_each(|(to, (a, b))| *to = factor * a * b);
    });
}

pub(super) fn shuffle(input: &Rows, scale: usize, skip: Option<&Rows>, output: New) {
    let nothing = vec![0.0; input.columns()];
    output.each(|y, channel, target| {
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
pub(super) fn unshuffle(input: &Rows, height: usize, scale: usize, output: New) {
    output.each(|y, map, target| {
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

pub(super) fn repeat(input: &Rows, scale: usize, output: New) {
    output.each(|y, channel, target| {
        let source = input.row(y / scale as isize, channel);
        for (places, pixel) in target.chunks_exact_mut(scale).zip(source) {
            places.fill(*pixel);
        }
    });
}

/// `height` is the input's.
pub(super) fn mean(input: &Rows, height: usize, window: usize, output: New) {
    let reach = window / 2;
    let clip = |at: usize, side: usize| at.saturating_sub(reach)..(at + reach + 1).min(side);
    let columns = input.columns();
    let New {
        rows,
        count,
        threads,
    } = output;
    let sums = || vec![0.0; columns];
    rows.push_each(count, threads, sums, |sums, y, channel, target| {
        let rows = clip(y as usize, height);
        sums.fill(0.0);
        for row in rows.clone() {
            add_to(sums, input.row(row as isize, channel), 1.0);
        }
        for (x, to) in target.iter_mut().enumerate() {
            let columns = clip(x, columns);
            let pixels = rows.len() * columns.len();
            *to = sums[columns].iter().sum::<f32>() / pixels as f32;
        }
    });
}

pub(super) fn concat(inputs: &[&Rows], output: New) {
    let sources = inputs
        .iter()
        .flat_map(|input| (0..input.channels()).map(move |c| (input, c)));
    let sources: Vec<_> = sources.collect();
    output.each(|y, channel, target| {
        let (input, channel) = sources[channel];
        target.copy_from_slice(input.row(y, channel));
    });
}

/// A value with a margin, or with its last row and column repeated; `height` is the input's.
pub(super) fn pad(input: &Rows, height: usize, margin: usize, border: Border, output: New) {
    let inside = |at: usize, side| border.inside(at as i64 - margin as i64, side);
    output.each(|y, channel, target| {
        let source = input.row(inside(y as usize, height) as isize, channel);
        let (right, end) = (margin + source.len(), target.len());
        target[margin..right].copy_from_slice(source);
        for x in (0..margin).chain(right..end) {
            target[x] = source[inside(x, source.len())];
        }
    });
}

pub(super) fn crop(input: &Rows, output: New) {
    output.each(|y, channel, target| {
        target.copy_from_slice(&input.row(y, channel)[..target.len()]);
    });
}
