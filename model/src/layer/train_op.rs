//! The project's convolution as a Burn operation on the flex device, with its own backward pass.
//!
//! With Burn's own convolution, arithmetic is only a small part of a training step's time there; this one passes whole
//! batches to [`engine::conv::train`].

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{DType, Tensor, TensorData};

use engine::conv::train::{Convolution, Gradients as ConvGradients, Shape};
use engine::conv::{FusedActivation, Isa};

/// The fused convolution as a backend operation.
#[backend_extension(Flex, Autodiff)]
pub trait TrainOps: Backend {
    /// Convolution with bias, and with ReLU if `relu` is set.
    fn conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        relu: bool,
        padding: usize,
    ) -> FloatTensor<Self>;

    /// Convolution with bias, and PReLU with a slope per channel.
    fn conv_prelu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        slope: FloatTensor<Self>,
        padding: usize,
    ) -> FloatTensor<Self>;
}

/// The fused convolution; `slope` is `[out]`.
///
/// All tensors have to be f32 tensors on the flex device, with or without autodiff.
pub(super) fn conv(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    relu: bool,
    slope: Option<Tensor<1>>,
    padding: usize,
) -> Tensor<4> {
    let (x, weight, bias) = (
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    );
    Tensor::from_dispatch(match slope {
        Some(slope) => {
            <Dispatch as TrainOps>::conv_prelu(x, weight, bias, slope.into_dispatch(), padding)
        }
        None => <Dispatch as TrainOps>::conv(x, weight, bias, relu, padding),
    })
}

/// The inputs of a convolution, which the backward pass reads again.
#[derive(Clone, Debug)]
struct Inputs {
    x: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    slope: Option<FlexTensor>,
    relu: bool,
    padding: usize,
}

impl Inputs {
    fn new(
        [x, weight, bias]: [FlexTensor; 3],
        slope: Option<FlexTensor>,
        relu: bool,
        padding: usize,
    ) -> Self {
        Self {
            x: x.to_contiguous(),
            weight: weight.to_contiguous(),
            bias: bias.to_contiguous(),
            slope: slope.map(|slope| slope.to_contiguous()),
            relu,
            padding,
        }
    }

    fn shape(&self) -> Shape {
        let [x, weight] = [&self.x, &self.weight].map(|tensor| tensor.layout().shape().clone());
        Shape {
            batch: x[0],
            channels_in: x[1],
            channels_out: weight[0],
            height: x[2],
            width: x[3],
            k: weight[2],
            padding: self.padding,
        }
    }

    fn activation(&self) -> FusedActivation<'_> {
        match &self.slope {
            Some(slope) => FusedActivation::PRelu(values(slope)),
            None if self.relu => FusedActivation::Relu,
            None => FusedActivation::None,
        }
    }

    fn convolution(&self) -> Convolution<'_> {
        Convolution {
            shape: self.shape(),
            weight: values(&self.weight),
            bias: values(&self.bias),
            activation: self.activation(),
        }
    }

    fn forward(&self) -> FlexTensor {
        let shape = self.shape();
        let y = self.convolution().forward(Isa::best(), values(&self.x));
        let [rows, columns] = shape.output();
        tensor(y, [shape.batch, shape.channels_out, rows, columns])
    }

    fn backward(&self, y: &FlexTensor, gradient: &FlexTensor, want_x: bool) -> ConvGradients {
        let [x, y, gradient] = [&self.x, y, gradient].map(values);
        self.convolution()
            .backward(Isa::best(), x, y, gradient, want_x)
    }
}

fn values(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice()
        .expect("the layer calls this operation with f32 tensors only, made contiguous before")
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

impl TrainOps for Flex {
    fn conv(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        relu: bool,
        padding: usize,
    ) -> FlexTensor {
        Inputs::new([x, weight, bias], None, relu, padding).forward()
    }

    fn conv_prelu(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        slope: FlexTensor,
        padding: usize,
    ) -> FlexTensor {
        Inputs::new([x, weight, bias], Some(slope), false, padding).forward()
    }
}

/// The backward pass; N is 3 without and 4 with slopes.
#[derive(Debug)]
struct Conv<const N: usize>;

impl<const N: usize> Backward<Flex, N> for Conv<N> {
    type State = (Inputs, FlexTensor);

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (inputs, y) = ops.state;
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let found = inputs.backward(&y, &gradient, ops.parents[0].is_some());
        let shape = inputs.shape();
        let Shape {
            channels_in,
            channels_out,
            k,
            ..
        } = shape;
        let mut slot = [
            found
                .x
                .map(|x| tensor(x, [shape.batch, channels_in, shape.height, shape.width])),
            Some(tensor(found.weight, [channels_out, channels_in, k, k])),
            Some(tensor(found.bias, [channels_out])),
            Some(tensor(found.slope, [channels_out])),
        ];
        for (parent, gradient) in ops.parents.into_iter().zip(&mut slot) {
            if let (Some(parent), Some(gradient)) = (parent, gradient.take()) {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

impl<C: CheckpointStrategy> TrainOps for Autodiff<Flex, C> {
    fn conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        relu: bool,
        padding: usize,
    ) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let inputs = Inputs::new([x, weight, bias], None, relu, padding);
        let y = inputs.forward();
        match Conv::<3>
            .prepare::<C>([x_node, weight_node, bias_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish((inputs, y.clone()), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn conv_prelu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        slope: FloatTensor<Self>,
        padding: usize,
    ) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let (slope, slope_node) = slope.into_parts();
        let inputs = Inputs::new([x, weight, bias], Some(slope), false, padding);
        let y = inputs.forward();
        match Conv::<4>
            .prepare::<C>([x_node, weight_node, bias_node, slope_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish((inputs, y.clone()), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

/// Whether the fused convolution supports these tensors: f32 on the flex device.
pub(super) fn takes(x: &Tensor<4>, weight: &Tensor<4>) -> bool {
    let flex = |device: burn::tensor::Device| device.inner() == burn::tensor::Device::flex();
    let [_, _, k, _] = weight.dims();
    flex(x.device()) && x.dtype() == DType::F32 && weight.dtype() == DType::F32 && k <= 15
}
