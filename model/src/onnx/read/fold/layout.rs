//! Constants cut, joined and reshaped.

use super::arithmetic::{broadcast, expanded};
use crate::onnx::read::error::{Problem, operand};
use crate::onnx::read::node::{Node, Value};
use crate::onnx::read::operators::shapes::{axes, inserted, parts, removed, sliced, target_shape};
use crate::onnx::read::proto;
use crate::onnx::read::tensor::{Budget, Numbers, Tensor, check_rank, product};

/// The result of an operator that moves numbers; `None` for others.
pub(super) fn layout(
    operator: &str,
    node: &Node,
    budget: &mut Budget,
) -> Result<Option<Tensor>, Problem> {
    let mut reshaped = |dims: Vec<usize>| -> Result<Tensor, Problem> {
        check_rank(dims.len())?;
        let from = node.constant(0)?.as_ref();
        budget.charge(from.len())?;
        match product(&dims) == Some(from.len()) {
            true => Ok(Tensor {
                dims,
                ..from.clone()
            }),
            false => Err(operand!("cannot reshape {:?} to {dims:?}", from.dims)),
        }
    };
    let dims = || Ok::<_, Problem>(node.constant(0)?.dims.clone());
    let tensor = match operator {
        "Reshape" => reshaped(target_shape(node, &dims()?)?)?,
        "Flatten" => {
            let dims = dims()?;
            let axis = node.int("axis", 1).clamp(0, dims.len() as i64) as usize;
            let (rows, columns) = dims.split_at(axis);
            reshaped(vec![rows.iter().product(), columns.iter().product()])?
        }
        "Unsqueeze" => reshaped(inserted(node, &dims()?)?)?,
        "Squeeze" => reshaped(removed(node, &dims()?)?)?,
        "Transpose" => transpose(node, budget)?,
        "Expand" => {
            let from = node.constant(0)?;
            let shape = sides(node.constant(1)?.to_ints()?)?;
            let dims = broadcast(&from.dims, &shape)?;
            expanded(from, &dims, budget)?
        }
        "ConstantOfShape" => constant_of_shape(node, budget)?,
        "Gather" => {
            let from = node.constant(0)?;
            let indices = node.constant(1)?;
            let axis = node.axis(node.int("axis", 0), from.dims.len())?;
            let side = from.dims[axis];
            let picked = indices.to_ints()?.iter().map(|index| {
                let counted = if *index < 0 {
                    index.saturating_add(side as i64)
                } else {
                    *index
                };
                usize::try_from(counted)
                    .ok()
                    .filter(|index| *index < side)
                    .ok_or_else(|| operand!("reads entry {index} of {side}"))
            });
            let picked = picked.collect::<Result<Vec<usize>, _>>()?;
            let mut dims = from.dims.clone();
            dims.splice(axis..=axis, indices.dims.iter().copied());
            check_rank(dims.len())?;
            Tensor {
                dims,
                ..taken(from, axis, &picked, budget)?
            }
        }
        "Slice" => {
            let mut tensor = node.constant(0)?.as_ref().clone();
            budget.charge(tensor.len())?;
            for (axis, picked) in sliced(node, &tensor.dims, budget)? {
                tensor = taken(&tensor, axis, &picked, budget)?;
            }
            tensor
        }
        "Concat" => concat(node, budget)?,
        _ => return Ok(None),
    };
    Ok(Some(tensor))
}

pub(super) fn split(node: &Node, budget: &mut Budget) -> Result<Vec<Tensor>, Problem> {
    let from = node.constant(0)?;
    let axis = node.axis(node.int("axis", 0), from.dims.len())?;
    let ranges = parts(node, from.dims[axis])?.into_iter();
    let part = |range: std::ops::Range<usize>| {
        budget.charge(range.len())?;
        taken(from, axis, &range.collect::<Vec<_>>(), budget)
    };
    ranges.map(part).collect()
}

