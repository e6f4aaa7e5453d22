//! The CPU's engine against the definition of each step, on random plans.

use engine::conv::Isa;
use engine::graph::{
    Activation, ActivationDraft, Border, Builder, Conv, ConvDraft, Form, Kernel, Padding,
    Parameter, Plan, Step,
};
use engine::image::{Planes, Rect};
use engine::pipeline::tiles;
use engine::{CpuEngine, Engine};

/// xorshift32 (Marsaglia 2003): the same plans at every run.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// −0.5 … 0.5
    fn value(&mut self) -> f32 {
        (self.next() >> 8) as f32 / (1 << 24) as f32 - 0.5
    }
}

/// A value as f64: channels, rows, columns, and `[channels, rows, columns]`.
#[derive(Clone)]
struct Maps {
    channels: usize,
    rows: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Maps {
    fn of(
        [channels, rows, columns]: [usize; 3],
        value: impl Fn(usize, usize, usize) -> f64,
    ) -> Self {
        let at = |i: usize| value(i / (rows * columns), i / columns % rows, i % columns);
        Self {
            channels,
            rows,
            columns,
            data: (0..channels * rows * columns).map(at).collect(),
        }
    }

    fn at(&self, channel: usize, y: usize, x: usize) -> f64 {
        self.data[(channel * self.rows + y) * self.columns + x]
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

fn convolved(conv: &Conv, values: &[Maps]) -> Maps {
    let input = &values[conv.input];
    let (k, groups) = (conv.k, conv.groups);
    let padding = match conv.padding {
        Padding::Same => k / 2,
        Padding::Valid => 0,
    };
    let (inputs, outputs) = (input.channels / groups, conv.channels_out / groups);
    let [rows, columns] = [input.rows, input.columns].map(|side| side + 2 * padding + 1 - k);
    Maps::of([conv.channels_out, rows, columns], |out, y, x| {
        let mut z = f64::from(conv.bias[out]);
        for (channel, tap) in (0..inputs).flat_map(|c| (0..k * k).map(move |tap| (c, tap))) {
            let place = |at: usize, tap: usize| (at + tap) as isize - padding as isize;
            let pixel = input.beyond(
                out / outputs * inputs + channel,
                place(y, tap / k),
                place(x, tap % k),
            );
            z += f64::from(conv.weight[(out * inputs + channel) * k * k + tap]) * pixel;
        }
        let v = match &conv.activation {
            Activation::None => z,
            Activation::Relu => z.max(0.0),
            Activation::PRelu(slopes) if z < 0.0 => z * f64::from(slopes[out]),
            Activation::PRelu(_) => z,
            Activation::Sigmoid => 1.0 / (1.0 + (-z).exp()),
            Activation::Tanh => z.tanh(),
        };
        v + conv.add.map_or(0.0, |add| values[add].at(out, y, x))
    })
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
    }
}

/// What a plan computes.
fn evaluated(plan: &Plan, input: &Planes) -> Maps {
    let size = [input.channels, input.height, input.width];
    let mut values = vec![Maps::of(size, |channel, y, x| {
        f64::from(input.plane(channel)[y * input.width + x])
    })];
    for step in plan.steps() {
        let value = match step {
            Step::Conv(conv) => convolved(conv, &values),
            Step::Shuffle { input, scale, skip } => {
                let (from, s) = (&values[*input], *scale);
                let size = [from.channels / (s * s), from.rows * s, from.columns * s];
                Maps::of(size, |c, y, x| {
                    let skip = skip.map_or(0.0, |skip| values[skip].at(c, y / s, x / s));
                    from.at((c * s + y % s) * s + x % s, y / s, x / s) + skip
                })
            }
            Step::Add { a, b } => {
                let (a, b) = (&values[*a], &values[*b]);
                let size = [a.channels, a.rows, a.columns];
                Maps::of(size, |c, y, x| a.at(c, y, x) + b.at(c, y, x))
            }
            Step::Concat { inputs } => {
                let all = inputs.iter().flat_map(|input| {
                    let maps = &values[*input];
                    (0..maps.channels).map(move |channel| (maps, channel))
                });
                let all: Vec<_> = all.collect();
                let size = [all.len(), all[0].0.rows, all[0].0.columns];
                Maps::of(size, |c, y, x| all[c].0.at(all[c].1, y, x))
            }
            Step::Pad {
                input,
                margin,
                border,
            } => {
                let from = &values[*input];
                let size = [from.rows, from.columns].map(|side| side + 2 * margin);
                let at = |at: usize, side| inside(*border, at as isize - *margin as isize, side);
                Maps::of([from.channels, size[0], size[1]], |c, y, x| {
                    from.at(c, at(y, from.rows), at(x, from.columns))
                })
            }
        };
        values.push(value);
    }
    values.pop().unwrap()
}

/// Values that parameters are cut from.
const VALUES: usize = 1 << 18;

/// A plan of some steps, each of which reads any of the values before it.
fn random_plan(random: &mut Random) -> Plan {
    let mut builder = Builder::new(random.one_of(&[1, 3, 4]));
    let mut last = builder.input();
    for _ in 0..2 + random.below(4) {
        let extent = builder.extent(last).unwrap();
        match random.below(8) {
            0 if extent.channels < 20 => last = builder.concat(vec![last, last]).unwrap(),
            1 => last = builder.add(last, last).unwrap(),
            2 if extent.margin == 0 => {
                let border = random.one_of(&[Border::Replicate, Border::Symmetric]);
                last = builder.pad(last, 1 + random.below(6), border).unwrap();
            }
            3 if extent.scale == 1 && extent.margin == 0 && extent.channels < 8 => {
                let scale = 2 + random.below(2);
                let phases = extent.channels * scale * scale;
                let maps = conv(random, &mut builder, last, phases, None);
                let skip = random.one_of(&[None, Some(last)]);
                last = builder.shuffle(maps, scale, skip).unwrap();
            }
            _ => {
                let maps = random.one_of(&[1, 2, 3, 4, 7, 16, 19]);
                let same = random.below(3) == 0;
                let maps = if same { extent.channels } else { maps };
                last = conv(random, &mut builder, last, maps, same.then_some(last));
            }
        }
    }
    // What is left of a margin is eaten up.
    while let extent @ 1.. = builder.extent(last).unwrap().margin {
        let k = if extent >= 2 { 5 } else { 3 };
        let draft = draft(random, &builder, last, 3, k, Padding::Valid);
        last = builder.conv(draft).unwrap();
    }
    conv(random, &mut builder, last, 3, None);
    let outline = builder.finish().unwrap();
    // Small enough for sums not to outgrow what they are compared with.
    let values: Vec<f32> = (0..VALUES).map(|_| random.value() / 4.0).collect();
    // A parameter's name is where its values begin.
    let lookup = |name: &str| {
        let (start, length) = name.split_once('+')?;
        Some(&values[start.parse().ok()?..][..length.parse().ok()?])
    };
    outline.compile(lookup).unwrap()
}

fn conv(
    random: &mut Random,
    builder: &mut Builder,
    input: usize,
    maps: usize,
    add: Option<usize>,
) -> usize {
    let k = random.one_of(&[1, 3, 3, 3, 5, 9]);
    let draft = draft(random, builder, input, maps, k, Padding::Same);
    builder.conv(ConvDraft { add, ..draft }).unwrap()
}

fn draft(
    random: &mut Random,
    builder: &Builder,
    input: usize,
    maps: usize,
    k: usize,
    padding: Padding,
) -> ConvDraft {
    let channels = builder.extent(input).unwrap().channels;
    let mut named = |shape: [usize; 4]| {
        let length: usize = shape.iter().product();
        let start = random.below(VALUES - length);
        let name = format!("{start}+{length}");
        Parameter { name, shape }
    };
    let kernel = Kernel::Parameter {
        weight: named([maps, channels, k, k]),
        form: Form::Dilated(1),
        bias: Some(named([maps, 1, 1, 1])),
    };
    let slope = named([maps, 1, 1, 1]);
    ConvDraft {
        input,
        kernel,
        padding,
        activation: match random.below(6) {
            0 => ActivationDraft::None,
            1 => ActivationDraft::Relu,
            2 => ActivationDraft::LeakyRelu(0.2),
            3 => ActivationDraft::Sigmoid,
            4 => ActivationDraft::Tanh,
            _ => ActivationDraft::PRelu(slope),
        },
        add: None,
    }
}

/// Sides around the lengths of vectors, tiles of Winograd's, bands and chunks.
const SIDES: [usize; 14] = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33, 66, 197];

fn noise(random: &mut Random, [channels, width, height]: [usize; 3]) -> Planes {
    let data = (0..channels * width * height).map(|_| random.value());
    Planes {
        channels,
        width,
        height,
        data: data.collect(),
    }
}

#[test]
fn random_plans_give_what_their_steps_define() {
    let mut random = Random(2_463_534_242);
    for round in 0..150 {
        let plan = random_plan(&mut random);
        let channels = plan.input().channels;
        let mut engines: Vec<_> = Isa::available()
            .into_iter()
            .map(|isa| (isa, CpuEngine::with_isa(&plan, 1 + round % 3, isa)))
            .collect();
        for _ in 0..2 {
            let (width, height) = (random.one_of(&SIDES), random.one_of(&SIDES[..12]));
            let input = noise(&mut random, [channels, width, height]);
            let expected = evaluated(&plan, &input);
            let largest = expected.data.iter().fold(1f64, |a, b| a.max(b.abs()));
            for (isa, engine) in &mut engines {
                let found = pollster::block_on(engine.run(input.clone())).unwrap();
                let size = [found.channels, found.height, found.width];
                assert_eq!(size, [expected.channels, expected.rows, expected.columns]);
                for (i, (a, b)) in found.data.iter().zip(&expected.data).enumerate() {
                    let apart = (f64::from(*a) - b).abs() / largest;
                    assert!(
                        apart < 5e-5,
                        "{a}, not {b}, at {i} of {width}×{height} on {isa:?}: {plan:?}"
                    );
                }
            }
        }
    }
}

fn cut(planes: &Planes, part: Rect) -> Planes {
    let rows = (0..planes.channels * part.height).flat_map(|i| {
        let (channel, y) = (i / part.height, part.y + i % part.height);
        planes.plane(channel)[y * planes.width + part.x..][..part.width].to_vec()
    });
    Planes {
        channels: planes.channels,
        width: part.width,
        height: part.height,
        data: rows.collect(),
    }
}

/// So blocks lie at the same places in every tile, and halos are wide enough for them.
#[test]
fn tiles_and_threads_change_no_bit() {
    let mut random = Random(88_675_123);
    for round in 0..100 {
        let plan = random_plan(&mut random);
        let (channels, scale) = (plan.input().channels, plan.output().scale);
        let run = |threads, input: Planes| {
            let mut engine = CpuEngine::new(&plan, threads);
            pollster::block_on(engine.run(input)).unwrap()
        };
        let grid = CpuEngine::new(&plan, 1).grid();
        let [width, height] = [1 + random.below(99), 1 + random.below(69)];
        let input = noise(&mut random, [channels, width, height]);
        let expected = run(1, input.clone());
        assert!(run(3, input.clone()) == expected, "{plan:?}");
        for blocks in [1, 2, 5] {
            let sides = [blocks, blocks + round % 4].map(|side| side * grid.align_px);
            for tile in tiles([width, height], sides, grid.halo_px) {
                let found = run(1 + round % 2, cut(&input, tile.padded));
                let inside = Rect {
                    x: tile.core.x - tile.padded.x,
                    y: tile.core.y - tile.padded.y,
                    ..tile.core
                };
                let same =
                    cut(&found, inside.scaled(scale)) == cut(&expected, tile.core.scaled(scale));
                assert!(same, "{tile:?} of {width}×{height}: {plan:?}");
            }
        }
    }
}
