//! The kernels of all steps but convolutions: a thread computes a pixel of a block of four channels.

use std::ops::Range;

use super::program::Program;
use super::template::Text;
use super::weights::{Weights, activation_numbers, activation_text};
use crate::graph::{Activation, Border, Term, Value};

/// Terms that a kernel adds: with its weights and its result, they are the eight buffers that every
/// adapter binds.
const TERMS: usize = 6;

impl<'a> Program<'a> {
    /// Adds a kernel that computes some blocks of the result; `add` appends the function that computes a
    /// pixel.
    fn each(
        &mut self,
        reads: Vec<usize>,
        result: usize,
        blocks: Range<usize>,
        weights: Weights<'a>,
        add: impl FnOnce(&mut Text),
    ) {
        let mut text = self.head(&reads, result, &weights);
        text.set("FIRST", blocks.start);
        add(&mut text);
        text.add(include_str!("shaders/each.wgsl"));
        self.push(text, weights, reads, result, [1, blocks.len()]);
    }

    /// The same for the whole result.
    fn whole(
        &mut self,
        reads: Vec<usize>,
        result: usize,
        weights: Weights<'a>,
        add: impl FnOnce(&mut Text),
    ) {
        let blocks = 0..self.channels(result).div_ceil(4);
        self.each(reads, result, blocks, weights, add);
    }

    pub(super) fn simple(&mut self, input: Value, template: &'static str, result: Value) {
        self.whole(vec![input], result, Weights::None, |text| {
            text.add(template);
        });
    }

    pub(super) fn scaled(
        &mut self,
        input: Value,
        scale: usize,
        template: &'static str,
        result: Value,
    ) {
        self.whole(vec![input], result, Weights::None, |text| {
            text.set("S", scale).add(template);
        });
    }

    pub(super) fn activate(&mut self, input: Value, activation: &Activation, result: Value) {
        let channels = self.channels(result).next_multiple_of(4);
        let numbers = activation_numbers(activation);
        let weights = match numbers.is_empty() {
            true => Weights::None,
            false => {
                let blocks = (0..channels).step_by(4);
                let each = blocks.flat_map(|first| numbers.iter().map(move |n| (first, n)));
                let lanes =
                    each.flat_map(|(first, n)| (first..first + 4).map(|channel| n.of(channel)));
                Weights::Numbers(lanes.collect())
            }
        };
        let count = numbers.len();
        self.whole(vec![input], result, weights, |text| {
            text.add(activation_text(activation)).set("NUMBERS", count);
            text.add(include_str!("shaders/step/activate.wgsl"));
        });
    }

    pub(super) fn sum(&mut self, terms: &[Term], constant: f32, result: Value) {
        for (i, terms) in terms.chunks(TERMS).enumerate() {
            let constant = if i == 0 { constant } else { 0.0 };
            let factors = terms.iter().map(|term| term.factor);
            let weights = Weights::same(std::iter::once(constant).chain(factors));
            let reads: Vec<usize> = terms.iter().map(|term| term.value).collect();
            let count = reads.len();
            self.whole(reads, result, weights, |text| {
                text.set("TERMS", count).set_if("CONTINUED", i > 0);
                text.add(include_str!("shaders/step/sum.wgsl"));
            });
        }
    }

    pub(super) fn product(&mut self, factors: [Value; 2], factor: f32, result: Value) {
        let weights = Weights::same(std::iter::once(factor));
        self.whole(factors.to_vec(), result, weights, |text| {
            text.add(include_str!("shaders/step/product.wgsl"));
        });
    }

    pub(super) fn shuffle(
        &mut self,
        input: Value,
        scale: usize,
        skip: Option<Value>,
        result: Value,
    ) {
        let reads = std::iter::once(input).chain(skip).collect();
        self.whole(reads, result, Weights::None, |text| {
            text.set("S", scale).set_if("SKIP", skip.is_some());
            text.add(include_str!("shaders/step/shuffle.wgsl"));
        });
    }

    /// The mean over rows, then over columns of that.
    pub(super) fn mean(&mut self, input: Value, reach: usize, result: Value) {
        let between = self.between(result);
        for (axis, from, to) in [(0, input, between), (1, between, result)] {
            self.whole(vec![from], to, Weights::None, |text| {
                text.set("AXIS", axis).set("REACH", reach);
                text.add(include_str!("shaders/step/mean.wgsl"));
            });
        }
    }

    pub(super) fn concat(&mut self, inputs: &[Value], result: Value) {
        let mut first = 0;
        for part in inputs
            .iter()
            .flat_map(|input| self.parts(*input))
            .collect::<Vec<_>>()
        {
            let (channels, shift) = (self.channels(part), first % 4);
            let blocks = first / 4..(first + channels).div_ceil(4);
            self.each(vec![part], result, blocks, Weights::None, |text| {
                text.set("SHIFT", shift).set("PART", channels);
                text.set_if("ALIGNED", shift == 0);
                text.set_if("SHIFTED", shift != 0);
                text.add(include_str!("shaders/step/concat.wgsl"));
            });
            first += channels;
        }
    }

    pub(super) fn pad(&mut self, input: Value, margin: usize, border: Border, result: Value) {
        self.whole(vec![input], result, Weights::None, |text| {
            text.set("MARGIN", margin);
            text.set_if("SYMMETRIC", border == Border::Symmetric)
                .set_if("REFLECT", border == Border::Reflect)
                .set_if("REPLICATE", border == Border::Replicate);
            text.add(include_str!("shaders/step/pad.wgsl"));
        });
    }
}
