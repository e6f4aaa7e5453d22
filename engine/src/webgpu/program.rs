//! The kernels that compute a plan.
//!
//! Channels, kernel sizes and functions are constants of a shader's text; the image's size is a uniform,
//! and all other numbers lie in the kernel's weights. So a network compiles once for images of every size,
//! and steps of the same form share a pipeline.

use super::memory::{Layout, Place};
use super::template::Text;
use super::weights::Weights;
use crate::EngineError;
use crate::graph::{Extent, Plan, Step, Value};

/// Most kernels of a plan.
const MAX_KERNELS: usize = 1 << 16;

/// Most parts of a concatenation that convolutions read without a copy: shaders grow with them.
const MAX_PARTS: usize = 16;

/// One dispatch. Its bindings: the input's size; its weights, if it has any; the places it reads; its result.
pub struct Kernel<'a> {
    /// Index of its text in [`Program::texts`].
    pub text: usize,
    /// Its weights.
    pub weights: Weights<'a>,
    /// Places that it reads.
    pub reads: Vec<usize>,
    /// The place that it writes.
    pub result: usize,
    /// The number of its step, from 1.
    pub step: usize,
    /// Rows of pixels that a thread computes.
    pub rows: usize,
    /// Threads in z, each of which computes some blocks of channels.
    pub depth: usize,
}

/// A plan as kernels.
pub struct Program<'a> {
    /// The plan it was made of.
    pub plan: &'a Plan,
    /// Whether maps and weights are f16.
    pub half: bool,
    /// The plan's values, and others behind them.
    pub places: Vec<Place>,
    /// Different shaders.
    pub texts: Vec<String>,
    /// In the order in which they run.
    pub kernels: Vec<Kernel<'a>>,
    /// Indices of `texts` in alphabetical order.
    sorted: Vec<usize>,
    /// Concatenations whose parts are read instead of them.
    views: Vec<bool>,
}

impl<'a> Program<'a> {
    /// The kernels for a GPU on which each can bind so many buffers.
    pub fn new(plan: &'a Plan, half: bool, max_buffers: usize) -> Result<Self, EngineError> {
        let last = plan.steps().len();
        let place = |(value, &extent): (Value, &Extent)| Place {
            extent,
            layout: match value == 0 || value == last {
                true => Layout::Planes,
                false => Layout::Blocks,
            },
            step: value,
            kind: match value {
                0 => "input",
                _ => plan.steps()[value - 1].kind(),
            },
        };
        let mut program = Self {
            plan,
            half,
            places: plan.extents().iter().enumerate().map(place).collect(),
            texts: Vec::new(),
            kernels: Vec::new(),
            sorted: Vec::new(),
            // A convolution also binds its weights, its result, and the value that it adds.
            views: views(plan, max_buffers.saturating_sub(3).clamp(1, MAX_PARTS)),
        };
        for (i, step) in plan.steps().iter().enumerate() {
            program.add(step, i + 1);
            if program.kernels.len() > MAX_KERNELS {
                return Err(EngineError::Failed(format!(
                    "step {} ({}): the network takes {} dispatches by then, and {MAX_KERNELS} are allowed",
                    i + 1,
                    step.kind(),
                    program.kernels.len()
                )));
            }
        }
        Ok(program)
    }

    fn add(&mut self, step: &'a Step, result: Value) {
        match step {
            Step::Conv(conv) => self.conv(conv, result),
            Step::Activate { input, activation } => self.activate(*input, activation, result),
            Step::Sum { terms, constant } => self.sum(terms, *constant, result),
            Step::Product { a, b, factor } => self.product([*a, *b], *factor, result),
            Step::Shuffle { input, scale, skip } => self.shuffle(*input, *scale, *skip, result),
            Step::Unshuffle { input, scale } => {
                let text = include_str!("shaders/step/unshuffle.wgsl");
                self.scaled(*input, *scale, text, result);
            }
            Step::Repeat { input, scale } => {
                let text = include_str!("shaders/step/repeat.wgsl");
                self.scaled(*input, *scale, text, result);
            }
            Step::Mean { input, window } => self.mean(*input, window / 2, result),
            Step::Concat { inputs } => {
                if !self.views[result] {
                    self.concat(inputs, result);
                }
            }
            Step::Pad {
                input,
                margin,
                border,
            } => self.pad(*input, *margin, *border, result),
            Step::Align { input, multiple: _ } => {
                self.simple(*input, include_str!("shaders/step/align.wgsl"), result);
            }
            Step::Crop { input, scale: _ } => {
                self.simple(*input, include_str!("shaders/step/crop.wgsl"), result);
            }
        }
    }

