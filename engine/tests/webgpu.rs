//! The GPU engine against the definition of each step, on whatever adapter there is; a software one, such
//! as lavapipe, will do.

use std::collections::BTreeMap;

use engine::graph::{
    Activation, Border, Builder, ConvOptions, Form, GraphError, Interpolation, Kernel, Padding,
    Parameter, Plan, Term, Value,
};
use engine::image::{Planes, Rect};
use engine::pipeline::tiles;
use engine::reference::evaluate;
use engine::reference::random::{Random, RandomGraph};
use engine::webgpu::{Gpu, WebGpuEngine, trusted};
use engine::{Engine, EngineError};

/// Sides around 1, a workgroup's sides, and a thread's rows.
const SIDES: [usize; 10] = [1, 2, 3, 4, 5, 15, 16, 17, 33, 47];

/// An adapter, if there is one: crates that are tested alone have no driver in them.
fn open() -> Option<Gpu> {
    match pollster::block_on(Gpu::open(true)) {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            println!("NOT RUN: {error}");
            None
        }
    }
}

fn engine(gpu: &Gpu, plan: &Plan, half: bool) -> WebGpuEngine {
    pollster::block_on(WebGpuEngine::new(gpu, plan, half)).unwrap()
}

/// The largest difference from the definition as a share of the largest value.
fn difference(engine: &mut WebGpuEngine, plan: &Plan, input: Planes) -> f64 {
    let expected = evaluate(plan, &input);
    let found = pollster::block_on(engine.run(input)).unwrap();
    assert_eq!(
        [found.channels, found.height, found.width],
        [expected.channels, expected.rows, expected.columns]
    );
    let largest = expected.data.iter().fold(1f64, |a, b| a.max(b.abs()));
    let pairs = found.data.iter().zip(&expected.data);
    pairs.fold(0.0, |worst, (a, b)| {
        let apart = (f64::from(*a) - b).abs() / largest;
        if apart <= worst { worst } else { apart }
    })
}

#[test]
fn random_graphs_compute_their_definition() {
    let Some(gpu) = open() else { return };
    let mut random = Random::new(11);
    for _ in 0..30 {
        let graph = RandomGraph::new(&mut random, 6);
        let plan = graph.plan();
        let mut engine = engine(&gpu, &plan, false);
        for _ in 0..3 {
            let sides = [0; 2].map(|_| random.one_of(&SIDES));
            let input = random.planes([plan.input().channels, sides[0], sides[1]]);
            let apart = difference(&mut engine, &plan, input);
            assert!(apart < 5e-5, "{apart} at {sides:?}: {:?}", graph.graph);
        }
    }
}

/// Puts graphs together whose parameters are random.
struct Maker {
    builder: Builder,
    parameters: BTreeMap<String, Vec<f32>>,
    random: Random,
}

type Made = Result<Value, GraphError>;

impl Maker {
    fn new(channels: usize) -> Self {
        Self {
            builder: Builder::new(channels),
            parameters: BTreeMap::new(),
            random: Random::new(12),
        }
    }

    fn parameter(&mut self, shape: [usize; 4]) -> Parameter {
        let name = format!("p{}", self.parameters.len());
        let count: usize = shape.iter().product();
        let bound = 3.0 / ((count / shape[0]) as f32).sqrt();
        let values = (0..count).map(|_| self.random.value() * bound).collect();
        self.parameters.insert(name.clone(), values);
        Parameter { name, shape }
    }

    fn conv(&mut self, input: Value, maps: usize, k: usize, options: ConvOptions) -> Made {
        let channels = self.builder.extent(input).unwrap().channels;
        let kernel = Kernel::Parameter {
            weight: self.parameter([maps, channels / options.groups, k, k]),
            form: Form::Plain,
            bias: Some(self.parameter([maps, 1, 1, 1])),
        };
        self.builder.conv(input, kernel, options)
    }

    /// An ordinary 3×3 convolution.
    fn plain(&mut self, input: Value, maps: usize) -> Made {
        self.conv(input, maps, 3, ConvOptions::default())
    }

