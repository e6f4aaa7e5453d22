//! Compares the GPU engine with the definition of each step. Runs on any adapter, including software ones such as
//! lavapipe.

mod steps;

use engine::graph::{Plan, Term};
use engine::image::Planes;
use engine::pipeline::tiles;
use engine::reference::random::{Random, RandomGraph};
use engine::reference::{core_is_equal, evaluate};
use engine::webgpu::{Gpu, WebGpuEngine, trusted};
use engine::{Engine, EngineError};

use self::steps::Maker;

/// Sides around 1, a workgroup's size, and the rows of a thread.
const SIDES: [usize; 10] = [1, 2, 3, 4, 5, 15, 16, 17, 33, 47];

/// Opens an adapter. `None` if there is none: a crate that is tested alone links no GPU driver.
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

/// Largest difference from the definition, relative to the largest value.
fn difference(engine: &mut WebGpuEngine, plan: &Plan, input: Planes) -> f64 {
    let expected = evaluate(plan, &input);
    expected.difference(&pollster::block_on(engine.run(input)).unwrap())
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

/// In production, a self-test decides whether f16 is accurate enough; this test only checks that it computes the same
/// function.
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
        let blocks = 1 + round % 3;
        let sides =
            [blocks * 8, blocks * 9].map(|side: usize| side.next_multiple_of(grid.align_px));
        for tile in tiles([width, height], sides, grid.halo_px) {
            let found = pollster::block_on(engine.run(input.crop(tile.padded))).unwrap();
            let same = core_is_equal(&plan, &tile, &found, &expected);
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
    // 16 KB per pixel: 1024×1024 pixels take 16 GB.
    let error = pollster::block_on(engine.run(planes(1024))).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("step 1 (conv)"), "{text}");
    assert!(text.contains("4096×1024×1024 takes 16384 MB"), "{text}");
    assert!(pollster::block_on(engine.run(planes(16))).is_ok());
    let grid = engine.grid();
    let side = grid.tile_px + grid.halo_px[0] + grid.halo_px[1];
    assert!(side * side * (16 << 10) <= 512 << 20, "{grid:?}");

    // Each value is small enough, but not all of them together.
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
fn an_engine_that_computes_the_definition_is_trusted() {
    let Some(gpu) = open() else { return };
    let mut random = Random::new(16);
    for _ in 0..5 {
        let plan = RandomGraph::new(&mut random, 6).plan();
        let engine = pollster::block_on(trusted(&gpu, &plan)).unwrap();
        assert!(["webgpu", "webgpu-f16"].contains(&engine.name()));
    }
}
