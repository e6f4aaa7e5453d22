//! Arithmetic with feature maps and constants.

use engine::graph::Term;

use super::activation::clamp;
use crate::onnx::read::error::{Problem, operand};
use crate::onnx::read::layers::{Id, Op, Weights};
use crate::onnx::read::node::{Node, Value};
use crate::onnx::read::tensor::Tensor;
use crate::onnx::read::trace::Tracer;
use crate::onnx::read::view::CHANNELS;

/// A constant next to feature maps.
enum Constant {
    Scalar(f32),
    /// A number for each channel.
    Vector(Vec<f32>),
}

impl Constant {
    /// A tensor that is the same for all pixels.
    fn of(tensor: &Tensor) -> Result<Self, Problem> {
        let numbers = tensor.to_floats();
        // The last two dimensions are rows and columns, and the one before them is the channels.
        let side = |from_end: usize| {
            tensor
                .dims
                .iter()
                .rev()
                .nth(from_end)
                .map_or(1, |side| *side)
        };
        let channels = side(3 - CHANNELS);
        let has_batch = tensor.dims.iter().rev().skip(3).any(|side| *side != 1);
        let varies_by_pixel = [side(0), side(1)] != [1, 1];
        let varying = || {
            operand!(
                "the constant `{}` of shape {:?} is not the same for all pixels",
                tensor.name,
                tensor.dims
            )
        };
        match numbers[..] {
            [] => Err(operand!("`{}` is empty", tensor.name)),
            _ if has_batch => Err(varying()),
            [number] => Ok(Self::Scalar(number)),
            [first, ref rest @ ..] if varies_by_pixel => {
                match (rest.iter().all(|number| *number == first), channels) {
                    (true, 1) => Ok(Self::Scalar(first)),
                    (true, _) => Ok(Self::Vector(vec![first; channels])),
                    (false, _) => Err(varying()),
                }
            }
            _ => Ok(Self::Vector(numbers.to_vec())),
        }
    }

    fn map(self, function: impl Fn(f32) -> f32) -> Self {
        match self {
            Self::Scalar(number) => Self::Scalar(function(number)),
            Self::Vector(numbers) => Self::Vector(numbers.into_iter().map(function).collect()),
        }
    }
}

