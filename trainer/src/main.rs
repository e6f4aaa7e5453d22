//! Trainer.
fn main(){}
