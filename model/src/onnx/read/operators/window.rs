//! How a kernel moves over an image.

use crate::onnx::read::error::{Problem, operand};
use crate::onnx::read::node::Node;
use crate::onnx::read::taps::Axis;

/// Largest stride, dilation, padding and side of a kernel.
pub(super) const MAX_STRIDE: i64 = 16;
const MAX_DILATION: i64 = 63;
const MAX_PAD_PX: i64 = 504;
const MAX_TAPS: usize = 63;

/// How a kernel moves over the image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Rows and columns of the kernel.
    pub(super) taps: [usize; 2],
    pub(super) stride: usize,
    pub(super) dilation: [usize; 2],
    /// Pixels above, to the left, below and to the right.
    pub(super) pads: [usize; 4],
}

impl Window {
    /// Reads the attributes that convolutions and pools share, for a kernel and an image of these rows and columns.
    pub(super) fn of(node: &Node, taps: [usize; 2], image: [usize; 2]) -> Result<Self, Problem> {
        if taps.iter().any(|taps| !(1..=MAX_TAPS).contains(taps)) {
            return Err(operand!(
                "its kernel has {taps:?} taps, 1 to {MAX_TAPS} are possible"
            ));
        }
        let pair = |name, max, expected| match node.ints(name) {
            None => Ok([1, 1]),
            Some(&[rows, columns]) if [rows, columns].iter().all(|n| (1..=max).contains(n)) => {
                Ok([rows as usize, columns as usize])
            }
            Some(other) => Err(Problem::attribute(name, format!("{other:?}"), expected)),
        };
        let strides = pair("strides", MAX_STRIDE, "two numbers from 1 to 16")?;
        let dilation = pair("dilations", MAX_DILATION, "two numbers from 1 to 63")?;
        if strides[0] != strides[1] {
            return Err(Problem::attribute(
                "strides",
                format!("{strides:?}"),
                "equal strides",
            ));
        }
        let [stride, _] = strides;
        let pads = match node.ints("pads") {
            None => [0; 4],
            Some(&[top, left, bottom, right])
                if [top, left, bottom, right]
                    .iter()
                    .all(|pad| (0..=MAX_PAD_PX).contains(pad)) =>
            {
                [top, left, bottom, right].map(|pad| pad as usize)
            }
            Some(other) => {
                let expected = "four numbers from 0 to 504";
                return Err(Problem::attribute("pads", format!("{other:?}"), expected));
            }
        };
        // The padding along an axis for a result of ⌈side / stride⌉ pixels.
        let total = |axis: usize| {
            let reached =
                (image[axis].div_ceil(stride) - 1) * stride + dilation[axis] * (taps[axis] - 1) + 1;
            reached.saturating_sub(image[axis])
        };
        let [rows, columns] = [total(0), total(1)];
        let pads = match &node.word("auto_pad", "NOTSET")[..] {
            "NOTSET" => pads,
            "VALID" => [0; 4],
            "SAME_UPPER" => [rows / 2, columns / 2, rows.div_ceil(2), columns.div_ceil(2)],
            "SAME_LOWER" => [rows.div_ceil(2), columns.div_ceil(2), rows / 2, columns / 2],
            other => {
                let expected = "NOTSET, VALID, SAME_UPPER and SAME_LOWER";
                return Err(Problem::attribute("auto_pad", other, expected));
            }
        };
        Ok(Self {
            taps,
            stride,
            dilation,
            pads,
        })
    }

    /// Along one axis, with another padding before the image.
    pub(super) fn axis(&self, axis: usize, pad: usize) -> Axis {
        Axis {
            taps: self.taps[axis],
            dilation: self.dilation[axis],
            pad,
        }
    }

    /// Pixels from the first tap to the last one.
    pub(super) fn span(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.taps[axis] - 1)
    }
}
