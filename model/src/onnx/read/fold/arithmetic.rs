//! Arithmetic with constants.

use std::iter::repeat_n;

use crate::onnx::read::error::{Problem, operand};
use crate::onnx::read::node::Node;
use crate::onnx::read::tensor::{Budget, Numbers, Tensor, check_rank};

/// The result of an operator that computes each number of its own; `None` for others.
pub(super) fn arithmetic(
    operator: &str,
    node: &Node,
    budget: &mut Budget,
) -> Result<Option<Tensor>, Problem> {
    if let Some(function) = unary(operator) {
        let from = node.constant(0)?;
        budget.charge(from.len())?;
        let numbers = match &from.numbers {
            Numbers::Float(numbers) => {
                let numbers = numbers.iter().map(|n| function(f64::from(*n)) as f32);
                Numbers::Float(numbers.collect::<Vec<_>>().into())
            }
            // Integers of shapes are far below 2^53.
            Numbers::Int(numbers) => {
                Numbers::Int(numbers.iter().map(|n| function(*n as f64) as i64).collect())
            }
        };
        let dims = from.dims.clone();
        return Ok(Some(Tensor {
            name: String::new(),
            dims,
            numbers,
        }));
    }
    match operator {
        "Where" => {
            let [condition, a, b] =
                [0, 1, 2].map(|i| node.constant(i).map(|tensor| tensor.as_ref()));
            let (condition, a, b) = (condition?, a?, b?);
            let dims = broadcast(&broadcast(&condition.dims, &a.dims)?, &b.dims)?;
            let [condition, a, b] = [condition, a, b].map(|tensor| expanded(tensor, &dims, budget));
            let (condition, a, b) = (condition?, a?, b?);
            let chosen = condition.to_ints()?.iter().enumerate();
            Ok(Some(match (&a.numbers, &b.numbers) {
                (Numbers::Int(a), Numbers::Int(b)) => {
                    let chosen = chosen.map(|(i, first)| if *first != 0 { a[i] } else { b[i] });
                    Tensor::ints(dims, chosen.collect())
                }
                _ => {
                    let (a, b) = (a.to_floats(), b.to_floats());
                    let chosen = chosen.map(|(i, first)| if *first != 0 { a[i] } else { b[i] });
                    Tensor::floats(dims, chosen.collect())
                }
            }))
        }
        "Range" => range(node, budget).map(Some),
        _ if is_binary(operator) => {
            let mut all = node.constant(0)?.as_ref().clone();
            budget.charge(all.len())?;
            for i in 1..node.inputs.len() {
                all = binary(operator, &all, node.constant(i)?, budget)?;
            }
            Ok(Some(all))
        }
        _ => Ok(None),
    }
}

fn unary(operator: &str) -> Option<fn(f64) -> f64> {
    Some(match operator {
        "Neg" => |n| -n,
        "Abs" => f64::abs,
        "Floor" => f64::floor,
        "Ceil" => f64::ceil,
        "Round" => f64::round_ties_even,
        "Sqrt" => f64::sqrt,
        "Exp" => f64::exp,
        "Reciprocal" => f64::recip,
        "Not" => |n| f64::from(n == 0.0),
        _ => return None,
    })
}

fn is_binary(operator: &str) -> bool {
    const KNOWN: [&str; 15] = [
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Mod",
        "Pow",
        "Min",
        "Max",
        "Sum",
        "Equal",
        "Less",
        "LessOrEqual",
        "Greater",
        "GreaterOrEqual",
        "And",
    ];
    KNOWN.contains(&operator) || operator == "Or"
}

fn binary(operator: &str, a: &Tensor, b: &Tensor, budget: &mut Budget) -> Result<Tensor, Problem> {
    let dims = broadcast(&a.dims, &b.dims)?;
    let (a, b) = (expanded(a, &dims, budget)?, expanded(b, &dims, budget)?);
    let compared = |a: f64, b: f64| {
        Some(i64::from(match operator {
            "Equal" => a == b,
            "Less" => a < b,
            "LessOrEqual" => a <= b,
            "Greater" => a > b,
            "GreaterOrEqual" => a >= b,
            "And" => a != 0.0 && b != 0.0,
            "Or" => a != 0.0 || b != 0.0,
            _ => return None,
        }))
    };
    if let (Numbers::Int(a), Numbers::Int(b)) = (&a.numbers, &b.numbers) {
        let pairs = a.iter().zip(b);
        let numbers = pairs.map(|(a, b)| {
            compared(*a as f64, *b as f64)
                .or_else(|| integer(operator, *a, *b))
                .ok_or_else(|| operand!("cannot compute {operator} of {a} and {b} in 64 bits"))
        });
        return Ok(Tensor::ints(dims, numbers.collect::<Result<_, _>>()?));
    }
    let (a, b) = (a.to_floats(), b.to_floats());
    let pairs = || {
        a.iter()
            .zip(b.iter())
            .map(|(a, b)| (f64::from(*a), f64::from(*b)))
    };
    if let Some(numbers) = pairs()
        .map(|(a, b)| compared(a, b))
        .collect::<Option<Vec<i64>>>()
        && !numbers.is_empty()
    {
        return Ok(Tensor::ints(dims, numbers));
    }
    Ok(Tensor::floats(
        dims,
        pairs().map(|(a, b)| float(operator, a, b) as f32).collect(),
    ))
}

