//! Operators that move and repeat values: reshapes, slices, concatenations.

use super::shapes::{axes, inserted, parts, removed, sliced, target_shape};
use crate::onnx::read::error::{Problem, operand};
use crate::onnx::read::layers::{MAX_CHANNELS, Op};
use crate::onnx::read::node::{Node, Value};
use crate::onnx::read::tensor::Budget;
use crate::onnx::read::trace::Tracer;
use crate::onnx::read::view::{CHANNELS, View};

/// Most channels, or times that they are repeated.
const MAX_REPEATS: i64 = MAX_CHANNELS as i64;

impl Tracer<'_> {
    pub(super) fn rearranged(&mut self, node: &Node) -> Result<Value, Problem> {
        let view = self.viewed(node.input(0)?)?;
        let shape = view.shape();
        let view = match node.operator() {
            "Transpose" => view.transposed(&axes(node, shape.len())?),
            "Squeeze" => view.reshaped(&removed(node, &shape)?)?,
            "Unsqueeze" => view.reshaped(&inserted(node, &shape)?)?,
            "Flatten" => {
                let axis = node.int("axis", 1).clamp(0, shape.len() as i64) as usize;
                let (rows, columns) = shape.split_at(axis);
                view.reshaped(&[rows.iter().product(), columns.iter().product()])?
            }
            _ => view.reshaped(&target_shape(node, &shape)?)?,
        };
        self.settled(view)
    }

    fn viewed(&self, value: &Value) -> Result<View, Problem> {
        match value {
            Value::Maps(view) => Ok(view.clone()),
            Value::Constant(_) => Ok(self.view(self.maps(value)?)),
        }
    }

    pub(super) fn slice(&mut self, node: &Node) -> Result<Value, Problem> {
        let mut view = self.viewed(node.input(0)?)?;
        for (axis, kept) in sliced_maps(node, &view.shape(), self.budget)? {
            if axis != CHANNELS {
                return Err(operand!(
                    "a slice of axis {axis} that keeps {} of {} entries is not supported, only slices of channels",
                    kept.len(),
                    view.shape()[axis]
                ));
            }
            let id = self.maps(&Value::Maps(view))?;
            self.budget.charge(kept.len())?;
            let picked = self.layers.pick(id, kept)?;
            view = self.view(picked);
        }
        Ok(Value::Maps(view))
    }

    pub(super) fn split(&mut self, node: &Node) -> Result<Vec<Value>, Problem> {
        let id = self.maps(node.input(0)?)?;
        let axis = node.axis(node.int("axis", 0), 4)?;
        if axis != CHANNELS {
            return Err(Problem::attribute("axis", axis, "1, the channels"));
        }
        let mut values = Vec::new();
        for range in parts(node, self.layers.shape(id)[0])? {
            self.budget.charge(range.len())?;
            let part = self.layers.pick(id, range.collect())?;
            values.push(self.value(part));
        }
        Ok(values)
    }

    pub(super) fn gather(&mut self, node: &Node) -> Result<Value, Problem> {
        let id = self.maps(node.input(0)?)?;
        let axis = node.axis(node.int("axis", 0), 4)?;
        if axis != CHANNELS {
            return Err(Problem::attribute("axis", axis, "1, the channels"));
        }
        let [channels, rows, columns] = self.layers.shape(id);
        let indices = node.constant(1)?;
        let picked = indices.to_ints()?.iter().map(|index| {
            let counted = if *index < 0 {
                index.saturating_add(channels as i64)
            } else {
                *index
            };
            let known = usize::try_from(counted)
                .ok()
                .filter(|index| *index < channels);
            known.ok_or_else(|| operand!("reads channel {index} of {channels}"))
        });
        let picked = picked.collect::<Result<Vec<_>, _>>()?;
        self.budget.charge(picked.len())?;
        let count = picked.len();
        let maps = self.layers.pick(id, picked)?;
        match indices.dims.len() {
            0 => self.settled(self.view(maps).reshaped(&[self.batch, rows, columns])?),
            1 => Ok(self.value(maps)),
            rank => Err(operand!(
                "gathers {count} channels by indices of {rank} dimensions"
            )),
        }
    }

    /// Repeats all entries of a dimension.
    pub(super) fn tile(&mut self, node: &Node) -> Result<Value, Problem> {
        let mut view = self.viewed(node.input(0)?)?;
        let repeats = node.constant(1)?.to_ints()?;
        let rank = view.shape().len();
        for (dim, times) in repeats.iter().enumerate() {
            view = match *times {
                times @ 1..=MAX_REPEATS if repeats.len() == rank => {
                    view.repeated(dim, times as usize)?
                }
                _ => {
                    let expected = "a number from 1 to 16384 per dimension";
                    return Err(Problem::attribute(
                        "repeats",
                        format!("{repeats:?}"),
                        expected,
                    ));
                }
            };
        }
        self.settled(view)
    }

    /// Repeats the entries of dimensions that have one.
    pub(super) fn expand(&mut self, node: &Node) -> Result<Value, Problem> {
        let view = self.viewed(node.input(0)?)?;
        let target = node.constant(1)?.to_ints()?;
        let old = view.shape();
        let refused = || operand!("cannot expand {old:?} to {target:?}");
        let further = target.len().saturating_sub(old.len());
        let shape = [vec![1; further], old.clone()].concat();
        let mut view = view.reshaped(&shape)?;
        let first = shape.len() - target.len();
        for (dim, side) in (first..).zip(target) {
            view = match *side {
                side if side == 1 || side == shape[dim] as i64 => view,
                1..=MAX_REPEATS if shape[dim] == 1 => view.repeated(dim, *side as usize)?,
                _ => return Err(refused()),
            };
        }
        self.settled(view)
    }

    pub(super) fn concat(&mut self, node: &Node) -> Result<Value, Problem> {
        let axis = node.axis(node.int("axis", 1), 4)?;
        if axis != CHANNELS {
            return Err(Problem::attribute("axis", axis, "1, the channels"));
        }
        let inputs = node.inputs.iter().flatten().map(|value| self.maps(value));
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        let [first, ..] = inputs[..] else {
            return Err(operand!("joins nothing"));
        };
        let [_, rows, columns] = self.layers.shape(first);
        let mut channels = 0;
        for id in &inputs {
            let [count, h, w] = self.layers.shape(*id);
            if [h, w] != [rows, columns] {
                return Err(operand!("joins maps of {columns}×{rows} and {w}×{h} px"));
            }
            channels += count;
        }
        let id = match inputs.len() {
            1 => first,
            _ => self
                .layers
                .push(Op::Concat(inputs), [channels, rows, columns])?,
        };
        Ok(self.value(id))
    }
}

/// The slices that drop or reorder something.
fn sliced_maps(
    node: &Node,
    from: &[usize],
    budget: &mut Budget,
) -> Result<Vec<(usize, Vec<usize>)>, Problem> {
    let mut slices = sliced(node, from, budget)?;
    slices.retain(|(axis, kept)| !kept.iter().copied().eq(0..from[*axis]));
    Ok(slices)
}
