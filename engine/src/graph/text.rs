//! An outline as text, as records carry it: one line for what the pipeline has to know, one for each step.
//!
//! ```text
//! uprez-plan 1
//! spec scale=2 colour=y input=small halo=9 channels=1
//! conv input=0 weight=Plain.first.weight:16,1,5,5 bias=Plain.first.bias:16 prelu=Plain.first.slope:16
//! shuffle input=7 scale=2 skip=0
//! ```
//!
//! Words stand for themselves, numbers are decimal, a LeakyReLU's slope is the bits of an f32 in
//! hexadecimal digits: parsing decimals would cost a page as much as some kernels do.

use std::fmt::Write;

use super::{
    ActivationDraft, Border, Builder, ConvDraft, Form, Interpolation, Kernel, Misfit, Outline,
    Padding, Parameter, Step, Value,
};
use crate::{Colour, Input, Spec};

/// The first line; another number is another format.
const HEAD: &str = "uprez-plan 1";

/// Text that is no outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Of another version, or none at all.
    #[error("the model file's plan is of a kind that is not known here: update uprez")]
    Unknown,
    /// A line that cannot be understood, counted from 1.
    #[error("line {0} of the model file's plan cannot be understood")]
    Line(usize),
    /// A step that does not fit.
    #[error(transparent)]
    Misfit(#[from] Misfit),
}

/// Writes an outline and what the pipeline has to know of its network.
pub fn write(outline: &Outline, spec: &Spec) -> String {
    let colour = match spec.colour {
        Colour::Y => "y",
        Colour::Rgb => "rgb",
        Colour::Grey => "grey",
    };
    let input = match spec.input {
        Input::LowResolution => "small",
        Input::Upsampled => "enlarged",
    };
    let Spec { scale, halo_px, .. } = spec;
    let channels = outline.extents[0].channels;
    let mut text = format!("{HEAD}\nspec scale={scale} colour={colour} input={input} ");
    text += &format!("halo={halo_px} channels={channels}\n");
    for step in &outline.steps {
        text += &line(step);
        text.push('\n');
    }
    text
}

fn line(step: &Step<ConvDraft>) -> String {
    let optional = |name: &str, value: &Option<Value>| match value {
        Some(value) => format!(" {name}={value}"),
        None => String::new(),
    };
    match step {
        Step::Conv(conv) => format!("{}{}", conv_line(conv), optional("add", &conv.add)),
        Step::Shuffle { input, scale, skip } => {
            format!(
                "shuffle input={input} scale={scale}{}",
                optional("skip", skip)
            )
        }
        Step::Add { a, b } => format!("add a={a} b={b}"),
        Step::Concat { inputs } => {
            let names: Vec<String> = inputs.iter().map(Value::to_string).collect();
            format!("concat inputs={}", names.join(","))
        }
        Step::Pad {
            input,
            margin,
            border,
        } => {
            let border = match border {
                Border::Replicate => "replicate",
                Border::Symmetric => "symmetric",
            };
            format!("pad input={input} margin={margin} border={border}")
        }
    }
}

fn conv_line(conv: &ConvDraft) -> String {
    let mut line = match &conv.kernel {
        Kernel::Parameter { .. } => format!("conv input={}", conv.input),
        Kernel::Enlarge { .. } => format!("enlarge input={}", conv.input),
    };
    // Writing to a string cannot fail.
    let mut word = |name: &str, value: &dyn std::fmt::Display| {
        let _ = write!(line, " {name}={value}");
    };
    let vector = |parameter: &Parameter| format!("{}:{}", parameter.name, parameter.shape[0]);
    match &conv.kernel {
        Kernel::Parameter { weight, form, bias } => {
            let [a, b, k, _] = weight.shape;
            word("weight", &format!("{}:{a},{b},{k},{k}", weight.name));
            match form {
                Form::Dilated(1) => {}
                Form::Dilated(dilation) => word("dilation", dilation),
                Form::Transposed { scale, padding } => {
                    word("transposed", &format!("{scale},{padding}"));
                }
            }
            if let Some(bias) = bias {
                word("bias", &vector(bias));
            }
        }
        Kernel::Enlarge {
            channels,
            scale,
            interpolation,
        } => {
            word("channels", channels);
            word("scale", scale);
            let name = match interpolation {
                Interpolation::Nearest => "nearest",
                Interpolation::Bilinear => "bilinear",
                Interpolation::Bicubic => "bicubic",
            };
            word("interpolation", &name);
        }
    }
    if conv.padding == Padding::Valid {
        word("padding", &"valid");
    }
    match &conv.activation {
        ActivationDraft::None => {}
        ActivationDraft::Relu => word("then", &"relu"),
        ActivationDraft::PRelu(slope) => word("prelu", &vector(slope)),
        ActivationDraft::LeakyRelu(slope) => word("leaky", &format!("{:x}", slope.to_bits())),
        ActivationDraft::Sigmoid => word("then", &"sigmoid"),
        ActivationDraft::Tanh => word("then", &"tanh"),
    }
    line
}

/// Reads an outline and what the pipeline has to know of its network.
pub fn read(text: &str) -> Result<(Outline, Spec), TextError> {
    let mut lines = text.lines();
    if lines.next() != Some(HEAD) {
        return Err(TextError::Unknown);
    }
    let spec_line = lines.next().and_then(|line| line.strip_prefix("spec "));
    let words = Words(spec_line.ok_or(TextError::Line(2))?);
    let (spec, channels) = read_spec(&words).ok_or(TextError::Line(2))?;
    let mut builder = Builder::new(channels);
    for (i, line) in lines.enumerate() {
        read_step(line, &mut builder).ok_or(TextError::Line(i + 3))??;
    }
    Ok((builder.finish()?, spec))
}

