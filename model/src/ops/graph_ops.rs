//! An interpreter that builds a graph.

use std::collections::BTreeMap;
use std::convert::Infallible;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use engine::graph::{
    Activation, Border, Builder, CompileError, ConvOptions, Form, GraphError, Interpolation,
    Kernel, Padding, Parameter, Term, Value,
};

use super::Ops;
use crate::layer::{ConvBlock, KernelWeight, Resample, Skip};

/// The graph of a network could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The network has not been folded.
    #[error(
        "the network has wide blocks or batch normalisation: fold it before building its graph"
    )]
    Unfolded,
    /// The steps do not fit each other.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The parameters do not fit the steps.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

/// Builds a graph. Parameters are named by their ids until the module's paths are known.
pub struct GraphOps {
    /// The steps so far.
    pub builder: Builder,
    /// Whether unfolded convolutions are refused; if only sizes are wanted, their parameters are not needed.
    folded: bool,
}

impl GraphOps {
    /// For a folded network with this number of input channels.
    pub fn new(channels: usize) -> Self {
        Self {
            builder: Builder::new(channels),
            folded: true,
        }
    }

    /// For a network that may be unfolded, if only sizes are wanted.
    pub fn sizes(channels: usize) -> Self {
        Self {
            folded: false,
            ..Self::new(channels)
        }
    }

    fn block(
        &mut self,
        block: &ConvBlock,
        input: Value,
        padding: Padding,
    ) -> Result<Value, BuildError> {
        let is_folded = matches!(block.weight, KernelWeight::Folded(_)) && block.norm.is_none();
        if self.folded && !is_folded {
            return Err(BuildError::Unfolded);
        }
        let settings = block.settings;
        let (input, form, scale) = match settings.resample {
            Resample::None => (input, Form::Plain, 1),
            Resample::Shuffle { scale } => (input, Form::Plain, scale),
            Resample::Up { scale, padding } => {
                let form = Form::Transposed {
                    stride: scale,
                    padding,
                };
                (input, form, scale)
            }
            Resample::Down { scale, padding } => {
                let form = Form::Strided {
                    stride: scale,
                    padding,
                };
                (self.builder.unshuffle(input, scale)?, form, 1)
            }
        };
        let vector = |parameter: &Param<Tensor<1>>| {
            let [count] = parameter.lazy_shape().dims();
            Parameter::vector(id(parameter), count)
        };
        let kernel = Kernel::Parameter {
            weight: Parameter {
                name: match &block.weight {
                    KernelWeight::Folded(weight) => id(weight),
                    KernelWeight::Wide(_) | KernelWeight::Three(_) => String::new(),
                },
                shape: block.weight.shape(),
            },
            form,
            bias: block.bias.as_ref().map(vector),
        };
        let activation = settings.activation.try_map(|()| match &block.slope {
            Some(slope) => Ok(vector(slope)),
            None => Err(CompileError::Missing("slope".into())),
        })?;
        let options = ConvOptions {
            groups: settings.groups,
            dilation: settings.dilation,
            padding,
            activation,
        };
        let maps = self.builder.conv(input, kernel, options)?;
        Ok(match scale {
            1 => maps,
            _ => self.builder.shuffle(maps, scale, None)?,
        })
    }
}

impl Ops for GraphOps {
    type Maps = Value;
    type Error = BuildError;

    fn conv(&mut self, block: &ConvBlock, x: &Value) -> Result<Value, BuildError> {
        self.block(block, *x, Padding::Same)
    }

    fn conv_valid(&mut self, block: &ConvBlock, x: &Value) -> Result<Value, BuildError> {
        self.block(block, *x, Padding::Valid)
    }

    fn add(&mut self, a: &Value, b: &Value) -> Result<Value, BuildError> {
        Ok(self.builder.add(*a, *b)?)
    }

    fn sum(&mut self, terms: &[(&Value, f64)], constant: f64) -> Result<Value, BuildError> {
        let terms = terms.iter().map(|(value, factor)| Term {
            value: **value,
            factor: *factor as f32,
        });
        Ok(self.builder.sum(terms.collect(), constant as f32)?)
    }

