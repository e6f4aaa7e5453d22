//! Writes graphs as text.

use std::fmt::{Display, Write};

use super::HEAD;
use crate::graph::{
    Activation, Border, Conv, Form, Graph, Interpolation, Kernel, NamedStep, Padding, Parameter,
    Step, Value,
};
use crate::{Colour, Input, Spec};

/// Writes a graph and the pipeline's facts about its network.
pub fn write(graph: &Graph, spec: &Spec) -> String {
    let colour = match spec.colour {
        Colour::Y => "y",
        Colour::Rgb => "rgb",
        Colour::Grey => "grey",
    };
    let input = match spec.input {
        Input::LowResolution => "small",
        Input::Upsampled => "enlarged",
    };
    let (scale, channels) = (spec.scale, graph.extents()[0].channels);
    let mut text =
        format!("{HEAD}\nspec scale={scale} colour={colour} input={input} channels={channels}\n");
    for step in graph.steps() {
        let mut line = Line(kind(step).into());
        line.step(step);
        text += &line.0;
        text.push('\n');
    }
    text
}

fn kind(step: &NamedStep) -> &'static str {
    match step {
        Step::Conv(Conv {
            kernel: Kernel::Enlarge { .. },
            ..
        }) => "enlarge",
        other => other.kind(),
    }
}

struct Line(String);

impl Line {
    fn word(&mut self, name: &str, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, " {name}={value}");
    }

    fn float(&mut self, name: &str, value: f32) {
        self.word(name, format_args!("{:x}", value.to_bits()));
    }

    fn step(&mut self, step: &NamedStep) {
        match step {
            Step::Conv(conv) => self.conv(conv),
            Step::Activate { input, activation } => {
                self.word("input", input);
                self.activation(activation);
            }
            Step::Sum { terms, constant } => {
                let terms = terms.iter().map(|term| match term.factor {
                    1.0 => term.value.to_string(),
                    factor => format!("{}:{:x}", term.value, factor.to_bits()),
                });
                self.word("terms", terms.collect::<Vec<_>>().join(","));
                if *constant != 0.0 {
                    self.float("constant", *constant);
                }
            }
            Step::Product { a, b, factor } => {
                self.word("a", a);
                self.word("b", b);
                if *factor != 1.0 {
                    self.float("factor", *factor);
                }
            }
            Step::Shuffle { input, scale, skip } => {
                self.word("input", input);
                self.word("scale", scale);
                if let Some(skip) = skip {
                    self.word("skip", skip);
                }
            }
            Step::Unshuffle { input, scale }
            | Step::Repeat { input, scale }
            | Step::Crop { input, scale } => {
                self.word("input", input);
                self.word("scale", scale);
            }
            Step::Mean { input, window } => {
                self.word("input", input);
                self.word("window", window);
            }
            Step::Concat { inputs } => {
                let names: Vec<String> = inputs.iter().map(Value::to_string).collect();
                self.word("inputs", names.join(","));
            }
            Step::Pad {
                input,
                margin,
                border,
            } => {
                self.word("input", input);
                self.word("margin", margin);
                let border = match border {
                    Border::Replicate => "replicate",
                    Border::Symmetric => "symmetric",
                    Border::Reflect => "reflect",
                };
                self.word("border", border);
            }
            Step::Align { input, multiple } => {
                self.word("input", input);
                self.word("multiple", multiple);
            }
        }
    }

    fn conv(&mut self, conv: &Conv<Kernel, Parameter>) {
        self.word("input", conv.input);
        match &conv.kernel {
            Kernel::Parameter { weight, form, bias } => {
                let [a, b, k, _] = weight.shape;
                self.word("weight", format_args!("{}:{a},{b},{k},{k}", weight.name));
                match form {
                    Form::Plain => {}
                    Form::Transposed { stride, padding } => {
                        self.word("transposed", format_args!("{stride},{padding}"));
                    }
                    Form::Strided { stride, padding } => {
                        self.word("strided", format_args!("{stride},{padding}"));
                    }
                }
                if conv.groups != 1 {
                    self.word("groups", conv.groups);
                }
                if conv.dilation != 1 {
                    self.word("dilation", conv.dilation);
                }
                if let Some(bias) = bias {
                    self.vector("bias", bias);
                }
            }
            Kernel::Enlarge {
                channels,
                scale,
                interpolation,
            } => {
                self.word("channels", channels);
                self.word("scale", scale);
                let name = match interpolation {
                    Interpolation::Nearest => "nearest",
                    Interpolation::Bilinear => "bilinear",
                    Interpolation::Bicubic => "bicubic",
                };
                self.word("interpolation", name);
            }
        }
        if conv.padding == Padding::Valid {
            self.word("padding", "valid");
        }
        self.activation(&conv.activation);
        if let Some(add) = conv.add {
            self.word("add", add);
        }
    }

    fn activation(&mut self, activation: &Activation<Parameter>) {
        match activation {
            Activation::None => {}
            Activation::Relu => self.word("then", "relu"),
            Activation::PRelu(slopes) => self.vector("prelu", slopes),
            Activation::LeakyRelu(slope) => self.float("leaky", *slope),
            Activation::Sigmoid => self.word("then", "sigmoid"),
            Activation::Tanh => self.word("then", "tanh"),
            Activation::Silu => self.word("then", "silu"),
            Activation::Gelu => self.word("then", "gelu"),
            Activation::Clamp { low, high } => {
                self.word(
                    "clamp",
                    format_args!("{:x},{:x}", low.to_bits(), high.to_bits()),
                );
            }
        }
    }

    fn vector(&mut self, name: &str, parameter: &Parameter) {
        self.word(
            name,
            format_args!("{}:{}", parameter.name, parameter.shape[0]),
        );
    }
}