/// The entries `picked` along an axis.
fn taken(
    from: &Tensor,
    axis: usize,
    picked: &[usize],
    budget: &mut Budget,
) -> Result<Tensor, Problem> {
    let mut dims = from.dims.clone();
    dims[axis] = picked.len();
    budget.charge_product(&dims)?;
    let side = from.dims[axis];
    let inner: usize = from.dims[axis + 1..].iter().product();
    let outer: usize = from.dims[..axis].iter().product();
    let rows =
        (0..outer).flat_map(|outer| picked.iter().map(move |at| (outer * side + at) * inner));
    Ok(from.pick(dims, rows.flat_map(|row| row..row + inner)))
}

fn sides(numbers: &[i64]) -> Result<Vec<usize>, Problem> {
    check_rank(numbers.len())?;
    let side =
        |side: &i64| usize::try_from(*side).map_err(|_| operand!("{side} is no side of a shape"));
    numbers.iter().map(side).collect()
}

fn transpose(node: &Node, budget: &mut Budget) -> Result<Tensor, Problem> {
    let from = node.constant(0)?;
    budget.charge(from.len())?;
    let order = axes(node, from.dims.len())?;
    let dims: Vec<usize> = order.iter().map(|axis| from.dims[*axis]).collect();
    let step = |axis: &usize| from.dims[axis + 1..].iter().product::<usize>();
    let steps: Vec<usize> = order.iter().map(step).collect();
    let source = |mut index: usize| {
        let mut at = 0;
        for (side, step) in dims.iter().zip(&steps).rev() {
            at += index % side * step;
            index /= side;
        }
        at
    };
    Ok(from.pick(dims.clone(), (0..from.len()).map(source)))
}

fn constant_of_shape(node: &Node, budget: &mut Budget) -> Result<Tensor, Problem> {
    let dims = sides(node.constant(0)?.to_ints()?)?;
    let count = budget.charge_product(&dims)?;
    let value = node
        .attribute("value")
        .and_then(|value: &proto::Attribute| value.t.as_ref());
    let Some(value) = value else {
        return Ok(Tensor::floats(dims, vec![0.0; count]));
    };
    let value = Tensor::read(value)?;
    match (value.len(), &value.numbers) {
        (1, Numbers::Int(numbers)) => Ok(Tensor::ints(dims, vec![numbers[0]; count])),
        (1, Numbers::Float(numbers)) => Ok(Tensor::floats(dims, vec![numbers[0]; count])),
        _ => Err(operand!("its value has {} numbers, not one", value.len())),
    }
}

fn concat(node: &Node, budget: &mut Budget) -> Result<Tensor, Problem> {
    let first = node.constant(0)?;
    let axis = node.axis(node.int("axis", 1), first.dims.len())?;
    let mut tensors = Vec::new();
    for value in node.inputs.iter().flatten() {
        if let Value::Constant(tensor) = value {
            let (mut a, mut b) = (tensor.dims.clone(), first.dims.clone());
            let fits = a.len() == b.len() && {
                (a[axis], b[axis]) = (0, 0);
                a == b
            };
            if !fits {
                return Err(operand!(
                    "cannot join {:?} and {:?}",
                    first.dims,
                    tensor.dims
                ));
            }
            tensors.push(tensor);
        }
    }
    let side: usize = tensors.iter().map(|tensor| tensor.dims[axis]).sum();
    let mut dims = first.dims.clone();
    dims[axis] = side;
    let count = budget.charge_product(&dims)?;
    let outer: usize = first.dims[..axis].iter().product();
    let parts = (0..outer).flat_map(|row| {
        tensors.iter().map(move |tensor| {
            let each = tensor.len() / outer.max(1);
            (tensor, row * each..(row + 1) * each)
        })
    });
    if tensors
        .iter()
        .all(|tensor| matches!(tensor.numbers, Numbers::Int(_)))
    {
        let mut all = Vec::with_capacity(count);
        for (tensor, range) in parts {
            all.extend_from_slice(&tensor.to_ints()?[range]);
        }
        return Ok(Tensor::ints(dims, all));
    }
    let floats: Vec<_> = tensors.iter().map(|tensor| tensor.to_floats()).collect();
    let mut all = Vec::with_capacity(count);
    for row in 0..outer {
        for numbers in &floats {
            let each = numbers.len() / outer;
            all.extend_from_slice(&numbers[row * each..(row + 1) * each]);
        }
    }
    Ok(Tensor::floats(dims, all))
}
