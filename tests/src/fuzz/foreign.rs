//! Damaged files of other projects' weights: each one has to be imported or refused, without a panic.

use burn::tensor::Device;
use engine::reference::random::Random;
use model::import::{ImportOptions, import};

use super::mutate;
use super::round::Target;

/// Bytes at the start and at the end of a file that hold its tables.
const TABLE_BYTES: usize = 1500;

/// Files of one format.
pub struct Foreign {
    /// Name of the format.
    pub name: &'static str,
    /// Files that can be imported.
    pub files: Vec<Vec<u8>>,
}

impl Target for Foreign {
    fn name(&self) -> &'static str {
        self.name
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let file = |random: &mut Random| self.files[random.below(self.files.len())].clone();
        let (mut bytes, other) = (file(random), file(random));
        let length = bytes.len().min(TABLE_BYTES);
        // The tables are a small part of most files.
        match random.below(3) {
            0 => {
                let rest = bytes.split_off(length);
                mutate::bytes(random, &mut bytes, &other[..other.len().min(length)]);
                bytes.extend(rest);
            }
            1 => {
                let mut end = bytes.split_off(bytes.len() - length);
                let from = other.len().saturating_sub(length);
                mutate::bytes(random, &mut end, &other[from..]);
                bytes.extend(end);
            }
            _ => mutate::bytes(random, &mut bytes, &other),
        }
        bytes
    }

    fn run(&self, input: &[u8]) -> Result<(), String> {
        match import(input, &ImportOptions::default(), &Device::flex()) {
            Ok(imported) => drop(imported.network(&Device::flex()).plan()),
            Err(error) => drop(error.to_string()),
        }
        Ok(())
    }
}
