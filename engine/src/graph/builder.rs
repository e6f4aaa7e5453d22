//! Builds graphs step by step, and checks every step.

use super::analysis::lcm;
use super::size::MAX_SCALE;
use super::{
    Activation, Border, Conv, Extent, Form, Graph, Interpolation, Kernel, NamedStep, Padding,
    Parameter, Reach, Size, Step, Term, Value,
};

/// Most feature maps of a value, taps of a kernel's side or pixels of a margin, steps, and values read by
/// all steps. A file that claims more is damaged or hostile.
const MAX_CHANNELS: usize = 1 << 14;
const MAX_SIDE: usize = 63;
const MAX_STEPS: usize = 1 << 12;
pub(super) const MAX_READS: usize = 1 << 15;

/// Farthest pixel of the input that a pixel of the result may depend on, and largest multiple at which tiles have
/// to begin; both in pixels of the input. Finding a tile's size takes time in proportion.
const MAX_REACH_PX: usize = 1 << 11;
const MAX_ALIGN_PX: usize = 1 << 12;

/// A step that does not fit the values it reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("step {number} ({name}): {problem}")]
pub struct GraphError {
    number: usize,
    name: String,
    problem: String,
}

/// A check that fails with a text; the builder adds the step's number and name.
type Check<T = ()> = Result<T, String>;

fn ensure(holds: bool, problem: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(problem()) }
}

fn within(what: &str, number: usize, max: usize) -> Check {
    ensure((1..=max).contains(&number), || {
        format!("its {what} is {number}, but 1 to {max} are allowed")
    })
}

/// How a convolution is applied.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvOptions {
    /// Groups of channels that are convolved separately.
    pub groups: usize,
    /// Pixels from tap to tap.
    pub dilation: usize,
    /// Values outside the image.
    pub padding: Padding,
    /// Applied after the bias.
    pub activation: Activation<Parameter>,
}

impl Default for ConvOptions {
    /// An ordinary convolution with zero padding and no activation.
    fn default() -> Self {
        Self {
            groups: 1,
            dilation: 1,
            padding: Padding::Same,
            activation: Activation::None,
        }
    }
}

/// Puts a [`Graph`] together.
#[derive(Clone, Debug)]
pub struct Builder {
    steps: Vec<NamedStep>,
    extents: Vec<Extent>,
    reads: usize,
}

impl Builder {
    /// A graph whose input, the value 0, has so many channels.
    pub fn new(channels: usize) -> Self {
        Self {
            steps: Vec::new(),
            extents: vec![Extent {
                channels,
                size: Size::INPUT,
                margin: 0,
            }],
            reads: 0,
        }
    }

    /// The network's input.
    pub fn input(&self) -> Value {
        0
    }

    /// The extent of a value that exists already.
    pub fn extent(&self, value: Value) -> Option<Extent> {
        self.extents.get(value).copied()
    }

    /// Adds a step after `check` has found its result's extent.
    fn push(
        &mut self,
        step: NamedStep,
        check: impl FnOnce(&Self, &NamedStep) -> Check<Extent>,
    ) -> Result<Value, GraphError> {
        let reads = step.reads();
        let total = self.reads + reads.len();
        let checked = ensure(self.steps.len() < MAX_STEPS, || {
            format!("a graph has at most {MAX_STEPS} steps")
        })
        .and_then(|()| {
            ensure(total <= MAX_READS, || {
                format!("the steps read {total} values in all, at most {MAX_READS} are allowed")
            })
        })
        .and_then(|()| {
            let missing = reads.iter().find(|read| read.value >= self.extents.len());
            ensure(missing.is_none(), || {
                "it reads a value that no earlier step computes".into()
            })
        })
        .and_then(|()| check(self, &step))
        .and_then(|extent| {
            within("number of channels", extent.channels, MAX_CHANNELS).map(|()| extent)
        });
        match checked {
            Ok(extent) => {
                self.steps.push(step);
                self.extents.push(extent);
                self.reads = total;
                Ok(self.steps.len())
            }
            Err(problem) => Err(self.error(self.steps.len() + 1, &step, problem)),
        }
    }

