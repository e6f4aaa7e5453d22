//! The calls in a pickle: a few of them make dictionaries and tensors, the others are skipped.

use super::global::Global;
use super::value::{Id, Storage, Tensor, Value, Values};
use crate::weights::WeightsError;

/// The result of calling a class or function with a tuple of arguments.
pub(super) fn call(values: &mut Values, callee: Id, arguments: Id) -> Result<Id, WeightsError> {
    let Value::Global(global) = *values.get(callee) else {
        return Err(WeightsError::damaged(
            "a pickle calls a value that is no function",
        ));
    };
    let Some(arguments) = values.tuple(arguments) else {
        return Err(WeightsError::damaged(
            "a pickle calls a function without a tuple of arguments",
        ));
    };
    match global {
        Global::OrderedDict => {
            let first = arguments.first().copied();
            dict(values, first)
        }
        // The first argument makes values for missing keys.
        Global::DefaultDict => {
            let second = arguments.get(1).copied();
            dict(values, second)
        }
        Global::Tensor => {
            let tensor = tensor(values, arguments, None)?;
            values.add(tensor)
        }
        Global::TypedTensor => {
            let tensor = tensor(values, arguments, arguments.get(6).copied())?;
            values.add(tensor)
        }
        // A parameter is its tensor and options of training.
        Global::Parameter => match arguments.first() {
            Some(id) if matches!(values.get(*id), Value::Tensor(_)) => Ok(*id),
            _ => Err(WeightsError::damaged("a parameter holds no tensor")),
        },
        Global::Size => match arguments {
            [] => values.add(Value::Tuple(Vec::new())),
            [sides] if values.tuple(*sides).is_some() => Ok(*sides),
            _ => Err(WeightsError::damaged("a torch.Size is no tuple")),
        },
        Global::Skipped => Ok(Values::SKIPPED),
        Global::Storage(_) | Global::Dtype(_) => {
            Err(WeightsError::damaged("a pickle calls a type of elements"))
        }
    }
}

/// A new dictionary, with the pairs of another dictionary or of a list of pairs.
fn dict(values: &mut Values, content: Option<Id>) -> Result<Id, WeightsError> {
    const NO_PAIRS: &str = "a dictionary is made from no pairs";
    let Some(content) = content else {
        return values.add(Value::Dict(Vec::new()));
    };
    let pairs = match values.get(content) {
        Value::List(items) | Value::Tuple(items) => items.len(),
        Value::Dict(pairs) => pairs.len(),
        _ => return Err(WeightsError::damaged(NO_PAIRS)),
    };
    // A list may be named again and again, so the limit is checked before the copy.
    values.copy(pairs)?;
    let pairs = match values.get(content) {
        Value::Dict(pairs) => pairs.clone(),
        Value::List(items) | Value::Tuple(items) => {
            let pair = |item: &Id| match values.get(*item) {
                Value::List(pair) | Value::Tuple(pair) => match pair[..] {
                    [key, value] => Ok((key, value)),
                    _ => Err(WeightsError::damaged(NO_PAIRS)),
                },
                _ => Err(WeightsError::damaged(NO_PAIRS)),
            };
            items.iter().map(pair).collect::<Result<_, _>>()?
        }
        _ => return Err(WeightsError::damaged(NO_PAIRS)),
    };
    values.add(Value::Dict(pairs))
}

/// A tensor from the arguments storage, offset, sides and strides; more of them are skipped.
fn tensor<'a>(
    values: &Values,
    arguments: &[Id],
    dtype: Option<Id>,
) -> Result<Value<'a>, WeightsError> {
    const ARGUMENTS: &str =
        "a tensor is made from other values than a storage, an offset, sides and strides";
    let damaged = || WeightsError::damaged(ARGUMENTS);
    let [storage, offset, shape, strides, ..] = *arguments else {
        return Err(damaged());
    };
    let Value::Storage(held) = values.get(storage) else {
        return Err(damaged());
    };
    let kind = match dtype.map(|id| values.get(id)) {
        Some(Value::Global(Global::Dtype(kind))) => *kind,
        Some(_) => return Err(damaged()),
        None => held.kind,
    };
    let offset = values.count(offset).ok_or_else(damaged)?;
    values.tuple(shape).ok_or_else(damaged)?;
    values.tuple(strides).ok_or_else(damaged)?;
    Ok(Value::Tensor(Box::new(Tensor {
        storage,
        kind,
        offset,
        shape,
        strides,
    })))
}

/// A storage from its persistent id: `("storage", class, key, device, elements)`, in old files with a part of
/// the storage that is meant: `(name, first element, elements)` or None.
pub(super) fn storage<'a>(values: &Values<'a>, id: Id) -> Result<Value<'a>, WeightsError> {
    let damaged =
        || WeightsError::damaged("the name of a storage has another form than those of torch.save");
    let fields = values.tuple(id).ok_or_else(damaged)?;
    let [tag, class, key, _device, elements, ref part @ ..] = *fields else {
        return Err(damaged());
    };
    if values.text(tag) != Some("storage") {
        return Err(damaged());
    }
    let Value::Global(Global::Storage(kind)) = *values.get(class) else {
        return Err(damaged());
    };
    let key = values.text(key).ok_or_else(damaged)?;
    let elements = values.count(elements).ok_or_else(damaged)?;
    let (start, count) = match part.first().and_then(|part| values.tuple(*part)) {
        Some([_, start, count]) => (
            values.count(*start).ok_or_else(damaged)?,
            values.count(*count).ok_or_else(damaged)?,
        ),
        Some(_) => return Err(damaged()),
        None => (0, elements),
    };
    Ok(Value::Storage(Box::new(Storage {
        key,
        kind,
        start,
        count,
    })))
}
