//! Fuzzing with random and damaged inputs; `cargo xtask fuzz` runs it.
//!
//! Most of this module depends on `engine` only; [`foreign`] and the targets of the program `fuzz` need Burn.

pub mod foreign;
pub mod graphs;
pub mod mutate;
pub mod record_file;
pub mod records;
pub mod round;
pub mod text;