    fn plan(self) -> Plan {
        let lookup = |name: &str| self.parameters.get(name).map(Vec::as_slice);
        self.builder.finish().unwrap().compile(lookup).unwrap()
    }
}

/// Compares what `make` makes of values of several numbers of channels, at several sizes: first of the
/// input itself, then of maps of a convolution, which lie in blocks; as the result, and read by another
/// convolution.
fn check(gpu: &Gpu, name: &str, channels: &[usize], make: impl Fn(&mut Maker, Value) -> Made) {
    for &channels in channels {
        for (first, last) in [(false, false), (true, true)] {
            let mut maker = Maker::new(if first { 3 } else { channels });
            let mut value = 0;
            if first {
                value = maker.plain(value, channels).unwrap();
            }
            value = make(&mut maker, value).unwrap();
            while maker.builder.extent(value).unwrap().margin > 0 {
                let padding = Padding::Valid;
                let options = ConvOptions {
                    padding,
                    ..ConvOptions::default()
                };
                value = maker.conv(value, 5, 3, options).unwrap();
            }
            if last {
                maker.plain(value, 5).unwrap();
            }
            let plan = maker.plan();
            let mut engine = engine(gpu, &plan, false);
            let mut random = Random::new(13);
            for (width, height) in [(37, 9), (1, 1), (2, 3), (5, 18)] {
                let mut input = random.planes([plan.input().channels, width, height]);
                // Values for which activations have saturated.
                input.data[0] *= 1e5;
                let apart = difference(&mut engine, &plan, input);
                assert!(
                    apart < 5e-5,
                    "{name} of {channels} channels: {apart} at {width}×{height}"
                );
            }
        }
    }
}

#[test]
fn activations_compute_their_definition() {
    let Some(gpu) = open() else { return };
    let kinds: [fn(&mut Maker) -> Activation<Parameter>; 8] = [
        |_| Activation::Relu,
        |_| Activation::LeakyRelu(0.1),
        |maker| Activation::PRelu(maker.parameter([7, 1, 1, 1])),
        |_| Activation::Sigmoid,
        |_| Activation::Tanh,
        |_| Activation::Silu,
        |_| Activation::Gelu,
        |_| Activation::Clamp {
            low: f32::NEG_INFINITY,
            high: 0.1,
        },
    ];
    for (i, kind) in kinds.into_iter().enumerate() {
        let name = format!("activation {i}");
        check(&gpu, &name, &[7], |maker, input| {
            let activation = kind(maker);
            maker.builder.activate(input, activation)
        });
        check(&gpu, &name, &[6], |maker, input| {
            let options = ConvOptions {
                activation: kind(maker),
                ..ConvOptions::default()
            };
            maker.conv(input, 7, 1, options)
        });
    }
}

/// The approximation's error is absolute, so that small values show it.
#[test]
fn gelu_is_accurate() {
    let Some(gpu) = open() else { return };
    let mut builder = Builder::new(1);
    builder.activate(0, Activation::Gelu).unwrap();
    let plan = builder.finish().unwrap().compile(|_| None).unwrap();
    let input = Planes {
        channels: 1,
        width: 1201,
        height: 1,
        data: (-600..=600).map(|i| i as f32 / 100.0).collect(),
    };
    let expected = evaluate(&plan, &input);
    let mut engine = engine(&gpu, &plan, false);
    let found = pollster::block_on(engine.run(input.clone())).unwrap();
    for ((x, a), b) in input.data.iter().zip(&found.data).zip(&expected.data) {
        let apart = (f64::from(*a) - b).abs();
        assert!(apart < 1e-6, "{a}, not {b}, at {x}");
    }
}

