//! A network's steps as nodes.

use engine::graph::{
    Activation, Conv, Extent, Graph, Kernel, NamedStep, Padding, Plan, Step, Term, Value,
};

use super::writer::{Writer, int, ints, text};
use super::{WriteError, activation, spatial};

/// Writes a plan's steps, which read the value `input`; returns the result's name. `graph` gives names to the
/// parameters, and all names of nodes begin with `prefix`.
pub(super) fn write(
    writer: &mut Writer,
    graph: &Graph,
    plan: &Plan,
    input: &str,
    prefix: &str,
) -> Result<String, WriteError> {
    let mut network = Network {
        writer,
        values: vec![input.into()],
        extents: plan.extents(),
    };
    for (i, (named, step)) in graph.steps().iter().zip(plan.steps()).enumerate() {
        let names = Names::of(named, i + 1, prefix);
        let value = network.step(step, &names)?;
        network.values.push(value);
    }
    // A graph has at least one step.
    Ok(network.values.pop().unwrap_or_default())
}

/// Names for a step's nodes and initializers.
struct Names {
    /// The layer, or the step's kind and number.
    node: String,
    weight: String,
    bias: Option<String>,
    slopes: String,
}

impl Names {
    fn of(step: &NamedStep, number: usize, prefix: &str) -> Self {
        let mut names = Self {
            node: format!("{prefix}{}_{number}", step.kind()),
            weight: String::new(),
            bias: None,
            slopes: String::new(),
        };
        let activation = match step {
            Step::Conv(conv) => {
                names.kernel(&conv.kernel, prefix);
                &conv.activation
            }
            Step::Activate { activation, .. } => activation,
            _ => return names,
        };
        if let Activation::PRelu(slopes) = activation {
            names.slopes = slopes.name.clone();
        }
        names
    }

    fn kernel(&mut self, kernel: &Kernel, prefix: &str) {
        match kernel {
            Kernel::Parameter { weight, bias, .. } => {
                // Folded weights are called `layer.weight.Folded`.
                let layer = weight.name.rsplit_once(".weight");
                self.node = match layer {
                    Some((layer, _)) if !layer.is_empty() => format!("{prefix}{layer}"),
                    _ => format!("{prefix}{}/conv", weight.name),
                };
                self.weight = weight.name.clone();
                self.bias = bias.as_ref().map(|bias| bias.name.clone());
            }
            Kernel::Enlarge {
                scale,
                interpolation,
                ..
            } => {
                let kind = format!("{interpolation:?}").to_lowercase();
                self.node = format!("{prefix}{kind}_x{scale}");
                self.weight = format!("{}.weight", self.node);
            }
        }
    }
}

struct Network<'a> {
    writer: &'a mut Writer,
    /// Names of the values so far.
    values: Vec<String>,
    extents: &'a [Extent],
}