    fn error(&self, number: usize, step: &NamedStep, problem: String) -> GraphError {
        let name = match step {
            Step::Conv(Conv {
                kernel: Kernel::Parameter { weight, .. },
                ..
            }) => {
                let layer = weight.name.strip_suffix(".weight").unwrap_or(&weight.name);
                format!("conv {layer}")
            }
            other => other.kind().to_string(),
        };
        GraphError {
            number,
            name,
            problem,
        }
    }

    /// A convolution of stride 1. The weight's shape and the options say everything about it.
    pub fn conv(
        &mut self,
        input: Value,
        kernel: Kernel,
        options: ConvOptions,
    ) -> Result<Value, GraphError> {
        let ConvOptions {
            groups,
            dilation,
            padding,
            activation,
        } = options;
        // Sizes are computed of checked shapes alone.
        let checked = check_shape(&kernel, groups, dilation);
        let sizes = checked.is_ok().then(|| kernel.sizes(groups));
        let step = Step::Conv(Conv {
            input,
            kernel,
            channels_out: sizes.map_or(0, |sizes| sizes.channels_out),
            groups: match &sizes {
                Some(sizes) if sizes.channels_in == 0 => 1,
                _ => groups,
            },
            k: sizes.map_or(1, |sizes| sizes.k),
            dilation,
            padding,
            activation,
            add: None,
        });
        self.push(step, |builder, step| {
            checked?;
            let Step::Conv(conv) = step else {
                return Err("it is no convolution".into());
            };
            let channels_in = sizes.map_or(0, |sizes| sizes.channels_in);
            check_conv(conv, channels_in, builder.extents[input])
        })
    }

    /// Fixed interpolation: `input [c, h, w]` → `[c, scale·h, scale·w]`.
    pub fn enlarge(
        &mut self,
        input: Value,
        scale: usize,
        interpolation: Interpolation,
    ) -> Result<Value, GraphError> {
        if interpolation == Interpolation::Nearest {
            return self.repeat(input, scale);
        }
        let phases = self.enlarge_phases(input, scale, interpolation)?;
        self.shuffle(phases, scale, None)
    }

    /// The maps `[c·s², h, w]` of which a shuffle makes the enlargement of `input [c, h, w]`: each one is
    /// a phase of the enlarged image, which is a small convolution of the input.
    pub fn enlarge_phases(
        &mut self,
        input: Value,
        scale: usize,
        interpolation: Interpolation,
    ) -> Result<Value, GraphError> {
        let channels = self.extent(input).map_or(0, |extent| extent.channels);
        let border = match interpolation {
            Interpolation::Nearest | Interpolation::Bilinear => Border::Replicate,
            Interpolation::Bicubic => Border::Symmetric,
        };
        let padded = match interpolation.reach_px() {
            0 => input,
            margin => self.pad(input, margin, border)?,
        };
        let kernel = Kernel::Enlarge {
            channels,
            scale,
            interpolation,
        };
        let options = ConvOptions {
            groups: channels.max(1),
            padding: Padding::Valid,
            ..ConvOptions::default()
        };
        self.conv(padded, kernel, options)
    }

    /// An activation on its own; without effect for [`Activation::None`].
    pub fn activate(
        &mut self,
        input: Value,
        activation: Activation<Parameter>,
    ) -> Result<Value, GraphError> {
        if activation == Activation::None {
            return Ok(input);
        }
        self.push(Step::Activate { input, activation }, |builder, step| {
            let extent = builder.extents[input];
            if let Step::Activate { activation, .. } = step {
                check_activation(activation, extent.channels)?;
            }
            Ok(extent)
        })
    }

    /// The sum of two values; part of the convolution that was added last, if it is one of them.
    pub fn add(&mut self, a: Value, b: Value) -> Result<Value, GraphError> {
        let last = self.steps.len();
        let other = if a == last { b } else { a };
        let same = self.extent(a) == self.extent(b) && self.extent(a).is_some();
        match self.steps.last_mut() {
            Some(Step::Conv(conv)) if same && (a == last) != (b == last) && conv.add.is_none() => {
                conv.add = Some(other);
                self.reads += 1;
                Ok(last)
            }
            _ => {
                let term = |value| Term { value, factor: 1.0 };
                self.sum(vec![term(a), term(b)], 0.0)
            }
        }
    }

