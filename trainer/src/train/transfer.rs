//! Weights of another network, as far as they fit: of another scale, deeper, or wider.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// A parameter with its path in the network.
pub struct Named {
    pub(super) path: String,
    pub(super) dims: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// The result of a transfer, tensor by tensor.
#[derive(Debug, Default, PartialEq)]
pub struct Transferred {
    /// How many tensors were taken as they are.
    pub taken: usize,
    /// The paths of those that were taken into larger ones.
    pub widened: Vec<String>,
    /// The paths of those that kept their random values.
    pub random: Vec<String>,
}

/// All parameters in the order of [`super::flat::parameters`].
pub fn named<M: Module>(module: &M) -> Vec<Named> {
    let mut gather = Gather {
        path: Vec::new(),
        found: Vec::new(),
    };
    module.visit(&mut gather);
    gather.found
}

/// The values of `to` in one vector, with those of `from` where a tensor has the same path and is not larger.
///
/// `last` begins the paths of the last layer, whose outputs are pixels: with another number of them it stays random.
/// In a wider tensor the outputs that `from` has do not see the inputs that it lacks: their weights are 0, and the
/// other outputs stay random. A network that only became wider computes what it did.
pub fn transfer(from: &[Named], to: Vec<Named>, last: &str) -> (Vec<f32>, Transferred) {
    let mut report = Transferred::default();
    let mut values = Vec::new();
    for mut parameter in to {
        let same = from.iter().find(|other| other.path == parameter.path);
        match same {
            Some(other) if other.dims == parameter.dims => {
                parameter.values.clone_from(&other.values);
                report.taken += 1;
            }
            Some(other)
                if fits(&other.dims, &parameter.dims)
                    && !(parameter.path.starts_with(last) && other.dims[0] < parameter.dims[0]) =>
            {
                widen(other, &mut parameter);
                report.widened.push(parameter.path);
            }
            _ => report.random.push(parameter.path),
        }
        values.extend(parameter.values);
    }
    (values, report)
}

/// Whether only the numbers of channels, the first two sides, are larger.
fn fits(small: &[usize], large: &[usize]) -> bool {
    let channels = small.len().min(2);
    small.len() == large.len()
        && small[channels..] == large[channels..]
        && small.iter().zip(large).all(|(small, large)| small <= large)
}

/// Writes the values of `small` into those of `large`, whose first two sides may be larger.
fn widen(small: &Named, large: &mut Named) {
    let side = |dims: &[usize], i: usize| dims.get(i).copied().unwrap_or(1);
    let kernel: usize = small.dims.iter().skip(2).product();
    let inputs = [side(&small.dims, 1), side(&large.dims, 1)];
    for output in 0..small.dims[0] {
        for input in 0..inputs[1] {
            let to = (output * inputs[1] + input) * kernel;
            let target = &mut large.values[to..to + kernel];
            if input < inputs[0] {
                let from = (output * inputs[0] + input) * kernel;
                target.copy_from_slice(&small.values[from..from + kernel]);
            } else {
                target.fill(0.0);
            }
        }
    }
}

struct Gather {
    path: Vec<String>,
    found: Vec<Named>,
}

impl ModuleVisitor for Gather {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        self.found.push(Named {
            path: self.path.join("."),
            dims: value.dims().to_vec(),
            values: value.into_data().iter::<f32>().collect(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use model::network::NetworkConfig;

    fn network(text: &str, seed: u64) -> (NetworkConfig, model::network::Network) {
        let config: NetworkConfig = toml::from_str(text).unwrap();
        let network = config.init_training(seed, &Device::flex());
        (config, network)
    }

    fn moved(from: &str, to: &str) -> (model::network::Network, Transferred) {
        let (_, source) = network(from, 1);
        let (config, target) = network(to, 2);
        let last = config.last_layer();
        let (values, report) = transfer(&named(&source), named(&target), &last);
        let length = values.len();
        let vector = Tensor::from_data(TensorData::new(values, [length]), &Device::flex());
        (super::super::flat::with_parameters(target, vector), report)
    }

    const FROM: &str = "kind = \"espcn\"\nscale = 2\n";

    #[test]
    fn a_network_of_another_scale_takes_all_but_its_last_layer() {
        let (_, report) = moved(FROM, "kind = \"espcn\"\nscale = 4\n");
        assert!(report.taken > 0, "{report:?}");
        assert!(
            report.random.iter().all(|path| path.contains("last")),
            "{report:?}"
        );
        assert_eq!((report.random.len(), report.widened.len()), (2, 0));
    }

    #[test]
    fn a_wider_network_computes_the_same() {
        let text =
            |width: usize| format!("kind = \"compact\"\nscale = 2\nwidth = {width}\ndepth = 2\n");
        let (_, narrow) = network(&text(8), 1);
        let (wide, report) = moved(&text(8), &text(12));
        assert_eq!(report.random, Vec::<String>::new(), "{report:?}");
        let values = (0..3 * 9 * 7).map(|i| (i * 37 % 101) as f32 / 100.0);
        let data = TensorData::new(values.collect::<Vec<f32>>(), [1, 3, 9, 7]);
        let input = Tensor::<4>::from_data(data, &Device::flex());
        let difference = wide.forward(input.clone()) - narrow.forward(input);
        let largest = difference.abs().max().into_scalar::<f32>();
        assert!(largest < 1e-5, "{largest}");
    }
}
