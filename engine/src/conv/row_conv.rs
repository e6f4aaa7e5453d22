//! A convolution whose input arrives row by row.

mod job;

use self::job::Job;
use super::block::pack;
use super::planes::Target;
use super::rows::Area;
use super::share::part;
use super::{FusedActivation, Isa, Rows, Scratch, Threads, winograd};
use crate::graph::Activation;

/// Fewer channels than these, in or out, are not worth Winograd's transforms.
const FEWEST_CHANNELS: usize = 3;

/// The sizes of a [`RowConv`].
#[derive(Clone, Copy, Debug)]
pub struct RowConvShape {
    /// Input channels, of all groups.
    pub channels_in: usize,
    /// Output channels, of all groups.
    pub channels_out: usize,
    /// Groups of channels: the outputs of a group are made of its inputs alone.
    pub groups: usize,
    /// Side of the kernel in taps: odd.
    pub k: usize,
    /// Pixels from one tap to the next.
    pub dilation: usize,
    /// Zeros around the input, in pixels: 0, or [`reach`](Self::reach) for an output of the input's size.
    pub padding: usize,
}

impl RowConvShape {
    /// Pixels from the kernel's middle tap to its last one.
    pub fn reach(&self) -> usize {
        self.dilation * (self.k / 2)
    }

    fn method(&self) -> Method {
        let least = self.channels_in.min(self.channels_out);
        if self.groups == 1 && self.k == 3 && self.dilation == 1 && least >= FEWEST_CHANNELS {
            Method::Winograd
        } else if self.groups == self.channels_in && self.groups == self.channels_out {
            Method::Depthwise
        } else {
            Method::Direct
        }
    }
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Direct,
    Depthwise,
    Winograd,
}

/// What is done to a convolution's sums before they are stored.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// Applied first.
    pub activation: &'a Activation,
    /// Added after the activation.
    pub add: Option<&'a Rows>,
}

/// A convolution of stride 1 with its weights in the order in which kernels use them.
#[derive(Clone, Debug)]
pub struct RowConv {
    isa: Isa,
    shape: RowConvShape,
    method: Method,
    /// Of each group one after the other; of each position, for Winograd's filtering.
    weights: Vec<f32>,
    bias: Vec<f32>,
    /// Rows above the image and columns left of it that belong to the first blocks.
    overhang: usize,
}

impl RowConv {
    /// `weight [channels_out, channels_in / groups, k, k]`, `bias [channels_out]`.
    ///
    /// # Panics
    /// Where the shape makes no sense, or a slice is not as long as it says.
    pub fn new(isa: Isa, shape: RowConvShape, weight: &[f32], bias: &[f32]) -> Self {
        let RowConvShape {
            channels_in,
            channels_out,
            groups,
            k,
            dilation,
            padding,
        } = shape;
        assert!(k % 2 == 1 && dilation > 0 && (padding == 0 || padding == shape.reach()));
        assert!(channels_in > 0 && channels_out > 0 && groups > 0);
        assert!(channels_in % groups == 0 && channels_out % groups == 0);
        let (inputs, outputs, taps) = (channels_in / groups, channels_out / groups, k * k);
        assert_eq!(weight.len(), channels_out * inputs * taps);
        assert_eq!(bias.len(), channels_out);
        let method = shape.method();
        let kernel =
            |out: usize, channel: usize| &weight[(out * inputs + channel) * taps..][..taps];
        let pack = |taps, at: &dyn Fn(usize, usize, usize) -> f32| {
            pack(isa.channels(), outputs, inputs, taps, at)
        };
        let weights = match method {
            Method::Winograd => {
                let position = |p| {
                    pack(1, &|out, channel, _| {
                        winograd::weight(kernel(out, channel), p)
                    })
                };
                (0..winograd::POSITIONS).flat_map(position).collect()
            }
            // Each group is a block of one channel, packed as it is.
            Method::Depthwise => weight.to_vec(),
            Method::Direct => {
                let group = |g| {
                    pack(taps, &|out, channel, tap| {
                        kernel(g * outputs + out, channel)[tap]
                    })
                };
                (0..groups).flat_map(group).collect()
            }
        };
        Self {
            isa,
            shape,
            method,
            weights,
            bias: bias.to_vec(),
            overhang: 0,
        }
    }

