//! Builds graphs step by step, and checks every step.

use super::analysis::lcm;
use super::check::{Check, check, check_shape, ensure};
use super::{
    Activation, Border, Conv, Extent, Graph, Interpolation, Kernel, NamedStep, Padding, Parameter,
    Reach, Size, Step, Term, Value,
};

/// Most steps, and values read by all steps. A file that claims more is damaged or hostile.
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

    fn push(&mut self, step: NamedStep) -> Result<Value, GraphError> {
        let reads = step.reads();
        let total = self.reads + reads.len();
        let checked = || -> Check<Extent> {
            ensure(self.steps.len() < MAX_STEPS, || {
                format!("a graph has at most {MAX_STEPS} steps")
            })?;
            ensure(total <= MAX_READS, || {
                format!("the steps read {total} values in all, at most {MAX_READS} are allowed")
            })?;
            let known = reads.iter().all(|read| read.value < self.extents.len());
            ensure(known, || {
                "it reads a value that no earlier step computes".into()
            })?;
            check(&step, &self.extents)
        };
        match checked() {
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
        // Sizes are computed of checked shapes alone; `push` reports the others.
        let checked = check_shape(&kernel, groups, dilation);
        let sizes = checked.is_ok().then(|| kernel.sizes(groups));
        self.push(Step::Conv(Conv {
            input,
            kernel,
            channels_out: sizes.map_or(0, |sizes| sizes.channels_out),
            groups,
            k: sizes.map_or(1, |sizes| sizes.k),
            dilation,
            padding,
            activation,
            add: None,
        }))
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
        self.push(Step::Activate { input, activation })
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
        self.push(Step::Sum { terms, constant })
    }

    /// `factor · a · b`
    pub fn product(&mut self, a: Value, b: Value, factor: f32) -> Result<Value, GraphError> {
        self.push(Step::Product { a, b, factor })
    }

    /// Depth to space, and a value that is added enlarged.
    pub fn shuffle(
        &mut self,
        input: Value,
        scale: usize,
        skip: Option<Value>,
    ) -> Result<Value, GraphError> {
        self.push(Step::Shuffle { input, scale, skip })
    }

    /// Space to depth.
    pub fn unshuffle(&mut self, input: Value, scale: usize) -> Result<Value, GraphError> {
        self.push(Step::Unshuffle { input, scale })
    }

    /// Nearest-neighbour enlargement.
    pub fn repeat(&mut self, input: Value, scale: usize) -> Result<Value, GraphError> {
        self.push(Step::Repeat { input, scale })
    }

    /// The mean over a window around each pixel.
    pub fn mean(&mut self, input: Value, window: usize) -> Result<Value, GraphError> {
        self.push(Step::Mean { input, window })
    }

    /// Feature maps one after the other.
    pub fn concat(&mut self, inputs: Vec<Value>) -> Result<Value, GraphError> {
        self.push(Step::Concat { inputs })
    }

    /// A margin around an image.
    pub fn pad(
        &mut self,
        input: Value,
        margin: usize,
        border: Border,
    ) -> Result<Value, GraphError> {
        self.push(Step::Pad {
            input,
            margin,
            border,
        })
    }

    /// Sides rounded up to a multiple.
    pub fn align(&mut self, input: Value, multiple: usize) -> Result<Value, GraphError> {
        self.push(Step::Align { input, multiple })
    }

    /// The part that belongs to `scale` times the input.
    pub fn crop(&mut self, input: Value, scale: usize) -> Result<Value, GraphError> {
        self.push(Step::Crop { input, scale })
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
