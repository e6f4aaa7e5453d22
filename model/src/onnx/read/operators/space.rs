//! Pixel shuffles and paddings.

use engine::graph::Border;

use crate::onnx::read::error::{Problem, operand};
use crate::onnx::read::layers::Op;
use crate::onnx::read::node::{Node, Value};
use crate::onnx::read::trace::Tracer;

/// Largest factor of a pixel shuffle.
const MAX_SCALE: i64 = 16;

/// Widest padding, in pixels.
const MAX_PAD_PX: i64 = 504;

impl Tracer<'_> {
    pub(super) fn depth_to_space(&mut self, node: &Node) -> Result<Value, Problem> {
        let id = self.maps(node.input(0)?)?;
        let s = block(node)?;
        let [channels, ..] = self.layers.shape(id);
        if !channels.is_multiple_of(s * s) {
            return Err(operand!(
                "{} does not divide its {channels} channels",
                s * s
            ));
        }
        let maps = channels / (s * s);
        self.budget.charge(channels)?;
        let picked = match &node.word("mode", "DCR")[..] {
            "CRD" => (0..channels).collect(),
            // Map (i·s + j)·maps + c becomes pixel (i, j) of channel c.
            "DCR" => (0..channels)
                .map(|map| map % (s * s) * maps + map / (s * s))
                .collect(),
            other => return Err(Problem::attribute("mode", other, "DCR and CRD")),
        };
        let picked = self.layers.pick(id, picked)?;
        let id = self.layers.shuffle(picked, s)?;
        Ok(self.value(id))
    }

    /// The result's map (i·s + j)·channels + c is pixel (i, j) of channel c.
    pub(super) fn space_to_depth(&mut self, node: &Node) -> Result<Value, Problem> {
        let id = self.maps(node.input(0)?)?;
        let s = block(node)?;
        let [channels, ..] = self.layers.shape(id);
        let count = self.budget.charge_product(&[channels, s * s])?;
        let phases = self.layers.unshuffle(id, s)?;
        let picked = (0..count).map(|map| map % channels * s * s + map / channels);
        let id = self.layers.pick(phases, picked.collect())?;
        Ok(self.value(id))
    }

    pub(super) fn pad(&mut self, node: &Node) -> Result<Value, Problem> {
        let id = self.maps(node.input(0)?)?;
        let pads = node
            .list(1, "pads")?
            .ok_or_else(|| operand!("has no pads"))?;
        let axes = node.list(3, "")?.unwrap_or_else(|| (0..4).collect());
        let fits = |count: usize| count.checked_mul(2) == Some(pads.len());
        if !fits(axes.len()) {
            return Err(operand!("has {} pads for {} axes", pads.len(), axes.len()));
        }
        // Above, to the left, below and to the right.
        let mut sides = [0; 4];
        for (i, axis) in axes.iter().enumerate() {
            let axis = node.axis(*axis, 4)?;
            for (end, pad) in [pads[i], pads[i + axes.len()]].into_iter().enumerate() {
                match (pad, axis.checked_sub(2)) {
                    (0, _) => {}
                    (1..=MAX_PAD_PX, Some(side)) => sides[2 * end + side] = pad as usize,
                    _ => {
                        let expected = "0 to 504 px of rows and columns";
                        return Err(Problem::attribute("pads", format!("{pads:?}"), expected));
                    }
                }
            }
        }
        if sides == [0; 4] {
            return Ok(self.value(id));
        }
        let border = match &node.word("mode", "constant")[..] {
            "constant" => {
                let value = match node.optional_constant(2)? {
                    Some(value) => value.scalar()?,
                    None => node.float("value", 0.0),
                };
                if value != 0.0 {
                    return Err(Problem::attribute("the padding's value", value, "0"));
                }
                None
            }
            "edge" => Some(Border::Replicate),
            "reflect" => Some(Border::Reflect),
            other => {
                return Err(Problem::attribute(
                    "mode",
                    other,
                    "constant, edge and reflect",
                ));
            }
        };
        let [top, left, bottom, right] = sides;
        let [channels, rows, columns] = self.layers.shape(id);
        let shape = [channels, rows + top + bottom, columns + left + right];
        let input = id;
        let id = self.layers.push(
            Op::Pad {
                input,
                sides,
                border,
            },
            shape,
        )?;
        Ok(self.value(id))
    }
}

fn block(node: &Node) -> Result<usize, Problem> {
    match node.int("blocksize", 0) {
        size @ 1..=MAX_SCALE => Ok(size as usize),
        size => Err(Problem::attribute("blocksize", size, "1 to 16")),
    }
}
