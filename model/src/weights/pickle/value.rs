//! Values of a pickle.

use super::global::{Global, Kind};
use crate::weights::WeightsError;

/// The most values of a pickle, entries of its memo and values on its stack.
///
/// The state dictionary of a network has some ten thousand values, training logs in a checkpoint some hundred
/// thousand. A value takes 32 bytes and what it holds, hence a hostile file costs a few hundred MiB at most.
pub(in crate::weights) const LIMIT: usize = 1 << 22;

/// A value's place among the [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::weights) struct Id(u32);

/// A value of a pickle.
#[derive(Debug)]
pub(in crate::weights) enum Value<'a> {
    /// None, bytes, sets, objects and numbers that no tensor needs.
    Skipped,
    Bool(bool),
    Int(i64),
    Text(&'a str),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    /// Pairs of key and value in the file's order.
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage(Box<Storage<'a>>),
    Tensor(Box<Tensor>),
}

/// A claim that the file holds a storage.
#[derive(Debug)]
pub(in crate::weights) struct Storage<'a> {
    /// Name of the storage within the file.
    pub key: &'a str,
    pub kind: Kind,
    /// First element of the part of the storage that is meant.
    pub start: u64,
    /// Elements from there on.
    pub count: u64,
}

/// A tensor's place in a storage. Sides and strides are values of their own and shared, so that a tensor takes
/// a fixed amount of memory.
#[derive(Debug)]
pub(in crate::weights) struct Tensor {
    pub storage: Id,
    pub kind: Kind,
    /// First element, counted from the storage's beginning.
    pub offset: u64,
    /// A tuple of the sides.
    pub shape: Id,
    /// A tuple of the distances between neighbours along each side, in elements.
    pub strides: Id,
}

/// All values of a pickle.
///
/// Values refer to each other by their place, hence values may be shared and may contain themselves, and neither
/// sharing nor nesting costs anything when they are dropped.
pub(in crate::weights) struct Values<'a> {
    values: Vec<Value<'a>>,
    /// Values copied from one container to another one.
    copied: usize,
}

impl<'a> Values<'a> {
    /// The value for all that is skipped.
    pub(super) const SKIPPED: Id = Id(0);

    pub(super) fn new() -> Self {
        Self {
            values: vec![Value::Skipped],
            copied: 0,
        }
    }

    pub(super) fn add(&mut self, value: Value<'a>) -> Result<Id, WeightsError> {
        if matches!(value, Value::Skipped) {
            return Ok(Self::SKIPPED);
        }
        let place = self.values.len();
        check(place)?;
        let id = u32::try_from(place).map_err(|_| too_many())?;
        self.values.push(value);
        Ok(Id(id))
    }

    /// Permits to copy some values, as long as there are not too many in sum.
    pub(super) fn copy(&mut self, count: usize) -> Result<(), WeightsError> {
        self.copied = self.copied.saturating_add(count);
        check(self.copied)
    }

    pub(in crate::weights) fn get(&self, id: Id) -> &Value<'a> {
        // Only `add` makes places, and values are never removed.
        &self.values[id.0 as usize]
    }

    pub(super) fn get_mut(&mut self, id: Id) -> &mut Value<'a> {
        &mut self.values[id.0 as usize]
    }

    /// The items of a tuple; none for other values.
    pub(in crate::weights) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// An integer that is not negative; none for other values.
    pub(in crate::weights) fn count(&self, id: Id) -> Option<u64> {
        match self.get(id) {
            Value::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    pub(in crate::weights) fn text(&self, id: Id) -> Option<&'a str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// All storages that the pickle claims the file to hold.
    pub(in crate::weights) fn storages(&self) -> impl Iterator<Item = &Storage<'a>> {
        self.values.iter().filter_map(|value| match value {
            Value::Storage(storage) => Some(&**storage),
            _ => None,
        })
    }
}

/// Refuses one more value than the limit.
pub(super) fn check(present: usize) -> Result<(), WeightsError> {
    if present < LIMIT {
        Ok(())
    } else {
        Err(too_many())
    }
}

fn too_many() -> WeightsError {
    WeightsError::TooMany {
        what: "values",
        limit: LIMIT,
    }
}
