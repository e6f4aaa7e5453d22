//! `trainer worker`: devices of other machines.

#[path = "../common/mod.rs"]
mod common;
mod fixture;
mod frames;
mod training;
