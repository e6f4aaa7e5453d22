//! Random graphs: the CPU engine has to compute their definition.

use engine::conv::Isa;
use engine::graph::{Plan, text};
use engine::image::Planes;
use engine::pipeline::tiles;
use engine::reference::random::{Random, RandomGraph};
use engine::reference::{core_is_equal, evaluate};
use engine::{Colour, CpuEngine, Engine, Input, Spec};

use super::round::Target;

/// Largest allowed difference from the definition, relative to the largest value.
const CLOSE: f64 = 5e-5;

/// Multiplications per image for the reference implementation, which is slow.
const MULTIPLICATIONS: f64 = 3e4;

/// Multiplications per image for the engine.
const FAST_MULTIPLICATIONS: f64 = 3e5;

/// Number of random steps, not counting the steps that complete a graph.
const STEPS: usize = 4;

/// Width from which on the engine splits an image among threads.
const SHARED_PX: usize = 64;

/// Random graphs and images.
pub struct Graphs;

impl Target for Graphs {
    fn name(&self) -> &'static str {
        "graphs"
    }

    /// The input is a random number, from which graph and image are derived.
    fn input(&self, random: &mut Random) -> Vec<u8> {
        random.bits().to_le_bytes().to_vec()
    }

    fn run(&self, input: &[u8]) -> Result<(), String> {
        let seed = input.first_chunk().ok_or("eight bytes are expected")?;
        let mut random = Random::new(u64::from_le_bytes(*seed));
        let graph = RandomGraph::new(&mut random, STEPS);
        let plan = graph.plan();
        survives_text(&graph)
            .and_then(|()| computes_its_definition(&plan, &mut random))
            .and_then(|()| tiles_change_no_bit(&plan, &mut random))
            .map_err(|problem| format!("{problem}: {:?}", graph.graph))
    }
}

fn survives_text(graph: &RandomGraph) -> Result<(), String> {
    let graph = &graph.graph;
    let scale = match graph.output().size.scale() {
        [scale @ 1..=16, 1] => scale,
        _ => 1,
    };
    let spec = Spec {
        scale,
        colour: Colour::Rgb,
        input: Input::LowResolution,
    };
    let written = text::write(graph, &spec);
    let output = graph.output().size;
    // A readable graph has an output of exactly `scale` times the image's size. Some sizes may agree by chance, so
    // check many.
    let fits = graph.extents()[0].channels == 3 && (1..=2 * 720).all(|n| output.px(n) == scale * n);
    match text::read(&written) {
        Ok(read) if fits && read == (graph.clone(), spec) => Ok(()),
        Err(_) if !fits => Ok(()),
        other => Err(format!("{other:?} of {written}")),
    }
}

fn run(plan: &Plan, threads: usize, isa: Isa, input: &Planes) -> Result<Planes, String> {
    let mut engine = CpuEngine::with_isa(plan, threads, isa);
    pollster::block_on(engine.run(input.clone())).map_err(|error| error.to_string())
}

/// Random width and height, at most `most`, for which the plan takes about `multiplications` or fewer.
fn sides(plan: &Plan, random: &mut Random, most: [usize; 2], multiplications: f64) -> [usize; 2] {
    let pixels = multiplications / plan.multiplications().max(1.0);
    let width = 1 + random.below(most[0]);
    let width = width.min(pixels as usize).max(1);
    let height = 1 + random.below(most[1]);
    [width, height.min((pixels / width as f64) as usize).max(1)]
}

fn computes_its_definition(plan: &Plan, random: &mut Random) -> Result<(), String> {
    let [width, height] = sides(plan, random, [12, 12], MULTIPLICATIONS);
    let input = random.planes([plan.input().channels, width, height]);
    let expected = evaluate(plan, &input);
    for isa in Isa::available() {
        let found = run(plan, 1 + random.below(3), isa, &input)?;
        let apart = expected.difference(&found);
        if apart >= CLOSE {
            return Err(format!("{apart} at {width}×{height} on {}", isa.name()));
        }
    }
    Ok(())
}

fn tiles_change_no_bit(plan: &Plan, random: &mut Random) -> Result<(), String> {
    // The engine uses several threads for wide images only, which take longer.
    let most = match random.below(8) {
        0 => [SHARED_PX + 40, 6],
        _ => [24, 16],
    };
    let [mut width, height] = sides(plan, random, most, FAST_MULTIPLICATIONS);
    if most[0] > SHARED_PX && height < 3 {
        width += SHARED_PX;
    }
    let input = random.planes([plan.input().channels, width, height]);
    let isa = random.one_of(&Isa::available());
    let whole = run(plan, 1, isa, &input)?;
    if run(plan, 3, isa, &input)? != whole {
        return Err(format!("threads change {width}×{height} on {}", isa.name()));
    }
    let grid = CpuEngine::with_isa(plan, 1, isa).grid();
    let blocks = [1 + random.below(4), 1 + random.below(4)];
    let sides = blocks.map(|blocks| blocks * grid.align_px);
    let cut_up = tiles([width, height], sides, grid.halo_px);
    // Check three tiles only, as each costs as much as an image.
    let first = random.below(cut_up.len());
    for tile in cut_up.iter().skip(first).take(3) {
        let found = run(plan, 1, isa, &input.crop(tile.padded))?;
        if !core_is_equal(plan, tile, &found, &whole) {
            return Err(format!(
                "{tile:?} changes {width}×{height} on {}",
                isa.name()
            ));
        }
    }
    Ok(())
}
