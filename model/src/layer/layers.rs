//! Where networks get their layers from: zeros to load a record into, or random weights.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Shape, Tensor, TensorData};

use engine::graph::Activation;

use super::{BatchNorm, ConvBlock, Dense, KernelWeight, Resample, Settings, WideKernel};

/// The slope that PReLU starts from (He et al. 2015, arXiv:1502.01852).
const PRELU_START: f32 = 0.25;

/// The configuration of a [`ConvBlock`]; see [`Layers::conv`].
#[derive(Clone, Copy, Debug)]
pub struct ConvConfig {
    shape: [usize; 4],
    gain: f32,
    bilinear: bool,
    norm: bool,
    expansion: Option<usize>,
    settings: Settings,
}

impl ConvConfig {
    /// A convolution of `shape [out, in, k, k]` with bias and without an activation.
    ///
    /// Its weights are drawn with the variance `gain / fan_in`; the gain is a third, PyTorch's
    /// default: small enough for identities and skips to dominate at the start.
    pub fn new(shape: [usize; 4]) -> Self {
        Self {
            shape,
            gain: 1.0 / 3.0,
            bilinear: false,
            norm: false,
            expansion: None,
            settings: Settings {
                activation: Activation::None,
                resample: Resample::None,
                dilation: 1,
                rescale: None,
            },
        }
    }

    /// Another gain: 2 before a ReLU keeps the maps' variance (He et al. 2015).
    pub fn gain(self, gain: f32) -> Self {
        Self { gain, ..self }
    }

    /// Starts as bilinear interpolation, each channel for itself: for a transposed convolution that
    /// doubles, with a 4×4 kernel (Long et al. 2015, arXiv:1411.4038).
    pub fn bilinear(self) -> Self {
        Self {
            bilinear: true,
            ..self
        }
    }

    /// Batch normalisation in place of the bias; not together with a sub-pixel or transposed
    /// convolution, with which it would not fold.
    pub fn norm(self) -> Self {
        Self { norm: true, ..self }
    }

    /// A wide linear block of so many maps in training.
    pub fn wide(self, expansion: Option<usize>) -> Self {
        Self { expansion, ..self }
    }

    /// An activation applied to its output.
    pub fn then(mut self, activation: Activation<()>) -> Self {
        self.settings.activation = activation;
        self
    }

    /// In training its output y becomes `factor · y + offset`, which is folded into its parameters: for
    /// networks trained on other ranges of values than they are used with. Without an activation only.
    pub fn rescaled(mut self, factor: f64, offset: f64) -> Self {
        self.settings.rescale = Some([factor, offset]);
        self
    }

    /// So many pixels from tap to tap.
    pub fn dilated(mut self, dilation: usize) -> Self {
        self.settings.dilation = dilation;
        self
    }

    /// A sub-pixel convolution: the output is `scale` times as large; `out` counts its channels.
    pub fn shuffled(mut self, scale: usize) -> Self {
        self.settings.resample = Resample::Shuffle { scale };
        self
    }

    /// A transposed convolution: the output is `scale` times as large.
    pub fn transposed(mut self, scale: usize, padding: usize) -> Self {
        self.settings.resample = Resample::Up { scale, padding };
        self
    }

    /// A strided convolution: the output is `scale` times as small.
    pub fn strided(mut self, scale: usize, padding: usize) -> Self {
        self.settings.resample = Resample::Down { scale, padding };
        self
    }
}

/// Makes layers.
pub struct Layers {
    device: Device,
    #[cfg(feature = "train")]
    random: Option<rand_pcg::Pcg64Mcg>,
}

impl Layers {
    /// Layers of zeros in the form in which they are used: load a record into them.
    ///
    /// Nothing is allocated before a parameter's value is asked for, and Burn's initialisers, whose
    /// random kernels would make a page's wasm larger, are left out.
    pub fn zeros(device: &Device) -> Self {
        Self {
            device: device.clone(),
            #[cfg(feature = "train")]
            random: None,
        }
    }

    /// Layers as they are trained, with random weights.
    ///
    /// They are drawn on the host, so that a seed gives the same ones on every device.
    #[cfg(feature = "train")]
    pub fn random(seed: u64, device: &Device) -> Self {
        use rand::SeedableRng;
        Self {
            device: device.clone(),
            random: Some(rand_pcg::Pcg64Mcg::seed_from_u64(seed)),
        }
    }

    /// A parameter, drawn uniformly with the variance `gain / fan_in`.
    fn weight<const D: usize>(
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

    /// A parameter of equal values.
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

    /// Whether layers are made in the form in which they are trained.
    pub(crate) fn trains(&self) -> bool {
        #[cfg(feature = "train")]
        return self.random.is_some();
        #[cfg(not(feature = "train"))]
        return false;
    }

    /// A dense layer whose weights are drawn with the variance `gain / inputs`.
    pub fn dense(&mut self, inputs: usize, outputs: usize, gain: f32) -> Dense {
        Dense::new(
            self.weight([inputs, outputs], inputs, gain),
            self.constant([outputs], 0.0),
        )
    }

    /// A convolution.
    pub fn conv(&mut self, conv: ConvConfig) -> ConvBlock {
        let [out, channels_in, k, _] = conv.shape;
        let fan_in = channels_in * k * k;
        let (shape, fan_in) = match conv.settings.resample {
            Resample::None | Resample::Down { .. } => (conv.shape, fan_in),
            Resample::Shuffle { scale } => ([out * scale * scale, channels_in, k, k], fan_in),
            // The weight of a transposed convolution is turned, and a pixel sees a part of it.
            Resample::Up { scale, .. } => {
                ([channels_in, out, k, k], fan_in.div_ceil(scale * scale))
            }
        };
        let biases = match conv.settings.resample {
            Resample::Shuffle { .. } => shape[0],
            _ => out,
        };
        let weight = match conv.expansion {
            Some(wide) if self.trains() => KernelWeight::Wide(WideKernel::new(
                self.weight([wide, channels_in, k, k], fan_in, conv.gain),
                self.weight([out, wide], wide, conv.gain),
            )),
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

/// The weight of a transposed convolution of stride 2 that interpolates: `[channels, channels, 4, 4]`.
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
