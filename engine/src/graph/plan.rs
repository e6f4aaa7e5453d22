//! Compiles a graph with the numbers of its parameters into a plan.

use super::builder::MAX_READS;
use super::kernel::repeated;
use super::{Conv, Extent, Graph, NamedStep, Parameter, Plan, Step, Value};

/// Largest total of a plan's weights, as engines keep them, in bytes.
pub const MAX_PLAN_BYTES: u64 = if cfg!(target_family = "wasm") {
    512 << 20
} else {
    4 << 30
};

/// Parameters that do not fit a graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A parameter that is not there.
    #[error("parameter `{0}` is missing from the model file")]
    Missing(String),
    /// A parameter of another size.
    #[error("parameter `{name}` has {found} values, but its step needs {expected}")]
    Size {
        /// The parameter.
        name: String,
        /// Values in the file.
        found: usize,
        /// Values that the step needs.
        expected: usize,
    },
    /// A plan that is too large for this platform.
    #[error(
        "step {step} ({kind}): the network's weights take {needed} MB by then, and at most {limit} MB are allowed here"
    )]
    Budget {
        /// The step's number, from 1.
        step: usize,
        /// Its kind.
        kind: &'static str,
        /// Megabytes of weights up to this step.
        needed: u64,
        /// Megabytes that are allowed.
        limit: u64,
    },
}

impl Graph {
    /// The plan, with the values that `lookup` finds for a parameter's name.
    ///
    /// Fails before it allocates if the plan would take more than [`MAX_PLAN_BYTES`].
    pub fn compile<'a>(
        &self,
        lookup: impl Fn(&str) -> Option<&'a [f32]>,
    ) -> Result<Plan, CompileError> {
        self.compile_within(MAX_PLAN_BYTES, lookup)
    }

    /// The same with another limit in bytes.
    pub fn compile_within<'a>(
        &self,
        max_bytes: u64,
        lookup: impl Fn(&str) -> Option<&'a [f32]>,
    ) -> Result<Plan, CompileError> {
        self.check_budget(max_bytes)?;
        let values = |parameter: &Parameter| {
            let found = lookup(&parameter.name);
            let found = found.ok_or_else(|| CompileError::Missing(parameter.name.clone()))?;
            let expected = parameter
                .shape
                .iter()
                .fold(1, |size: usize, side| size.saturating_mul(*side));
            if found.len() == expected {
                Ok(found)
            } else {
                Err(CompileError::Size {
                    name: parameter.name.clone(),
                    found: found.len(),
                    expected,
                })
            }
        };
        let steps = self.steps.iter().zip(&self.extents[1..]);
        let compile =
            |(step, extent): (&NamedStep, &Extent)| step.compile(extent.channels, &values);
        Ok(Plan {
            steps: steps.map(compile).collect::<Result<_, _>>()?,
            extents: self.extents.clone(),
        })
    }

    /// Fails if weights, as the engines keep them, would take more than `limit` bytes.
    fn check_budget(&self, limit: u64) -> Result<(), CompileError> {
        let mut bytes: u64 = 0;
        for (i, step) in self.steps.iter().enumerate() {
            bytes = bytes.saturating_add(match step {
                Step::Conv(conv) => {
                    let inputs = (self.extents[conv.input].channels / conv.groups) as u64;
                    let taps = (conv.k * conv.k) as u64;
                    // Winograd's F(4×4, 3×3) keeps 36 values for the 9 taps; biases and slopes come to it.
                    let kernel = (inputs * taps).saturating_mul(if conv.k == 3 { 4 } else { 1 });
                    (conv.channels_out as u64).saturating_mul(4 * (kernel + 2))
                }
                Step::Activate { .. } => 4 * self.extents[i + 1].channels as u64,
                Step::Sum { .. }
                | Step::Product { .. }
                | Step::Shuffle { .. }
                | Step::Unshuffle { .. }
                | Step::Repeat { .. }
                | Step::Mean { .. }
                | Step::Concat { .. }
                | Step::Pad { .. }
                | Step::Align { .. }
                | Step::Crop { .. } => 0,
            });
            if bytes > limit {
                return Err(CompileError::Budget {
                    step: i + 1,
                    kind: step.kind(),
                    needed: bytes >> 20,
                    limit: limit >> 20,
                });
            }
        }
        Ok(())
    }
}

/// Looks a parameter's values up.
type Lookup<'l, 'a> = &'l dyn Fn(&Parameter) -> Result<&'a [f32], CompileError>;