impl Network<'_> {
    /// Writes a step; returns the name of its result.
    fn step(&mut self, step: &Step, names: &Names) -> Result<String, WriteError> {
        let name = names.node.as_str();
        let of = |value: &Value| self.values[*value].clone();
        match step {
            Step::Conv(conv) => self.conv(conv, names),
            Step::Activate { input, activation } => {
                let input = of(input);
                match activation {
                    Activation::None => Ok(self.identity(&input, name)),
                    _ => activation::write(self.writer, activation, &input, name, &names.slopes),
                }
            }
            Step::Sum { terms, constant } => self.sum(terms, *constant, name),
            Step::Product { a, b, factor } => {
                let (a, b) = (of(a), of(b));
                let product = self.writer.plain("Mul", name, &[&a, &b]);
                self.scaled(&product, *factor, name)
            }
            Step::Shuffle { input, scale, skip } => self.shuffle(*input, *scale, *skip, name),
            Step::Unshuffle { input, scale } => self.unshuffle(*input, *scale, name),
            Step::Repeat { input, scale } => spatial::repeat(self.writer, &of(input), name, *scale),
            Step::Mean { input, window } => {
                Ok(spatial::mean(self.writer, &of(input), name, *window))
            }
            Step::Concat { inputs } => {
                let inputs: Vec<_> = inputs.iter().map(of).collect();
                let inputs: Vec<_> = inputs.iter().map(String::as_str).collect();
                let axis = vec![int("axis", 1)];
                Ok(self.writer.node("Concat", name, &inputs, axis))
            }
            Step::Pad {
                input,
                margin,
                border,
            } => spatial::pad(self.writer, &of(input), name, *margin, *border),
            Step::Align { input, multiple } => {
                spatial::pad_to_multiple(self.writer, &of(input), name, *multiple, "edge")
            }
            Step::Crop { input, scale } => {
                let (input, image) = (of(input), of(&0));
                spatial::crop(self.writer, &input, &image, name, *scale)
            }
        }
    }

    fn conv(&mut self, conv: &Conv, names: &Names) -> Result<String, WriteError> {
        let Names { node: name, .. } = names;
        let channels_in = self.extents[conv.input].channels / conv.groups;
        let dims = [conv.channels_out, channels_in, conv.k, conv.k];
        let input = &self.values[conv.input];
        let weight = self
            .writer
            .floats(&names.weight, &dims, &conv.kernel.weight)?;
        let values = &conv.kernel.bias;
        let bias = match &names.bias {
            Some(bias) => Some(self.writer.floats(bias, &[values.len()], values)?),
            None => None,
        };
        let pad = match conv.padding {
            Padding::Same => conv.reach_px(),
            Padding::Valid => 0,
        };
        let attributes = vec![
            ints("kernel_shape", vec![conv.k as i64; 2]),
            ints("pads", vec![pad as i64; 4]),
            ints("dilations", vec![conv.dilation as i64; 2]),
            int("group", conv.groups as i64),
        ];
        let inputs: Vec<&str> = [input, &weight]
            .into_iter()
            .chain(&bias)
            .map(|name| name.as_str())
            .collect();
        let output = self.writer.node("Conv", name, &inputs, attributes);
        let output =
            activation::write(self.writer, &conv.activation, &output, name, &names.slopes)?;
        Ok(match conv.add {
            Some(add) => self.add(&output, &self.values[add].clone(), name),
            None => output,
        })
    }

    fn sum(&mut self, terms: &[Term], constant: f32, name: &str) -> Result<String, WriteError> {
        let mut sum: Option<String> = None;
        for Term { value, factor } in terms {
            let value = self.values[*value].clone();
            let term = self.scaled(&value, *factor, name)?;
            sum = Some(match sum {
                Some(sum) => self.add(&sum, &term, name),
                None => term,
            });
        }
        // A sum has at least one term.
        let sum = sum.unwrap_or_default();
        if constant != 0.0 {
            let constant = self.writer.float("constant", constant)?;
            return Ok(self.add(&sum, &constant, name));
        }
        match terms {
            [Term { factor: 1.0, .. }] => Ok(self.identity(&sum, name)),
            _ => Ok(sum),
        }
    }

    /// `factor · value`
    fn scaled(&mut self, value: &str, factor: f32, name: &str) -> Result<String, WriteError> {
        if factor == 1.0 {
            return Ok(value.into());
        }
        let factor = self.writer.float("factor", factor)?;
        let name = format!("{name}/scaled");
        Ok(self.writer.plain("Mul", &name, &[value, &factor]))
    }

    fn add(&mut self, a: &str, b: &str, name: &str) -> String {
        let name = format!("{name}/add");
        self.writer.plain("Add", &name, &[a, b])
    }

    fn identity(&mut self, input: &str, name: &str) -> String {
        self.writer.plain("Identity", name, &[input])
    }

    fn shuffle(
        &mut self,
        input: Value,
        scale: usize,
        skip: Option<Value>,
        name: &str,
    ) -> Result<String, WriteError> {
        let attributes = vec![int("blocksize", scale as i64), text("mode", "CRD")];
        let input = self.values[input].clone();
        let shuffled = self
            .writer
            .node("DepthToSpace", name, &[&input], attributes);
        let Some(skip) = skip else {
            return Ok(shuffled);
        };
        let skip = self.values[skip].clone();
        let repeated = spatial::repeat(self.writer, &skip, &format!("{name}/repeat"), scale)?;
        Ok(self.add(&shuffled, &repeated, name))
    }

    fn unshuffle(&mut self, input: Value, scale: usize, name: &str) -> Result<String, WriteError> {
        let Extent { channels, size, .. } = self.extents[input];
        let mut value = self.values[input].clone();
        let [_, _, multiple] = size.parts();
        if !multiple.is_multiple_of(scale) {
            value = spatial::pad_to_multiple(self.writer, &value, name, scale, "constant")?;
        }
        let blocks = vec![int("blocksize", scale as i64)];
        let value = self.writer.node("SpaceToDepth", name, &[&value], blocks);
        let phases = scale * scale;
        if channels == 1 || phases == 1 {
            return Ok(value);
        }
        // ONNX has the maps of a phase side by side, and here those of a channel are.
        let order = (0..channels * phases).map(|map| map % phases * channels + map / phases);
        let order: Vec<i64> = order.map(|map| map as i64).collect();
        let order = self.writer.integers("order", &order)?;
        let axis = vec![int("axis", 1)];
        let name = format!("{name}/ordered");
        Ok(self.writer.node("Gather", &name, &[&value, &order], axis))
    }
}
