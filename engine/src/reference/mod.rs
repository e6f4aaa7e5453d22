//! Every step by its definition, in f64, one step after the other: tests compare the engines with it, and a page its GPU.

#[cfg(feature = "reference")]
mod compare;
#[cfg(feature = "reference")]
pub mod random;

#[cfg(feature = "reference")]
pub use compare::core_is_equal;

use crate::graph::{Activation, Border, Conv, Padding, Plan, Step};
use crate::image::Planes;

/// A value: `[channels, rows, columns]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Maps {
    /// Feature maps.
    pub channels: usize,
    /// Rows, margins included.
    pub rows: usize,
    /// Columns, margins included.
    pub columns: usize,
    /// Row by row, map by map.
    pub data: Vec<f64>,
}

impl Maps {
    /// Not generic over `value`, so that a page has the code once.
    #[inline(never)]
    fn of(
        [channels, rows, columns]: [usize; 3],
        value: &dyn Fn(usize, usize, usize) -> f64,
    ) -> Self {
        let at = |i: usize| value(i / (rows * columns), i / columns % rows, i % columns);
        Self {
            channels,
            rows,
            columns,
            data: (0..channels * rows * columns).map(at).collect(),
        }
    }

    fn size(&self) -> [usize; 3] {
        [self.channels, self.rows, self.columns]
    }

    fn at(&self, channel: usize, y: usize, x: usize) -> f64 {
        self.data[(channel * self.rows + y) * self.columns + x]
    }

    fn row(&self, channel: usize, y: usize) -> &[f64] {
        &self.data[(channel * self.rows + y) * self.columns..][..self.columns]
    }

    /// Zero outside.
    fn beyond(&self, channel: usize, y: isize, x: isize) -> f64 {
        let inside = |at: isize, side: usize| usize::try_from(at).ok().filter(|at| *at < side);
        match (inside(y, self.rows), inside(x, self.columns)) {
            (Some(y), Some(x)) => self.at(channel, y, x),
            _ => 0.0,
        }
    }
}

impl From<Maps> for Planes {
    fn from(maps: Maps) -> Self {
        Self {
            channels: maps.channels,
            width: maps.columns,
            height: maps.rows,
            data: maps.data.iter().map(|value| *value as f32).collect(),
        }
    }
}

/// The result of a plan.
///
/// # Panics
/// If the input is not as long as it says, or has other channels than the plan reads.
pub fn evaluate(plan: &Plan, input: &Planes) -> Maps {
    let size = [input.channels, input.height, input.width];
    let mut values = vec![Maps::of(size, &|channel, y, x| {
        f64::from(input.plane(channel)[y * input.width + x])
    })];
    for step in plan.steps() {
        let value = compute(step, &values, &values[0]);
        values.push(value);
    }
    values.swap_remove(values.len() - 1)
}

fn compute(step: &Step, values: &[Maps], image: &Maps) -> Maps {
    let of = |value: &usize| &values[*value];
    match step {
        Step::Conv(conv) => convolve(conv, values),
        Step::Activate { input, activation } => {
            let from = of(input);
            Maps::of(from.size(), &|c, y, x| {
                activate(activation, from.at(c, y, x), c)
            })
        }
        Step::Sum { terms, constant } => Maps::of(of(&terms[0].value).size(), &|c, y, x| {
            let terms = terms.iter();
            let terms = terms.map(|term| f64::from(term.factor) * of(&term.value).at(c, y, x));
            terms.sum::<f64>() + f64::from(*constant)
        }),
        Step::Product { a, b, factor } => Maps::of(of(a).size(), &|c, y, x| {
            f64::from(*factor) * of(a).at(c, y, x) * of(b).at(c, y, x)
        }),
        Step::Shuffle { input, scale, skip } => {
            let (from, s) = (of(input), *scale);
            let size = [from.channels / (s * s), from.rows * s, from.columns * s];
            Maps::of(size, &|c, y, x| {
                let skip = skip.map_or(0.0, |skip| values[skip].at(c, y / s, x / s));
                from.at((c * s + y % s) * s + x % s, y / s, x / s) + skip
            })
        }
        Step::Unshuffle { input, scale } => {
            let (from, s) = (of(input), *scale);
            let [rows, columns] = [from.rows, from.columns].map(|side| side.div_ceil(s));
            Maps::of([from.channels * s * s, rows, columns], &|map, y, x| {
                let (channel, phase) = (map / (s * s), map % (s * s));
                from.beyond(
                    channel,
                    (y * s + phase / s) as isize,
                    (x * s + phase % s) as isize,
                )
            })
        }
        Step::Repeat { input, scale } => {
            let (from, s) = (of(input), *scale);
            let size = [from.channels, from.rows * s, from.columns * s];
            Maps::of(size, &|c, y, x| from.at(c, y / s, x / s))
        }
        Step::Mean { input, window } => {
            let (from, reach) = (of(input), window / 2);
            let clip =
                |at: usize, side: usize| at.saturating_sub(reach)..(at + reach + 1).min(side);
            Maps::of(from.size(), &|c, y, x| {
                let (rows, columns) = (clip(y, from.rows), clip(x, from.columns));
                let count = (rows.len() * columns.len()) as f64;
                let all = rows.flat_map(|y| columns.clone().map(move |x| from.at(c, y, x)));
                all.sum::<f64>() / count
            })
        }
        Step::Concat { inputs } => {
            let all = inputs.iter().flat_map(|input| {
                let maps = of(input);
                (0..maps.channels).map(move |channel| (maps, channel))
            });
            let all: Vec<_> = all.collect();
            let [_, rows, columns] = all[0].0.size();
            Maps::of([all.len(), rows, columns], &|c, y, x| {
                all[c].0.at(all[c].1, y, x)
            })
        }
        Step::Pad {
            input,
            margin,
            border,
        } => {
            let from = of(input);
            let [rows, columns] = [from.rows, from.columns].map(|side| side + 2 * margin);
            let at = |at: usize, side| inside(*border, at as isize - *margin as isize, side);
            Maps::of([from.channels, rows, columns], &|c, y, x| {
                from.at(c, at(y, from.rows), at(x, from.columns))
            })
        }
        Step::Align { input, multiple } => {
            let from = of(input);
            let sides = [from.rows, from.columns];
            let [rows, columns] = sides.map(|side| side.next_multiple_of(*multiple));
            Maps::of([from.channels, rows, columns], &|c, y, x| {
                from.at(c, y.min(from.rows - 1), x.min(from.columns - 1))
            })
        }
        Step::Crop { input, scale } => {
            let from = of(input);
            let size = [from.channels, image.rows * scale, image.columns * scale];
            Maps::of(size, &|c, y, x| from.at(c, y, x))
        }
    }
}

