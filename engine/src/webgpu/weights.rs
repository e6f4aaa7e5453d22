//! Weights in the order in which the shader reads them.

use crate::graph::{Activation, Conv};

/// Packs a convolution that computes `blocks` blocks of four output channels in a thread:
/// `[output / (4 · blocks)]` of biases `[blocks, 4]`, slopes `[blocks, 4]` if there are any, and
/// weights `[input / 4, k (x), k (y), 4 or what is left of the inputs, blocks, 4]`.
///
/// Groups become zeros: they only occur where a few channels are enlarged.
pub fn pack(conv: &Conv, channels_in: usize, blocks: usize) -> Vec<f32> {
    let (k, channels_out) = (conv.k, conv.channels_out);
    let of_group = (channels_in / conv.groups, channels_out / conv.groups);
    let weight = |output: usize, input: usize, y: usize, x: usize| {
        let same_group = output / of_group.1 == input / of_group.0;
        let row = output * of_group.0 + input % of_group.0;
        match output < channels_out && same_group {
            true => conv.weight[(row * k + y) * k + x],
            false => 0.0,
        }
    };
    let of = |values: &[f32], output: usize| values.get(output).copied().unwrap_or(0.0);
    let mut packed = Vec::new();
    for first in (0..channels_out).step_by(4 * blocks) {
        let outputs = first..first + 4 * blocks;
        packed.extend(outputs.clone().map(|output| of(&conv.bias, output)));
        if let Activation::PRelu(slopes) = &conv.activation {
            packed.extend(outputs.clone().map(|output| of(slopes, output)));
        }
        for block in (0..channels_in).step_by(4) {
            let inputs = block..channels_in.min(block + 4);
            for (x, y) in (0..k).flat_map(|x| (0..k).map(move |y| (x, y))) {
                for input in inputs.clone() {
                    packed.extend(outputs.clone().map(|output| weight(output, input, y, x)));
                }
            }
        }
    }
    packed
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

/// The bits of the nearest f16, ties to even; what is too large becomes the largest.
fn to_half(value: f32) -> u16 {
    let sign = (value.to_bits() >> 16) as u16 & 0x8000;
    // 2^−112 takes f16's exponents to the lowest ones of f32, subnormal numbers included.
    let scaled = value.abs().min(65504.0) * f32::from_bits(15 << 23);
    let bits = scaled.to_bits();
    sign | ((bits + 0xfff + (bits >> 13 & 1)) >> 13) as u16
}