#[test]
fn convolutions_compute_their_definition() {
    let Some(gpu) = open() else { return };
    for (maps, k, dilation, padding) in [
        (8, 1, 1, Padding::Same),
        (16, 3, 1, Padding::Same),
        (5, 5, 2, Padding::Same),
        (12, 9, 1, Padding::Same),
        (4, 11, 1, Padding::Same),
        (8, 3, 7, Padding::Same),
        (3, 15, 3, Padding::Same),
    ] {
        let name = format!("{k}×{k} convolution to {maps}, dilation {dilation}");
        check(&gpu, &name, &[1, 6, 8], |maker, input| {
            let options = ConvOptions {
                dilation,
                padding,
                ..ConvOptions::default()
            };
            maker.conv(input, maps, k, options)
        });
    }
    check(
        &gpu,
        "convolution without padding",
        &[3, 6],
        |maker, input| {
            let padded = maker.builder.pad(input, 9, Border::Symmetric)?;
            let options = ConvOptions {
                dilation: 3,
                padding: Padding::Valid,
                ..ConvOptions::default()
            };
            let value = maker.conv(padded, 7, 3, options.clone())?;
            let options = ConvOptions {
                dilation: 1,
                ..options
            };
            maker.conv(value, 7, 3, options)
        },
    );
    check(&gpu, "convolution and addition", &[3, 8], |maker, input| {
        let channels = maker.builder.extent(input).unwrap().channels;
        let value = maker.plain(input, channels)?;
        maker.builder.add(input, value)
    });
}

#[test]
fn groups_compute_their_definition() {
    let Some(gpu) = open() else { return };
    for (channels, maps, groups) in [
        (7, 7, 7),
        (8, 8, 8),
        (6, 12, 6),
        (3, 48, 3),
        (12, 6, 6),
        (9, 15, 3),
        (10, 6, 2),
        (13, 26, 13),
        (64, 32, 4),
    ] {
        for (k, dilation) in [(1, 1), (3, 1), (5, 4)] {
            let name = format!("{k}×{k} convolution to {maps} in {groups} groups");
            check(&gpu, &name, &[channels], |maker, input| {
                let activation = Activation::PRelu(maker.parameter([maps, 1, 1, 1]));
                let options = ConvOptions {
                    groups,
                    dilation,
                    activation,
                    ..ConvOptions::default()
                };
                maker.conv(input, maps, k, options)
            });
        }
    }
    for kind in [
        Interpolation::Nearest,
        Interpolation::Bilinear,
        Interpolation::Bicubic,
    ] {
        for scale in [2, 3] {
            let name = format!("{kind:?} enlargement by {scale}");
            check(&gpu, &name, &[3, 6], |maker, input| {
                maker.builder.enlarge(input, scale, kind)
            });
        }
    }
}

#[test]
fn steps_compute_their_definition() {
    let Some(gpu) = open() else { return };
    let channels = [3, 6];
    let term = |value, factor| Term { value, factor };
    check(&gpu, "sum", &channels, |maker, input| {
        let maps = maker.builder.extent(input).unwrap().channels;
        let other = maker.plain(input, maps)?;
        let terms = vec![term(input, -0.5), term(other, 2.0), term(input, 1.0)];
        maker.builder.sum(terms, 0.25)
    });
    check(&gpu, "sum of 15 terms", &channels, |maker, input| {
        let maps = maker.builder.extent(input).unwrap().channels;
        let other = maker.plain(input, maps)?;
        let terms = (0..15).map(|i| term([input, other][i % 2], 0.1 * i as f32));
        maker.builder.sum(terms.collect(), -0.25)
    });
    check(&gpu, "product", &channels, |maker, input| {
        let maps = maker.builder.extent(input).unwrap().channels;
        let other = maker.plain(input, maps)?;
        let square = maker.builder.product(other, other, 0.5)?;
        maker.builder.product(square, other, -1.5)
    });
    for scale in [2, 3] {
        check(&gpu, "shuffle", &channels, |maker, input| {
            let maps = maker.builder.extent(input).unwrap().channels;
            let phases = maker.plain(input, maps * scale * scale)?;
            let plain = maker.builder.shuffle(phases, scale, None)?;
            let skipped = maker.builder.shuffle(phases, scale, Some(input))?;
            maker.builder.product(plain, skipped, 1.0)
        });
        check(&gpu, "unshuffle", &channels, |maker, input| {
            maker.builder.unshuffle(input, scale)
        });
        check(&gpu, "repeat", &channels, |maker, input| {
            maker.builder.repeat(input, scale)
        });
        check(&gpu, "align and crop", &channels, |maker, input| {
            let aligned = maker.builder.align(input, scale + 1)?;
            let maps = maker.builder.extent(input).unwrap().channels;
            let value = maker.plain(aligned, maps)?;
            maker.builder.crop(value, 1)
        });
        check(&gpu, "half-size branch", &channels, |maker, input| {
            let aligned = maker.builder.align(input, scale)?;
            let small = maker.builder.unshuffle(aligned, scale)?;
            let maps = maker.plain(small, scale * scale)?;
            let large = maker.builder.shuffle(maps, scale, None)?;
            maker.builder.concat(vec![aligned, large])
        });
    }
    for window in [1, 3, 9, 63] {
        check(&gpu, "mean", &channels, |maker, input| {
            maker.builder.mean(input, window)
        });
    }
    for border in [Border::Replicate, Border::Symmetric] {
        check(&gpu, "pad", &channels, |maker, input| {
            maker.builder.pad(input, 4, border)
        });
    }
}

