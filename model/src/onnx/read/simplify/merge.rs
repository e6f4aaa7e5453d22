//! Merges layers into those before them.

use std::rc::Rc;

use engine::graph::{Activation, Term};

use super::kernels::repeated;
use super::{Outcome, Rewriter};
use crate::onnx::read::error::Problem;
use crate::onnx::read::layers::{Conv, Id, Layer, Op, Weights};
use crate::onnx::read::tensor::Budget;

pub(super) fn merge(rewriter: &mut Rewriter, layer: &Layer) -> Result<Outcome, Problem> {
    match &layer.op {
        Op::Activate { input, activation } => rewriter.activate(*input, activation),
        Op::Sum { terms, constant } => match terms[..] {
            [term] => rewriter.scale(term, *constant),
            _ => Ok(rewriter.sum(terms, *constant)),
        },
        Op::Product { a, b, factor } => Ok(rewriter.product([*a, *b], *factor)),
        Op::Conv(conv) => rewriter.conv(conv),
        Op::Pick { input, channels } => rewriter.pick(*input, channels),
        Op::Image
        | Op::Erf(_)
        | Op::Shuffle { .. }
        | Op::Unshuffle { .. }
        | Op::Repeat { .. }
        | Op::Mean { .. }
        | Op::Concat(_)
        | Op::Pad { .. } => Ok(Outcome::Keep),
    }
}

impl Rewriter<'_> {
    /// The convolution whose result is `id`, or is shuffled to it, if nothing is applied to it and nothing else reads
    /// it; with the number of its maps for each map of `id`.
    fn open_conv(&self, id: Id) -> Option<(Id, usize)> {
        let (at, maps) = match *self.op(id) {
            Op::Shuffle { input, scale } if self.is_read_once(id) => (input, scale * scale),
            _ => (id, 1),
        };
        let is_open = match self.op(at) {
            Op::Conv(conv) => conv.activation == Activation::None,
            _ => false,
        };
        (is_open && self.is_read_once(at)).then_some((at, maps))
    }

    fn conv_at(&mut self, id: Id) -> Option<(&mut Conv, &mut Budget)> {
        match &mut self.layers[id].op {
            Op::Conv(conv) => Some((conv, self.budget)),
            _ => None,
        }
    }

    fn activate(
        &mut self,
        input: Id,
        activation: &Activation<Weights>,
    ) -> Result<Outcome, Problem> {
        let Some((at, maps)) = self.open_conv(input) else {
            return Ok(Outcome::Keep);
        };
        if let Some((conv, budget)) = self.conv_at(at) {
            let repeat = |slopes: &Weights| repeated(slopes, maps, budget);
            conv.activation = activation.try_map(repeat)?;
        }
        Ok(Outcome::Into(input))
    }

    /// `factor · value + constant`
    fn scale(&mut self, term: Term, constant: f32) -> Result<Outcome, Problem> {
        let Term { value, factor } = term;
        if factor == 1.0 && constant == 0.0 {
            return Ok(Outcome::Same(value));
        }
        if let Some((at, _)) = self.open_conv(value)
            && let Some((conv, budget)) = self.conv_at(at)
        {
            conv.scale(&|_| factor, &|_| constant, budget)?;
            return Ok(Outcome::Into(value));
        }
        if !self.is_read_once(value) {
            return Ok(Outcome::Keep);
        }
        match &mut self.layers[value].op {
            // A plain sum may become part of a convolution, and a plain factor part of another sum.
            Op::Sum { terms, .. } if terms.len() == 2 && terms.iter().all(|t| t.factor == 1.0) => {
                Ok(Outcome::Keep)
            }
            Op::Sum {
                terms,
                constant: inner,
            } => {
                terms.iter_mut().for_each(|term| term.factor *= factor);
                *inner = *inner * factor + constant;
                Ok(Outcome::Into(value))
            }
            Op::Product { factor: inner, .. } if constant == 0.0 => {
                *inner *= factor;
                Ok(Outcome::Into(value))
            }
            _ => Ok(Outcome::Keep),
        }
    }

    /// A value that is scaled for its only reader, as the value before that, the factor and what is added.
    fn scaled(&self, id: Id) -> Option<(Term, f32)> {
        match self.op(id) {
            Op::Sum { terms, constant } if self.is_read_once(id) => match terms[..] {
                [term] => Some((term, *constant)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Takes over the factors of its terms.
    fn sum(&self, terms: &[Term], constant: f32) -> Outcome {
        let (mut terms, mut constant) = (terms.to_vec(), constant);
        for term in &mut terms {
            if let Some((inner, added)) = self.scaled(term.value) {
                constant += term.factor * added;
                term.value = inner.value;
                term.factor *= inner.factor;
            }
        }
        Outcome::Replace(Op::Sum { terms, constant })
    }

    fn product(&self, mut values: [Id; 2], mut factor: f32) -> Outcome {
        for value in &mut values {
            if let Some((inner, 0.0)) = self.scaled(*value) {
                *value = inner.value;
                factor *= inner.factor;
            }
        }
        let [a, b] = values;
        Outcome::Replace(Op::Product { a, b, factor })
    }

    fn conv(&mut self, conv: &Conv) -> Result<Outcome, Problem> {
        let input = conv.input;
        if conv.is_affine()
            && let Some((at, maps)) = self.open_conv(input)
            && let Some((before, budget)) = self.conv_at(at)
        {
            let bias = |map: usize| {
                conv.bias
                    .as_ref()
                    .map_or(0.0, |bias| bias.numbers[map / maps])
            };
            before.scale(&|map| conv.weight.numbers[map / maps], &bias, budget)?;
            return Ok(Outcome::Into(input));
        }
        if let Some((term, constant)) = self.scaled(input)
            && (constant == 0.0 || conv.k == 1)
        {
            let mut conv = conv.clone();
            conv.input = term.value;
            conv.absorb(term.factor, constant, self.budget)?;
            return Ok(Outcome::Replace(Op::Conv(conv)));
        }
        if let Op::Pick { input, channels } = self.op(input)
            && conv.groups == 1
            && channels.len() == self.layers[*input].shape[0]
        {
            let (input, channels) = (*input, channels.clone());
            let mut conv = conv.clone();
            conv.input = input;
            conv.read_through(&channels, self.budget)?;
            self.readers[input].count += 1;
            return Ok(Outcome::Replace(Op::Conv(conv)));
        }
        Ok(Outcome::Keep)
    }

    fn pick(&mut self, input: Id, channels: &Rc<Vec<usize>>) -> Result<Outcome, Problem> {
        let (readers, maps) = (self.readers[input], self.layers[input].shape[0]);
        if channels.iter().copied().eq(0..maps) {
            return Ok(Outcome::Same(input));
        }
        match &self.layers[input].op {
            Op::Pick {
                input: inner,
                channels: before,
            } => {
                self.budget.charge(channels.len())?;
                let picked: Vec<usize> = channels.iter().map(|channel| before[*channel]).collect();
                let inner = *inner;
                let readers = &mut self.readers[inner];
                readers.count += 1;
                readers.picks += 1;
                readers.picked += picked.len();
                Ok(Outcome::Replace(Op::Pick {
                    input: inner,
                    channels: Rc::new(picked),
                }))
            }
            Op::Conv(conv)
                if conv.groups == 1 && readers.picks == readers.count && readers.picked <= maps =>
            {
                let conv = conv.picked(channels, self.budget)?;
                Ok(Outcome::Replace(Op::Conv(conv)))
            }
            _ => Ok(Outcome::Keep),
        }
    }
}