fn read_spec(words: &Words) -> Option<(Spec, usize)> {
    let spec = Spec {
        scale: words.number("scale")?,
        colour: match words.word("colour")? {
            "y" => Colour::Y,
            "rgb" => Colour::Rgb,
            "grey" => Colour::Grey,
            _ => return None,
        },
        input: match words.word("input")? {
            "small" => Input::LowResolution,
            "enlarged" => Input::Upsampled,
            _ => return None,
        },
        halo_px: words.number("halo")?,
        align_px: 1,
    };
    let channels = words.number("channels")?;
    let sensible = (1..=16).contains(&spec.scale) && spec.halo_px <= 1 << 12;
    (sensible && channels == spec.colour.channels()).then_some((spec, channels))
}

/// `None` for a line that cannot be understood.
fn read_step(line: &str, builder: &mut Builder) -> Option<Result<Value, Misfit>> {
    let (kind, words) = line.split_once(' ')?;
    let words = Words(words);
    let input = || words.number("input");
    Some(match kind {
        "conv" => builder.conv(read_conv(&words, input()?, read_kernel(&words)?)?),
        "enlarge" => builder.conv(read_conv(&words, input()?, read_enlarging(&words)?)?),
        "shuffle" => {
            let skip = words.optional("skip", Words::number)?;
            builder.shuffle(input()?, words.number("scale")?, skip)
        }
        "add" => builder.add(words.number("a")?, words.number("b")?),
        "concat" => builder.concat(numbers(words.word("inputs")?)?),
        "pad" => {
            let border = match words.word("border")? {
                "replicate" => Border::Replicate,
                "symmetric" => Border::Symmetric,
                _ => return None,
            };
            builder.pad(input()?, words.number("margin")?, border)
        }
        _ => return None,
    })
}

fn read_conv(words: &Words, input: Value, kernel: Kernel) -> Option<ConvDraft> {
    let leaky = words
        .word("leaky")
        .map(|bits| u32::from_str_radix(bits, 16));
    let activation = match (words.word("then"), words.word("prelu"), leaky) {
        (None, None, None) => ActivationDraft::None,
        (None, Some(slope), None) => ActivationDraft::PRelu(parameter(slope)?),
        (None, None, Some(bits)) => ActivationDraft::LeakyRelu(f32::from_bits(bits.ok()?)),
        (Some("relu"), None, None) => ActivationDraft::Relu,
        (Some("sigmoid"), None, None) => ActivationDraft::Sigmoid,
        (Some("tanh"), None, None) => ActivationDraft::Tanh,
        _ => return None,
    };
    Some(ConvDraft {
        input,
        kernel,
        padding: match words.word("padding") {
            None => Padding::Same,
            Some("valid") => Padding::Valid,
            Some(_) => return None,
        },
        activation,
        add: words.optional("add", Words::number)?,
    })
}

fn read_kernel(words: &Words) -> Option<Kernel> {
    let form = match (words.word("transposed"), words.word("dilation")) {
        (None, None) => Form::Dilated(1),
        (None, Some(_)) => match words.number("dilation")? {
            dilation @ 1..=16 => Form::Dilated(dilation),
            _ => return None,
        },
        (Some(numbers_of), None) => match numbers(numbers_of)?[..] {
            [scale @ 1..=16, padding @ 0..=64] => Form::Transposed { scale, padding },
            _ => return None,
        },
        _ => return None,
    };
    Some(Kernel::Parameter {
        weight: parameter(words.word("weight")?)?,
        form,
        bias: match words.word("bias") {
            Some(bias) => Some(parameter(bias)?),
            None => None,
        },
    })
}

fn read_enlarging(words: &Words) -> Option<Kernel> {
    let scale = words.number("scale")?;
    (1..=16).contains(&scale).then_some(())?;
    Some(Kernel::Enlarge {
        channels: words
            .number("channels")
            .filter(|channels| *channels <= 1 << 10)?,
        scale,
        interpolation: match words.word("interpolation")? {
            "nearest" => Interpolation::Nearest,
            "bilinear" => Interpolation::Bilinear,
            "bicubic" => Interpolation::Bicubic,
            _ => return None,
        },
    })
}

/// `name:16,1,5,5`, or `name:16`.
fn parameter(word: &str) -> Option<Parameter> {
    let (name, shape) = word.rsplit_once(':')?;
    let shape = match numbers(shape)?[..] {
        [count] => [count, 1, 1, 1],
        [a, b, c, d] => [a, b, c, d],
        _ => return None,
    };
    // What is multiplied later stays within 32 bits.
    let sensible = shape.iter().all(|side| (1..=1 << 14).contains(side));
    let name = name.to_string();
    sensible.then_some(Parameter { name, shape })
}

fn numbers(word: &str) -> Option<Vec<usize>> {
    word.split(',').map(|number| number.parse().ok()).collect()
}

/// The words `name=value` of a line.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn word(&self, name: &str) -> Option<&'a str> {
        let mut words = self.0.split(' ').filter_map(|word| word.split_once('='));
        words
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.word(name)?.parse().ok()
    }

    /// `None` only where it is there and cannot be understood.
    fn optional<T>(
        &self,
        name: &str,
        read: impl Fn(&Self, &str) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.word(name) {
            None => Some(None),
            Some(_) => read(self, name).map(Some),
        }
    }
}