#[test]
fn concatenations_compute_their_definition() {
    let Some(gpu) = open() else { return };
    check(&gpu, "dense block", &[3, 6], |maker, input| {
        let mut parts = vec![input];
        for maps in [5, 4, 2] {
            let all = maker.builder.concat(parts.clone())?;
            parts.push(maker.plain(all, maps)?);
        }
        // Copied, because another step than a convolution reads it.
        let all = maker.builder.concat(parts)?;
        maker.builder.activate(all, Activation::Tanh)
    });
    check(&gpu, "nested concatenations", &[3], |maker, input| {
        let front = maker.builder.concat(vec![input, input])?;
        let all = maker.builder.concat(vec![front, input, front])?;
        maker.plain(all, 4)
    });
    // More parts than a shader reads: some of it is copied.
    check(&gpu, "concatenation of 21 parts", &[5], |maker, input| {
        let mut parts = vec![input];
        for i in 0..20 {
            let maps = 1 + i % 3;
            parts.push(maker.conv(input, maps, 1, ConvOptions::default())?);
            if i == 5 {
                parts = vec![maker.builder.concat(parts)?];
            }
        }
        let all = maker.builder.concat(parts)?;
        maker.conv(all, 4, 1, ConvOptions::default())
    });
    check(&gpu, "concatenation", &[3, 6], |maker, input| {
        let other = maker.plain(input, 5)?;
        maker.builder.concat(vec![input, other, input])
    });
}

