//! The container of a model file: Burn's own, burnpack, with entries of ours among its metadata.
//!
//! This reads what `burn-pack` writes (its documentation has the layout). That crate's own reader would
//! be a sixth of what a page fetches: serde's code for every type that CBOR can hold.
//!
//! A reader trusts nothing that a file claims: sizes are compared with the bytes that are there
//! before anything is allocated for them.

use minicbor::data::Type;
use minicbor::decode::{Decoder, Error};

use crate::graph::text::{self, TextError};
use crate::graph::{CompileError, Plan};
use crate::{ScaleError, Spec};

/// The entry that describes the network, as JSON.
pub const DESCRIPTION: &str = "uprez";

/// What the names of entries begin with that hold plans; the scale follows.
pub const GRAPH: &str = "uprez-plan-x";

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

impl From<Error> for FileError {
    fn from(_: Error) -> Self {
        Self::Damaged("its list of contents cannot be read".into())
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
#[derive(Clone, Debug)]
pub struct File<'a> {
    /// Behind the list of contents, from a multiple of [`ALIGNMENT`] on.
    data: &'a [u8],
    entries: Vec<(&'a str, &'a str)>,
    tensors: Vec<Descriptor<'a>>,
}

/// Where a parameter lies in the data.
#[derive(Clone, Debug, Default)]
struct Descriptor<'a> {
    name: &'a str,
    dtype: &'a str,
    shape: Vec<usize>,
    range: [usize; 2],
}

/// "BURN", the least significant byte first.
const MAGIC: [u8; 4] = *b"NRUB";

/// The newest version of the container that is known here.
const VERSION: u16 = 1;

/// Magic number, version, and the length of the list of contents.
const HEAD_BYTES: usize = 4 + 2 + 4;

/// What data begin at a multiple of.
const ALIGNMENT: usize = 256;

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

impl<'a> File<'a> {
    /// Looks into the bytes of a file.
    pub fn open(bytes: &'a [u8]) -> Result<Self, FileError> {
        let known = bytes.len().min(MAGIC.len());
        if bytes.is_empty() || bytes[..known] != MAGIC[..known] {
            return Err(FileError::Foreign);
        }
        let cut = || FileError::Damaged("its header is incomplete".into());
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or_else(cut)?;
        if u16::from_le_bytes([head[4], head[5]]) > VERSION {
            return Err(FileError::Damaged("burnpack version unknown".into()));
        }
        let length = u32::from_le_bytes([head[6], head[7], head[8], head[9]]) as usize;
        let contents = rest.get(..length).ok_or_else(cut)?;
        let start = (HEAD_BYTES + length).next_multiple_of(ALIGNMENT);
        let mut file = Self {
            data: bytes.get(start..).unwrap_or_default(),
            entries: Vec::new(),
            tensors: Vec::new(),
        };
        let mut decoder = Decoder::new(contents);
        each(&mut decoder, |decoder, key| match key {
            "metadata" => each(decoder, |decoder, key| {
                file.entries.push((key, decoder.str()?));
                Ok(())
            }),
            "tensors" => each(decoder, |decoder, name| {
                file.tensors.push(descriptor(decoder, name)?);
                Ok(())
            }),
            _ => decoder.skip(),
        })?;
        Ok(file)
    }

