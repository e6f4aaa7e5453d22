//! Reads the container of a model file without Burn.
//!
//! The container is Burn's own, burnpack, as `burn-pack` writes it; entries of this project are among its
//! metadata. That crate's own reader would be a sixth of a page's download: it brings serde's code for
//! every type that CBOR can hold.
//!
//! Sizes that a file claims are compared with the bytes that it has before anything is allocated:
//! parameters lie within the file, and no two of them share bytes.

use minicbor::data::Type;
use minicbor::decode::{Decoder, Error};

use crate::graph::text::{self, TextError};
use crate::graph::{CompileError, Plan};
use crate::{ScaleError, Spec};

/// Key of the metadata entry that describes the network, as JSON.
pub const DESCRIPTION: &str = "uprez";

/// Prefix of the keys of metadata entries that hold graphs; the scale follows.
pub const GRAPH: &str = "uprez-plan-x";

/// Most parameters of a file.
const MAX_PARAMETERS: usize = 1 << 13;

/// Largest scale of a graph.
const LARGEST_SCALE: usize = 16;

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Another format.
    #[error("this is not a model file: a burn record (.bpk) is expected")]
    Foreign,
    /// A burn record without a description of its network.
    #[error("this burn record does not say which network it holds: export it with `trainer`")]
    Unlabelled,
    /// The file is incomplete, or contradicts itself.
    #[error("the model file is cut off or damaged ({0}): fetch or copy it again")]
    Damaged(String),
    /// A parameter of an unsupported type.
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

/// A parameter of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its path in the module.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row by row; all are finite.
    pub values: Vec<f32>,
}

/// An opened model file, whose parameters have not been read yet.
#[derive(Clone, Debug)]
pub struct File<'a> {
    /// The bytes after the table of contents, from a multiple of [`ALIGNMENT`] on.
    data: &'a [u8],
    entries: Vec<(&'a str, &'a str)>,
    tensors: Vec<Descriptor<'a>>,
}

/// A parameter's place in the data.
#[derive(Clone, Debug, Default)]
struct Descriptor<'a> {
    name: &'a str,
    dtype: &'a str,
    shape: Vec<usize>,
    range: [usize; 2],
}

/// "BURN" as a little-endian number.
const MAGIC: [u8; 4] = *b"NRUB";

/// Newest supported version of the container.
const VERSION: u16 = 1;

/// Bytes of magic number, version, and length of the table of contents.
const HEAD_BYTES: usize = 4 + 2 + 4;

/// The data begin at a multiple of so many bytes.
const ALIGNMENT: usize = 256;

/// A graph that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The file is older than graphs.
    #[error(
        "the model file holds no graph of its network: write it again with this version of `trainer`, or use the engine burn-cpu or burn-webgpu"
    )]
    None,
    /// The file has no graph for this scale.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// The graph cannot be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The graph does not fit the parameters.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

impl<'a> File<'a> {
    /// Reads a file's table of contents.
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
        file.check_places()?;
        Ok(file)
    }

    /// Whether every parameter lies in the file, shares its bytes with no other one, and has a name of its own.
    fn check_places(&self) -> Result<(), FileError> {
        if self.tensors.len() > MAX_PARAMETERS {
            let text = format!("it has more than {MAX_PARAMETERS} parameters");
            return Err(FileError::Damaged(text));
        }
        for (i, Descriptor { name, range, .. }) in self.tensors.iter().enumerate() {
            let [start, end] = *range;
            // In pairs: sorting would add more code to a page than a few thousand parameters cost time.
            let others = || self.tensors[..i].iter();
            let overlaps = others().any(|other| start < other.range[1] && other.range[0] < end);
            if end < start || end > self.data.len() || overlaps {
                return Err(damaged(name));
            }
            if others().any(|other| other.name == *name) {
                let text = format!("parameter `{name}` is in it twice");
                return Err(FileError::Damaged(text));
            }
        }
        Ok(())
    }

    fn entry(&self, name: &str) -> Option<&'a str> {
        let mut entries = self.entries.iter();
        let entry = entries.find(|(found, _)| *found == name);
        entry.map(|(_, text)| *text)
    }

    /// The description of the network, as JSON.
    pub fn description(&self) -> Result<&'a str, FileError> {
        self.entry(DESCRIPTION).ok_or(FileError::Unlabelled)
    }

    /// The scales that it has graphs for, the smallest first; the last one is the network's own.
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

    /// The plan for a scale, by default the network's own, and the pipeline's facts about it.
    pub fn plan(&self, scale: Option<usize>) -> Result<(Plan, Spec), PlanError> {
        self.description()?;
        let scales = self.scales();
        let own = scales.last().ok_or(PlanError::None)?;
        let wanted = scale.unwrap_or(*own);
        let text = self.entry(&format!("{GRAPH}{wanted}"));
        let text = text.ok_or_else(|| ScaleError::new(wanted, scales.clone()))?;
        let (graph, spec) = text::read(text)?;
        let parameters = self.parameters()?;
        let lookup = |name: &str| {
            let found = parameters.iter().find(|tensor| tensor.name == name);
            found.map(|tensor| tensor.values.as_slice())
        };
        Ok((graph.compile(lookup)?, spec))
    }
}

fn damaged(name: &str) -> FileError {
    FileError::Damaged(format!(
        "parameter `{name}` does not lie in it, or overlaps another one"
    ))
}

/// Calls `read` for each key of a map; it reads the value.
fn each<'a>(
    decoder: &mut Decoder<'a>,
    mut read: impl FnMut(&mut Decoder<'a>, &'a str) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut left = decoder.map()?;
    loop {
        match &mut left {
            Some(0) => return Ok(()),
            Some(left) => *left -= 1,
            // A map of indefinite length ends with a break.
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
            // Quantised types are maps; they are not supported.
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

/// From half precision (IEEE 754 binary16) by integer arithmetic, which every processor has.
fn from_half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        // Subnormal numbers are multiples of 2⁻²⁴, which f32 represents exactly.
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
