//! A module's parameters as one vector.
//!
//! The optimiser, the moving average, the gradient's norm and checkpoints treat all parameters alike.
//! On one vector, each takes a handful of kernel launches on a GPU instead of hundreds.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};

/// All parameters in the module's order: `[n]`, not tracked by autodiff.
pub fn parameters<M: Module>(module: &M) -> Tensor<1> {
    let mut gather = Gather {
        parts: Vec::new(),
        gradients: None,
    };
    module.visit(&mut gather);
    Tensor::cat(gather.parts, 0)
}

/// The gradients of all parameters in the same order: `[n]`; zeros for parameters without one.
pub fn gradients<M: Module>(module: &M, gradients: &Gradients) -> Tensor<1> {
    let mut gather = Gather {
        parts: Vec::new(),
        gradients: Some(gradients),
    };
    module.visit(&mut gather);
    Tensor::cat(gather.parts, 0)
}

/// The module with these parameters `[n]`, tracked by autodiff.
pub fn with_parameters<M: Module>(module: M, parameters: Tensor<1>) -> M {
    module.map(&mut Scatter {
        parameters,
        taken: 0,
    })
}

/// The index of the first value whose parameter's path starts with `prefix`, provided that these
/// parameters come last; `None` if they don't.
pub fn start_of<M: Module>(module: &M, prefix: &str) -> Option<usize> {
    let mut find = Find {
        path: Vec::new(),
        prefix,
        before: 0,
        within: 0,
        broken: false,
    };
    module.visit(&mut find);
    (find.within > 0 && !find.broken).then_some(find.before)
}

struct Gather<'a> {
    parts: Vec<Tensor<1>>,
    gradients: Option<&'a Gradients>,
}

impl ModuleVisitor for Gather<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let part = match self.gradients {
            None => value.inner(),
            Some(gradients) => match value.grad(gradients) {
                Some(gradient) => gradient,
                None => value.inner().zeros_like(),
            },
        };
        self.parts.push(part.flatten(0, D - 1));
    }
}

struct Scatter {
    parameters: Tensor<1>,
    taken: usize,
}

impl ModuleMapper for Scatter {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, old, mapper) = param.consume();
        let shape = old.dims();
        let size: usize = shape.iter().product();
        let part = self.parameters.clone().narrow(0, self.taken, size);
        self.taken += size;
        let part = Tensor::from_inner(part.reshape(shape)).require_grad();
        Param::from_mapped_value(id, part, mapper)
    }
}

struct Find<'a> {
    path: Vec<String>,
    prefix: &'a str,
    before: usize,
    within: usize,
    broken: bool,
}

impl ModuleVisitor for Find<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let size: usize = param.val().dims().iter().product();
        if self.path.join(".").starts_with(self.prefix) {
            self.within += size;
        } else {
            self.broken |= self.within > 0;
            self.before += size;
        }
    }
}
