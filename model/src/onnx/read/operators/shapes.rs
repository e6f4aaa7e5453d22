//! Shapes and ranges that operators ask for, of constants as well as of feature maps.

use std::ops::Range;

use crate::onnx::read::error::{Problem, operand};
use crate::onnx::read::node::Node;
use crate::onnx::read::tensor::{Budget, check_rank};

/// The shape that a reshape asks for: 0 stands for the old side, and −1 for what is left.
pub(in crate::onnx::read) fn target_shape(
    node: &Node,
    from: &[usize],
) -> Result<Vec<usize>, Problem> {
    let shape = node.list(1, "shape")?;
    let shape = shape.ok_or_else(|| operand!("has no shape"))?;
    let refused = || operand!("cannot reshape {from:?} to {shape:?}");
    let keeps_zeros = node.int("allowzero", 0) != 0;
    let side = |(axis, side): (usize, &i64)| match side {
        -1 => Ok(1),
        0 if !keeps_zeros => from.get(axis).copied().ok_or_else(refused),
        side => usize::try_from(*side).map_err(|_| refused()),
    };
    let mut sides = shape
        .iter()
        .enumerate()
        .map(side)
        .collect::<Result<Vec<_>, _>>()?;
    let mut open = shape.iter().enumerate().filter(|(_, side)| **side == -1);
    if let Some((axis, _)) = open.next() {
        let known = sides
            .iter()
            .try_fold(1usize, |all, side| all.checked_mul(*side));
        let total: usize = from.iter().product();
        let known = known.filter(|known| *known > 0 && total.is_multiple_of(*known));
        sides[axis] = total / known.ok_or_else(refused)?;
    }
    match open.next() {
        None => Ok(sides),
        Some(_) => Err(refused()),
    }
}

/// The order of dimensions that a transpose asks for.
pub(in crate::onnx::read) fn axes(node: &Node, rank: usize) -> Result<Vec<usize>, Problem> {
    let Some(order) = node.ints("perm") else {
        return Ok((0..rank).rev().collect());
    };
    let axes = order
        .iter()
        .map(|axis| node.axis(*axis, rank))
        .collect::<Result<Vec<_>, _>>()?;
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    match sorted.into_iter().eq(0..rank) {
        true => Ok(axes),
        false => Err(operand!("{order:?} is no order of {rank} dimensions")),
    }
}

/// A shape with further dimensions of length 1.
pub(in crate::onnx::read) fn inserted(node: &Node, from: &[usize]) -> Result<Vec<usize>, Problem> {
    let axes = node
        .list(1, "axes")?
        .ok_or_else(|| operand!("has no axes"))?;
    let rank = from.len() + axes.len();
    check_rank(rank)?;
    let axes = axes
        .iter()
        .map(|axis| node.axis(*axis, rank))
        .collect::<Result<Vec<_>, _>>()?;
    let mut old = from.iter();
    let side = |axis| match axes.contains(&axis) {
        true => 1,
        false => old.next().copied().unwrap_or(1),
    };
    Ok((0..rank).map(side).collect())
}

/// A shape without dimensions of length 1.
pub(in crate::onnx::read) fn removed(node: &Node, from: &[usize]) -> Result<Vec<usize>, Problem> {
    let axes = match node.list(1, "axes")? {
        Some(axes) => axes
            .iter()
            .map(|axis| node.axis(*axis, from.len()))
            .collect::<Result<_, _>>()?,
        None => (0..from.len())
            .filter(|axis| from[*axis] == 1)
            .collect::<Vec<_>>(),
    };
    if let Some(axis) = axes.iter().find(|axis| from[**axis] != 1) {
        return Err(operand!("cannot drop axis {axis} of {from:?}"));
    }
    let kept = from
        .iter()
        .enumerate()
        .filter(|(axis, _)| !axes.contains(axis));
    Ok(kept.map(|(_, side)| *side).collect())
}

/// The ranges into which a side is split.
pub(in crate::onnx::read) fn parts(node: &Node, side: usize) -> Result<Vec<Range<usize>>, Problem> {
    let lengths = match node.list(1, "split")? {
        Some(lengths) => lengths,
        None => {
            let count = node.int("num_outputs", node.proto.output.len() as i64);
            let count = usize::try_from(count)
                .ok()
                .filter(|count| (1..=side).contains(count));
            let count =
                count.ok_or_else(|| operand!("cannot split {side} entries into its outputs"))?;
            let each = side.div_ceil(count);
            (0..count)
                .map(|i| each.min(side.saturating_sub(i * each)) as i64)
                .collect()
        }
    };
    let mut start = 0usize;
    let mut ranges = Vec::new();
    for length in &lengths {
        let end = usize::try_from(*length)
            .ok()
            .and_then(|length| start.checked_add(length));
        let end = end.filter(|end| *end <= side);
        let end = end.ok_or_else(|| operand!("cannot split {side} entries into {lengths:?}"))?;
        ranges.push(start..end);
        start = end;
    }
    match start == side {
        true => Ok(ranges),
        false => Err(operand!("cannot split {side} entries into {lengths:?}")),
    }
}

/// The axes of a slice, and the entries that it keeps of each.
pub(in crate::onnx::read) fn sliced(
    node: &Node,
    from: &[usize],
    budget: &mut Budget,
) -> Result<Vec<(usize, Vec<usize>)>, Problem> {
    let list = |i, name| Ok::<_, Problem>(node.list(i, name)?.unwrap_or_default());
    let (starts, ends) = (list(1, "starts")?, list(2, "ends")?);
    let axes = node
        .list(3, "axes")?
        .unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = node
        .list(4, "steps")?
        .unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(operand!(
            "has starts, ends, axes and steps of different lengths"
        ));
    }
    check_rank(starts.len())?;
    let mut sliced = Vec::new();
    for (i, axis) in axes.iter().enumerate() {
        let axis = node.axis(*axis, from.len())?;
        let (side, step) = (from[axis] as i64, steps[i]);
        let counted = |at: i64| if at < 0 { at.saturating_add(side) } else { at };
        let (start, end) = (counted(starts[i]), counted(ends[i]));
        let step_by = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
        budget.charge(from[axis])?;
        let kept: Vec<usize> = match step {
            0 => return Err(Problem::attribute("steps", step, "other steps")),
            1.. => {
                let range = start.clamp(0, side) as usize..end.clamp(0, side) as usize;
                range.step_by(step_by).collect()
            }
            _ => {
                // From `start` down to the entry after `end`.
                let range = (end.clamp(-1, side - 1) + 1) as usize
                    ..(start.clamp(-1, side - 1) + 1) as usize;
                range.rev().step_by(step_by).collect()
            }
        };
        sliced.push((axis, kept));
    }
    Ok(sliced)
}
