//! A block's part of a plan.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::{ConvBlock, KernelWeight, Nonlinearity, Resample};
use engine::graph::{
    ActivationDraft, Builder, CompileError, ConvDraft, Form, Kernel, Misfit, Padding, Parameter,
    Value,
};

/// A network that has no plan, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// It has a layer that no step expresses.
    #[error("the network has {0}, which only Burn's own operators run")]
    Layer(&'static str),
    /// It is in the form in which it is trained.
    #[error("a network has to be folded before it has a plan")]
    Unfolded,
    /// Steps that don't fit each other.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// Parameters that don't fit steps.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

/// What a parameter is called before its path is known.
fn placeholder<const D: usize>(parameter: &Param<Tensor<D>>) -> String {
    parameter.id.val().to_string()
}

impl ConvBlock {
    /// Maps that it reads.
    pub fn channels_in(&self) -> usize {
        let [out, channels_in, ..] = self.weight.shape();
        match self.settings.resample {
            // The weight of a transposed convolution is turned.
            Resample::Up { .. } => out,
            _ => channels_in,
        }
    }

    /// Its steps, behind those that are there already; a convolution takes zeros for what stands
    /// outside. Parameters go by placeholders in place of their paths, which a block doesn't know.
    pub fn plan(&self, plan: &mut Builder, input: Value) -> Result<Value, NoPlan> {
        self.plan_padded(plan, input, Padding::Same)
    }

    /// The same with other padding.
    pub fn plan_padded(
        &self,
        plan: &mut Builder,
        input: Value,
        padding: Padding,
    ) -> Result<Value, NoPlan> {
        let (KernelWeight::Folded(weight), None) = (&self.weight, &self.norm) else {
            return Err(NoPlan::Unfolded);
        };
        let (form, scale) = match self.settings.resample {
            Resample::None => (Form::Dilated(self.settings.dilation), 1),
            Resample::Shuffle { scale } => (Form::Dilated(1), scale),
            Resample::Up { scale, padding } => (Form::Transposed { scale, padding }, scale),
            Resample::Down { .. } => return Err(NoPlan::Layer("strided convolutions")),
        };
        let vector = |parameter: &Param<Tensor<1>>| {
            let [count] = parameter.lazy_shape().dims();
            Parameter::vector(placeholder(parameter), count)
        };
        let kernel = Kernel::Parameter {
            weight: Parameter {
                name: placeholder(weight),
                shape: self.weight.shape(),
            },
            form,
            bias: self.bias.as_ref().map(vector),
        };
        let activation = match (self.settings.nonlinearity, &self.slope) {
            (Nonlinearity::None, _) | (Nonlinearity::PRelu, None) => ActivationDraft::None,
            (Nonlinearity::Relu, _) => ActivationDraft::Relu,
            (Nonlinearity::PRelu, Some(slope)) => ActivationDraft::PRelu(vector(slope)),
            (Nonlinearity::LeakyRelu(slope), _) => ActivationDraft::LeakyRelu(slope),
            (Nonlinearity::Sigmoid, _) => ActivationDraft::Sigmoid,
            (Nonlinearity::Tanh, _) => ActivationDraft::Tanh,
        };
        let maps = plan.conv(ConvDraft {
            input,
            kernel,
            padding,
            activation,
            add: None,
        })?;
        Ok(match scale {
            1 => maps,
            _ => plan.shuffle(maps, scale, None)?,
        })
    }
}

/// The paths of a module's parameters.
#[derive(Default)]
pub(crate) struct Paths {
    path: Vec<String>,
    found: BTreeMap<String, String>,
}

impl Paths {
    pub fn of(module: &impl Module) -> Self {
        let mut paths = Self::default();
        module.visit(&mut paths);
        paths
    }

    /// The path that a placeholder stands for.
    pub fn path(&self, placeholder: &str) -> String {
        self.found.get(placeholder).cloned().unwrap_or_default()
    }
}

impl ModuleVisitor for Paths {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.insert(placeholder(param), self.path.join("."));
    }
}

/// The values of a module's parameters, by their placeholders.
#[derive(Default)]
pub(crate) struct Values(BTreeMap<String, Vec<f32>>);

impl Values {
    pub fn of(module: &impl Module) -> Self {
        let mut values = Self::default();
        module.visit(&mut values);
        values
    }

    pub fn get(&self, placeholder: &str) -> Option<&[f32]> {
        self.0.get(placeholder).map(Vec::as_slice)
    }
}

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // What is no f32 will be missed when it is looked for.
        if let Ok(values) = param.val().into_data().try_into_vec::<f32>() {
            self.0.insert(placeholder(param), values);
        }
    }
}
