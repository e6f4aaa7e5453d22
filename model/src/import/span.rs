//! Recognises SPAN, and fuses its convolutions.

use super::{ImportError, ImportOptions, Parameters, Recipe, Source, Tensor, Tensors};
use crate::network::{NetworkConfig, SpanConfig};
use engine::Colour;

/// Mean of each channel and range of the original implementation.
const MEAN: [f32; 3] = [0.4488, 0.4371, 0.4040];
const RANGE: f32 = 255.0;

/// How many times the maps the convolutions have between them.
const GAIN: usize = 2;

/// Number of blocks.
const BLOCKS: usize = 6;

pub(super) fn recognise(
    tensors: &Tensors,
    options: &ImportOptions,
) -> Option<Result<Recipe, ImportError>> {
    let fused = |name: &str| tensors.shape::<4>(&format!("{name}.eval_conv.weight"));
    let unfused = |name: &str| tensors.shape::<4>(&format!("{name}.sk.weight"));
    let [width, channels, ..] = unfused("conv_1").or_else(|| fused("conv_1"))?;
    unfused("block_1.c1_r").or_else(|| fused("block_1.c1_r"))?;
    let [outputs, ..] = tensors.shape::<4>("upsampler.0.weight")?;
    let scale = super::rrdb::root(outputs, channels).filter(|_| channels == 3);
    let Some(scale) = scale else {
        return Some(Err(ImportError::Variant(
            "a SPAN for other images than RGB",
        )));
    };
    // This buffer marks models that were trained without it.
    let (mean, range) = match tensors.has("no_norm") {
        true => ([0.0; 3], 1.0),
        false => (MEAN, RANGE),
    };
    Some(Ok(Recipe {
        config: NetworkConfig::Span(SpanConfig {
            scale,
            colour: Colour::Rgb,
            width,
        }),
        layers: sources(options.mean.unwrap_or(mean), options.range.unwrap_or(range)),
        unneeded: &["eval_conv", "no_norm"],
    }))
}

/// The tensors of each convolution, in the order in which they run.
pub(crate) fn sources(mean: [f32; 3], range: f32) -> Vec<Source> {
    let three = |name: String| Source::Three { name };
    let mut sources = vec![Source::Normalise { mean, range }, three("conv_1".into())];
    for block in 1..=BLOCKS {
        sources.extend((1..=3).map(|conv| three(format!("block_{block}.c{conv}_r"))));
    }
    sources.push(three("conv_2".into()));
    sources.extend(["conv_cat", "upsampler.0"].map(Source::conv));
    sources
}

/// Whether a normalising convolution is that of the original implementation (`true`) or does nothing (`false`).
pub(crate) fn norm_of(weight: &[f32], bias: &[f32]) -> Option<bool> {
    let is = |mean, range| {
        let expected = normalising(mean, range);
        let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-3);
        !apart(weight, &expected.weight.values) && !apart(bias, &expected.bias)
    };
    [(true, MEAN, RANGE), (false, [0.0; 3], 1.0)]
        .into_iter()
        .find(|(_, mean, range)| is(*mean, *range))
        .map(|(has, ..)| has)
}

/// A 1×1 convolution that computes `range · (x − mean)`.
pub(super) fn normalising(mean: [f32; 3], range: f32) -> Parameters {
    let value = |i: usize| if i.is_multiple_of(4) { range } else { 0.0 };
    Parameters {
        weight: Tensor {
            shape: vec![3, 3, 1, 1],
            values: (0..9).map(value).collect(),
        },
        bias: mean.map(|mean| -range * mean).to_vec(),
        slope: None,
    }
}

