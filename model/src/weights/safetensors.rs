//! Safetensors files.

use std::borrow::Cow;

use ::safetensors::{Dtype, SafeTensors};

use super::{Element, Stored, WeightsError};

/// Reads all tensors, sorted by their names.
///
/// The crate checks that the tensors lie within the file, one behind the other and without gaps.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Stored<'_>>, WeightsError> {
    let file = SafeTensors::deserialize(bytes).map_err(WeightsError::Safetensors)?;
    let mut tensors: Vec<_> = file
        .iter()
        .map(|(name, view)| Stored {
            name: name.to_string(),
            shape: view.shape().to_vec(),
            element: element(view.dtype()),
            bytes: Cow::Borrowed(view.data()),
        })
        .collect();
    tensors.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(tensors)
}

fn element(dtype: Dtype) -> Element {
    match dtype {
        Dtype::F16 => Element::Half,
        Dtype::BF16 => Element::Bfloat16,
        Dtype::F32 => Element::Single,
        Dtype::F64 => Element::Double,
        Dtype::BOOL => Element::Other("bool"),
        Dtype::U8 => Element::Other("uint8"),
        Dtype::I8 => Element::Other("int8"),
        Dtype::I16 => Element::Other("int16"),
        Dtype::U16 => Element::Other("uint16"),
        Dtype::I32 => Element::Other("int32"),
        Dtype::U32 => Element::Other("uint32"),
        Dtype::I64 => Element::Other("int64"),
        Dtype::U64 => Element::Other("uint64"),
        Dtype::F8_E4M3 => Element::Other("float8_e4m3fn"),
        Dtype::F8_E5M2 => Element::Other("float8_e5m2"),
        Dtype::F8_E8M0 => Element::Other("float8_e8m0fnu"),
        Dtype::F8_E4M3FNUZ => Element::Other("float8_e4m3fnuz"),
        Dtype::F8_E5M2FNUZ => Element::Other("float8_e5m2fnuz"),
        Dtype::C64 => Element::Other("complex64"),
        // The enumeration may grow, and none of the rest are weights of the networks we read.
        _ => Element::Other("a type of fewer than eight bits"),
    }
}