    /// `Σ factor · value + constant`
    pub fn sum(&mut self, terms: Vec<Term>, constant: f32) -> Result<Value, GraphError> {
        self.push(Step::Sum { terms, constant }, |builder, step| {
            let Step::Sum { terms, constant } = step else {
                return Err("it is no sum".into());
            };
            let first = terms.first().ok_or("it sums nothing")?;
            let finite = terms.iter().all(|term| term.factor.is_finite()) && constant.is_finite();
            ensure(finite, || "its factors are not finite".into())?;
            let extent = builder.extents[first.value];
            for term in terms {
                check_equal("it adds", extent, builder.extents[term.value])?;
            }
            Ok(extent)
        })
    }

    /// `factor · a · b`
    pub fn product(&mut self, a: Value, b: Value, factor: f32) -> Result<Value, GraphError> {
        self.push(Step::Product { a, b, factor }, |builder, _| {
            ensure(factor.is_finite(), || "its factor is not finite".into())?;
            check_equal("it multiplies", builder.extents[a], builder.extents[b])?;
            Ok(builder.extents[a])
        })
    }

    /// Depth to space, and a value that is added enlarged.
    pub fn shuffle(
        &mut self,
        input: Value,
        scale: usize,
        skip: Option<Value>,
    ) -> Result<Value, GraphError> {
        self.push(Step::Shuffle { input, scale, skip }, |builder, _| {
            let from = builder.extents[input];
            let size = enlarged(from, scale)?;
            let phases = scale * scale;
            ensure(from.channels.is_multiple_of(phases), || {
                format!(
                    "reads {} channels, which {phases} does not divide",
                    from.channels
                )
            })?;
            let channels = from.channels / phases;
            if let Some(skip) = skip {
                check_equal(
                    "it adds",
                    Extent { channels, ..from },
                    builder.extents[skip],
                )?;
            }
            Ok(Extent {
                channels,
                size,
                margin: 0,
            })
        })
    }

    /// Space to depth.
    pub fn unshuffle(&mut self, input: Value, scale: usize) -> Result<Value, GraphError> {
        self.push(Step::Unshuffle { input, scale }, |builder, _| {
            let from = builder.extents[input];
            check_margin(from)?;
            within("factor", scale, MAX_SCALE)?;
            let size = from
                .size
                .shrunk(scale)
                .ok_or("its size cannot be expressed: align it first")?;
            let channels = from.channels * scale * scale;
            Ok(Extent {
                channels,
                size,
                margin: 0,
            })
        })
    }

    /// Nearest-neighbour enlargement.
    pub fn repeat(&mut self, input: Value, scale: usize) -> Result<Value, GraphError> {
        self.push(Step::Repeat { input, scale }, |builder, _| {
            let from = builder.extents[input];
            let size = enlarged(from, scale)?;
            Ok(Extent { size, ..from })
        })
    }

    /// The mean over a window around each pixel.
    pub fn mean(&mut self, input: Value, window: usize) -> Result<Value, GraphError> {
        self.push(Step::Mean { input, window }, |builder, _| {
            let from = builder.extents[input];
            check_margin(from)?;
            check_odd("window", window)?;
            Ok(from)
        })
    }

    /// Feature maps one after the other.
    pub fn concat(&mut self, inputs: Vec<Value>) -> Result<Value, GraphError> {
        self.push(Step::Concat { inputs }, |builder, step| {
            let parts: Vec<Extent> = step
                .reads()
                .iter()
                .map(|read| builder.extents[read.value])
                .collect();
            let first = *parts.first().ok_or("it concatenates nothing")?;
            let mut channels: usize = 0;
            for part in parts {
                // The sum stays small: a graph reads a bounded number of values of bounded width.
                channels += part.channels;
                check_equal(
                    "it concatenates",
                    first,
                    Extent {
                        channels: first.channels,
                        ..part
                    },
                )?;
            }
            Ok(Extent { channels, ..first })
        })
    }

    /// A margin around an image.
    pub fn pad(
        &mut self,
        input: Value,
        margin: usize,
        border: Border,
    ) -> Result<Value, GraphError> {
        let step = Step::Pad {
            input,
            margin,
            border,
        };
        self.push(step, |builder, _| {
            let from = builder.extents[input];
            check_margin(from)?;
            within("margin", margin, 8 * MAX_SIDE)?;
            let margin = margin as isize;
            Ok(Extent { margin, ..from })
        })
    }

