//! What training minimises: a weighted sum of terms, written as text.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Tensor;
use serde::Deserialize;

/// A weighted sum such as `1*l1 + 0.1*mse`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Loss {
    terms: Vec<(f64, Term)>,
}

/// One loss on two pictures of equal size, values in 0…1; the mean over all values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// `|y − t|`
    L1,
    /// `(y − t)²`
    Mse,
    /// `√((y − t)² + ε²)` with ε = 10⁻³ (Lai et al. 2017, arXiv:1704.03915).
    Charbonnier,
}

/// The ε of [`Term::Charbonnier`].
const CHARBONNIER_EPSILON: f64 = 1e-3;

impl Term {
    /// Every term there is, with the word for it.
    pub const ALL: [(&'static str, Self); 3] = [
        ("l1", Self::L1),
        ("mse", Self::Mse),
        ("charbonnier", Self::Charbonnier),
    ];

    fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, term)| *term == self);
        known.map_or("", |(name, _)| name)
    }

    /// The mean over `difference`, output − target.
    fn of(self, difference: Tensor<4>) -> Tensor<1> {
        match self {
            Self::L1 => difference.abs().mean(),
            Self::Mse => (difference.clone() * difference).mean(),
            Self::Charbonnier => (difference.clone() * difference)
                .add_scalar(CHARBONNIER_EPSILON * CHARBONNIER_EPSILON)
                .sqrt()
                .mean(),
        }
    }
}

impl Loss {
    /// The loss of `output` against `target`, both `[batch, c, h, w]`; one value.
    pub fn of(&self, output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
        let difference = output - target;
        let terms = self.terms.iter();
        terms
            .map(|(weight, term)| term.of(difference.clone()).mul_scalar(*weight))
            .reduce(|sum, term| sum + term)
            .expect("a loss has at least one term: its only constructor sees to it")
    }
}

/// A loss that cannot be understood.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error(
    "loss {text:?}: {problem}; write weights and terms like \"1*l1 + 0.1*mse\" (terms: {known})"
)]
pub struct LossError {
    text: String,
    problem: String,
    known: String,
}

impl FromStr for Loss {
    type Err = LossError;

    fn from_str(text: &str) -> Result<Self, LossError> {
        let error = |problem: String| LossError {
            text: text.to_string(),
            problem,
            known: Term::ALL.map(|(name, _)| name).join(", "),
        };
        let term = |part: &str| {
            let (weight, name) = match part.split_once('*') {
                Some((weight, name)) => (weight.trim(), name.trim()),
                None => ("1", part.trim()),
            };
            let weight: f64 = weight
                .parse()
                .map_err(|_| error(format!("{weight:?} is no number")))?;
            if !weight.is_finite() {
                return Err(error(format!("{weight} is no usable weight")));
            }
            match Term::ALL.iter().find(|(known, _)| *known == name) {
                Some((_, term)) => Ok((weight, *term)),
                None => Err(error(format!("{name:?} is unknown"))),
            }
        };
        let terms = text.split('+').map(term).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }
}

impl TryFrom<String> for Loss {
    type Error = LossError;

    fn try_from(text: String) -> Result<Self, LossError> {
        text.parse()
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (weight, term)) in self.terms.iter().enumerate() {
            let plus = if i == 0 { "" } else { " + " };
            write!(f, "{plus}{weight}*{}", term.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    fn value(loss: &str, output: [f32; 4], target: [f32; 4]) -> f32 {
        let device = Device::flex();
        let tensor = |values: [f32; 4]| {
            Tensor::<4>::from_data(TensorData::new(values.to_vec(), [1, 1, 2, 2]), &device)
        };
        let loss: Loss = loss.parse().unwrap();
        loss.of(tensor(output), tensor(target)).into_scalar::<f32>()
    }

    #[test]
    fn has_the_values_of_its_formulas() {
        let (output, target) = ([0.0, 0.5, 1.0, 0.25], [0.0, 0.0, 0.5, 0.5]);
        assert!((value("l1", output, target) - 0.3125).abs() < 1e-6);
        assert!((value("mse", output, target) - 0.140625).abs() < 1e-6);
        let charbonnier = (0.001 + 2.0 * (0.25f32 + 1e-6).sqrt() + (0.0625f32 + 1e-6).sqrt()) / 4.0;
        assert!((value("charbonnier", output, target) - charbonnier).abs() < 1e-6);
        let sum = value("2*l1 + 0.5*mse", output, target);
        assert!((sum - (0.625 + 0.0703125)).abs() < 1e-6);
    }

    #[test]
    fn reads_and_writes_text() {
        let loss: Loss = " 1*l1+0.1 * mse ".parse().unwrap();
        assert_eq!(loss.to_string(), "1*l1 + 0.1*mse");
        for wrong in ["", "l2", "x*l1", "1*l1 +", "nan*l1"] {
            assert!(wrong.parse::<Loss>().is_err(), "{wrong}");
        }
        let message = "l2".parse::<Loss>().unwrap_err().to_string();
        assert!(message.contains("charbonnier"), "{message}");
    }
}
