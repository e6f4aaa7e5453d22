//! Makes the layers of networks, either of zeros (to load a record into) or with random weights.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Shape, Tensor, TensorData};

use engine::graph::Activation;

use super::{
    BatchNorm, ConvBlock, Dense, KernelWeight, Resample, Settings, ThreeKernels, WideKernel,
};

/// Initial slope of PReLU (He et al. 2015, arXiv:1502.01852).
const PRELU_START: f32 = 0.25;

/// The configuration of a [`ConvBlock`]; see [`Layers::conv`].
#[derive(Clone, Copy, Debug)]
pub struct ConvConfig {
    shape: [usize; 4],
    gain: f32,
    bilinear: bool,
    identity: bool,
    norm: bool,
    expansion: Option<usize>,
    in_three: Option<usize>,
    settings: Settings,
}

impl ConvConfig {
    /// A convolution of `shape [out, in, k, k]` with bias and without an activation.
    ///
    /// The variance of its initial weights is `gain / fan_in`. The default gain is 1/3, as in PyTorch; it is small
    /// enough for identities and skip connections to dominate at the start.
    pub fn new(shape: [usize; 4]) -> Self {
        Self {
            shape,
            gain: 1.0 / 3.0,
            bilinear: false,
            identity: false,
            norm: false,
            expansion: None,
            in_three: None,
            settings: Settings {
                activation: Activation::None,
                resample: Resample::None,
                dilation: 1,
                groups: 1,
                rescale: None,
            },
        }
    }

    /// Sets the gain. 2 keeps the variance of the maps if a ReLU follows (He et al. 2015).
    pub fn gain(self, gain: f32) -> Self {
        Self { gain, ..self }
    }

    /// Initialises the weights as bilinear interpolation, applied to each channel separately. For transposed
    /// convolutions of stride 2 with a 4×4 kernel (Long et al. 2015, arXiv:1411.4038).
    pub fn bilinear(self) -> Self {
        Self {
            bilinear: true,
            ..self
        }
    }

    /// Initialises the weights as the identity. For 1×1 convolutions with as many inputs as outputs.
    pub fn identity(self) -> Self {
        Self {
            identity: true,
            ..self
        }
    }

    /// In training, the convolution is three in a row with `gain` times the maps between them, and one beside them.
    pub fn in_three(self, gain: usize) -> Self {
        Self {
            in_three: Some(gain),
            ..self
        }
    }

    /// Batch normalisation instead of the bias. Cannot be combined with a sub-pixel or transposed convolution, into
    /// which it would not fold.
    pub fn norm(self) -> Self {
        Self { norm: true, ..self }
    }

    /// In training, the convolution is a wide linear block of this many maps.
    pub fn wide(self, expansion: Option<usize>) -> Self {
        Self { expansion, ..self }
    }

    /// Sets the activation.
    pub fn then(mut self, activation: Activation<()>) -> Self {
        self.settings.activation = activation;
        self
    }

    /// In training, the output y becomes `factor · y + offset`; folding merges both into the parameters. For networks
    /// that are trained on another range of values than they are used with. Only without an activation.
    pub fn rescaled(mut self, factor: f64, offset: f64) -> Self {
        self.settings.rescale = Some([factor, offset]);
        self
    }

    /// Convolves so many groups of channels separately; the shape counts the input channels of one group. Only for
    /// convolutions that do not change height and width.
    pub fn grouped(mut self, groups: usize) -> Self {
        self.settings.groups = groups;
        self
    }

    /// Sets the dilation, in pixels from tap to tap.
    pub fn dilated(mut self, dilation: usize) -> Self {
        self.settings.dilation = dilation;
        self
    }

    /// Makes it a sub-pixel convolution, whose output has `scale` times the height and width; `out` counts the channels
    /// after the shuffle.
    pub fn shuffled(mut self, scale: usize) -> Self {
        self.settings.resample = Resample::Shuffle { scale };
        self
    }

    /// Makes it a transposed convolution, whose output has `scale` times the height and width.
    pub fn transposed(mut self, scale: usize, padding: usize) -> Self {
        self.settings.resample = Resample::Up { scale, padding };
        self
    }

    /// Makes it a strided convolution, whose output has 1/`scale` of the height and width.
    pub fn strided(mut self, scale: usize, padding: usize) -> Self {
        self.settings.resample = Resample::Down { scale, padding };
        self
    }
}

/// Makes the layers of a network.
pub struct Layers {
    device: Device,
    #[cfg(feature = "train")]
    random: Option<rand_pcg::Pcg64Mcg>,
}

impl Layers {
    /// Makes folded layers of zeros, to load a record into.
    ///
    /// Memory is allocated only when a parameter's value is first read. Burn's initialisers are not used, as their
    /// random kernels would make the wasm of a page larger.
    pub fn zeros(device: &Device) -> Self {
        Self {
            device: device.clone(),
            #[cfg(feature = "train")]
            random: None,
        }
    }