    /// Sides rounded up to a multiple.
    pub fn align(&mut self, input: Value, multiple: usize) -> Result<Value, GraphError> {
        self.push(Step::Align { input, multiple }, |builder, _| {
            let from = builder.extents[input];
            check_margin(from)?;
            within("multiple", multiple, MAX_SCALE)?;
            let size = from
                .size
                .aligned(multiple)
                .ok_or("its size cannot be expressed")?;
            Ok(Extent { size, ..from })
        })
    }

    /// The part that belongs to `scale` times the input.
    pub fn crop(&mut self, input: Value, scale: usize) -> Result<Value, GraphError> {
        self.push(Step::Crop { input, scale }, |builder, _| {
            let from = builder.extents[input];
            check_margin(from)?;
            within("factor", scale, MAX_SCALE)?;
            let size = Size::times(scale).ok_or("its factor is too large")?;
            ensure(from.size.scale() == [scale, 1], || {
                let [up, down] = from.size.scale();
                format!("reads an image of {up}/{down} times the input, and crops to {scale} times")
            })?;
            Ok(Extent { size, ..from })
        })
    }

    /// The graph, whose result is the value that was added last.
    pub fn finish(self) -> Result<Graph, GraphError> {
        let Self { steps, extents, .. } = &self;
        let Some(last) = steps.last() else {
            return Err(GraphError {
                number: 0,
                name: "input".into(),
                problem: "the graph has no steps".into(),
            });
        };
        let mut used = vec![false; extents.len()];
        for read in steps.iter().flat_map(Step::reads) {
            used[read.value] = true;
        }
        for (i, step) in steps.iter().enumerate() {
            let Extent {
                channels, margin, ..
            } = extents[i + 1];
            if i + 1 < steps.len() && !used[i + 1] {
                let problem = format!("its result of {channels} channels is never used");
                return Err(self.error(i + 1, step, problem));
            }
            if margin < 0 {
                let problem = format!("its result lacks {} px at the image's borders", -margin);
                return Err(self.error(i + 1, step, problem));
            }
        }
        if extents[steps.len()].margin != 0 {
            return Err(self.error(steps.len(), last, "the graph's result has a margin".into()));
        }
        if !used[0] {
            return Err(self.error(1, &steps[0], "no step reads the graph's input".into()));
        }
        let mut align_px = 1;
        for (i, step) in steps.iter().enumerate() {
            align_px = lcm(align_px, extents[i + 1].size.align_px());
            if align_px > MAX_ALIGN_PX {
                let problem = format!(
                    "tiles would have to begin at multiples of {align_px} px, at most {MAX_ALIGN_PX} are allowed"
                );
                return Err(self.error(i + 1, step, problem));
            }
        }
        let reach = Reach::of(steps, extents);
        let reach_px = reach.before_px.max(reach.after_px);
        if reach_px > MAX_REACH_PX + align_px {
            let problem = format!(
                "the result depends on pixels farther away than {MAX_REACH_PX} px of the input"
            );
            return Err(self.error(steps.len(), last, problem));
        }
        let Self { steps, extents, .. } = self;
        Ok(Graph { steps, extents })
    }
}

/// The dimensions of a kernel, before anything is computed of them.
fn check_shape(kernel: &Kernel, groups: usize, dilation: usize) -> Check {
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
                    within("stride", stride, 16)?;
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
            within("factor", *scale, 16)?;
            ensure(groups == *channels, || {
                "an enlargement has one group per channel".into()
            })
        }
    }
}

fn check_conv(conv: &Conv<Kernel, Parameter>, channels_in: usize, input: Extent) -> Check<Extent> {
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

fn check_margin(from: Extent) -> Check {
    ensure(from.margin == 0, || {
        format!("reads a value with a margin of {} px", from.margin)
    })
}

fn enlarged(from: Extent, scale: usize) -> Check<Size> {
    check_margin(from)?;
    within("factor", scale, 16)?;
    let size = from.size.enlarged(scale);
    size.ok_or_else(|| format!("enlarges to more than {MAX_SCALE} times the input"))
}

fn check_equal(verb: &str, expected: Extent, found: Extent) -> Check {
    ensure(expected == found, || {
        let text = |extent: Extent| {
            let [up, down] = extent.size.scale();
            format!(
                "{} channels at scale {up}/{down} with a margin of {} px",
                extent.channels, extent.margin
            )
        };
        format!("{verb} {} and {}", text(expected), text(found))
    })
}
