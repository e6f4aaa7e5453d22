//! Reads graphs from text.

use super::{HEAD, HEAD_1, MAX_BYTES, TextError};
use crate::graph::{
    Activation, Border, Builder, ConvOptions, Form, Graph, GraphError, Interpolation, Kernel,
    Padding, Parameter, Size, Term, Value,
};
use crate::{Colour, Input, Spec};

/// Reads a graph and the pipeline's facts about its network, and checks that they fit each other.
pub fn read(text: &str) -> Result<(Graph, Spec), TextError> {
    let mut lines = text.split_terminator('\n');
    let head = lines.next();
    if head != Some(HEAD) && head != Some(HEAD_1) || text.len() > MAX_BYTES {
        return Err(TextError::Unknown);
    }
    let line = lines.next().and_then(|line| line.strip_prefix("spec "));
    let words = Words(line.ok_or(TextError::Line(2))?);
    let (spec, channels) = spec(&words).ok_or(TextError::Line(2))?;
    let mut builder = Builder::new(channels);
    for (i, line) in lines.enumerate() {
        step(line, &mut builder).ok_or(TextError::Line(i + 3))??;
    }
    let graph = builder.finish()?;
    check(&graph, &spec)?;
    Ok((graph, spec))
}

fn check(graph: &Graph, spec: &Spec) -> Result<(), TextError> {
    let output = graph.output();
    let scale = match spec.input {
        Input::LowResolution => spec.scale,
        Input::Upsampled => 1,
    };
    let facts = [
        (
            "reads channels:",
            graph.extents()[0].channels,
            spec.colour.channels(),
        ),
        ("returns channels:", output.channels, spec.colour.channels()),
        ("enlarges by", output.size.px(SAMPLE_PX) / SAMPLE_PX, scale),
    ];
    for (what, found, expected) in facts {
        if found != expected {
            return Err(TextError::Spec {
                what,
                found,
                expected,
            });
        }
    }
    // Sides that are rounded up would not fit the image.
    if Some(output.size) == Size::times(scale) {
        Ok(())
    } else {
        Err(TextError::Spec {
            what: "returns sides that are rounded; enlarges by",
            found: scale,
            expected: scale,
        })
    }
}

/// A side that every supported divisor divides.
const SAMPLE_PX: usize = 720;

fn spec(words: &Words) -> Option<(Spec, usize)> {
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
    };
    let channels = words.number("channels")?;
    let fits = (1..=16).contains(&spec.scale) && (1..=4).contains(&channels);
    fits.then_some((spec, channels))
}

/// `None` for a line that cannot be parsed.
fn step(line: &str, builder: &mut Builder) -> Option<Result<Value, GraphError>> {
    let (kind, words) = line.split_once(' ')?;
    let words = Words(words);
    let input = || words.number("input");
    let scale = || words.number("scale");
    Some(match kind {
        "conv" => conv(&words, kernel(&words)?, builder)?,
        "enlarge" => conv(&words, enlargement(&words)?, builder)?,
        "activate" => builder.activate(input()?, activation(&words)?),
        "sum" => {
            let terms = words.word("terms")?.split(',').map(term);
            let constant = words.optional("constant", Words::float)?;
            builder.sum(terms.collect::<Option<_>>()?, constant.unwrap_or(0.0))
        }
        "add" => builder.add(words.number("a")?, words.number("b")?),
        "product" => {
            let factor = words.optional("factor", Words::float)?;
            builder.product(
                words.number("a")?,
                words.number("b")?,
                factor.unwrap_or(1.0),
            )
        }
        "shuffle" => {
            let skip = words.optional("skip", Words::number)?;
            builder.shuffle(input()?, scale()?, skip)
        }
        "unshuffle" => builder.unshuffle(input()?, scale()?),
        "repeat" => builder.repeat(input()?, scale()?),
        "crop" => builder.crop(input()?, scale()?),
        "mean" => builder.mean(input()?, words.number("window")?),
        "concat" => builder.concat(numbers(words.word("inputs")?)?),
        "align" => builder.align(input()?, words.number("multiple")?),
        "pad" => {
            let border = match words.word("border")? {
                "replicate" => Border::Replicate,
                "symmetric" => Border::Symmetric,
                "reflect" => Border::Reflect,
                _ => return None,
            };
            builder.pad(input()?, words.number("margin")?, border)
        }
        _ => return None,
    })
}

