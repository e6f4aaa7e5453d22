//! A convolution of a whole batch, as in training.

use std::mem::MaybeUninit;

use crate::conv::FusedActivation;
use crate::conv::planes::Source;

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Images.
    pub batch: usize,
    /// Input channels.
    pub channels_in: usize,
    /// Output channels.
    pub channels_out: usize,
    /// Input rows.
    pub height: usize,
    /// Input columns.
    pub width: usize,
    /// Side of the kernel: odd.
    pub k: usize,
    /// Zeros around the input: 0, or k / 2 for an output of the input's size.
    pub padding: usize,
}

impl Shape {
    /// Rows and columns of the output.
    pub fn output(&self) -> [usize; 2] {
        [self.height, self.width].map(|side| side + 2 * self.padding + 1 - self.k)
    }

    pub(super) fn input_size(&self) -> usize {
        self.channels_in * self.height * self.width
    }

    /// The planes of one input image.
    pub(super) fn input_planes(&self, image: &[f32]) -> Source {
        Source {
            data: image.as_ptr(),
            row: self.width,
            plane: self.height * self.width,
        }
    }

    pub(super) fn output_size(&self) -> usize {
        let [rows, columns] = self.output();
        self.channels_out * rows * columns
    }

    pub(super) fn weights(&self) -> usize {
        self.channels_out * self.channels_in * self.k * self.k
    }
}

/// A convolution with its bias and activation.
#[derive(Clone, Copy, Debug)]
pub struct Convolution<'a> {
    /// The sizes.
    pub shape: Shape,
    /// `[out, in, k, k]`
    pub weight: &'a [f32],
    /// `[out]`
    pub bias: &'a [f32],
    /// Activation applied to the output.
    pub activation: FusedActivation<'a>,
}

impl Convolution<'_> {
    /// # Panics
    /// Where the shape makes no sense, or a slice is not as long as it says.
    pub(super) fn check(&self, x: &[f32]) {
        let shape = &self.shape;
        assert!(
            shape.k % 2 == 1 && shape.k <= 15,
            "kernels are odd and at most 15 wide"
        );
        assert!(shape.padding < shape.k, "more padding than kernel");
        let fits = |side: usize| side + 2 * shape.padding >= shape.k;
        assert!(
            fits(shape.height) && fits(shape.width),
            "the image is smaller than the kernel"
        );
        assert_eq!(x.len(), shape.batch * shape.input_size());
        assert_eq!(self.weight.len(), shape.weights());
        assert_eq!(self.bias.len(), shape.channels_out);
        if let FusedActivation::PRelu(slopes) = self.activation {
            assert_eq!(slopes.len(), shape.channels_out);
        }
    }
}

/// A pointer that threads may share: they write to different places behind it.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub(super) *mut f32);
// SAFETY: each job writes to the places of its own image or band only.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// A method, so that closures capture the wrapper and not the bare pointer.
    pub(super) fn get(self) -> *mut f32 {
        self.0
    }
}

/// A vector of `length` values that `fill` writes, every one of them.
pub(super) fn filled(length: usize, fill: impl FnOnce(&mut [MaybeUninit<f32>])) -> Vec<f32> {
    let mut values = Vec::with_capacity(length);
    fill(&mut values.spare_capacity_mut()[..length]);
    // SAFETY: `fill` has written all of them; zeroing first would cost a pass over memory.
    unsafe { values.set_len(length) };
    values
}
