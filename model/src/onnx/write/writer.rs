//! Collects nodes and initializers, and gives them names.

use std::collections::HashMap;

use super::proto::{Attribute, AttributeKind, ElementType, Node, Tensor};
use super::{INPUT, MAX_BYTES, OUTPUT, WriteError};

/// The nodes and initializers of a file.
pub(super) struct Writer {
    pub nodes: Vec<Node>,
    pub initializers: Vec<Tensor>,
    /// Places of the initializers for which a name was asked.
    known: HashMap<String, Vec<usize>>,
    /// Names of values, and how often each one was asked for: ONNX has one namespace for values and initializers.
    taken: HashMap<String, usize>,
    /// Bytes of all initializers.
    bytes: u64,
}

impl Writer {
    pub fn new() -> Self {
        Self {
            nodes: Vec::new(),
            initializers: Vec::new(),
            known: HashMap::new(),
            taken: [INPUT, OUTPUT].map(|name| (name.into(), 1)).into(),
            bytes: 0,
        }
    }

    /// A name that no other value has: the wanted one, or that with a number.
    fn unique(&mut self, wanted: &str) -> String {
        // ONNX takes an empty name for an input that is left out.
        let wanted = if wanted.is_empty() { "unnamed" } else { wanted };
        let mut name = wanted.to_string();
        while self.taken.contains_key(&name) {
            let count = self.taken.entry(wanted.into()).or_insert(0);
            *count += 1;
            name = format!("{wanted}_{count}");
        }
        self.taken.insert(name.clone(), 1);
        name
    }

    /// Adds a node with one output and no attributes; returns the output's name.
    pub fn plain(&mut self, operator: &str, name: &str, inputs: &[&str]) -> String {
        self.node(operator, name, inputs, Vec::new())
    }

    /// Adds a node with one output; returns the output's name, which is also the node's.
    pub fn node(
        &mut self,
        operator: &str,
        name: &str,
        inputs: &[&str],
        attributes: Vec<Attribute>,
    ) -> String {
        let output = self.unique(name);
        self.push(operator, &output, inputs, attributes, vec![output.clone()]);
        output
    }

    /// Adds a node with several outputs, whose names end with `suffixes`; returns them.
    pub fn node_with_outputs<const N: usize>(
        &mut self,
        operator: &str,
        name: &str,
        inputs: &[&str],
        attributes: Vec<Attribute>,
        suffixes: [&str; N],
    ) -> [String; N] {
        let name = self.unique(name);
        let outputs = suffixes.map(|suffix| self.unique(&format!("{name}/{suffix}")));
        self.push(operator, &name, inputs, attributes, outputs.to_vec());
        outputs
    }

    fn push(
        &mut self,
        operator: &str,
        name: &str,
        inputs: &[&str],
        attribute: Vec<Attribute>,
        output: Vec<String>,
    ) {
        self.nodes.push(Node {
            input: inputs.iter().map(|input| input.to_string()).collect(),
            output,
            name: name.into(),
            op_type: operator.into(),
            attribute,
            domain: String::new(),
        });
    }

    /// Adds numbers under a name, unless they are there already; returns their name.
    pub fn floats(
        &mut self,
        name: &str,
        dims: &[usize],
        values: &[f32],
    ) -> Result<String, WriteError> {
        self.make_room(4 * values.len() as u64)?;
        let raw = values.iter().flat_map(|value| value.to_le_bytes());
        Ok(self.initializer(name, dims, ElementType::Float, raw.collect()))
    }

    /// A single number without dimensions.
    pub fn float(&mut self, name: &str, value: f32) -> Result<String, WriteError> {
        self.floats(name, &[], &[value])
    }

    /// Adds a vector of integers, unless it is there already; returns its name.
    pub fn integers(&mut self, name: &str, values: &[i64]) -> Result<String, WriteError> {
        self.integers_of(name, &[values.len()], values)
    }

    /// A single integer without dimensions.
    pub fn integer(&mut self, name: &str, value: i64) -> Result<String, WriteError> {
        self.integers_of(name, &[], &[value])
    }

    fn integers_of(
        &mut self,
        name: &str,
        dims: &[usize],
        values: &[i64],
    ) -> Result<String, WriteError> {
        self.make_room(8 * values.len() as u64)?;
        let raw = values.iter().flat_map(|value| value.to_le_bytes());
        Ok(self.initializer(name, dims, ElementType::Int64, raw.collect()))
    }

    /// Fails, before they are allocated, if so many more bytes do not fit a file.
    fn make_room(&mut self, bytes: u64) -> Result<(), WriteError> {
        if self.bytes + bytes > MAX_BYTES {
            return Err(WriteError::TooLarge);
        }
        Ok(())
    }

    fn initializer(
        &mut self,
        wanted: &str,
        dims: &[usize],
        element: ElementType,
        raw_data: Vec<u8>,
    ) -> String {
        let mut tensor = Tensor {
            dims: dims.iter().map(|side| *side as i64).collect(),
            data_type: element as i32,
            raw_data,
            ..Tensor::default()
        };
        let same = |place: &&usize| {
            let known = &self.initializers[**place];
            known.dims == tensor.dims
                && known.data_type == tensor.data_type
                && known.raw_data == tensor.raw_data
        };
        let known = self.known.get(wanted).and_then(|all| all.iter().find(same));
        if let Some(place) = known {
            return self.initializers[*place].name.clone();
        }
        let name = self.unique(wanted);
        let places = self.known.entry(wanted.into()).or_default();
        places.push(self.initializers.len());
        tensor.name = name.clone();
        self.bytes += tensor.raw_data.len() as u64;
        self.initializers.push(tensor);
        name
    }

    /// Renames a value that a node computes.
    pub fn rename(&mut self, value: &str, name: &str) {
        for node in &mut self.nodes {
            let names = node.input.iter_mut().chain(&mut node.output);
            for found in names.filter(|found| *found == value) {
                *found = name.into();
            }
        }
    }
}

/// An attribute that is an integer.
pub(super) fn int(name: &str, i: i64) -> Attribute {
    Attribute {
        name: name.into(),
        i,
        kind: AttributeKind::Int as i32,
        ..Attribute::default()
    }
}

/// An attribute that is a list of integers.
pub(super) fn ints(name: &str, ints: Vec<i64>) -> Attribute {
    Attribute {
        name: name.into(),
        ints,
        kind: AttributeKind::Ints as i32,
        ..Attribute::default()
    }
}

/// An attribute that is a number.
pub(super) fn float(name: &str, f: f32) -> Attribute {
    Attribute {
        name: name.into(),
        f,
        kind: AttributeKind::Float as i32,
        ..Attribute::default()
    }
}

/// An attribute that is a text.
pub(super) fn text(name: &str, text: &str) -> Attribute {
    Attribute {
        name: name.into(),
        s: text.into(),
        kind: AttributeKind::String as i32,
        ..Attribute::default()
    }
}
