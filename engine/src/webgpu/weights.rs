//! Weights in the order in which the shaders read them.

use crate::graph::{Activation, Conv};

/// The numbers of a kernel.
pub enum Weights<'a> {
    /// It has none.
    None,
    /// Numbers in their order.
    Numbers(Vec<f32>),
    /// Those of a convolution, which are arranged when they are needed.
    Conv(Packing<'a>),
}

impl Weights<'_> {
    /// Numbers that hold for all four channels of a block.
    pub fn same(numbers: impl Iterator<Item = f32>) -> Self {
        Self::Numbers(numbers.flat_map(|number| [number; 4]).collect())
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Numbers(numbers) => numbers.len() as u64,
            Self::Conv(packing) => packing.count(),
        }
    }

    /// The numbers.
    pub fn numbers(self) -> Vec<f32> {
        match self {
            Self::None => Vec::new(),
            Self::Numbers(numbers) => numbers,
            Self::Conv(packing) => packing.pack(),
        }
    }
}

/// A number of an activation.
#[derive(Clone, Copy)]
pub enum Number<'a> {
    /// The same for all channels.
    Same(f32),
    /// One per channel.
    Each(&'a [f32]),
}

impl Number<'_> {
    /// That of a channel; zero for those that only fill a block up.
    pub fn of(self, channel: usize) -> f32 {
        match self {
            Self::Same(number) => number,
            Self::Each(numbers) => numbers.get(channel).copied().unwrap_or(0.0),
        }
    }
}

/// The numbers that an activation's function takes.
pub fn activation_numbers(activation: &Activation) -> Vec<Number<'_>> {
    match activation {
        Activation::LeakyRelu(slope) => vec![Number::Same(*slope)],
        Activation::PRelu(slopes) => vec![Number::Each(slopes)],
        Activation::Clamp { low, high } => {
            // WGSL knows no infinity.
            let finite = |bound: &f32| Number::Same(bound.clamp(f32::MIN, f32::MAX));
            vec![finite(low), finite(high)]
        }
        Activation::None
        | Activation::Relu
        | Activation::Sigmoid
        | Activation::Tanh
        | Activation::Silu
        | Activation::Gelu => Vec::new(),
    }
}

/// The function of an activation.
pub fn activation_text(activation: &Activation) -> &'static str {
    match activation {
        Activation::None => include_str!("shaders/activation/none.wgsl"),
        Activation::Relu => include_str!("shaders/activation/relu.wgsl"),
        Activation::LeakyRelu(_) | Activation::PRelu(_) => {
            include_str!("shaders/activation/slopes.wgsl")
        }
        Activation::Sigmoid => include_str!("shaders/activation/sigmoid.wgsl"),
        Activation::Tanh => include_str!("shaders/activation/tanh.wgsl"),
        Activation::Silu => include_str!("shaders/activation/silu.wgsl"),
        Activation::Gelu => include_str!("shaders/activation/gelu.wgsl"),
        Activation::Clamp { .. } => include_str!("shaders/activation/clamp.wgsl"),
    }
}

/// The input channels that a thread of a convolution reads.
pub enum Channels {
    /// All channels of values that lie one after the other.
    Parts(Vec<usize>),
    /// The blocks that the groups of its outputs lie in: at most `span`, for all threads the same number
    /// of weights.
    Grouped {
        /// Blocks of four input channels.
        span: usize,
    },
    /// Those of the output itself.
    Depthwise,
}

impl Channels {
    /// Those of a grouped convolution whose threads compute so many blocks.
    pub fn grouped(conv: &Conv, channels_in: usize, blocks: usize) -> Self {
        let [inputs, outputs] = [channels_in, conv.channels_out].map(|all| all / conv.groups);
        let spans = (0..conv.channels_out).step_by(4 * blocks).map(|first| {
            let last = (first + 4 * blocks).min(conv.channels_out) - 1;
            ((last / outputs + 1) * inputs).div_ceil(4) - first / outputs * inputs / 4
        });
        Self::Grouped {
            span: spans.max().unwrap_or(0),
        }
    }
}