impl NamedStep {
    fn compile(&self, channels: usize, values: Lookup) -> Result<Step, CompileError> {
        let slopes = |parameter: &Parameter| Ok(repeated(values(parameter)?, channels));
        Ok(match self {
            Self::Conv(conv) => Step::Conv(Conv {
                input: conv.input,
                kernel: conv.kernel.compile(conv.channels_out, values)?,
                channels_out: conv.channels_out,
                groups: conv.groups,
                k: conv.k,
                dilation: conv.dilation,
                padding: conv.padding,
                activation: conv.activation.try_map(slopes)?,
                add: conv.add,
            }),
            Self::Activate { input, activation } => Step::Activate {
                input: *input,
                activation: activation.try_map(slopes)?,
            },
            Self::Sum { terms, constant } => Step::Sum {
                terms: terms.clone(),
                constant: *constant,
            },
            Self::Product { a, b, factor } => Step::Product {
                a: *a,
                b: *b,
                factor: *factor,
            },
            Self::Shuffle { input, scale, skip } => Step::Shuffle {
                input: *input,
                scale: *scale,
                skip: *skip,
            },
            Self::Unshuffle { input, scale } => Step::Unshuffle {
                input: *input,
                scale: *scale,
            },
            Self::Repeat { input, scale } => Step::Repeat {
                input: *input,
                scale: *scale,
            },
            Self::Mean { input, window } => Step::Mean {
                input: *input,
                window: *window,
            },
            Self::Concat { inputs } => Step::Concat {
                inputs: inputs.clone(),
            },
            Self::Pad {
                input,
                margin,
                border,
            } => Step::Pad {
                input: *input,
                margin: *margin,
                border: *border,
            },
            Self::Align { input, multiple } => Step::Align {
                input: *input,
                multiple: *multiple,
            },
            Self::Crop { input, scale } => Step::Crop {
                input: *input,
                scale: *scale,
            },
        })
    }
}

impl Plan {
    /// For every value whether it is a concatenation that convolutions alone read, so that they can read
    /// its parts instead.
    pub fn views(&self) -> Vec<bool> {
        let mut views = vec![false; self.extents.len()];
        for (i, step) in self.steps.iter().enumerate() {
            views[i + 1] = matches!(step, Step::Concat { .. });
        }
        // The result has to be there as a whole.
        views[self.steps.len()] = false;
        for (i, step) in self.steps.iter().enumerate().rev() {
            let parts_suffice = |value: Value| match step {
                Step::Conv(conv) => {
                    value == conv.input && conv.groups == 1 && conv.add != Some(value)
                }
                Step::Concat { .. } => views[i + 1],
                Step::Activate { .. }
                | Step::Sum { .. }
                | Step::Product { .. }
                | Step::Shuffle { .. }
                | Step::Unshuffle { .. }
                | Step::Repeat { .. }
                | Step::Mean { .. }
                | Step::Pad { .. }
                | Step::Align { .. }
                | Step::Crop { .. } => false,
            };
            let copied: Vec<Value> = step
                .reads()
                .iter()
                .map(|read| read.value)
                .filter(|value| !parts_suffice(*value))
                .collect();
            copied.into_iter().for_each(|value| views[value] = false);
        }
        if self.reads_of_parts(&views) > MAX_READS {
            // Reading parts of parts would cost more than copying them.
            views.fill(false);
        }
        views
    }

    /// Values that all steps read, where they read the parts of views.
    fn reads_of_parts(&self, views: &[bool]) -> usize {
        let mut parts = vec![1usize; self.extents.len()];
        let mut total: usize = 0;
        for (i, step) in self.steps.iter().enumerate() {
            let reads = step.reads();
            let read = reads
                .iter()
                .fold(0, |sum: usize, read| sum.saturating_add(parts[read.value]));
            if views[i + 1] {
                // A view counts itself, too: it takes a call to look into it.
                parts[i + 1] = read.saturating_add(1);
            } else {
                total = total.saturating_add(read);
            }
        }
        total
    }

    /// The values that `value` consists of, given [`views`](Self::views): itself, unless it is a view.
    pub fn parts(&self, value: Value, views: &[bool]) -> Vec<Value> {
        let mut parts = Vec::new();
        // A list instead of recursion: thousands of views may lie in each other.
        let mut left = vec![value];
        while let Some(value) = left.pop() {
            match value.checked_sub(1).map(|step| &self.steps[step]) {
                Some(Step::Concat { inputs }) if views[value] => left.extend(inputs.iter().rev()),
                _ => parts.push(value),
            }
        }
        parts
    }
}
