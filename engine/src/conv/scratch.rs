//! Memory that convolutions need beside their input and output.

/// Buffers that convolutions use one after the other; they grow to the largest one's size.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// Positions of the input.
    pub(super) input: Vec<f32>,
    /// Positions of the output.
    pub(super) output: Vec<f32>,
}
