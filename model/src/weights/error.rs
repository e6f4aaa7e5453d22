//! Why a file of weights is refused.

use thiserror::Error;

/// Why a file of weights cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file is of neither format.
    #[error(
        "the file begins with \"{start}\", so it is neither a safetensors file nor one of torch.save (.pth): \
         choose a file of weights, or fetch it again if this should be one"
    )]
    Unknown {
        /// The first bytes, escaped.
        start: String,
    },
    /// The file ends before its content does.
    #[error("the file is incomplete, it ends within {part}: fetch or copy it again")]
    Truncated {
        /// The part that is cut off.
        part: &'static str,
    },
    /// The header of a safetensors file is damaged.
    #[error("the safetensors file is damaged or incomplete: {0}; fetch or copy it again")]
    Safetensors(safetensors::SafeTensorError),
    /// An entry of a zip archive is compressed or encrypted. PyTorch stores entries as they are.
    #[error(
        "the entry {entry} of the zip archive is compressed or encrypted, which torch.save never does: \
         load the file in PyTorch and save it again, or unzip an archive around it first"
    )]
    Compressed {
        /// Name of the entry.
        entry: String,
    },
    /// The zip archive holds no `data.pkl`.
    #[error(
        "the zip archive holds no folder with a data.pkl, so torch.save did not write it: \
         if the weights are inside the archive, unzip it first"
    )]
    NotTorch,
    /// The file contains a program and not only weights.
    #[error(
        "the file is a TorchScript program, and only tensors are read: \
         save its weights instead, with torch.save(torch.jit.load(file).state_dict(), …)"
    )]
    TorchScript,
    /// The numbers are stored with the most significant byte first.
    #[error(
        "the file was saved on a big-endian machine: load it in PyTorch and save it again on another machine"
    )]
    BigEndian,
    /// The pickle asks for a class or function that is not needed for tensors.
    #[error(
        "the file calls {name}, which is not allowed: only tensors are read. \
         If it holds a whole model, save its weights instead, with torch.save(model.state_dict(), …)"
    )]
    Global {
        /// Name of the class or function, with its module.
        name: String,
    },
    /// A sparse, quantised or other special tensor.
    #[error(
        "the file holds a special tensor (made by {name}), and only dense tensors are read: \
         convert it with tensor.to_dense() or tensor.dequantize() and save the file again"
    )]
    TensorKind {
        /// Name of the function that makes it.
        name: String,
    },
    /// An instruction of a pickle that files of torch.save do not use.
    #[error(
        "the pickle uses the instruction {opcode:#04x} at byte {at}, which files of torch.save do not contain: \
         load the file in PyTorch and save it again"
    )]
    Opcode {
        /// The instruction's code.
        opcode: u8,
        /// Its place in the pickle.
        at: usize,
    },
    /// A part of the file contradicts another one.
    #[error("the file is damaged: {found}; fetch or copy it again")]
    Damaged {
        /// The contradiction.
        found: &'static str,
    },
    /// A tensor's storage is not in the file.
    #[error("the storage {key} of the tensor {tensor} is missing: fetch or copy the file again")]
    StorageMissing {
        /// Name of the tensor.
        tensor: String,
        /// Key of the storage.
        key: String,
    },
    /// A tensor reaches beyond the end of its storage.
    #[error(
        "the tensor {tensor} of the shape {shape:?} reaches beyond its storage of {bytes} bytes: \
         the file is damaged, fetch or copy it again"
    )]
    TensorTooLarge {
        /// Name of the tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Bytes of the storage.
        bytes: usize,
    },
    /// Values are nested too deeply, or contain themselves.
    #[error(
        "values are nested more than {limit} levels deep, or contain themselves: save only the state_dict"
    )]
    TooDeep {
        /// The most levels that are read.
        limit: usize,
    },
    /// There is more in the file than is read.
    #[error("the file holds more than {limit} {what}: save only the state_dict")]
    TooMany {
        /// The things that there are too many of.
        what: &'static str,
        /// The most that is read.
        limit: usize,
    },
    /// A tensor does not fit in memory.
    #[error(
        "{bytes} bytes of memory for a tensor are not free: close other programs, or use a smaller model"
    )]
    Memory {
        /// Size of the tensor.
        bytes: usize,
    },
    /// Two tensors have one name.
    #[error("two tensors are named {name}: rename one of them and save the file again")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// The file holds no tensors.
    #[error("the file holds no tensors: save model.state_dict()")]
    Empty,
    /// A tensor's elements are no floating-point numbers that are read.
    #[error(
        "the tensor {tensor} is of type {found}: only float16, bfloat16, float32 and float64 can be converted"
    )]
    Element {
        /// Name of the tensor.
        tensor: String,
        /// Type of its elements.
        found: &'static str,
    },
}

impl WeightsError {
    pub(super) fn damaged(found: &'static str) -> Self {
        Self::Damaged { found }
    }
}

/// A text of the file for use in an error: not too long, and without control characters.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST_CHARS: usize = 100;
    let rest = if text.chars().nth(LONGEST_CHARS).is_some() {
        "…"
    } else {
        ""
    };
    let start: String = text.chars().take(LONGEST_CHARS).collect();
    format!("{}{rest}", start.escape_debug())
}
