//! Fuzzing with random and damaged inputs; `cargo xtask fuzz` runs it.
//!
//! This module depends on `engine` only; the program `fuzz` adds the targets that need Burn.

pub mod graphs;
pub mod mutate;
pub mod record_file;
pub mod records;
pub mod round;
pub mod text;
