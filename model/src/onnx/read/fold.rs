//! Computes the nodes that do not depend on pixels: shapes, sizes, scales, and weights that are stored in parts.

mod arithmetic;
mod layout;

use burn::tensor::f16;

use super::error::{Problem, operand};
use super::node::{Node, Value};
use super::proto::{AttributeKind, ElementType};
use super::tensor::{Budget, Numbers, Tensor};

/// The results of a node whose inputs are known, or of which only the shape is asked; `None` for others.
pub(super) fn fold(node: &Node, budget: &mut Budget) -> Result<Option<Vec<Tensor>>, Problem> {
    let one = |tensor: Result<Tensor, Problem>| tensor.map(|tensor| Some(vec![tensor]));
    match node.operator() {
        "Constant" => return one(constant(node)),
        "Shape" => return one(shape(node)),
        "Size" => {
            let size = shape_of(node.input(0)?).iter().product::<usize>();
            return one(Ok(Tensor::ints(Vec::new(), vec![size as i64])));
        }
        _ => {}
    }
    let is_known = |value: &Option<Value>| !matches!(value, Some(Value::Maps(_)));
    if node.inputs.is_empty() || !node.inputs.iter().all(is_known) {
        return Ok(None);
    }
    match node.operator() {
        "Identity" => {
            let from = node.constant(0)?;
            budget.charge(from.len())?;
            one(Ok(from.as_ref().clone()))
        }
        "Cast" => one(cast(node, budget)),
        "Split" => layout::split(node, budget).map(Some),
        operator => match layout::layout(operator, node, budget)? {
            Some(tensor) => one(Ok(tensor)),
            None => match arithmetic::arithmetic(operator, node, budget)? {
                Some(tensor) => one(Ok(tensor)),
                None => Ok(None),
            },
        },
    }
}

fn constant(node: &Node) -> Result<Tensor, Problem> {
    let [attribute] = &node.proto.attribute[..] else {
        return Err(operand!("a constant has one attribute"));
    };
    Ok(match (&attribute.name[..], &attribute.t) {
        ("value", Some(tensor)) => {
            // It may have no name of its own, and errors need one.
            let mut tensor = tensor.clone();
            if tensor.name.is_empty() {
                tensor.name = node.name().to_string();
            }
            Tensor::read(&tensor)?
        }
        ("value_float", _) => Tensor::floats(Vec::new(), vec![attribute.f]),
        ("value_int", _) => Tensor::ints(Vec::new(), vec![attribute.i]),
        ("value_floats", _) => {
            Tensor::floats(vec![attribute.floats.len()], attribute.floats.clone())
        }
        ("value_ints", _) => Tensor::list(attribute.ints.clone()),
        _ => {
            let kind = AttributeKind::try_from(attribute.kind);
            return Err(Problem::attribute(
                "the value's kind",
                format!("{kind:?}"),
                "tensors and numbers",
            ));
        }
    })
}

fn shape_of(value: &Value) -> Vec<usize> {
    match value {
        Value::Constant(tensor) => tensor.dims.clone(),
        Value::Maps(view) => view.shape(),
    }
}

/// The dimensions from `start` to `end`, which both may count from the last one.
fn shape(node: &Node) -> Result<Tensor, Problem> {
    let dims = shape_of(node.input(0)?);
    let at = |name, default| {
        let at: i64 = node.int(name, default);
        let at = if at < 0 {
            at.saturating_add(dims.len() as i64)
        } else {
            at
        };
        at.clamp(0, dims.len() as i64) as usize
    };
    let (start, end) = (at("start", 0), at("end", dims.len() as i64));
    let range = dims.get(start..end).unwrap_or(&[]);
    Ok(Tensor::list(
        range.iter().map(|side| *side as i64).collect(),
    ))
}

fn cast(node: &Node, budget: &mut Budget) -> Result<Tensor, Problem> {
    let from = node.constant(0)?;
    budget.charge(from.len())?;
    let to = node.int("to", 0);
    let kind = i32::try_from(to)
        .ok()
        .and_then(|to| ElementType::try_from(to).ok());
    let floats = || from.to_floats();
    let numbers = match kind {
        Some(ElementType::Float | ElementType::Double | ElementType::Bfloat16) => {
            Numbers::Float(floats())
        }
        Some(ElementType::Float16) => {
            let round = |number: &f32| f16::from_f32(*number).to_f32();
            Numbers::Float(floats().iter().map(round).collect::<Vec<_>>().into())
        }
        Some(ElementType::Bool) => {
            Numbers::Int(floats().iter().map(|n| i64::from(*n != 0.0)).collect())
        }
        Some(ElementType::Int32 | ElementType::Int64) => match &from.numbers {
            Numbers::Int(numbers) => Numbers::Int(numbers.clone()),
            Numbers::Float(numbers) => Numbers::Int(numbers.iter().map(|n| *n as i64).collect()),
        },
        _ => {
            return Err(Problem::attribute(
                "to",
                to,
                "floats, booleans, and integers of 32 and 64 bits",
            ));
        }
    };
    Ok(Tensor {
        numbers,
        ..from.as_ref().clone()
    })
}
