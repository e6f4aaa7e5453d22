//! Finds SiLU and GELU, which files write as products.

use std::f32::consts::FRAC_1_SQRT_2;

use engine::graph::{Activation, Term};

use super::{Outcome, Readers, Rewriter};
use crate::onnx::read::error::Problem;
use crate::onnx::read::layers::{Id, Layer, Op, Weights};

/// A product of `x` and a function of it.
pub(super) fn find(rewriter: &mut Rewriter, layer: &Layer) -> Result<Outcome, Problem> {
    let Op::Product { a, b, factor } = layer.op else {
        return Ok(Outcome::Keep);
    };
    for (x, y) in [(a, b), (b, a)] {
        if rewriter.is_sigmoid(y, x) {
            return Ok(rewriter.applied(layer, x, Activation::Silu, factor));
        }
        let (base, scale) = rewriter.unscaled(x);
        if rewriter.is_one_plus_erf(y, base) {
            // x · (1 + erf(x / √2)) = 2 · gelu(x)
            return Ok(rewriter.applied(layer, base, Activation::Gelu, 2.0 * factor * scale));
        }
    }
    Ok(Outcome::Keep)
}

impl Rewriter<'_> {
    /// `factor · activation(input)`
    fn applied(
        &mut self,
        layer: &Layer,
        input: Id,
        activation: Activation<Weights>,
        factor: f32,
    ) -> Outcome {
        let op = Op::Activate { input, activation };
        if factor == 1.0 {
            return Outcome::Replace(op);
        }
        let readers = Readers {
            count: 1,
            ..Readers::default()
        };
        let value = self.push(Layer { op, ..*layer }, readers);
        Outcome::Replace(Op::Sum {
            terms: vec![Term { value, factor }],
            constant: 0.0,
        })
    }

    fn is_sigmoid(&self, y: Id, of: Id) -> bool {
        matches!(self.op(y), Op::Activate { input, activation: Activation::Sigmoid } if *input == of)
    }

    /// A value that is only scaled, as its origin and the factor.
    fn unscaled(&self, id: Id) -> (Id, f32) {
        match self.op(id) {
            Op::Sum { terms, constant } if terms.len() == 1 && *constant == 0.0 => {
                (terms[0].value, terms[0].factor)
            }
            _ => (id, 1.0),
        }
    }

    /// Whether `y = 1 + erf(x / √2)`.
    fn is_one_plus_erf(&self, y: Id, x: Id) -> bool {
        let Op::Sum { terms, constant } = self.op(y) else {
            return false;
        };
        let [Term { value, factor: 1.0 }] = terms[..] else {
            return false;
        };
        let Op::Erf(inner) = *self.op(value) else {
            return false;
        };
        // Half precision has √2 only to three digits.
        let is_root = |factor: f32| (factor - FRAC_1_SQRT_2).abs() < 1e-3;
        let (base, factor) = self.unscaled(inner);
        *constant == 1.0 && base == x && is_root(factor)
    }
}
