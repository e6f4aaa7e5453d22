//! Reshaped and transposed feature maps.
//!
//! Exporters write a pixel shuffle as a reshape to six dimensions, a transpose and another reshape. A view keeps
//! track of the parts of the axes in the meantime. Once there are four dimensions again it is a rearrangement of
//! channels, a shuffle or an unshuffle, or else it is refused.

use super::error::{Problem, operand};
use super::layers::{Id, MAX_CHANNELS};
use super::tensor::{check_rank, product};

pub(super) const CHANNELS: usize = 1;
pub(super) const ROWS: usize = 2;
pub(super) const COLUMNS: usize = 3;

/// Largest factor of an unshuffle.
const MAX_UNSHUFFLE: usize = 16;

/// A part of an axis: its index i stands for the position `step · i`. A step of 0 repeats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    axis: usize,
    step: usize,
    length: usize,
}

/// Feature maps `base [n, c, h, w]`, whose axes are cut into parts that make up other dimensions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub(super) base: Id,
    dims: Vec<Vec<Part>>,
}

/// The layers that compute a four-dimensional view. The numbers are channels, taken in this order.
#[derive(Debug, PartialEq)]
pub(super) enum Realised {
    Pick(Vec<usize>),
    PickThenShuffle(Vec<usize>, usize),
    UnshuffleThenPick(usize, Vec<usize>),
}

impl View {
    pub(super) fn of(base: Id, shape: [usize; 4]) -> Self {
        let whole = |(axis, length): (usize, &usize)| whole(axis, *length);
        Self {
            base,
            dims: shape.iter().enumerate().map(whole).collect(),
        }
    }

    /// The same view of another layer of the same shape.
    pub(super) fn on(self, base: Id) -> Self {
        Self { base, ..self }
    }

    pub(super) fn shape(&self) -> Vec<usize> {
        let length = |parts: &Vec<Part>| parts.iter().map(|part| part.length).product();
        self.dims.iter().map(length).collect()
    }

    pub(super) fn transposed(&self, order: &[usize]) -> Self {
        Self {
            base: self.base,
            dims: order.iter().map(|axis| self.dims[*axis].clone()).collect(),
        }
    }

    /// The same entries several times along one dimension.
    pub(super) fn repeated(mut self, dim: usize, times: usize) -> Result<Self, Problem> {
        if times != 1 {
            let part = Part {
                axis: CHANNELS,
                step: 0,
                length: times,
            };
            self.dims[dim].insert(0, part);
            let lengths = self.dims.iter().flatten().map(|part| part.length);
            product(&lengths.collect::<Vec<_>>()).ok_or(Problem::TooLarge)?;
        }
        Ok(self)
    }

    pub(super) fn reshaped(&self, shape: &[usize]) -> Result<Self, Problem> {
        check_rank(shape.len())?;
        let refused = || operand!("cannot reshape {:?} to {shape:?}", self.shape());
        let mut left: Vec<Part> = self.dims.iter().flatten().rev().copied().collect();
        let mut dims = Vec::new();
        for &side in shape {
            let (mut dim, mut needed) = (Vec::new(), side);
            while needed != 1 {
                let part = left.pop().ok_or_else(refused)?;
                if needed.is_multiple_of(part.length) && needed > 0 {
                    dim.push(part);
                    needed /= part.length;
                } else if part.length.is_multiple_of(needed) {
                    let length = part.length / needed;
                    left.push(Part { length, ..part });
                    dim.push(Part {
                        length: needed,
                        step: part.step * length,
                        ..part
                    });
                    needed = 1;
                } else {
                    return Err(refused());
                }
            }
            dims.push(joined(dim));
        }
        match left.is_empty() {
            true => Ok(Self {
                base: self.base,
                dims,
            }),
            false => Err(refused()),
        }
    }

    /// How it is made of a base of the shape `[n, c, h, w]`, if it can be.
    pub(super) fn realised(&self, base: [usize; 4]) -> Option<Realised> {
        let [n, c, h, w] = base;
        let [batch, channels, rows, columns] = &self.dims[..] else {
            return None;
        };
        if *batch != whole(0, n) {
            return None;
        }
        let length = |parts: &[Part]| parts.iter().map(|part| part.length).product::<usize>();
        // Longer lists are of no use, and are not made.
        let is_short = |parts: &[Part]| length(parts) <= MAX_CHANNELS;
        let is_rows = |parts: &[Part]| parts == whole(ROWS, h);
        let is_columns = |parts: &[Part]| parts == whole(COLUMNS, w);
        if is_rows(rows) && is_columns(columns) {
            return is_short(channels).then(|| Realised::Pick(list(channels, |[c, _, _]| c)));
        }
        if let ([rows @ .., i], [columns @ .., j]) = (&rows[..], &columns[..])
            && is_rows(rows)
            && is_columns(columns)
            && i.length == j.length
        {
            let parts = [channels, &[*i, *j][..]].concat();
            let only_channels = is_short(&parts) && parts.iter().all(|part| part.axis == CHANNELS);
            let picked = || Realised::PickThenShuffle(list(&parts, |[c, _, _]| c), i.length);
            return only_channels.then(picked);
        }
        let factor = |axis| {
            let mut parts = channels.iter().filter(|part| part.axis == axis);
            match (parts.next(), parts.next()) {
                (Some(part), None) if part.step == 1 => Some(part.length),
                _ => None,
            }
        };
        let (s, across) = (factor(ROWS)?, factor(COLUMNS)?);
        let is_coarse = |parts: &[Part], axis, length: usize| match parts {
            [] => length == s,
            [part] => (part.axis, part.step, part.length * s) == (axis, s, length),
            _ => false,
        };
        let fits = s == across
            && is_coarse(rows, ROWS, h)
            && is_coarse(columns, COLUMNS, w)
            && s <= MAX_UNSHUFFLE;
        (fits && length(channels) == c * s * s && is_short(channels)).then(|| {
            let picked = list(channels, |[c, i, j]| (c * s + i) * s + j);
            Realised::UnshuffleThenPick(s, picked)
        })
    }
}

/// An axis of a length that is not cut; no part if it has one position only.
fn whole(axis: usize, length: usize) -> Vec<Part> {
    match length {
        1 => Vec::new(),
        _ => vec![Part {
            axis,
            step: 1,
            length,
        }],
    }
}

/// Parts of the same axis that follow each other as one.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut all: Vec<Part> = Vec::new();
    for part in parts {
        match all.last_mut() {
            Some(last) if last.axis == part.axis && last.step == part.step * part.length => {
                last.step = part.step;
                last.length *= part.length;
            }
            _ => all.push(part),
        }
    }
    all
}

/// For each index of a dimension, `number` of the positions of its channel, row and column.
fn list(parts: &[Part], number: impl Fn([usize; 3]) -> usize) -> Vec<usize> {
    let count: usize = parts.iter().map(|part| part.length).product();
    let numbers = (0..count).map(|index| {
        let (mut at, mut rest) = ([0; 3], index);
        for part in parts.iter().rev() {
            at[part.axis.saturating_sub(CHANNELS)] += part.step * (rest % part.length);
            rest /= part.length;
        }
        number(at)
    });
    numbers.collect()
}