fn integer(operator: &str, a: i64, b: i64) -> Option<i64> {
    match operator {
        "Add" | "Sum" => a.checked_add(b),
        "Sub" => a.checked_sub(b),
        "Mul" => a.checked_mul(b),
        "Div" => a.checked_div(b),
        // The sign of the divisor, as in Python.
        "Mod" => {
            let rest = a.checked_rem(b)?;
            Some(if rest != 0 && (rest < 0) != (b < 0) {
                rest + b
            } else {
                rest
            })
        }
        "Pow" => a.checked_pow(u32::try_from(b).ok()?),
        "Min" => Some(a.min(b)),
        "Max" => Some(a.max(b)),
        _ => None,
    }
}

fn float(operator: &str, a: f64, b: f64) -> f64 {
    match operator {
        "Add" | "Sum" => a + b,
        "Sub" => a - b,
        "Mul" => a * b,
        "Div" => a / b,
        "Mod" => a % b,
        "Pow" => a.powf(b),
        "Min" => a.min(b),
        _ => a.max(b),
    }
}

/// The dimensions of two tensors that are expanded to each other's.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, Problem> {
    let rank = a.len().max(b.len());
    check_rank(rank)?;
    let padded = |dims: &[usize]| -> Vec<usize> {
        repeat_n(1, rank - dims.len())
            .chain(dims.iter().copied())
            .collect()
    };
    let sides = padded(a).into_iter().zip(padded(b));
    let sides = sides.map(|(x, y)| match (x, y) {
        (1, side) | (side, 1) => Ok(side),
        (x, y) if x == y => Ok(x),
        _ => Err(operand!("the shapes {a:?} and {b:?} do not fit")),
    });
    sides.collect()
}

/// A tensor repeated along the dimensions in which it has one entry.
pub(super) fn expanded(
    from: &Tensor,
    dims: &[usize],
    budget: &mut Budget,
) -> Result<Tensor, Problem> {
    let count = budget.charge_product(dims)?;
    if from.dims == dims {
        return Ok(from.clone());
    }
    let missing = dims.len() - from.dims.len().min(dims.len());
    let source = |mut index: usize| {
        let (mut at, mut step) = (0, 1);
        for (axis, side) in dims.iter().enumerate().skip(missing).rev() {
            let own = from.dims[axis - missing];
            if own != 1 {
                at += index % side * step;
            }
            index /= side;
            step *= own;
        }
        at
    };
    Ok(from.pick(dims.to_vec(), (0..count).map(source)))
}

fn range(node: &Node, budget: &mut Budget) -> Result<Tensor, Problem> {
    let bound = |i: usize| -> Result<f64, Problem> {
        Ok(match &node.constant(i)?.numbers {
            Numbers::Int(numbers) if numbers.len() == 1 => numbers[0] as f64,
            _ => f64::from(node.constant(i)?.scalar()?),
        })
    };
    let (start, limit, step) = (bound(0)?, bound(1)?, bound(2)?);
    let count = ((limit - start) / step).ceil();
    if !(count.is_finite() && step != 0.0) {
        return Err(operand!(
            "has no range from {start} to {limit} in steps of {step}"
        ));
    }
    // A conversion of floats saturates.
    let count = count.max(0.0) as usize;
    budget.charge(count)?;
    let numbers = (0..count).map(|i| start + i as f64 * step);
    Ok(match &node.constant(0)?.numbers {
        Numbers::Int(_) => Tensor::list(numbers.map(|n| n as i64).collect()),
        Numbers::Float(_) => Tensor::floats(vec![count], numbers.map(|n| n as f32).collect()),
    })
}
