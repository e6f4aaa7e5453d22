//! Activations of values that lie in memory, and an addition after them. The kernel is written once over [`Simd`].

use super::block::{Activate, add, store_part};
use super::functions::{Clamp, Function, Gelu, Sigmoid, Silu, Tanh};
use super::planes::{Source, Target};
use super::rows::Area;
use super::share::part;
use super::simd::Simd;
use super::{FusedActivation, Isa, Rows, Threads, on};
use crate::graph::Activation;

/// An activation of each value.
pub(super) struct Pointwise<'a> {
    /// As large as the target; may be the same planes.
    pub source: Source,
    pub channels: usize,
    pub activation: &'a Activation,
    /// As large as the target.
    pub add: Option<Source>,
    pub target: Target,
}

/// Makes the next `count` rows of `output` by applying an activation to those of `input`, on so many threads.
///
/// # Panics
/// Where the input lacks rows, or sizes don't fit together.
pub fn activate(
    isa: Isa,
    threads: &Threads,
    input: &Rows,
    activation: &Activation,
    output: &mut Rows,
    count: usize,
) {
    let (channels, columns) = (output.channels(), output.columns());
    assert_eq!([input.channels(), input.columns()], [channels, columns]);
    if let Activation::PRelu(slopes) = activation {
        assert_eq!(slopes.len(), channels);
    }
    if count == 0 {
        return;
    }
    let from = output.push(count);
    let area = |columns| Area {
        rows: from..from + count as isize,
        channels: 0..channels,
        left: 0,
        columns,
    };
    let target = output.target(&area(columns));
    let parts = threads.count().min(count);
    threads.share(0..parts, |i, _| {
        let rows = part(i, parts, count);
        let source = input.source(&area(columns.next_multiple_of(isa.lanes())));
        let job = Pointwise {
            source: source.at(rows.start, 0),
            channels,
            activation,
            add: None,
            target: target.rows(rows),
        };
        // SAFETY: `source` and `target` of `Rows` have checked what is read and written; parts are apart.
        unsafe { on!(isa, pointwise(&job)) };
    });
}

/// Runs a [`Pointwise`].
///
/// # Safety
/// `source` and `add` have `channels` planes, readable for `target.rows` rows of as many columns as `target` has,
/// rounded up to whole vectors; there are as many slopes as channels; `target` has as many writable planes that
/// nothing else uses; the processor has the instruction set.
#[inline(always)]
pub(super) unsafe fn pointwise<S: Simd>(job: &Pointwise) {
    // SAFETY: as asked of the caller.
    unsafe {
        match job.activation {
            Activation::Sigmoid => each::<S>(job, &Sigmoid),
            Activation::Tanh => each::<S>(job, &Tanh),
            Activation::Silu => each::<S>(job, &Silu),
            Activation::Gelu => each::<S>(job, &Gelu),
            Activation::Clamp { low, high } => {
                let (low, high) = (S::splat(*low), S::splat(*high));
                each::<S>(job, &Clamp { low, high });
            }
            Activation::None
            | Activation::Relu
            | Activation::LeakyRelu(_)
            | Activation::PRelu(_) => {
                let fused = FusedActivation::of(job.activation);
                for channel in 0..job.channels {
                    let activation = match (job.activation, fused) {
                        (Activation::LeakyRelu(slope), _) => Activate::leaky::<S>(*slope),
                        (_, fused) => {
                            Activate::of::<S>(fused.unwrap_or(FusedActivation::None), channel)
                        }
                    };
                    plane::<S>(job, channel, &activation);
                }
            }
        }
    }
}

/// # Safety
/// As [`pointwise`].
#[inline(always)]
unsafe fn each<S: Simd>(job: &Pointwise, f: &impl Function<S>) {
    for channel in 0..job.channels {
        // SAFETY: as asked of the caller.
        unsafe { plane::<S>(job, channel, f) };
    }
}

/// # Safety
/// As [`pointwise`]; there are more channels than `channel`.
#[inline(always)]
unsafe fn plane<S: Simd>(job: &Pointwise, channel: usize, f: &impl Function<S>) {
    let Pointwise { source, target, .. } = *job;
    for y in 0..target.rows {
        // SAFETY: the vectors begin in the row; the rest is the caller's promise.
        unsafe {
            let from = source.data.add(channel * source.plane + y * source.row);
            let to = target.data.add(channel * target.plane + y * target.row);
            let mut x = 0;
            while x < target.columns {
                let v = add::<S>(job.add, f.of(S::load(from.add(x))), [channel, y, x]);
                store_part::<S>(to.add(x), v, target.columns - x);
                x += S::LANES;
            }
        }
    }
}