/// The convolution `NAME`: of `NAME.conv.0` to `.2` and `NAME.sk`, or as `NAME.eval_conv` where the file is fused.
///
/// The original fuses as well before it computes, so that `eval_conv` may be out of date in files of a training.
pub(super) fn fused(tensors: &mut Tensors, name: &str) -> Result<Parameters, ImportError> {
    let is_fused = !tensors.has(&format!("{name}.sk.weight"));
    let mut take = |part: &str| {
        let mut of = |kind: &str| tensors.take(&format!("{name}.{part}.{kind}"));
        Ok::<_, ImportError>((of("weight")?, of("bias")?))
    };
    if is_fused {
        let (weight, bias) = take("eval_conv")?;
        return Ok(Parameters {
            weight,
            bias: bias.values,
            slope: None,
        });
    }
    let [first, middle, last, beside] = [
        take("conv.0")?,
        take("conv.1")?,
        take("conv.2")?,
        take("sk")?,
    ];
    let shape = |tensor: &Tensor| <[usize; 4]>::try_from(tensor.shape.as_slice());
    let sizes = (shape(&middle.0), shape(&beside.0));
    let (Ok([wide_out, wide_in, k, columns]), Ok([out, channels_in, 1, 1])) = sizes else {
        return Err(misshapen(name, &middle.0));
    };
    let fits = first.0.shape == [wide_in, channels_in, 1, 1]
        && last.0.shape == [out, wide_out, 1, 1]
        && k == columns
        && k % 2 == 1
        && [&first.1, &middle.1, &last.1, &beside.1]
            .iter()
            .zip([wide_in, wide_out, out, out])
            .all(|(bias, count)| bias.values.len() == count);
    if !fits {
        return Err(misshapen(name, &middle.0));
    }
    let taps = k * k;
    let at = |tensor: &Tensor, i: usize| f64::from(tensor.values[i]);
    // The middle convolution of the first one's maps: [wide_out, channels_in, k, k].
    let mut narrow = vec![0f64; wide_out * channels_in * taps];
    let mut narrow_bias: Vec<f64> = middle.1.values.iter().map(|b| f64::from(*b)).collect();
    for o in 0..wide_out {
        for i in 0..wide_in {
            for tap in 0..taps {
                let weight = at(&middle.0, (o * wide_in + i) * taps + tap);
                narrow_bias[o] += weight * at(&first.1, i);
                for c in 0..channels_in {
                    narrow[(o * channels_in + c) * taps + tap] +=
                        weight * at(&first.0, i * channels_in + c);
                }
            }
        }
    }
    let size = channels_in * taps;
    let mut weight = vec![0f64; out * size];
    let mut bias: Vec<f64> = (0..out)
        .map(|o| at(&last.1, o) + at(&beside.1, o))
        .collect();
    for o in 0..out {
        for w in 0..wide_out {
            let factor = at(&last.0, o * wide_out + w);
            bias[o] += factor * narrow_bias[w];
            for i in 0..size {
                weight[o * size + i] += factor * narrow[w * size + i];
            }
        }
        for c in 0..channels_in {
            weight[o * size + c * taps + taps / 2] += at(&beside.0, o * channels_in + c);
        }
    }
    let single = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
    Ok(Parameters {
        weight: Tensor {
            shape: vec![out, channels_in, k, k],
            values: single(weight),
        },
        bias: single(bias),
        slope: None,
    })
}

fn misshapen(name: &str, middle: &Tensor) -> ImportError {
    ImportError::Shape {
        layer: name.into(),
        found: middle.shape.clone(),
        expected: vec![0, 0, 3, 3],
    }
}

/// Convolutions that fuse to `weight [out, in, k, k]` and `bias`: two of the three pass their maps on, and the one beside
/// them adds nothing. As `conv.0.weight` and so on, with shape and values.
pub(crate) fn unfused(
    [out, channels_in, k, _]: [usize; 4],
    weight: &[f32],
    bias: &[f32],
) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let (wide_in, wide_out, taps) = (GAIN * channels_in, GAIN * out, k * k);
    // Ones where row and column are equal.
    let passing = |rows: usize, columns: usize| {
        let mut values = vec![0.0; rows * columns];
        (0..rows.min(columns)).for_each(|i| values[i * columns + i] = 1.0);
        values
    };
    let mut middle = vec![0.0; wide_out * wide_in * taps];
    for (o, rows) in weight.chunks_exact(channels_in * taps).enumerate() {
        middle[o * wide_in * taps..][..rows.len()].copy_from_slice(rows);
    }
    let mut middle_bias = vec![0.0; wide_out];
    middle_bias[..out].copy_from_slice(bias);
    let parts = [
        (
            "conv.0",
            [wide_in, channels_in, 1],
            passing(wide_in, channels_in),
            vec![0.0; wide_in],
        ),
        ("conv.1", [wide_out, wide_in, k], middle, middle_bias),
        (
            "conv.2",
            [out, wide_out, 1],
            passing(out, wide_out),
            vec![0.0; out],
        ),
        (
            "sk",
            [out, channels_in, 1],
            vec![0.0; out * channels_in],
            vec![0.0; out],
        ),
        (
            "eval_conv",
            [out, channels_in, k],
            weight.to_vec(),
            bias.to_vec(),
        ),
    ];
    let named = parts
        .into_iter()
        .flat_map(|(part, [a, b, k], weight, bias)| {
            let count = bias.len();
            [
                (format!("{part}.weight"), vec![a, b, k, k], weight),
                (format!("{part}.bias"), vec![count], bias),
            ]
        });
    named.collect()
}