    fn product(&mut self, a: &Value, b: &Value) -> Result<Value, BuildError> {
        Ok(self.builder.product(*a, *b, 1.0)?)
    }

    fn activate(
        &mut self,
        x: &Value,
        activation: &Activation<Infallible>,
    ) -> Result<Value, BuildError> {
        let Ok(activation) =
            activation.try_map(|never| -> Result<_, Infallible> { match *never {} });
        Ok(self.builder.activate(*x, activation)?)
    }

    fn concat(&mut self, parts: &[Value]) -> Result<Value, BuildError> {
        Ok(match parts {
            [part] => *part,
            parts => self.builder.concat(parts.to_vec())?,
        })
    }

    fn sub_pixel(
        &mut self,
        maps: &Value,
        x: &Value,
        skip: Skip,
        scale: usize,
    ) -> Result<Value, BuildError> {
        let builder = &mut self.builder;
        Ok(match skip {
            Skip::None if scale == 1 => *maps,
            _ if scale == 1 => builder.add(*maps, *x)?,
            Skip::None => builder.shuffle(*maps, scale, None)?,
            Skip::Nearest => builder.shuffle(*maps, scale, Some(*x))?,
            Skip::Bicubic => {
                let enlarged = builder.enlarge_phases(*x, scale, Interpolation::Bicubic)?;
                let sum = builder.add(enlarged, *maps)?;
                builder.shuffle(sum, scale, None)?
            }
        })
    }

    fn repeat(&mut self, x: &Value, scale: usize) -> Result<Value, BuildError> {
        Ok(match scale {
            1 => *x,
            _ => self.builder.repeat(*x, scale)?,
        })
    }

    fn unshuffle(&mut self, x: &Value, scale: usize) -> Result<Value, BuildError> {
        Ok(match scale {
            1 => *x,
            _ => self.builder.unshuffle(*x, scale)?,
        })
    }

    fn pad(&mut self, x: &Value, margin: usize, border: Border) -> Result<Value, BuildError> {
        Ok(match margin {
            0 => *x,
            _ => self.builder.pad(*x, margin, border)?,
        })
    }

    fn align(&mut self, x: &Value, multiple: usize) -> Result<Value, BuildError> {
        Ok(self.builder.align(*x, multiple)?)
    }

    fn crop(&mut self, x: &Value, scale: usize) -> Result<Value, BuildError> {
        Ok(self.builder.crop(*x, scale)?)
    }

    fn mean(&mut self, x: &Value, window: usize) -> Result<Value, BuildError> {
        Ok(match window {
            1 => *x,
            _ => self.builder.mean(*x, window)?,
        })
    }
}

/// Name of a parameter until its path is known.
fn id<const D: usize>(parameter: &Param<Tensor<D>>) -> String {
    parameter.id.val().to_string()
}

/// Paths of a module's parameters, by their ids.
#[derive(Default)]
pub(crate) struct Names {
    path: Vec<String>,
    found: BTreeMap<String, String>,
}

impl Names {
    pub fn of(module: &impl Module) -> Self {
        let mut names = Self::default();
        module.visit(&mut names);
        names
    }

    pub fn get(&self, id: &str) -> Option<String> {
        self.found.get(id).cloned()
    }
}

impl ModuleVisitor for Names {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.insert(id(param), self.path.join("."));
    }
}

/// Values of a module's parameters, by their ids.
#[derive(Default)]
pub(crate) struct Values(BTreeMap<String, Vec<f32>>);

impl Values {
    pub fn of(module: &impl Module) -> Self {
        let mut values = Self::default();
        module.visit(&mut values);
        values
    }

    pub fn get(&self, id: &str) -> Option<&[f32]> {
        self.0.get(id).map(Vec::as_slice)
    }
}

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // Skip parameters of other types; looking them up reports them as missing.
        if let Ok(values) = param.val().into_data().try_into_vec::<f32>() {
            self.0.insert(id(param), values);
        }
    }
}
