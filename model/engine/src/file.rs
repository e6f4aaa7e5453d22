//! The container of a model file: Burn's own, burnpack, with entries of ours among its metadata.
//!
//! A reader trusts nothing that a file claims: sizes are compared with the bytes that are there
//! before anything is allocated for them.

use burn_pack::{Bytes, DType, Error as PackError, Reader};

use crate::plan::text::{self, TextError};
use crate::plan::{CompileError, Plan};
use crate::{ScaleError, Spec};

/// The entry that describes the network, as JSON.
pub const DESCRIPTION: &str = "uprez";

/// What the names of entries begin with that hold plans; the scale follows.
pub const PLAN: &str = "uprez-plan-x";

/// No network enlarges more at once.
const LARGEST_SCALE: usize = 16;

/// A file that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Something else entirely.
    #[error("this is not a model file: a burn record (.bpk) is expected")]
    Foreign,
    /// A burn record, but of no network of ours.
    #[error("this burn record does not say which network it holds: export it with `trainer`")]
    Unlabelled,
    /// The end is missing.
    #[error("the model file is cut off or damaged ({0}): fetch or copy it again")]
    Damaged(String),
    /// A parameter of a kind that networks don't have.
    #[error("parameter `{name}` is of type {dtype}: only f16 and f32 are read")]
    Type {
        /// The parameter.
        name: String,
        /// Its type.
        dtype: String,
    },
    /// Not-a-number or infinity.
    #[error("parameter `{0}` holds values that are no numbers: the training diverged")]
    NotFinite(String),
}

impl From<PackError> for FileError {
    fn from(error: PackError) -> Self {
        match error {
            PackError::InvalidMagicNumber => Self::Foreign,
            PackError::InvalidHeader => Self::Damaged("its header is incomplete".into()),
            PackError::InvalidVersion => Self::Damaged("burnpack version unknown".into()),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// A parameter as a file holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its path in the module.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row by row; all of them finite.
    pub values: Vec<f32>,
}

/// A model file, opened; parameters are still to be read.
pub struct File {
    reader: Reader,
}

/// A plan that a page cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The file has none: it is older than plans, or its network has layers that plans have not.
    #[error("the model file holds no plan: only Burn's own operators run its network")]
    None,
    /// It has none for this scale.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// It has one that makes no sense.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It has one for other parameters.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The file is no use.
    #[error(transparent)]
    File(#[from] FileError),
}

impl File {
    /// Looks into the bytes of a file.
    pub fn open(bytes: &[u8]) -> Result<Self, FileError> {
        let magic = burn_pack::MAGIC_NUMBER.to_le_bytes();
        let known = bytes.len().min(magic.len());
        if bytes.is_empty() || bytes[..known] != magic[..known] {
            return Err(FileError::Foreign);
        }
        let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec()))?;
        Ok(Self { reader })
    }

    /// What the file says of itself, as JSON.
    pub fn description(&self) -> Result<&str, FileError> {
        let text = self.reader.metadata().get(DESCRIPTION);
        text.map(String::as_str).ok_or(FileError::Unlabelled)
    }

    /// The scales that it has plans for, the smallest first; the last one is its own.
    pub fn scales(&self) -> Vec<usize> {
        let has = |scale: &usize| {
            let name = format!("{PLAN}{scale}");
            self.reader.metadata().contains_key(&name)
        };
        (1..=LARGEST_SCALE).filter(has).collect()
    }

    /// All parameters.
    pub fn parameters(self) -> Result<Vec<Tensor>, FileError> {
        let mut parameters = Vec::new();
        for tensor in self.reader.into_tensors()? {
            let (name, dtype, shape, _, bytes) = tensor.into_parts()?;
            let values = values(&name, dtype, &bytes)?;
            parameters.push(Tensor {
                name,
                shape: shape.to_vec(),
                values,
            });
        }
        Ok(parameters)
    }

    /// The plan for a scale, or for the file's own, and what the pipeline has to know.
    pub fn plan(self, scale: Option<usize>) -> Result<(Plan, Spec), PlanError> {
        self.description()?;
        let scales = self.scales();
        let own = scales.last().ok_or(PlanError::None)?;
        let wanted = scale.unwrap_or(*own);
        let text = self.reader.metadata().get(&format!("{PLAN}{wanted}"));
        let text = text.ok_or_else(|| ScaleError::new(wanted, scales.clone()))?;
        let (outline, spec) = text::read(text)?;
        let parameters = self.parameters()?;
        let lookup = |name: &str| {
            let found = parameters.iter().find(|tensor| tensor.name == name);
            found.map(|tensor| tensor.values.as_slice())
        };
        Ok((outline.compile(lookup)?, spec))
    }
}

/// A parameter's values as f32, all of them finite.
fn values(name: &str, dtype: DType, bytes: &[u8]) -> Result<Vec<f32>, FileError> {
    let values: Vec<f32> = match dtype {
        DType::F16 => {
            let bits = bytes.as_chunks().0.iter().copied().map(u16::from_le_bytes);
            bits.map(from_half).collect()
        }
        DType::F32 => {
            let values = bytes.as_chunks().0.iter().copied();
            values.map(f32::from_le_bytes).collect()
        }
        other => {
            return Err(FileError::Type {
                name: name.into(),
                dtype: format!("{other:?}"),
            });
        }
    };
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(FileError::NotFinite(name.into()))
    }
}

/// From half precision (IEEE 754 binary16), which not every processor reads.
fn from_half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        // Smaller than normal numbers: whole multiples of 2⁻²⁴, which f32 has as they are.
        0 => (fraction as f32 * 2f32.powi(-24)).to_bits(),
        0x1f => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 127 - 15) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_as_it_is() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x83ff, -6.097_555_2e-5),
            (0x3555, 0.333_251_95),
        ] {
            assert_eq!(from_half(bits).to_bits(), f32::to_bits(value), "{bits:x}");
        }
        assert!(from_half(0x7c00).is_infinite() && from_half(0xfe00).is_nan());
    }
}
