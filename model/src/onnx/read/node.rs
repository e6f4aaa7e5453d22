//! A node of a file with its attributes and inputs.

use std::rc::Rc;

use super::error::{Problem, operand};
use super::proto;
use super::tensor::Tensor;
use super::view::View;

/// A value of the file's graph.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Numbers that are known.
    Constant(Rc<Tensor>),
    /// Feature maps, perhaps reshaped.
    Maps(View),
}

/// A node, and the values that it reads.
pub(super) struct Node<'a> {
    pub(super) proto: &'a proto::Node,
    /// `None` where an optional input is left out.
    pub(super) inputs: Vec<Option<Value>>,
    pub(super) opset: i64,
}

/// Longest list of axes, sides or parts.
const MAX_LIST: usize = 1 << 12;

/// How errors call a node.
pub(super) fn label(node: &proto::Node) -> String {
    let name = match (node.name.as_str(), node.output.first()) {
        ("", Some(output)) => output,
        (name, _) => name,
    };
    format!("{} `{}`", shortened(&node.op_type), shortened(name))
}

/// A name of a file, which may be as long as the file.
fn shortened(name: &str) -> String {
    const MAX_CHARACTERS: usize = 100;
    name.chars().take(MAX_CHARACTERS).collect()
}

impl Node<'_> {
    pub(super) fn operator(&self) -> &str {
        &self.proto.op_type
    }

    /// A name for the node's own parameters.
    pub(super) fn name(&self) -> &str {
        match (self.proto.name.as_str(), self.proto.output.first()) {
            ("", Some(output)) => output,
            (name, _) => name,
        }
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&proto::Attribute> {
        self.proto.attribute.iter().find(|found| found.name == name)
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |found| found.i)
    }

    pub(super) fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |found| found.f)
    }

    pub(super) fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|found| &found.ints[..])
    }

    /// An attribute that is a word.
    pub(super) fn word(&self, name: &str, default: &str) -> String {
        let found = self.attribute(name);
        found.map_or_else(
            || default.to_string(),
            |found| shortened(&String::from_utf8_lossy(&found.s)),
        )
    }

    /// Fails unless an attribute has the only value that is supported.
    pub(super) fn expect_int(
        &self,
        name: &'static str,
        default: i64,
        expected: i64,
        text: &'static str,
    ) -> Result<(), Problem> {
        match self.int(name, default) {
            found if found == expected => Ok(()),
            found => Err(Problem::attribute(name, found, text)),
        }
    }

    /// Input number `i`, unless it is left out.
    pub(super) fn optional(&self, i: usize) -> Option<&Value> {
        self.inputs.get(i)?.as_ref()
    }

    pub(super) fn input(&self, i: usize) -> Result<&Value, Problem> {
        self.optional(i)
            .ok_or_else(|| operand!("its input number {} is missing", i + 1))
    }

    /// An optional input that has to be constant.
    pub(super) fn optional_constant(&self, i: usize) -> Result<Option<&Rc<Tensor>>, Problem> {
        match self.optional(i) {
            None => Ok(None),
            Some(Value::Constant(tensor)) => Ok(Some(tensor)),
            Some(Value::Maps(_)) => Err(operand!(
                "its input number {} depends on the image, but has to be constant",
                i + 1
            )),
        }
    }

    pub(super) fn constant(&self, i: usize) -> Result<&Rc<Tensor>, Problem> {
        self.input(i)?;
        let tensor = self.optional_constant(i)?;
        tensor.ok_or_else(|| operand!("its input number {} is missing", i + 1))
    }

    /// Integers that are an input in newer versions and an attribute in older ones.
    pub(super) fn list(&self, i: usize, name: &str) -> Result<Option<Vec<i64>>, Problem> {
        let found = match self.optional_constant(i)? {
            Some(tensor) => Some(tensor.to_ints()?),
            None => self.ints(name),
        };
        match found {
            Some(list) if list.len() > MAX_LIST => Err(operand!(
                "has a list of {} numbers, at most {MAX_LIST} are read",
                list.len()
            )),
            list => Ok(list.map(<[i64]>::to_vec)),
        }
    }

    /// An axis, counted from the end if it is negative.
    pub(super) fn axis(&self, axis: i64, rank: usize) -> Result<usize, Problem> {
        let rank = rank as i64;
        let counted = if axis < 0 {
            axis.saturating_add(rank)
        } else {
            axis
        };
        match (0..rank).contains(&counted) {
            true => Ok(counted as usize),
            false => Err(operand!("its axis {axis} is none of the {rank} dimensions")),
        }
    }
}
