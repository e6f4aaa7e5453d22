//! Compares the CPU engine with the definition of each step, on random graphs.

use engine::conv::Isa;
use engine::graph::text;
use engine::image::Planes;
use engine::pipeline::tiles;
use engine::reference::random::{Random, RandomGraph};
use engine::reference::{core_is_equal, evaluate};
use engine::{CpuEngine, Engine, EngineError};

/// Sides around the lengths of vectors, and the sizes of Winograd tiles, bands and chunks.
const SIDES: [usize; 14] = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33, 66, 197];

fn run(engine: &mut CpuEngine, input: Planes) -> Planes {
    pollster::block_on(engine.run(input)).unwrap()
}

#[test]
fn random_graphs_compute_their_definition() {
    let mut random = Random::new(1);
    for round in 0..300 {
        let graph = RandomGraph::new(&mut random, 6);
        let plan = graph.plan();
        let channels = plan.input().channels;
        let engine = |isa| (isa, CpuEngine::with_isa(&plan, 1 + round % 3, isa));
        let mut engines: Vec<_> = Isa::available().into_iter().map(engine).collect();
        for _ in 0..2 {
            let (width, height) = (random.one_of(&SIDES), random.one_of(&SIDES[..12]));
            let input = random.planes([channels, width, height]);
            let expected = evaluate(&plan, &input);
            for (isa, engine) in &mut engines {
                let apart = expected.difference(&run(engine, input.clone()));
                assert!(
                    apart < 5e-5,
                    "{apart} at {width}×{height} on {isa:?}: {:?}",
                    graph.graph
                );
            }
        }
    }
}

#[test]
fn any_number_of_threads_makes_the_same_bits() {
    let mut random = Random::new(5);
    for round in 0..200 {
        let graph = RandomGraph::new(&mut random, 6);
        let plan = graph.plan();
        let channels = plan.input().channels;
        let sides = match round % 20 {
            // Wide images have other bands.
            0 => [800 + random.below(9), 1 + random.below(40)],
            _ => [random.one_of(&SIDES), random.one_of(&SIDES)],
        };
        let input = random.planes([channels, sides[0], sides[1]]);
        let expected = run(&mut CpuEngine::new(&plan, 1), input.clone());
        for threads in [2, 3, 5] {
            let found = run(&mut CpuEngine::new(&plan, threads), input.clone());
            assert!(
                found == expected,
                "{threads} threads, {sides:?}: {:?}",
                graph.graph
            );
        }
    }
}

/// Tiles have their blocks at the same positions as the whole image, and their halos are wide enough.
#[test]
fn tiles_and_threads_change_no_bit() {
    let mut random = Random::new(2);
    let mut compared = 0;
    for round in 0..100 {
        let graph = RandomGraph::new(&mut random, 6);
        let plan = graph.plan();
        let channels = plan.input().channels;
        let grid = CpuEngine::new(&plan, 1).grid();
        let [width, height] = [1 + random.below(99), 1 + random.below(69)];
        let input = random.planes([channels, width, height]);
        let expected = run(&mut CpuEngine::new(&plan, 1), input.clone());
        assert!(
            run(&mut CpuEngine::new(&plan, 3), input.clone()) == expected,
            "{plan:?}"
        );
        for blocks in [1, 2, 5] {
            let sides = [blocks, blocks + round % 4].map(|side| side * grid.align_px);
            for tile in tiles([width, height], sides, grid.halo_px) {
                let mut engine = CpuEngine::new(&plan, 1 + round % 2);
                let found = run(&mut engine, input.crop(tile.padded));
                let same = core_is_equal(&plan, &tile, &found, &expected);
                assert!(same, "{tile:?} of {width}×{height}: {:?}", graph.graph);
                compared += 1;
            }
        }
    }
    assert!(compared > 1000, "{compared}");
}

#[test]
fn graphs_survive_being_text() {
    let mut random = Random::new(3);
    for _ in 0..300 {
        let graph = RandomGraph::new(&mut random, 8).graph;
        let spec = engine::Spec {
            scale: 1,
            colour: engine::Colour::Rgb,
            input: engine::Input::LowResolution,
        };
        let written = text::write(&graph, &spec);
        let expected =
            graph.output().size == graph.extents()[0].size && graph.extents()[0].channels == 3;
        match text::read(&written) {
            Ok(read) => assert!(expected && read == (graph, spec), "{written}"),
            Err(error) => assert!(!expected, "{error}: {written}"),
        }
    }
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let graph = RandomGraph::new(&mut Random::new(4), 3);
    let plan = graph.plan();
    let channels = plan.input().channels;
    let planes = |channels, width, height, values| Planes {
        channels,
        width,
        height,
        data: vec![0.0; values],
    };
    for input in [
        planes(channels + 1, 2, 2, 4 * channels + 4),
        planes(channels, 2, 2, 4 * channels - 1),
        planes(channels, 0, 2, 0),
        planes(channels, usize::MAX, 2, 4),
    ] {
        let error = pollster::block_on(CpuEngine::new(&plan, 2).run(input)).unwrap_err();
        assert!(matches!(error, EngineError::Input { .. }), "{error}");
    }
}