fn conv(words: &Words, kernel: Kernel, builder: &mut Builder) -> Option<Result<Value, GraphError>> {
    let groups = match &kernel {
        Kernel::Enlarge { channels, .. } => *channels,
        Kernel::Parameter { .. } => words.optional("groups", Words::number)?.unwrap_or(1),
    };
    let options = ConvOptions {
        groups,
        dilation: words.optional("dilation", Words::number)?.unwrap_or(1),
        padding: match words.word("padding") {
            None => Padding::Same,
            Some("valid") => Padding::Valid,
            Some(_) => return None,
        },
        activation: activation(words)?,
    };
    let add = words.optional("add", Words::number)?;
    let value = match builder.conv(words.number("input")?, kernel, options) {
        Ok(value) => value,
        Err(error) => return Some(Err(error)),
    };
    Some(match add {
        // A sum with the convolution that was added last becomes part of it.
        Some(add) => builder.add(value, add),
        None => Ok(value),
    })
}

fn activation(words: &Words) -> Option<Activation<Parameter>> {
    let named = |name| words.word(name);
    Some(
        match (
            named("then"),
            named("prelu"),
            named("leaky"),
            named("clamp"),
        ) {
            (None, None, None, None) => Activation::None,
            (None, Some(slopes), None, None) => Activation::PRelu(parameter(slopes)?),
            (None, None, Some(slope), None) => Activation::LeakyRelu(float(slope)?),
            (None, None, None, Some(range)) => {
                let (low, high) = range.split_once(',')?;
                Activation::Clamp {
                    low: float(low)?,
                    high: float(high)?,
                }
            }
            (Some(name), None, None, None) => match name {
                "relu" => Activation::Relu,
                "sigmoid" => Activation::Sigmoid,
                "tanh" => Activation::Tanh,
                "silu" => Activation::Silu,
                "gelu" => Activation::Gelu,
                _ => return None,
            },
            _ => return None,
        },
    )
}

fn kernel(words: &Words) -> Option<Kernel> {
    let form = match (words.word("transposed"), words.word("strided")) {
        (None, None) => Form::Plain,
        (Some(form), None) => {
            let [stride, padding] = numbers(form)?.try_into().ok()?;
            Form::Transposed { stride, padding }
        }
        (None, Some(form)) => {
            let [stride, padding] = numbers(form)?.try_into().ok()?;
            Form::Strided { stride, padding }
        }
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

fn enlargement(words: &Words) -> Option<Kernel> {
    Some(Kernel::Enlarge {
        channels: words.number("channels")?,
        scale: words.number("scale")?,
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
    let name = name.to_string();
    Some(Parameter { name, shape })
}

/// `3`, or `3:3e4ccccd` with a factor.
fn term(word: &str) -> Option<Term> {
    let (value, factor) = match word.split_once(':') {
        Some((value, factor)) => (value, float(factor)?),
        None => (word, 1.0),
    };
    let value = value.parse().ok()?;
    Some(Term { value, factor })
}

fn numbers(word: &str) -> Option<Vec<usize>> {
    word.split(',').map(|number| number.parse().ok()).collect()
}

fn float(bits: &str) -> Option<f32> {
    u32::from_str_radix(bits, 16).ok().map(f32::from_bits)
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

    fn float(&self, name: &str) -> Option<f32> {
        float(self.word(name)?)
    }

    /// `None` only where the word is there and cannot be parsed.
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
