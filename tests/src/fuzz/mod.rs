//! Random and damaged inputs: `cargo xtask fuzz` runs them in numbers.
//!
//! This module needs nothing but `engine`; the program `fuzz` adds the targets that need Burn.

pub mod graphs;
pub mod mutate;
pub mod record_file;
pub mod records;
pub mod round;
pub mod text;
