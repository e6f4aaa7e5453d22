//! The classes and functions that a pickle may name.

use crate::weights::error::quoted;
use crate::weights::{Element, WeightsError};

/// Type and size of a storage's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::weights) struct Kind {
    pub element: Element,
    pub bytes: u8,
}

/// A class or function that a pickle names.
#[derive(Clone, Copy, Debug)]
pub(in crate::weights) enum Global {
    /// `collections.OrderedDict`
    OrderedDict,
    /// `collections.defaultdict`
    DefaultDict,
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`
    Tensor,
    /// `torch._utils._rebuild_tensor_v3`: a tensor of a type of its own in an untyped storage.
    TypedTensor,
    /// `torch._utils._rebuild_parameter` and `_rebuild_parameter_with_state`
    Parameter,
    /// A class of storages, such as `torch.FloatStorage`.
    Storage(Kind),
    /// A type of elements, such as `torch.float32`.
    Dtype(Kind),
    /// `torch.Size`: a tuple.
    Size,
    /// A class or function whose values are skipped.
    Skipped,
}

/// Looks a name up; names that are unknown are refused.
pub(super) fn find(module: &str, name: &str) -> Result<Global, WeightsError> {
    let found = match (module, name) {
        ("collections", "OrderedDict") => Some(Global::OrderedDict),
        ("collections", "defaultdict") => Some(Global::DefaultDict),
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Some(Global::Tensor),
        ("torch._utils", "_rebuild_tensor_v3") => Some(Global::TypedTensor),
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
            Some(Global::Parameter)
        }
        ("torch._utils", name) if name.starts_with("_rebuild_") => {
            return Err(WeightsError::TensorKind {
                name: full(module, name),
            });
        }
        ("torch", "Size") => Some(Global::Size),
        ("torch", name) => storage(name).or_else(|| dtype(name)),
        ("torch.storage" | "torch.cuda", name) => storage(name),
        _ => None,
    };
    if let Some(global) = found {
        Ok(global)
    } else if is_skipped(module, name) {
        Ok(Global::Skipped)
    } else {
        Err(WeightsError::Global {
            name: full(module, name),
        })
    }
}

fn full(module: &str, name: &str) -> String {
    format!("{}.{}", quoted(module), quoted(name))
}

/// Whether a class or function is known to make values that checkpoints hold beside their tensors. It is
/// not called, so it suffices that no tensors get lost.
fn is_skipped(module: &str, name: &str) -> bool {
    match module {
        "torch" => name == "device",
        "argparse" => name == "Namespace",
        "collections" => name == "Counter",
        // Bytes in protocol 2.
        "_codecs" => name == "encode",
        "builtins" | "__builtin__" => {
            // Sets of protocols below 4, numbers, and what a defaultdict makes.
            let names = [
                "set",
                "frozenset",
                "bytes",
                "bytearray",
                "complex",
                "int",
                "float",
                "str",
                "list",
                "dict",
            ];
            names.contains(&name)
        }
        "numpy" => ["dtype", "ndarray"].contains(&name),
        "numpy.core.multiarray" | "numpy._core.multiarray" => {
            ["scalar", "_reconstruct"].contains(&name)
        }
        // Arrays in protocol 5.
        "numpy.core.numeric" | "numpy._core.numeric" => name == "_frombuffer",
        _ => false,
    }
}

const fn kind(element: Element, bytes: u8) -> Kind {
    Kind { element, bytes }
}

fn storage(name: &str) -> Option<Global> {
    let kind = match name.strip_suffix("Storage")? {
        "Half" => kind(Element::Half, 2),
        "BFloat16" => kind(Element::Bfloat16, 2),
        "Float" => kind(Element::Single, 4),
        "Double" => kind(Element::Double, 8),
        "Bool" => kind(Element::Other("bool"), 1),
        "Byte" | "Untyped" => kind(Element::Other("uint8"), 1),
        "Char" => kind(Element::Other("int8"), 1),
        "Short" => kind(Element::Other("int16"), 2),
        "Int" => kind(Element::Other("int32"), 4),
        "Long" => kind(Element::Other("int64"), 8),
        "ComplexFloat" => kind(Element::Other("complex64"), 8),
        "ComplexDouble" => kind(Element::Other("complex128"), 16),
        _ => return None,
    };
    Some(Global::Storage(kind))
}

fn dtype(name: &str) -> Option<Global> {
    let kind = match name {
        "float16" => kind(Element::Half, 2),
        "bfloat16" => kind(Element::Bfloat16, 2),
        "float32" => kind(Element::Single, 4),
        "float64" => kind(Element::Double, 8),
        "bool" => kind(Element::Other("bool"), 1),
        "uint8" => kind(Element::Other("uint8"), 1),
        "int8" => kind(Element::Other("int8"), 1),
        "int16" => kind(Element::Other("int16"), 2),
        "uint16" => kind(Element::Other("uint16"), 2),
        "int32" => kind(Element::Other("int32"), 4),
        "uint32" => kind(Element::Other("uint32"), 4),
        "int64" => kind(Element::Other("int64"), 8),
        "uint64" => kind(Element::Other("uint64"), 8),
        "complex32" => kind(Element::Other("complex32"), 4),
        "complex64" => kind(Element::Other("complex64"), 8),
        "complex128" => kind(Element::Other("complex128"), 16),
        "float8_e4m3fn" => kind(Element::Other("float8_e4m3fn"), 1),
        "float8_e5m2" => kind(Element::Other("float8_e5m2"), 1),
        "float8_e4m3fnuz" => kind(Element::Other("float8_e4m3fnuz"), 1),
        "float8_e5m2fnuz" => kind(Element::Other("float8_e5m2fnuz"), 1),
        "float8_e8m0fnu" => kind(Element::Other("float8_e8m0fnu"), 1),
        _ => return None,
    };
    Some(Global::Dtype(kind))
}