impl Tracer<'_> {
    pub(super) fn arithmetic(&mut self, node: &Node) -> Result<Value, Problem> {
        let mut all = node.input(0)?.clone();
        for i in 1..node.inputs.len() {
            all = match (&all, node.input(i)?) {
                (Value::Maps(_), Value::Maps(_)) => self.of_two(node, &all, node.input(i)?)?,
                (Value::Maps(_), Value::Constant(tensor)) => {
                    self.with_constant(node, &all, tensor, false)?
                }
                (Value::Constant(tensor), maps) => {
                    let tensor = tensor.clone();
                    self.with_constant(node, maps, &tensor, true)?
                }
            };
        }
        Ok(all)
    }

    fn of_two(&mut self, node: &Node, a: &Value, b: &Value) -> Result<Value, Problem> {
        let [mut a, mut b] = [self.maps(a)?, self.maps(b)?];
        let [[maps_a, h, w], [maps_b, rows, columns]] = [a, b].map(|id| self.layers.shape(id));
        if [h, w] != [rows, columns] {
            return Err(operand!("reads maps of {w}×{h} and {columns}×{rows} px"));
        }
        match (maps_a, maps_b) {
            _ if maps_a == maps_b => {}
            (1, _) => a = self.repeated(a, maps_b)?,
            (_, 1) => b = self.repeated(b, maps_a)?,
            _ => return Err(operand!("reads {maps_a} and {maps_b} channels")),
        }
        let term = |value, factor| Term { value, factor };
        let sum = |factor| Op::Sum {
            terms: vec![term(a, 1.0), term(b, factor)],
            constant: 0.0,
        };
        let op = match node.operator() {
            "Add" | "Sum" => sum(1.0),
            "Sub" => sum(-1.0),
            "Mul" => Op::Product { a, b, factor: 1.0 },
            other => {
                return Err(operand!(
                    "{other} of two values that depend on the image is not supported"
                ));
            }
        };
        let id = self.layers.push(op, self.layers.shape(a))?;
        Ok(self.value(id))
    }

    /// A map as each of several channels.
    pub(super) fn repeated(&mut self, id: Id, count: usize) -> Result<Id, Problem> {
        if self.layers.shape(id)[0] == count {
            return Ok(id);
        }
        self.budget.charge(count)?;
        self.layers.pick(id, vec![0; count])
    }

    /// Arithmetic with a constant, which is the first operand if `is_first`.
    fn with_constant(
        &mut self,
        node: &Node,
        value: &Value,
        tensor: &Tensor,
        is_first: bool,
    ) -> Result<Value, Problem> {
        let constant = Constant::of(tensor)?;
        let (one, zero) = (Constant::Scalar(1.0), Constant::Scalar(0.0));
        let (factor, constant) = match (node.operator(), is_first) {
            ("Add" | "Sum", _) => (one, constant),
            ("Sub", false) => (one, constant.map(|n| -n)),
            ("Sub", true) => (Constant::Scalar(-1.0), constant),
            ("Mul", _) => (constant, zero),
            ("Div", false) => (constant.map(f32::recip), zero),
            ("Min" | "Max", _) => return self.bounded(node, value, constant),
            ("Pow", false) => return self.power(value, constant),
            (other, _) => {
                return Err(operand!(
                    "{other} of a constant by a value that depends on the image is not supported"
                ));
            }
        };
        if let (Constant::Scalar(factor), Constant::Scalar(constant), Value::Maps(view)) =
            (&factor, &constant, value)
        {
            let base = self.layers.scale(view.base, *factor, *constant)?;
            return Ok(Value::Maps(view.clone().on(base)));
        }
        let mut id = self.maps(value)?;
        for numbers in [&factor, &constant] {
            if let Constant::Vector(numbers) = numbers
                && self.layers.shape(id)[0] == 1
            {
                id = self.repeated(id, numbers.len())?;
            }
        }
        let channels = self.layers.shape(id)[0];
        self.budget.charge_product(&[channels, 2])?;
        let numbers = |constant| match constant {
            Constant::Scalar(number) => Ok(vec![number; channels]),
            Constant::Vector(numbers) if numbers.len() == channels => Ok(numbers),
            Constant::Vector(numbers) => Err(operand!(
                "the constant `{}` has {} numbers for {channels} channels",
                tensor.name,
                numbers.len()
            )),
        };
        let weights =
            |suffix: &str, numbers| Weights::new(&format!("{}.{suffix}", node.name()), numbers);
        let factor = weights("weight", numbers(factor)?);
        let constant = weights("bias", numbers(constant)?);
        let id = self.affine(id, factor, constant)?;
        Ok(self.value(id))
    }

    fn bounded(&mut self, node: &Node, value: &Value, bound: Constant) -> Result<Value, Problem> {
        match (bound, node.operator()) {
            (Constant::Scalar(high), "Min") => self.activated(value, clamp(f32::MIN, high)),
            (Constant::Scalar(low), _) => self.activated(value, clamp(low, f32::MAX)),
            _ => Err(operand!(
                "is only supported with the same bound for all channels"
            )),
        }
    }

    fn power(&mut self, value: &Value, exponent: Constant) -> Result<Value, Problem> {
        match exponent {
            Constant::Scalar(1.0) => Ok(value.clone()),
            Constant::Scalar(2.0) => {
                let id = self.maps(value)?;
                let factor = 1.0;
                let (a, b) = (id, id);
                let id = self
                    .layers
                    .push(Op::Product { a, b, factor }, self.layers.shape(id))?;
                Ok(self.value(id))
            }
            Constant::Scalar(other) => Err(Problem::attribute("the exponent", other, "1 and 2")),
            Constant::Vector(_) => Err(operand!("has an exponent per channel")),
        }
    }
}