    /// The places that a value consists of.
    pub(super) fn parts(&self, value: Value) -> Vec<usize> {
        self.plan.parts(value, &self.views)
    }

    pub(super) fn channels(&self, place: usize) -> usize {
        self.places[place].extent.channels
    }

    /// A place for a value between two kernels of the step that computes `result`.
    pub(super) fn between(&mut self, result: Value) -> usize {
        self.places.push(Place {
            layout: Layout::Blocks,
            ..self.places[result]
        });
        self.places.len() - 1
    }

    /// The beginning of a text: precision, bindings, and how values are read and the result is written.
    /// The values that are read are called `a0`, `a1` and so on.
    pub(super) fn head(&self, reads: &[usize], result: usize, weights: &Weights) -> Text {
        let mut text = Text::default();
        let has_weights = !matches!(weights, Weights::None);
        text.set_if("HALF", self.half).set_if("FULL", !self.half);
        text.set_if("WEIGHTS", has_weights);
        text.add(include_str!("shaders/head.wgsl"));
        let first = 1 + usize::from(has_weights);
        for (i, &place) in reads.iter().chain([&result]).enumerate() {
            let is_result = i == reads.len();
            text.name = match is_result {
                true => "result".to_string(),
                false => format!("a{i}"),
            };
            let Place { extent, layout, .. } = self.places[place];
            let [up, down, multiple] = extent.size.parts();
            text.set("BINDING", first + i).set_if("WRITTEN", is_result);
            text.set("UP", up).set("DOWN", down);
            text.set("MULTIPLE", multiple)
                .set("MARGIN", extent.margin_px());
            text.set("CHANNELS", extent.channels);
            // Blocks of which only some lanes are channels are filled up with zeros.
            text.set("LANES", extent.channels.min(4));
            let [layout, store] = match layout {
                Layout::Planes => [
                    include_str!("shaders/planes.wgsl"),
                    include_str!("shaders/store_planes.wgsl"),
                ],
                Layout::Blocks => [
                    include_str!("shaders/blocks.wgsl"),
                    include_str!("shaders/store_blocks.wgsl"),
                ],
            };
            text.add(layout).add(include_str!("shaders/view.wgsl"));
            if is_result {
                text.add(store);
            }
        }
        text
    }

    /// Adds a kernel whose text is complete.
    pub(super) fn push(
        &mut self,
        text: Text,
        weights: Weights<'a>,
        reads: Vec<usize>,
        result: usize,
        [rows, depth]: [usize; 2],
    ) {
        let text = text.finish();
        let found = (self.sorted).binary_search_by(|&known| self.texts[known].cmp(&text));
        let text = match found {
            Ok(at) => self.sorted[at],
            Err(at) => {
                self.texts.push(text);
                self.sorted.insert(at, self.texts.len() - 1);
                self.texts.len() - 1
            }
        };
        self.kernels.push(Kernel {
            text,
            weights,
            reads,
            step: self.places[result].step,
            result,
            rows,
            depth,
        });
    }
}

/// The concatenations of at most so many parts that convolutions alone read.
fn views(plan: &Plan, max_parts: usize) -> Vec<bool> {
    let mut views = plan.views();
    let mut parts = vec![1; views.len()];
    for (i, step) in plan.steps().iter().enumerate() {
        if views[i + 1] {
            let reads = step.reads();
            parts[i + 1] = reads.iter().map(|read| parts[read.value]).sum();
            if parts[i + 1] > max_parts {
                views[i + 1] = false;
                parts[i + 1] = 1;
            }
        }
    }
    views
}
