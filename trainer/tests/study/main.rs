//! The command `study`.

mod fixture;
mod making;
mod people;
mod reporting;
mod statistics;