/// The self-test decides for networks in service; here it is enough that f16 computes the same function.
#[test]
fn half_precision_computes_nearly_the_same() {
    let Some(gpu) = open().filter(Gpu::has_half) else {
        return;
    };
    let mut random = Random::new(14);
    for _ in 0..10 {
        let graph = RandomGraph::new(&mut random, 4);
        let plan = graph.plan();
        let mut engine = engine(&gpu, &plan, true);
        assert_eq!(engine.name(), "webgpu-f16");
        let input = random.planes([plan.input().channels, 17, 5]);
        let apart = difference(&mut engine, &plan, input);
        assert!(apart < 0.02, "{apart}: {:?}", graph.graph);
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

#[test]
fn tiles_change_no_bit() {
    let Some(gpu) = open() else { return };
    let mut random = Random::new(15);
    let mut compared = 0;
    for round in 0..25 {
        let graph = RandomGraph::new(&mut random, 6);
        let plan = graph.plan();
        let mut engine = engine(&gpu, &plan, false);
        let grid = engine.grid();
        let [width, height] = [1 + random.below(60), 1 + random.below(40)];
        let input = random.planes([plan.input().channels, width, height]);
        let expected = pollster::block_on(engine.run(input.clone())).unwrap();
        let size = plan.output().size;
        let blocks = 1 + round % 3;
        let sides =
            [blocks * 8, blocks * 9].map(|side: usize| side.next_multiple_of(grid.align_px));
        for tile in tiles([width, height], sides, grid.halo_px) {
            let found = pollster::block_on(engine.run(cut(&input, tile.padded))).unwrap();
            // Beyond the image's end its last pixels may be rounded up.
            let range = |start: usize, length: usize| size.px(start)..size.px(start + length);
            let x = range(tile.core.x, tile.core.width);
            let y = range(tile.core.y, tile.core.height);
            let place = |left: usize, top: usize| Rect {
                x: x.start - left,
                y: y.start - top,
                width: x.len(),
                height: y.len(),
            };
            let inside = place(size.px(tile.padded.x), size.px(tile.padded.y));
            let same = cut(&found, inside) == cut(&expected, place(0, 0));
            assert!(same, "{tile:?} of {width}×{height}: {:?}", graph.graph);
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn tiles_that_are_too_large_are_refused() {
    let Some(gpu) = open() else { return };
    let mut maker = Maker::new(1);
    let wide = maker.plain(0, 1 << 12).unwrap();
    maker.plain(wide, 1).unwrap();
    let plan = maker.plan();
    let mut engine = engine(&gpu, &plan, false);
    let planes = |side| Planes {
        channels: 1,
        width: side,
        height: side,
        data: vec![0.5; side * side],
    };
    // 16 KB a pixel: 64 MB, and 16 GB.
    let error = pollster::block_on(engine.run(planes(1024))).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("step 1 (conv)"), "{text}");
    assert!(text.contains("4096×1024×1024 takes 16384 MB"), "{text}");
    assert!(pollster::block_on(engine.run(planes(16))).is_ok());
    let grid = engine.grid();
    let side = grid.tile_px + grid.halo_px[0] + grid.halo_px[1];
    assert!(side * side * (16 << 10) <= 512 << 20, "{grid:?}");

    // None is too large by itself.
    let mut maker = Maker::new(1);
    let mut last = maker.plain(0, 16).unwrap();
    let mut values = vec![last];
    for _ in 0..24 {
        last = maker.plain(last, 16).unwrap();
        values.push(last);
    }
    let terms = values.iter().map(|&value| Term { value, factor: 1.0 });
    let sum = maker.builder.sum(terms.collect(), 0.0).unwrap();
    maker.plain(sum, 1).unwrap();
    let plan = maker.plan();
    let mut engine = self::engine(&gpu, &plan, false);
    let error = pollster::block_on(engine.run(planes(1400))).unwrap_err();
    let needed = match error {
        EngineError::Memory { needed_mb, .. } => needed_mb,
        other => panic!("{other}"),
    };
    assert!((25 * 119..28 * 120).contains(&needed), "{needed} MB");
    assert!(engine.grid().tile_px >= 448, "{:?}", engine.grid());
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let Some(gpu) = open() else { return };
    let mut maker = Maker::new(3);
    maker.plain(0, 3).unwrap();
    let mut engine = engine(&gpu, &maker.plan(), false);
    for (channels, width, height, values) in [
        (1, 2, 2, 4),
        (3, 2, 2, 11),
        (3, 0, 2, 0),
        (3, 2, usize::MAX, 6),
    ] {
        let input = Planes {
            channels,
            width,
            height,
            data: vec![0.0; values],
        };
        let error = pollster::block_on(engine.run(input)).unwrap_err();
        assert!(matches!(error, EngineError::Input { .. }), "{error}");
    }
}

#[test]
fn an_engine_that_agrees_with_the_cpu_is_trusted() {
    let Some(gpu) = open() else { return };
    let mut random = Random::new(16);
    for _ in 0..5 {
        let plan = RandomGraph::new(&mut random, 6).plan();
        let engine = pollster::block_on(trusted(&gpu, &plan)).unwrap();
        assert!(["webgpu", "webgpu-f16"].contains(&engine.name()));
    }
}
