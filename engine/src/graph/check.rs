//! Checks of single steps: what a step reads has to fit it, and nothing is larger than its bound.

use super::size::MAX_SCALE;
use super::{Activation, Conv, Extent, Form, Kernel, NamedStep, Padding, Parameter, Size, Step};

/// Most feature maps of a value, and taps of a kernel's side or pixels of a margin. A file that claims more is
/// damaged or hostile.
const MAX_CHANNELS: usize = 1 << 14;
const MAX_SIDE: usize = 63;

/// Largest factor of an enlargement, and largest stride.
const MAX_FACTOR: usize = 16;

/// A check that fails with a text; the builder adds the step's number and name.
pub(super) type Check<T = ()> = Result<T, String>;

pub(super) fn ensure(holds: bool, problem: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(problem()) }
}

fn within(what: &str, number: usize, max: usize) -> Check {
    ensure((1..=max).contains(&number), || {
        format!("its {what} is {number}, but 1 to {max} are allowed")
    })
}

/// Checks a step against the values that it reads, and gives its result's extent. `extents` holds all of them.
pub(super) fn check(step: &NamedStep, extents: &[Extent]) -> Check<Extent> {
    let of = |value: usize| extents[value];
    let extent = match step {
        Step::Conv(conv) => check_conv(conv, of(conv.input))?,
        Step::Activate { input, activation } => {
            check_activation(activation, of(*input).channels)?;
            of(*input)
        }
        Step::Sum { terms, constant } => {
            let finite = terms.iter().all(|term| term.factor.is_finite()) && constant.is_finite();
            ensure(finite, || "its factors are not finite".into())?;
            check_equal("it adds", terms.iter().map(|term| of(term.value)))?
        }
        Step::Product { a, b, factor } => {
            ensure(factor.is_finite(), || "its factor is not finite".into())?;
            check_equal("it multiplies", [*a, *b].map(of).into_iter())?
        }
        Step::Shuffle { input, scale, skip } => {
            let from = of(*input);
            let size = enlarged(from, *scale)?;
            let phases = scale * scale;
            ensure(from.channels.is_multiple_of(phases), || {
                format!(
                    "reads {} channels, which {phases} does not divide",
                    from.channels
                )
            })?;
            let channels = from.channels / phases;
            let small = Extent { channels, ..from };
            check_equal("it adds", std::iter::once(small).chain(skip.map(of)))?;
            Extent { size, ..small }
        }
        Step::Unshuffle { input, scale } => {
            let from = without_margin(of(*input))?;
            within("factor", *scale, MAX_SCALE)?;
            let size = from.size.shrunk(*scale);
            Extent {
                channels: from.channels * scale * scale,
                size: size.ok_or("its size cannot be expressed: align it first")?,
                ..from
            }
        }
        Step::Repeat { input, scale } => {
            let size = enlarged(of(*input), *scale)?;
            Extent { size, ..of(*input) }
        }
        Step::Mean { input, window } => {
            check_odd("window", *window)?;
            without_margin(of(*input))?
        }
        Step::Concat { inputs } => {
            let parts = inputs.iter().map(|input| of(*input));
            // The sum stays small: a graph reads a bounded number of values of bounded width.
            let channels = parts.clone().map(|part| part.channels).sum();
            let ends = parts.map(|part| Extent { channels, ..part });
            check_equal("it concatenates", ends)?
        }
        Step::Pad { input, margin, .. } => {
            let from = without_margin(of(*input))?;
            within("margin", *margin, 8 * MAX_SIDE)?;
            let margin = *margin as isize;
            Extent { margin, ..from }
        }
        Step::Align { input, multiple } => {
            let from = without_margin(of(*input))?;
            within("multiple", *multiple, MAX_SCALE)?;
            let size = from.size.aligned(*multiple);
            let size = size.ok_or("its size cannot be expressed")?;
            Extent { size, ..from }
        }
        Step::Crop { input, scale } => {
            let from = without_margin(of(*input))?;
            within("factor", *scale, MAX_SCALE)?;
            let size = Size::times(*scale).ok_or("its factor is too large")?;
            let [up, down] = from.size.scale();
            ensure([up, down] == [*scale, 1], || {
                format!("reads an image of {up}/{down} times the input, and crops to {scale} times")
            })?;
            Extent { size, ..from }
        }
    };
    within("number of channels", extent.channels, MAX_CHANNELS)?;
    Ok(extent)
}