    /// Rows and columns that are made together.
    pub fn block(&self) -> usize {
        match self.method {
            Method::Winograd => winograd::SIDE,
            Method::Direct | Method::Depthwise => 1,
        }
    }

    /// Lets blocks begin at this row and column, and so at every [`block`](Self::block)th; results depend on it.
    pub fn begin_blocks_at(&mut self, first: isize) {
        self.overhang = (-first).rem_euclid(self.block() as isize) as usize;
    }

    /// Rows of a row's block that lie above it.
    pub fn begun(&self, row: usize) -> usize {
        (row + self.overhang) % self.block()
    }

    /// Input rows that are read for `count` output rows.
    pub fn rows_read(&self, count: usize) -> usize {
        count.next_multiple_of(self.block()) + 2 * self.shape.reach()
    }

    /// Makes the next `count` rows of `output`, the first of which begins a block or is the image's first one.
    ///
    /// The input is the channels of all `inputs`, one after the other; they have the same number of columns. There
    /// is a scratch for each thread.
    ///
    /// # Panics
    /// Where inputs lack rows, columns or borders that are read, `add` those that are added, where sizes don't fit
    /// together, or where a convolution with groups has several inputs.
    pub fn run(
        &self,
        threads: &Threads,
        scratches: &mut [Scratch],
        inputs: &[&Rows],
        ending: Ending,
        output: &mut Rows,
        count: usize,
    ) {
        let Ending { activation, add } = ending;
        self.check(inputs, activation, add, output);
        if count == 0 {
            return;
        }
        let row = output.push(count);
        let above = self.begun(row as usize);
        assert!(above == 0 || row == 0);
        let rows = row - above as isize..row + count as isize;
        let columns = self.overhang + output.columns();
        // An activation after the kernel reads whole vectors.
        let target = output.target(&Area {
            rows: rows.clone(),
            channels: 0..output.channels(),
            left: self.overhang,
            columns: columns.next_multiple_of(self.isa.lanes()),
        });
        let fused = FusedActivation::of(activation);
        let blocks = target.rows.div_ceil(self.block());
        let parts = threads.count().min(blocks);
        threads.share(scratches[..parts].iter_mut(), |i, scratch| {
            let blocks = part(i, parts, blocks);
            let [start, end] = [blocks.start, blocks.end].map(|block| block * self.block());
            let part = start..end.min(target.rows);
            let job = Job {
                conv: self,
                inputs,
                activation: fused.unwrap_or(FusedActivation::None),
                add: fused.and(add),
                rows: rows.start + part.start as isize..rows.start + part.end as isize,
                target: Target {
                    columns,
                    ..target.rows(part)
                },
            };
            match self.method {
                Method::Direct => job.direct(),
                Method::Depthwise => job.depthwise(),
                Method::Winograd => job.winograd(scratch),
            }
            if fused.is_none() {
                Job { add, ..job }.activate(activation);
            }
        });
        if self.method == Method::Winograd {
            output.clear_outside(rows.start, self.overhang);
        }
    }

    fn check(&self, inputs: &[&Rows], activation: &Activation, add: Option<&Rows>, output: &Rows) {
        let shape = &self.shape;
        let channels: usize = inputs.iter().map(|input| input.channels()).sum();
        assert_eq!(channels, shape.channels_in);
        assert!(inputs.len() == 1 || shape.groups == 1);
        let columns = output.columns() + 2 * shape.reach();
        assert!(
            inputs
                .iter()
                .all(|input| input.columns() + 2 * shape.padding == columns)
        );
        assert_eq!(output.channels(), shape.channels_out);
        if let Activation::PRelu(slopes) = activation {
            assert_eq!(slopes.len(), shape.channels_out);
        }
        if let Some(add) = add {
            assert_eq!(
                [add.channels(), add.columns()],
                [output.channels(), output.columns()]
            );
        }
    }
}
