//! Functions of each value.

use engine::graph::Activation;

use crate::onnx::read::error::{Problem, operand};
use crate::onnx::read::layers::{Id, Op, Weights};
use crate::onnx::read::node::{Node, Value};
use crate::onnx::read::trace::Tracer;

impl Tracer<'_> {
    /// An activation, which may be applied to reshaped maps as well.
    pub(super) fn activated(
        &mut self,
        value: &Value,
        activation: Activation<Weights>,
    ) -> Result<Value, Problem> {
        let Value::Maps(view) = value else {
            return Ok(self.value(self.maps(value)?));
        };
        if activation == Activation::None {
            return Ok(value.clone());
        }
        let base = self.layers.activate(view.base, activation)?;
        Ok(Value::Maps(view.clone().on(base)))
    }

    /// Operators of one value.
    pub(super) fn function(&mut self, node: &Node) -> Result<Value, Problem> {
        let input = || node.input(0);
        match node.operator() {
            "Relu" => self.activated(input()?, Activation::Relu),
            "LeakyRelu" => {
                self.activated(input()?, Activation::LeakyRelu(node.float("alpha", 0.01)))
            }
            "Sigmoid" => self.activated(input()?, Activation::Sigmoid),
            "Tanh" => self.activated(input()?, Activation::Tanh),
            "Gelu" => match &node.word("approximate", "none")[..] {
                "none" => self.activated(input()?, Activation::Gelu),
                other => Err(Problem::attribute("approximate", other, "none")),
            },
            "Swish" => match node.float("alpha", 1.0) {
                1.0 => self.activated(input()?, Activation::Silu),
                other => Err(Problem::attribute("alpha", other, "1")),
            },
            "PRelu" => self.prelu(node),
            "Clip" => self.clip(node),
            "Neg" => {
                let id = self.maps(input()?)?;
                let id = self.layers.scale(id, -1.0, 0.0)?;
                Ok(self.value(id))
            }
            "HardSigmoid" => {
                let id = self.maps(input()?)?;
                let id =
                    self.hard_sigmoid(id, node.float("alpha", 0.2), node.float("beta", 0.5))?;
                Ok(self.value(id))
            }
            "HardSwish" => {
                let a = self.maps(input()?)?;
                let b = self.hard_sigmoid(a, 1.0 / 6.0, 0.5)?;
                let factor = 1.0;
                let id = self
                    .layers
                    .push(Op::Product { a, b, factor }, self.layers.shape(a))?;
                Ok(self.value(id))
            }
            "Erf" => {
                let id = self.maps(input()?)?;
                let id = self.layers.push(Op::Erf(id), self.layers.shape(id))?;
                Ok(self.value(id))
            }
            _ => Err(Problem::Operator),
        }
    }

    fn hard_sigmoid(&mut self, id: Id, alpha: f32, beta: f32) -> Result<Id, Problem> {
        let scaled = self.layers.scale(id, alpha, beta)?;
        self.layers.activate(scaled, clamp(0.0, 1.0))
    }

    fn prelu(&mut self, node: &Node) -> Result<Value, Problem> {
        let id = self.maps(node.input(0)?)?;
        let tensor = node.constant(1)?;
        let channels = self.layers.shape(id)[0];
        let slopes = tensor.to_floats();
        // The channels are the third dimension from the end; some exporters leave the other two out.
        let rest: usize = tensor.dims.iter().filter(|side| **side != 1).count();
        let weights = |numbers| {
            let name = match tensor.name.is_empty() {
                true => format!("{}.slope", node.name()),
                false => tensor.name.clone(),
            };
            Weights { name, numbers }
        };
        let weights = match slopes[..] {
            [slope] => {
                self.budget.charge(channels)?;
                weights(vec![slope; channels].into())
            }
            _ if slopes.len() == channels && rest == 1 => weights(slopes),
            _ => {
                return Err(operand!(
                    "its slopes have the shape {:?} for {channels} channels",
                    tensor.dims
                ));
            }
        };
        let id = self.layers.activate(id, Activation::PRelu(weights))?;
        Ok(self.value(id))
    }

    fn clip(&mut self, node: &Node) -> Result<Value, Problem> {
        let bound = |i: usize, name: &str| -> Result<Option<f32>, Problem> {
            match node.optional_constant(i)? {
                Some(bound) => bound.scalar().map(Some),
                None => Ok(node.attribute(name).map(|found| found.f)),
            }
        };
        let (low, high) = (bound(1, "min")?, bound(2, "max")?);
        let activation = match (low, high) {
            (None, None) => Activation::None,
            _ => clamp(low.unwrap_or(f32::MIN), high.unwrap_or(f32::MAX)),
        };
        self.activated(node.input(0)?, activation)
    }
}

/// A bound that is not finite is none.
pub(super) fn clamp(low: f32, high: f32) -> Activation<Weights> {
    let (low, high) = (low.max(f32::MIN), high.min(f32::MAX));
    match (low, high) {
        (f32::MIN, f32::MAX) => Activation::None,
        (0.0, f32::MAX) => Activation::Relu,
        _ => Activation::Clamp { low, high },
    }
}