/// The dimensions of a kernel, before anything is computed of them.
pub(super) fn check_shape(kernel: &Kernel, groups: usize, dilation: usize) -> Check {
    within("number of groups", groups, MAX_CHANNELS)?;
    within("dilation", dilation, MAX_SIDE)?;
    match kernel {
        Kernel::Parameter { weight, form, .. } => {
            let [a, b, k, columns] = weight.shape;
            for channels in [a, b] {
                within("number of channels", channels, MAX_CHANNELS)?;
            }
            ensure(k == columns, || {
                format!("its kernel of {k}×{columns} taps is not square")
            })?;
            within("kernel's side", k, MAX_SIDE)?;
            match *form {
                // Products that do not fit 32 bits are too many as well.
                Form::Plain => ensure(b.saturating_mul(groups) <= MAX_CHANNELS, || {
                    "it has too many groups".into()
                }),
                Form::Transposed { stride, padding } | Form::Strided { stride, padding } => {
                    within("stride", stride, MAX_FACTOR)?;
                    // `Phases` looks for taps no farther away than the kernel's side.
                    ensure(padding < k, || {
                        format!(
                            "its padding is {padding} px, but has to be less than its kernel's {k} px"
                        )
                    })?;
                    let channels = b.saturating_mul(groups).saturating_mul(stride * stride);
                    ensure(channels <= MAX_CHANNELS, || {
                        "it has too many channels".into()
                    })?;
                    let transposed = matches!(form, Form::Transposed { .. });
                    ensure(!transposed || groups == 1, || {
                        "transposed convolutions have one group".into()
                    })
                }
            }
        }
        Kernel::Enlarge {
            channels, scale, ..
        } => {
            within("number of channels", *channels, MAX_CHANNELS)?;
            within("factor", *scale, MAX_FACTOR)?;
            ensure(groups == *channels, || {
                "an enlargement has one group per channel".into()
            })
        }
    }
}

fn check_conv(conv: &Conv<Kernel, Parameter>, input: Extent) -> Check<Extent> {
    check_shape(&conv.kernel, conv.groups, conv.dilation)?;
    let channels_in = conv.kernel.sizes(conv.groups).channels_in;
    ensure(channels_in == input.channels, || {
        format!("expects {channels_in} channels, reads {}", input.channels)
    })?;
    check_odd("kernel", conv.k)?;
    let (groups, channels_out) = (conv.groups, conv.channels_out);
    ensure(
        channels_in.is_multiple_of(groups) && channels_out.is_multiple_of(groups),
        || format!("{groups} groups do not divide {channels_in} and {channels_out} channels"),
    )?;
    if let Kernel::Parameter {
        bias: Some(bias), ..
    } = &conv.kernel
    {
        check_vector("bias", bias, channels_out)?;
    }
    check_activation(&conv.activation, channels_out)?;
    let lost = match conv.padding {
        Padding::Same => 0,
        Padding::Valid => conv.reach_px(),
    };
    Ok(Extent {
        channels: channels_out,
        margin: input.margin - lost as isize,
        ..input
    })
}

fn check_activation(activation: &Activation<Parameter>, channels: usize) -> Check {
    match activation {
        Activation::PRelu(slopes) => check_vector("slopes", slopes, channels),
        Activation::LeakyRelu(slope) => {
            ensure(slope.is_finite(), || "its slope is not finite".into())
        }
        Activation::Clamp { low, high } => {
            ensure(low <= high, || "it clamps to an empty range".into())
        }
        Activation::None
        | Activation::Relu
        | Activation::Sigmoid
        | Activation::Tanh
        | Activation::Silu
        | Activation::Gelu => Ok(()),
    }
}

fn check_vector(what: &str, vector: &Parameter, channels: usize) -> Check {
    let [count, rest @ ..] = vector.shape;
    ensure(
        rest == [1; 3] && count > 0 && channels.is_multiple_of(count),
        || format!("its {what} have {count} values for {channels} channels"),
    )
}

fn check_odd(what: &str, side: usize) -> Check {
    ensure(side % 2 == 1 && side <= MAX_SIDE, || {
        format!("its {what} is {side} px wide, but has to be odd and at most {MAX_SIDE}")
    })
}

fn without_margin(from: Extent) -> Check<Extent> {
    ensure(from.margin == 0, || {
        format!("reads a value with a margin of {} px", from.margin)
    })?;
    Ok(from)
}

fn enlarged(from: Extent, scale: usize) -> Check<Size> {
    without_margin(from)?;
    within("factor", scale, MAX_FACTOR)?;
    let size = from.size.enlarged(scale);
    size.ok_or_else(|| format!("enlarges to more than {MAX_SCALE} times the input"))
}

/// The extent that all of them have.
fn check_equal(verb: &str, mut extents: impl Iterator<Item = Extent>) -> Check<Extent> {
    let first = extents.next().ok_or_else(|| format!("{verb} nothing"))?;
    for other in extents {
        ensure(first == other, || {
            format!("{verb} {} and {}", describe(first), describe(other))
        })?;
    }
    Ok(first)
}

fn describe(extent: Extent) -> String {
    let [up, down] = extent.size.scale();
    format!(
        "{} channels at scale {up}/{down} with a margin of {} px",
        extent.channels, extent.margin
    )
}
