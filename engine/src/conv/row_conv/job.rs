//! The areas that a convolution reads and writes, checked, and the kernels that do it.

use std::ops::Range;

use super::RowConv;
use crate::conv::depthwise::Depthwise;
use crate::conv::direct::{self, Forward};
use crate::conv::planes::{Part, Source, Target};
use crate::conv::pointwise::Pointwise;
use crate::conv::rows::Area;
use crate::conv::{FusedActivation, Rows, Scratch, on, winograd};
use crate::graph::Activation;

/// Rows to be made of the inputs.
pub(super) struct Job<'a> {
    pub conv: &'a RowConv,
    pub inputs: &'a [&'a Rows],
    pub activation: FusedActivation<'a>,
    pub add: Option<&'a Rows>,
    /// Rows of the output, those above the image that belong to a block included.
    pub rows: Range<isize>,
    /// The output's rows, and its columns, those left of the image that belong to a block included. Nothing else uses
    /// them.
    pub target: Target,
}

impl Job<'_> {
    /// Channels of an input, with all the rows and `columns` columns that are read of it.
    fn source(&self, input: &Rows, channels: Range<usize>, columns: usize) -> Source {
        let padding = self.conv.shape.padding;
        let first = self.rows.start - padding as isize;
        let count = self.conv.rows_read(self.rows.clone().count());
        input.source(&Area {
            rows: first..first + count as isize,
            channels,
            left: padding + self.conv.overhang,
            columns,
        })
    }

    /// All inputs.
    fn parts(&self, columns: usize) -> Vec<Part> {
        let part = |input: &&Rows| Part {
            source: self.source(input, 0..input.channels(), columns),
            channels: input.channels(),
        };
        self.inputs.iter().map(part).collect()
    }

    /// Channels that are added, with the columns rounded up to so many values.
    fn added(&self, channels: Range<usize>, multiple: usize) -> Option<Source> {
        Some(self.add?.source(&Area {
            rows: self.rows.clone(),
            channels,
            left: self.conv.overhang,
            columns: self.target.columns.next_multiple_of(multiple),
        }))
    }

    fn columns_read(&self) -> usize {
        let RowConv { isa, shape, .. } = self.conv;
        direct::columns_read(isa.lanes(), self.target.columns, shape.k, shape.dilation)
    }

    pub fn winograd(&self, scratch: &mut Scratch) {
        let RowConv {
            isa,
            shape,
            weights,
            bias,
            ..
        } = self.conv;
        let layer = winograd::Layer {
            isa: *isa,
            channels_in: shape.channels_in,
            channels_out: shape.channels_out,
            weights,
            bias,
            activation: self.activation,
        };
        let parts = self.parts(winograd::columns_read(isa.lanes(), self.target.columns));
        let add = self.added(0..shape.channels_out, winograd::SIDE * isa.lanes());
        // SAFETY: `source` and `target` of `Rows` have checked what is read and written, `check` and `new` the lengths.
        unsafe { layer.run(scratch, &parts, add, self.target) };
    }

    pub fn depthwise(&self) {
        let RowConv {
            isa,
            shape,
            weights,
            bias,
            ..
        } = self.conv;
        let channels = 0..shape.channels_out;
        let job = Depthwise {
            source: self.source(self.inputs[0], channels.clone(), self.columns_read()),
            channels: shape.channels_out,
            k: shape.k,
            dilation: shape.dilation,
            weights,
            bias,
            activation: self.activation,
            add: self.added(channels, isa.lanes()),
            target: self.target,
        };
        // SAFETY: as for Winograd's.
        unsafe { on!(isa, depthwise(&job)) };
    }

    pub fn direct(&self) {
        let RowConv {
            isa,
            shape,
            weights,
            bias,
            ..
        } = self.conv;
        let mut parts = self.parts(self.columns_read());
        let inputs = shape.channels_in / shape.groups;
        let outputs = shape.channels_out / shape.groups;
        let weights = weights.chunks_exact(outputs * inputs * shape.k * shape.k);
        for (group, weights) in weights.enumerate() {
            if shape.groups > 1 {
                let channels = group * inputs..(group + 1) * inputs;
                parts = vec![Part {
                    source: self.source(self.inputs[0], channels, self.columns_read()),
                    channels: inputs,
                }];
            }
            let channels = group * outputs..(group + 1) * outputs;
            let job = Forward {
                parts: &parts,
                k: shape.k,
                dilation: shape.dilation,
                weights,
                bias: &bias[channels.clone()],
                activation: match self.activation {
                    FusedActivation::PRelu(slopes) => {
                        FusedActivation::PRelu(&slopes[channels.clone()])
                    }
                    other => other,
                },
                add: self.added(channels, isa.lanes()),
                target: self.target.planes_from(group * outputs),
                channels_out: outputs,
            };
            // SAFETY: as for Winograd's.
            unsafe { on!(isa, forward(&job)) };
        }
    }

    /// Applies an activation to what a kernel has made, and adds what is to be added.
    pub fn activate(&self, activation: &Activation) {
        let RowConv { isa, shape, .. } = self.conv;
        let job = Pointwise {
            source: self.target.source(),
            channels: shape.channels_out,
            activation,
            add: self.added(0..shape.channels_out, isa.lanes()),
            target: self.target,
        };
        // SAFETY: as for Winograd's; `run` has made the target of whole vectors.
        unsafe { on!(isa, pointwise(&job)) };
    }
}
