//! The tensors of a file.

use std::collections::BTreeMap;

use super::ImportError;
use crate::weights::{self, Element};

/// A tensor's shape and values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    /// Its sides.
    pub shape: Vec<usize>,
    /// Its values, row by row.
    pub values: Vec<f32>,
}

/// Tensors by their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors(BTreeMap<String, Tensor>);

impl FromIterator<(String, Tensor)> for Tensors {
    fn from_iter<T: IntoIterator<Item = (String, Tensor)>>(tensors: T) -> Self {
        Self(tensors.into_iter().collect())
    }
}

/// Dictionaries in which training programs keep a network, the better one first, and what wrappers of networks put
/// before names.
const PREFIXES: [&str; 8] = [
    "params_ema.",
    "params.",
    "state_dict.",
    "model_state_dict.",
    "net_g.",
    "generator.",
    "model.",
    "module.",
];

impl Tensors {
    /// All tensors of a file of weights; those of other types than numbers of half, single or double precision, such as
    /// counters, are left out.
    pub fn read(bytes: &[u8]) -> Result<Self, ImportError> {
        let stored = weights::read(bytes)?.into_iter();
        let numbers = stored.filter(|stored| !matches!(stored.element, Element::Other(_)));
        let tensors = numbers.map(|stored| {
            let (values, shape) = (stored.values()?, stored.shape);
            Ok((stored.name, Tensor { shape, values }))
        });
        tensors.collect()
    }

    /// Removes and returns a tensor that a network needs.
    pub(super) fn take(&mut self, name: &str) -> Result<Tensor, ImportError> {
        let tensor = self.0.remove(name);
        tensor.ok_or_else(|| ImportError::Missing(name.into()))
    }

    /// The shape of a tensor, if there is one of this name and with so many sides.
    pub(super) fn shape<const N: usize>(&self, name: &str) -> Option<[usize; N]> {
        let tensor = self.0.get(name)?;
        tensor.shape.as_slice().try_into().ok()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The number of different N in names that begin with `before`, `N` and `after`.
    pub(super) fn count(&self, before: &str, after: &str) -> usize {
        (0..)
            .take_while(|n| {
                let start = format!("{before}{n}{after}");
                let mut from = self.0.range(start.clone()..);
                from.next()
                    .is_some_and(|(name, _)| name.starts_with(&start))
            })
            .count()
    }

    /// The tensors whose names have one of the prefixes, without it; `None` if no name has one.
    pub(super) fn without_prefix(self) -> Option<Self> {
        let has = |prefix: &&&str| self.names().any(|name| name.starts_with(**prefix));
        let prefix = PREFIXES.iter().find(has)?;
        let inner = self.0.into_iter().filter_map(|(name, tensor)| {
            let name = name.strip_prefix(prefix)?.to_string();
            Some((name, tensor))
        });
        Some(inner.collect())
    }
}