/// How the weights of a convolution are arranged.
///
/// `[channels_out / (4 · blocks)]` of biases `[blocks, 4]`, numbers of the activation
/// `[numbers, blocks, 4]`, and weights `[input blocks, k (x), k (y), input channels, blocks, 4]`, where an
/// input block has four channels or those that are left of a part; in a depthwise convolution
/// `[k (x), k (y), 4]`.
pub struct Packing<'a> {
    /// The convolution.
    pub conv: &'a Conv,
    /// Blocks of four output channels that a thread computes.
    pub blocks: usize,
    /// The channels that it reads.
    pub channels: Channels,
    /// The numbers of the activation.
    pub numbers: Vec<Number<'a>>,
}

impl Packing<'_> {
    /// Blocks of four numbers for each thread's blocks of output channels.
    pub fn chunk_length(&self) -> usize {
        let inputs = match &self.channels {
            Channels::Parts(parts) => parts.iter().sum(),
            Channels::Grouped { span } => 4 * span,
            Channels::Depthwise => 1,
        };
        let taps = self.conv.k * self.conv.k;
        (1 + self.numbers.len() + inputs * taps) * self.blocks
    }

    fn count(&self) -> u64 {
        let chunks = self.conv.channels_out.div_ceil(4 * self.blocks);
        (4 * chunks as u64).saturating_mul(self.chunk_length() as u64)
    }

    fn pack(&self) -> Vec<f32> {
        let (k, channels_out) = (self.conv.k, self.conv.channels_out);
        let (weight, bias) = (&self.conv.kernel.weight, &self.conv.kernel.bias);
        // Channels of a group.
        let inputs = weight.len() / (channels_out * k * k);
        let outputs = channels_out / self.conv.groups;
        let tap = |output: usize, input: usize, y: usize, x: usize| {
            let same_group = output < channels_out && output / outputs == input / inputs;
            match same_group {
                true => weight[((output * inputs + input % inputs) * k + y) * k + x],
                false => 0.0,
            }
        };
        let mut packed = Vec::with_capacity(self.count() as usize);
        for first in (0..channels_out).step_by(4 * self.blocks) {
            let chunk = first..first + 4 * self.blocks;
            packed.extend(chunk.clone().map(|output| Number::Each(bias).of(output)));
            for number in &self.numbers {
                packed.extend(chunk.clone().map(|output| number.of(output)));
            }
            for block in self.input_blocks(first, inputs, outputs) {
                for (x, y) in (0..k).flat_map(|x| (0..k).map(move |y| (x, y))) {
                    for input in block.clone() {
                        packed.extend(chunk.clone().map(|output| match self.channels {
                            Channels::Depthwise => tap(output, output, y, x),
                            Channels::Parts(_) | Channels::Grouped { .. } => {
                                tap(output, input, y, x)
                            }
                        }));
                    }
                }
            }
        }
        packed
    }

    /// The input blocks of the outputs from `first`, in order; groups have so many inputs and outputs.
    fn input_blocks(
        &self,
        first: usize,
        inputs: usize,
        outputs: usize,
    ) -> Vec<std::ops::Range<usize>> {
        match &self.channels {
            Channels::Parts(parts) => {
                let mut blocks = Vec::new();
                let mut begin = 0;
                for &channels in parts {
                    let end = begin + channels;
                    let starts = (begin..end).step_by(4);
                    blocks.extend(starts.map(|start| start..end.min(start + 4)));
                    begin = end;
                }
                blocks
            }
            Channels::Grouped { span } => {
                let begin = first / outputs * inputs / 4;
                let starts = (begin..begin + span).map(|block| 4 * block);
                starts.map(|start| start..start + 4).collect()
            }
            // One weight for each output.
            Channels::Depthwise => std::iter::once(first..first + 1).collect(),
        }
    }
}

/// Values as a GPU's memory holds them.
pub fn to_bytes(values: &[f32], half: bool) -> Vec<u8> {
    if half {
        return values
            .iter()
            .flat_map(|&v| to_half(v).to_le_bytes())
            .collect();
    }
    let mut bytes = vec![0; 4 * values.len()];
    for (bytes, value) in bytes.chunks_exact_mut(4).zip(values) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

/// The bits of the nearest f16, ties to even; numbers that are too large become the largest one.
fn to_half(value: f32) -> u16 {
    let sign = (value.to_bits() >> 16) as u16 & 0x8000;
    // 2^−112 takes f16's exponents to the lowest ones of f32, subnormal numbers included.
    let scaled = value.abs().min(65504.0) * f32::from_bits(15 << 23);
    let bits = scaled.to_bits();
    sign | ((bits + 0xfff + (bits >> 13 & 1)) >> 13) as u16
}
