//! Compares the convolution on the flex device with autodiff, where it is the project's own operation, with Burn's
//! convolution and with finite differences.

use burn::tensor::{Device, Tensor, TensorData, activation, module, ops::ConvOptions};
use engine::graph::{Activation, Padding};
use model::layer::conv2d;

struct Random(u32);

impl Random {
    fn tensor<const D: usize>(&mut self, shape: [usize; D], device: &Device) -> Tensor<D> {
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| {
                self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}

/// Input, weight, bias and slope, all of them with gradients.
struct Inputs {
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    slope: Tensor<1>,
    /// The weights of the output's values in the sum that is differentiated.
    weights: Tensor<4>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    None,
    Relu,
    PRelu,
}

impl Inputs {
    fn new(padding: Padding, k: usize, slopes: usize) -> Self {
        let device = Device::flex().autodiff();
        let mut random = Random(17);
        let (height, width) = (12, 19);
        let lost = if padding == Padding::Same { 0 } else { k - 1 };
        Self {
            x: random.tensor([2, 3, height, width], &device).require_grad(),
            weight: random.tensor([5, 3, k, k], &device).require_grad(),
            bias: random.tensor([5], &device).require_grad(),
            // Include negative slopes, for which the sign of the output does not tell the sign of the input.
            slope: random.tensor([slopes], &device).require_grad(),
            weights: random.tensor([2, 5, height - lost, width - lost], &device),
        }
    }

    fn ours(&self, kind: Kind, padding: Padding) -> Tensor<4> {
        let activation = match kind {
            Kind::None => Activation::None,
            Kind::Relu => Activation::Relu,
            Kind::PRelu => Activation::PRelu(self.slope.clone()),
        };
        let (x, weight, bias) = (self.x.clone(), self.weight.clone(), self.bias.clone());
        conv2d(x, weight, Some(bias), activation, padding, 1)
    }

    fn burns(&self, kind: Kind, padding: Padding) -> Tensor<4> {
        let k = self.weight.dims()[2];
        let margin = if padding == Padding::Same { k / 2 } else { 0 };
        let options = ConvOptions::new([1, 1], [margin, margin], [1, 1], 1);
        let (x, weight, bias) = (self.x.clone(), self.weight.clone(), self.bias.clone());
        let z = module::conv2d(x, weight, Some(bias), options);
        match kind {
            Kind::None => z,
            Kind::Relu => activation::relu(z),
            Kind::PRelu => activation::prelu(z, self.slope.clone()),
        }
    }

    /// The output's values, followed by the gradients of all inputs.
    fn gradients(&self, kind: Kind, y: Tensor<4>) -> Vec<Vec<f32>> {
        fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
            tensor.into_data().iter::<f32>().collect()
        }
        let gradients = (y.clone() * self.weights.clone()).sum().backward();
        let mut all = vec![
            values(y),
            values(self.x.grad(&gradients).unwrap()),
            values(self.weight.grad(&gradients).unwrap()),
            values(self.bias.grad(&gradients).unwrap()),
        ];
        if let Kind::PRelu = kind {
            all.push(values(self.slope.grad(&gradients).unwrap()));
        }
        all
    }
}

#[test]
fn gradients_are_those_of_burns_convolution() {
    for padding in [Padding::Same, Padding::Valid] {
        for k in [1, 3, 5, 9] {
            for slopes in [1, 5] {
                for kind in [Kind::None, Kind::Relu, Kind::PRelu] {
                    let inputs = Inputs::new(padding, k, slopes);
                    let ours = inputs.gradients(kind, inputs.ours(kind, padding));
                    let burns = inputs.gradients(kind, inputs.burns(kind, padding));
                    for (ours, burns) in ours.iter().zip(&burns) {
                        assert_eq!(ours.len(), burns.len());
                        // The gradient of a shared slope is one sum, in which much may cancel; so the scale is at least
                        // 1.
                        let largest = burns.iter().fold(1f32, |max, value| max.max(value.abs()));
                        for (a, b) in ours.iter().zip(burns) {
                            let error = (a - b).abs() / largest;
                            assert!(
                                error < 1e-5,
                                "{padding:?} {k} {kind:?} {slopes}: {a}, Burn {b}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_weights_gradient_is_the_difference_it_makes() {
    let inputs = Inputs::new(Padding::Same, 3, 5);
    let gradients = inputs.gradients(Kind::PRelu, inputs.ours(Kind::PRelu, Padding::Same));
    let loss = |shift: f32, at: usize| {
        let mut weight: Vec<f32> = inputs.weight.clone().into_data().iter::<f32>().collect();
        weight[at] += shift;
        let data = TensorData::new(weight, inputs.weight.dims());
        let moved = Inputs {
            x: inputs.x.clone(),
            weight: Tensor::from_data(data, &inputs.weight.device()),
            bias: inputs.bias.clone(),
            slope: inputs.slope.clone(),
            weights: inputs.weights.clone(),
        };
        let y = moved.ours(Kind::PRelu, Padding::Same) * inputs.weights.clone();
        y.into_data().iter::<f32>().map(f64::from).sum::<f64>()
    };
    for at in [0, 13, 77, 134] {
        let step = 1e-3;
        let difference = (loss(step, at) - loss(-step, at)) / f64::from(2.0 * step);
        let gradient = f64::from(gradients[2][at]);
        assert!(
            (difference - gradient).abs() < 0.02 * gradient.abs().max(1.0),
            "{difference} {gradient}"
        );
    }
}
