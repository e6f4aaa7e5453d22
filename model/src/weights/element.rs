//! Types of a tensor's elements.

use burn::tensor::{bf16, f16};

/// How a tensor's elements are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// IEEE half precision, two bytes.
    Half,
    /// The upper half of single precision, two bytes.
    Bfloat16,
    /// IEEE single precision, four bytes.
    Single,
    /// IEEE double precision, eight bytes.
    Double,
    /// Another type, by PyTorch's name, such as `int64`.
    Other(&'static str),
}

impl Element {
    /// PyTorch's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Half => "float16",
            Self::Bfloat16 => "bfloat16",
            Self::Single => "float32",
            Self::Double => "float64",
            Self::Other(name) => name,
        }
    }
}

/// Elements in single precision; none for other types.
pub(super) fn values(element: Element, bytes: &[u8]) -> Option<Vec<f32>> {
    match element {
        Element::Half => Some(each(bytes, |b| f16::from_le_bytes(b).to_f32())),
        Element::Bfloat16 => Some(each(bytes, |b| bf16::from_le_bytes(b).to_f32())),
        Element::Single => Some(each(bytes, f32::from_le_bytes)),
        Element::Double => Some(each(bytes, |b| f64::from_le_bytes(b) as f32)),
        Element::Other(_) => None,
    }
}

/// One value for every N bytes.
fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|chunk| value(*chunk)).collect()
}