    /// Makes layers for training, with random weights.
    ///
    /// The weights are drawn on the host, so that a seed gives the same weights on every device.
    #[cfg(feature = "train")]
    pub fn random(seed: u64, device: &Device) -> Self {
        use rand::SeedableRng;
        Self {
            device: device.clone(),
            random: Some(rand_pcg::Pcg64Mcg::seed_from_u64(seed)),
        }
    }

    /// A parameter with uniformly distributed values of variance `gain / fan_in`.
    pub(super) fn weight<const D: usize>(
        &mut self,
        shape: [usize; D],
        fan_in: usize,
        gain: f32,
    ) -> Param<Tensor<D>> {
        #[cfg(feature = "train")]
        if let Some(random) = &mut self.random {
            use rand::RngExt;
            let bound = (3.0 * gain / fan_in as f32).sqrt();
            let values: Vec<f32> = (0..shape.iter().product())
                .map(|_| random.random_range(-bound..bound))
                .collect();
            let values = TensorData::new(values, shape);
            return Param::from_tensor(Tensor::from_data(values, &self.device));
        }
        let _ = (fan_in, gain);
        self.constant(shape, 0.0)
    }

    fn constant<const D: usize>(&self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        let fill =
            move |device: &Device, grad| Tensor::full(shape, value, device).set_require_grad(grad);
        Param::uninitialized(
            ParamId::new(),
            fill,
            self.device.clone(),
            true,
            Shape::from(shape),
        )
    }

    pub(crate) fn trains(&self) -> bool {
        #[cfg(feature = "train")]
        return self.random.is_some();
        #[cfg(not(feature = "train"))]
        return false;
    }

    /// A dense layer whose initial weights have the variance `gain / inputs`.
    pub fn dense(&mut self, inputs: usize, outputs: usize, gain: f32) -> Dense {
        Dense::new(
            self.weight([inputs, outputs], inputs, gain),
            self.constant([outputs], 0.0),
        )
    }

    /// Makes a convolution.
    pub fn conv(&mut self, conv: ConvConfig) -> ConvBlock {
        let [out, channels_in, k, _] = conv.shape;
        let fan_in = channels_in * k * k;
        let (shape, fan_in) = match conv.settings.resample {
            Resample::None | Resample::Down { .. } => (conv.shape, fan_in),
            Resample::Shuffle { scale } => ([out * scale * scale, channels_in, k, k], fan_in),
            // The weight of a transposed convolution is `[in, out, k, k]`, and each output pixel depends on 1/scale² of
            // its taps.
            Resample::Up { scale, .. } => {
                ([channels_in, out, k, k], fan_in.div_ceil(scale * scale))
            }
        };
        let biases = match conv.settings.resample {
            Resample::Shuffle { .. } => shape[0],
            _ => out,
        };
        let weight = match (conv.in_three, conv.expansion) {
            (Some(gain), _) if self.trains() => {
                let (wide_in, wide_out) = (gain * channels_in, gain * out);
                KernelWeight::Three(ThreeKernels::new(
                    self.weight([wide_in, channels_in], channels_in, conv.gain),
                    self.weight([wide_out, wide_in, k, k], wide_in * k * k, conv.gain),
                    self.weight([out, wide_out], wide_out, conv.gain),
                    self.weight([out, channels_in], channels_in, conv.gain),
                ))
            }
            (None, Some(wide)) if self.trains() => KernelWeight::Wide(WideKernel::new(
                self.weight([wide, channels_in, k, k], fan_in, conv.gain),
                self.weight([out, wide], wide, conv.gain),
            )),
            _ if conv.identity && self.trains() => {
                let identity = Tensor::eye(out, &self.device);
                KernelWeight::Folded(Param::from_tensor(identity.reshape([out, out, 1, 1])))
            }
            _ if conv.bilinear && self.trains() => {
                let kernel = bilinear_kernel(out, &self.device);
                KernelWeight::Folded(Param::from_tensor(kernel))
            }
            _ => KernelWeight::Folded(self.weight(shape, fan_in, conv.gain)),
        };
        let norm = conv.norm && self.trains();
        let prelu = matches!(conv.settings.activation, Activation::PRelu(()));
        let settings = Settings {
            rescale: conv.settings.rescale.filter(|_| self.trains()),
            ..conv.settings
        };
        ConvBlock::new(
            weight,
            (!norm).then(|| self.constant([biases], 0.0)),
            prelu.then(|| self.constant([out], PRELU_START)),
            norm.then(|| BatchNorm::new(Tensor::zeros([out], &self.device))),
            settings,
        )
    }
}

/// Weight of a transposed convolution of stride 2 that interpolates bilinearly: `[channels, channels, 4, 4]`.
fn bilinear_kernel(channels: usize, device: &Device) -> Tensor<4> {
    const TAPS: [f32; 4] = [0.25, 0.75, 0.75, 0.25];
    let mut weight = vec![0f32; channels * channels * 16];
    for c in 0..channels {
        for (i, value) in weight[(c * channels + c) * 16..][..16]
            .iter_mut()
            .enumerate()
        {
            *value = TAPS[i / 4] * TAPS[i % 4];
        }
    }
    Tensor::from_data(TensorData::new(weight, [channels, channels, 4, 4]), device)
}
