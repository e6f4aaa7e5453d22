//! Names of parameters.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::error::{Problem, ReadError};
use super::layers::Weights;

/// Longest name that is kept, in bytes.
const MAX_NAME_BYTES: usize = 120;

/// The parameters of a graph, by names that its text form can hold.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    numbers: BTreeMap<String, Rc<Vec<f32>>>,
    /// Number of times that each name was taken, which is appended to make it unique.
    repeated: BTreeMap<String, usize>,
    /// The name of weights that several layers share, by their address.
    shared: BTreeMap<*const Vec<f32>, String>,
}

impl Parameters {
    /// Adds a layer's weights, and gives the name that they have here.
    pub(super) fn add(&mut self, weights: &Weights) -> Result<String, Problem> {
        let address = Rc::as_ptr(&weights.numbers);
        if let Some(name) = self.shared.get(&address) {
            return Ok(name.clone());
        }
        let name = self.unique(clean(&weights.name));
        if !weights.numbers.iter().all(|number| number.is_finite()) {
            return Err(ReadError::NotFinite(name).into());
        }
        self.shared.insert(address, name.clone());
        self.numbers.insert(name.clone(), weights.numbers.clone());
        Ok(name)
    }

    fn unique(&mut self, name: String) -> String {
        let mut candidate = name.clone();
        while self.numbers.contains_key(&candidate) {
            let count = self.repeated.entry(name.clone()).or_insert(1);
            *count += 1;
            candidate = format!("{name}_{count}");
        }
        candidate
    }

    pub(super) fn finish(self) -> BTreeMap<String, Vec<f32>> {
        drop(self.shared);
        let numbers = self.numbers.into_iter();
        numbers
            .map(|(name, numbers)| (name, Rc::unwrap_or_clone(numbers)))
            .collect()
    }
}

/// The name without the characters that separate words in a graph's text, nor others that few files have.
fn clean(name: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    let name: String = name
        .chars()
        .map(|c| if kept(c) { c } else { '_' })
        .take(MAX_NAME_BYTES)
        .collect();
    match name.is_empty() {
        true => "parameter".into(),
        false => name,
    }
}
