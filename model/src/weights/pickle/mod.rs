//! A machine for the pickles of `torch.save`.
//!
//! A pickle is a program for a stack machine. Python's machine calls any function that a pickle names; this one
//! knows the functions that make tensors and dictionaries ([`global::Global`]) and runs nothing. Protocols 1…5
//! are read; protocol 0 cannot name a storage, so that PyTorch does not read its own files of that protocol.

mod call;
mod global;
mod input;
mod machine;
mod opcodes;
mod value;

pub(super) use machine::{Pickle, read};
pub(super) use value::{Id, LIMIT, Tensor, Value, Values};
