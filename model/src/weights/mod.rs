//! Weights of other projects' networks, read from memory: safetensors files and PyTorch's.
//!
//! | format | recognised by | read in |
//! |---|---|---|
//! | safetensors | a `{` behind eight bytes of length | `safetensors` |
//! | `torch.save` since 1.6 | the mark of a zip archive | `archive`, `zip` |
//! | `torch.save` before | a magic number in a pickle | `legacy` |
//!
//! A file is data for us and never a program: the pickles in it are read by a machine that knows the few
//! functions that make tensors (`pickle`), and any other function is an error. What a file makes us allocate
//! is bounded by its size and by the limits in `pickle::value` and `torch`.

use std::borrow::Cow;

mod archive;
mod element;
mod error;
mod flatten;
mod legacy;
mod pickle;
mod safetensors;
mod torch;
mod zip;

#[cfg(test)]
mod tests;

pub use element::Element;
pub use error::WeightsError;

/// A tensor of a file: elements row by row, little-endian.
#[derive(Clone, Debug)]
pub struct Stored<'a> {
    /// Name in the file. The keys of nested dictionaries are joined by dots.
    pub name: String,
    /// Sides, the slowest one first; empty for a single number.
    pub shape: Vec<usize>,
    /// Type of the elements.
    pub element: Element,
    /// The elements; borrowed from the file unless they are scattered in it.
    pub bytes: Cow<'a, [u8]>,
}

impl Stored<'_> {
    /// The elements in single precision, row by row.
    ///
    /// Numbers in double precision are rounded. Fails for elements of [`Element::Other`].
    pub fn values(&self) -> Result<Vec<f32>, WeightsError> {
        element::values(self.element, &self.bytes).ok_or_else(|| WeightsError::Element {
            tensor: error::quoted(&self.name),
            found: self.element.name(),
        })
    }
}

/// Format of a file of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A header in JSON, then the tensors.
    Safetensors,
    /// A zip archive by `torch.save`.
    TorchZip,
    /// Pickles and storages one after the other, by `torch.save` before PyTorch 1.6.
    TorchPickle,
}

impl Format {
    /// Recognises a file's format by its first bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
            Some(Self::TorchZip)
        } else if legacy::begins(bytes) {
            Some(Self::TorchPickle)
        } else if bytes.get(8) == Some(&b'{') {
            Some(Self::Safetensors)
        } else {
            None
        }
    }
}

/// Reads all tensors of a safetensors file, or of one written by `torch.save` (`.pth`, `.pt`, `.ckpt`; with or
/// without a zip archive), recognised by its content.
///
/// Tensors of PyTorch come in the order of the file, those of safetensors in the order of their names. Other
/// values beside the tensors (numbers, texts, options of an optimiser) are skipped. A file that needs functions
/// which make no tensors is refused, as is one without tensors.
pub fn read(bytes: &[u8]) -> Result<Vec<Stored<'_>>, WeightsError> {
    let tensors = match Format::of(bytes) {
        Some(Format::Safetensors) => safetensors::read(bytes)?,
        Some(Format::TorchZip) => archive::read(bytes)?,
        Some(Format::TorchPickle) => legacy::read(bytes)?,
        None => {
            let start = bytes.get(..24).unwrap_or(bytes);
            return Err(WeightsError::Unknown {
                start: start.escape_ascii().to_string(),
            });
        }
    };
    if tensors.is_empty() {
        return Err(WeightsError::Empty);
    }
    Ok(tensors)
}