    fn entry(&self, name: &str) -> Option<&'a str> {
        let mut entries = self.entries.iter();
        let entry = entries.find(|(found, _)| *found == name);
        entry.map(|(_, text)| *text)
    }

    /// What the file says of itself, as JSON.
    pub fn description(&self) -> Result<&'a str, FileError> {
        self.entry(DESCRIPTION).ok_or(FileError::Unlabelled)
    }

    /// The scales that it has plans for, the smallest first; the last one is its own.
    pub fn scales(&self) -> Vec<usize> {
        let has = |scale: &usize| self.entry(&format!("{GRAPH}{scale}")).is_some();
        (1..=LARGEST_SCALE).filter(has).collect()
    }

    /// All parameters.
    pub fn parameters(&self) -> Result<Vec<Tensor>, FileError> {
        let parameters = self.tensors.iter();
        parameters
            .map(
                |Descriptor {
                     name,
                     dtype,
                     shape,
                     range: [start, end],
                 }| {
                    let bytes = self.data.get(*start..*end);
                    let bytes = bytes.ok_or_else(|| damaged(name))?;
                    let values = values(name, dtype, bytes)?;
                    let size = shape
                        .iter()
                        .try_fold(1usize, |size, side| size.checked_mul(*side));
                    if size != Some(values.len()) {
                        return Err(damaged(name));
                    }
                    Ok(Tensor {
                        name: name.to_string(),
                        shape: shape.clone(),
                        values,
                    })
                },
            )
            .collect()
    }

    /// The plan for a scale, or for the file's own, and what the pipeline has to know.
    pub fn plan(&self, scale: Option<usize>) -> Result<(Plan, Spec), PlanError> {
        self.description()?;
        let scales = self.scales();
        let own = scales.last().ok_or(PlanError::None)?;
        let wanted = scale.unwrap_or(*own);
        let text = self.entry(&format!("{GRAPH}{wanted}"));
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

fn damaged(name: &str) -> FileError {
    FileError::Damaged(format!("parameter `{name}` does not lie in it"))
}

/// Calls `read` for each key of a map, to read its value.
fn each<'a>(
    decoder: &mut Decoder<'a>,
    mut read: impl FnMut(&mut Decoder<'a>, &'a str) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut left = decoder.map()?;
    loop {
        match &mut left {
            Some(0) => return Ok(()),
            Some(left) => *left -= 1,
            // One of no length that is said ends with a mark.
            None if decoder.datatype()? == Type::Break => return decoder.skip(),
            None => {}
        }
        let key = decoder.str()?;
        read(decoder, key)?;
    }
}

fn descriptor<'a>(decoder: &mut Decoder<'a>, name: &'a str) -> Result<Descriptor<'a>, Error> {
    let mut found = Descriptor {
        name,
        ..Descriptor::default()
    };
    each(decoder, |decoder, key| {
        match key {
            // Types that are more than a word are none of ours.
            "dtype" if decoder.datatype()? == Type::String => found.dtype = decoder.str()?,
            "shape" => found.shape = numbers(decoder)?,
            "data_offsets" => {
                let offsets = numbers(decoder)?.try_into();
                found.range = offsets.map_err(|_| Error::message("two offsets"))?;
            }
            _ => decoder.skip()?,
        }
        Ok(())
    })?;
    Ok(found)
}

fn numbers(decoder: &mut Decoder) -> Result<Vec<usize>, Error> {
    let length = decoder.array()?.ok_or(Error::message("a length"))?;
    let number = |_| {
        let number = usize::try_from(decoder.u64()?);
        number.map_err(|_| Error::message("a number of memory's size"))
    };
    (0..length).map(number).collect()
}

/// A parameter's values as f32, all of them finite.
fn values(name: &str, dtype: &str, bytes: &[u8]) -> Result<Vec<f32>, FileError> {
    let values: Vec<f32> = match dtype {
        "F16" => {
            let bits = bytes.as_chunks().0.iter().copied().map(u16::from_le_bytes);
            bits.map(from_half).collect()
        }
        "F32" => {
            let values = bytes.as_chunks().0.iter().copied();
            values.map(f32::from_le_bytes).collect()
        }
        other => {
            return Err(FileError::Type {
                name: name.into(),
                dtype: other.into(),
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
            (0x0400, 1.0 / 16384.0),
            (0x0001, 1.0 / 16_777_216.0),
            (0x83ff, -1023.0 / 16_777_216.0),
            (0x3555, 1365.0 / 4096.0),
        ] {
            assert_eq!(from_half(bits).to_bits(), f32::to_bits(value), "{bits:x}");
        }
        assert!(from_half(0x7c00).is_infinite() && from_half(0xfe00).is_nan());
    }
}
