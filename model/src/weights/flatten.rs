//! Names for the tensors in nested dictionaries.

use std::fmt::Write as _;

use super::WeightsError;
use super::error::quoted;
use super::pickle::{Id, LIMIT, Tensor, Value, Values};

/// The most levels of dictionaries and lists. Checkpoints nest about five.
pub(super) const DEEPEST: usize = 100;
/// The longest name in bytes.
const LONGEST: usize = 1024;
/// The most tensors.
const MOST: usize = 1 << 16;

/// A container whose items are being visited.
struct Open {
    container: Id,
    /// The item to visit next.
    next: usize,
    /// Length of the container's own name.
    name_bytes: usize,
}

/// All tensors below a value, in the order of the file. A name consists of the keys on the way to the tensor,
/// joined by dots; items of lists are counted from 0.
///
/// A value may occur in several places, or within itself, hence the limits: a few bytes of a pickle can stand
/// for any number of names.
pub(super) fn tensors<'v>(
    values: &'v Values,
    root: Id,
) -> Result<Vec<(String, &'v Tensor)>, WeightsError> {
    let mut found: Vec<(String, &Tensor)> = Vec::new();
    let mut name = String::new();
    let mut open: Vec<Open> = Vec::new();
    let mut visited = 0;
    let mut next = Some(root);
    loop {
        match next.take().map(|id| (id, values.get(id))) {
            Some((_, Value::Tensor(tensor))) => {
                if found.len() == MOST {
                    return Err(too_many("tensors", MOST));
                }
                found.push((name.clone(), tensor));
            }
            Some((container, _)) => {
                if open.len() == DEEPEST {
                    return Err(WeightsError::TooDeep { limit: DEEPEST });
                }
                open.push(Open {
                    container,
                    next: 0,
                    name_bytes: name.len(),
                });
            }
            None => {}
        }
        let Some(last) = open.last_mut() else {
            break;
        };
        name.truncate(last.name_bytes);
        let Some((key, item)) = item(values, last.container, last.next) else {
            open.pop();
            continue;
        };
        visited += 1;
        if visited > LIMIT {
            return Err(too_many("values", LIMIT));
        }
        last.next += 1;
        if !is_named(values.get(item)) {
            continue;
        }
        if open.len() > 1 {
            name.push('.');
        }
        match key {
            Key::Value(key) => match values.get(key) {
                Value::Text(text) => name.push_str(text),
                Value::Int(number) => append(&mut name, number),
                // Other keys occur in tables that are no weights.
                _ => name.push('?'),
            },
            Key::Place(place) => append(&mut name, place),
        }
        if name.len() > LONGEST {
            return Err(too_many("bytes in a tensor's name", LONGEST));
        }
        next = Some(item);
    }
    let mut names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(WeightsError::Duplicate {
            name: quoted(pair[0]),
        }),
        None => Ok(found),
    }
}

fn too_many(what: &'static str, limit: usize) -> WeightsError {
    WeightsError::TooMany { what, limit }
}

/// Whether a value is a tensor or may contain one.
fn is_named(value: &Value) -> bool {
    matches!(
        value,
        Value::Tensor(_) | Value::List(_) | Value::Tuple(_) | Value::Dict(_)
    )
}

enum Key {
    /// The key in a dictionary.
    Value(Id),
    /// The place in a list.
    Place(usize),
}

fn item(values: &Values, container: Id, place: usize) -> Option<(Key, Id)> {
    match values.get(container) {
        Value::Dict(pairs) => pairs
            .get(place)
            .map(|(key, item)| (Key::Value(*key), *item)),
        Value::List(items) | Value::Tuple(items) => {
            items.get(place).map(|item| (Key::Place(place), *item))
        }
        _ => None,
    }
}

fn append(name: &mut String, number: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(name, "{number}");
}
