//! Making plans.

use super::{Activation, Border, Conv, Extent, Padding, Plan, Step, Value};
use crate::pixel::resize::{Method, phase_taps};

/// How a picture is enlarged around a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Each pixel repeated.
    Nearest,
    /// A triangle, borders repeated.
    Bilinear,
    /// MATLAB's bicubic (a = −0.5), borders mirrored.
    Bicubic,
}

/// Puts a [`Plan`] together, step by step.
///
/// # Panics
/// Its methods panic where a step doesn't fit what it reads: that is a network's mistake, not one
/// of a file's.
pub struct Builder {
    steps: Vec<Step>,
    extents: Vec<Extent>,
}

impl Builder {
    /// A plan whose input, the value 0, has so many channels.
    pub fn new(channels: usize) -> Self {
        Self {
            steps: Vec::new(),
            extents: vec![Extent {
                channels,
                scale: 1,
                margin: 0,
            }],
        }
    }

    /// The network's input.
    pub fn input(&self) -> Value {
        0
    }

    /// What is known of a value.
    pub fn extent(&self, value: Value) -> Extent {
        self.extents[value]
    }

    fn push(&mut self, step: Step, extent: Extent) -> Value {
        self.steps.push(step);
        self.extents.push(extent);
        self.steps.len()
    }

    /// A convolution.
    pub fn conv(&mut self, conv: Conv) -> Value {
        let input = self.extents[conv.input];
        assert!(conv.k % 2 == 1, "kernels are odd");
        assert_eq!(input.channels % conv.groups, 0);
        assert_eq!(conv.channels_out % conv.groups, 0);
        let taps = input.channels / conv.groups * conv.k * conv.k;
        assert_eq!(conv.weight.len(), conv.channels_out * taps);
        assert_eq!(conv.bias.len(), conv.channels_out);
        if let Activation::PRelu(slopes) = &conv.activation {
            assert_eq!(slopes.len(), conv.channels_out);
        }
        let lost = match conv.padding {
            Padding::Same => 0,
            Padding::Valid => conv.k / 2,
        };
        assert!(input.margin >= lost, "a picture would lose its border");
        let extent = Extent {
            channels: conv.channels_out,
            margin: input.margin - lost,
            ..input
        };
        if let Some(add) = conv.add {
            assert_eq!(self.extents[add], extent);
        }
        self.push(Step::Conv(conv), extent)
    }

    /// A sub-pixel shuffle, and what is added to it enlarged.
    pub fn shuffle(&mut self, input: Value, scale: usize, skip: Option<Value>) -> Value {
        let from = self.extents[input];
        assert_eq!(from.channels % (scale * scale), 0);
        assert_eq!(from.margin, 0);
        let channels = from.channels / (scale * scale);
        if let Some(skip) = skip {
            assert_eq!(self.extents[skip], Extent { channels, ..from });
        }
        let extent = Extent {
            channels,
            scale: from.scale * scale,
            margin: 0,
        };
        let step = Step::Shuffle { input, scale, skip };
        self.push(step, extent)
    }

    /// A sum; part of the convolution that was made last, if it is one of the two.
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        assert_eq!(self.extents[a], self.extents[b]);
        let last = self.steps.len();
        let other = if a == last { b } else { a };
        match self.steps.last_mut() {
            Some(Step::Conv(conv)) if (a == last) != (b == last) && conv.add.is_none() => {
                conv.add = Some(other);
                last
            }
            _ => self.push(Step::Add { a, b }, self.extents[a]),
        }
    }

    /// Maps side by side.
    pub fn concat(&mut self, inputs: Vec<Value>) -> Value {
        let first = self.extents[inputs[0]];
        let channels = |value: &Value| self.extents[*value].channels;
        let sum = inputs.iter().map(channels).sum();
        for &value in &inputs {
            let channels = first.channels;
            let extent = Extent {
                channels,
                ..self.extents[value]
            };
            assert_eq!(extent, first);
        }
        let extent = Extent {
            channels: sum,
            ..first
        };
        self.push(Step::Concat { inputs }, extent)
    }

    /// A margin around a picture.
    pub fn pad(&mut self, input: Value, margin: usize, border: Border) -> Value {
        let from = self.extents[input];
        assert_eq!(from.margin, 0);
        let extent = Extent { margin, ..from };
        let step = Step::Pad {
            input,
            margin,
            border,
        };
        self.push(step, extent)
    }

    /// The maps `[c·s², h, w]` of which a shuffle makes the enlargement of `input [c, h, w]`: each
    /// is a phase of the enlarged picture, which is a small convolution of the input.
    pub fn enlarge(&mut self, input: Value, scale: usize, interpolation: Interpolation) -> Value {
        let channels = self.extents[input].channels;
        let (method, border) = match interpolation {
            Interpolation::Nearest => (Method::Nearest, Border::Replicate),
            Interpolation::Bilinear => (Method::Bilinear, Border::Replicate),
            Interpolation::Bicubic => (Method::Bicubic, Border::Symmetric),
        };
        let taps: Vec<Vec<f32>> = (0..scale)
            .map(|phase| phase_taps(phase, scale, method))
            .collect();
        let k = taps[0].len();
        let padded = match k / 2 {
            0 => input,
            margin => self.pad(input, margin, border),
        };
        let mut weight = Vec::with_capacity(channels * scale * scale * k * k);
        for _ in 0..channels {
            for (rows, columns) in taps.iter().flat_map(|r| taps.iter().map(move |c| (r, c))) {
                weight.extend(rows.iter().flat_map(|r| columns.iter().map(move |c| r * c)));
            }
        }
        self.conv(Conv {
            input: padded,
            channels_out: channels * scale * scale,
            groups: channels,
            k,
            weight,
            bias: vec![0.0; channels * scale * scale],
            padding: Padding::Valid,
            activation: Activation::None,
            add: None,
        })
    }

    /// The plan, whose result is the value that was made last.
    pub fn finish(self) -> Plan {
        let Self { steps, extents } = self;
        assert!(!steps.is_empty(), "a plan has steps");
        for value in 0..steps.len() {
            let read = steps.iter().any(|step| step.inputs().contains(&value));
            assert!(read, "nobody reads value {value}");
        }
        assert_eq!(extents[steps.len()].margin, 0);
        Plan { steps, extents }
    }
}