fn convolve(conv: &Conv, values: &[Maps]) -> Maps {
    let input = &values[conv.input];
    let (k, groups, reach) = (conv.k, conv.groups, conv.reach_px());
    let padding = match conv.padding {
        Padding::Same => reach,
        Padding::Valid => 0,
    };
    let (inputs, outputs) = (input.channels / groups, conv.channels_out / groups);
    let [rows, columns] = [input.rows, input.columns].map(|side| side + 2 * padding - 2 * reach);
    let mut sums = Maps::of([conv.channels_out, rows, columns], &|out, _, _| {
        f64::from(conv.kernel.bias[out])
    });
    for (row, sums) in sums.data.chunks_exact_mut(columns.max(1)).enumerate() {
        let (out, y) = (row / rows, row % rows);
        for (channel, tap) in (0..inputs).flat_map(|c| (0..k * k).map(move |tap| (c, tap))) {
            let weight = f64::from(conv.kernel.weight[(out * inputs + channel) * k * k + tap]);
            let [down, right] = [tap / k, tap % k].map(|tap| tap * conv.dilation);
            let Some(from) = (y + down).checked_sub(padding).filter(|y| *y < input.rows) else {
                continue;
            };
            let from = input.row(out / outputs * inputs + channel, from);
            // Pixel x is multiplied with x + right − padding of the input, if there is one.
            let skipped = padding.saturating_sub(right);
            let from = from.get(right.saturating_sub(padding)..).unwrap_or(&[]);
            for (sum, pixel) in sums.iter_mut().skip(skipped).zip(from) {
                *sum += weight * pixel;
            }
        }
    }
    Maps::of(sums.size(), &|out, y, x| {
        activate(&conv.activation, sums.at(out, y, x), out)
            + conv.add.map_or(0.0, |add| values[add].at(out, y, x))
    })
}

fn activate(activation: &Activation, z: f64, channel: usize) -> f64 {
    let leaky = |slope: f32| if z > 0.0 { z } else { f64::from(slope) * z };
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    match activation {
        Activation::None => z,
        Activation::Relu => z.max(0.0),
        Activation::LeakyRelu(slope) => leaky(*slope),
        Activation::PRelu(slopes) => leaky(slopes[channel]),
        Activation::Sigmoid => sigmoid(z),
        // `tanh` would bring more code to a page.
        Activation::Tanh => 2.0 * sigmoid(2.0 * z) - 1.0,
        Activation::Silu => z * sigmoid(z),
        Activation::Gelu => 0.5 * z * (1.0 + erf(z / std::f64::consts::SQRT_2)),
        // `clamp` would bring the code that prints floats to a page.
        Activation::Clamp { low, high } => z.max(f64::from(*low)).min(f64::from(*high)),
    }
}

/// The error function: its Maclaurin series near zero, and 1 where it differs from that by less than 1e-8.
fn erf(x: f64) -> f64 {
    if x.abs() > 4.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..100 {
        let n = f64::from(n);
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

/// An index beyond a border, by the border's definition, one pixel after the other.
fn inside(border: Border, at: isize, side: usize) -> usize {
    let (mut at, side) = (at, side as isize);
    match border {
        Border::Replicate => at.clamp(0, side - 1) as usize,
        Border::Symmetric => {
            while at < 0 || at >= side {
                at = if at < 0 { -1 - at } else { 2 * side - 1 - at };
            }
            at as usize
        }
        Border::Reflect if side == 1 => 0,
        Border::Reflect => {
            while at < 0 || at >= side {
                at = if at < 0 { -at } else { 2 * (side - 1) - at };
            }
            at as usize
        }
    }
}
