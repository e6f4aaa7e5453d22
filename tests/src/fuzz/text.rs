//! Damaged texts of graphs: each one has to be read or refused, and each graph that is read has to compute.

use std::collections::HashMap;

use engine::graph::{CompileError, Graph, Plan, Step, text};
use engine::image::Planes;
use engine::reference::random::{Random, RandomGraph};
use engine::{Colour, CpuEngine, Engine, Input, Spec};

use super::mutate;
use super::round::Target;

const MAX_BYTES: u64 = 64 << 20;

/// Limit of a run's values, borders included, so that a run takes milliseconds.
const MAX_VALUES: f64 = 1e6;

const MAX_MULTIPLICATIONS: f64 = 1e7;

/// Number of random values that parameters are taken from.
const NOISE: usize = 4 << 20;

/// Damaged texts of random graphs.
pub struct Texts {
    noise: Vec<f32>,
}

impl Default for Texts {
    fn default() -> Self {
        let mut random = Random::new(1);
        Self {
            noise: (0..NOISE).map(|_| random.value()).collect(),
        }
    }
}

/// A random graph that a model file may hold, and the pipeline's description of it.
pub fn small_graph(random: &mut Random, steps: usize) -> (RandomGraph, Spec) {
    loop {
        let graph = RandomGraph::new(random, steps);
        let colour = match graph.graph.extents()[0].channels {
            3 => Colour::Rgb,
            _ => continue,
        };
        let size = graph.graph.output().size;
        let [scale, 1] = size.scale() else { continue };
        let spec = Spec {
            scale,
            colour,
            input: match scale {
                1 => random.one_of(&[Input::LowResolution, Input::Upsampled]),
                _ => Input::LowResolution,
            },
        };
        // Model files must not hold graphs whose output size is rounded up.
        let rounds = size.px(1) != scale || size.px(7) != 7 * scale;
        if scale <= 16 && !rounds {
            return (graph, spec);
        }
    }
}

/// The text of a graph, as a model file holds it.
pub fn written(graph: &Graph, spec: &Spec) -> String {
    text::write(graph, spec)
}

impl Target for Texts {
    fn name(&self) -> &'static str {
        "text"
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let steps = random.one_of(&[2, 4, 8]);
        let (graph, spec) = small_graph(random, steps);
        let text = written(&graph.graph, &spec);
        if random.below(16) == 0 {
            return text.into_bytes();
        }
        let (other, spec) = small_graph(random, 4);
        mutate::text(random, &text, &written(&other.graph, &spec)).into_bytes()
    }

    fn run(&self, input: &[u8]) -> Result<(), String> {
        let input = String::from_utf8_lossy(input);
        let (graph, spec) = match text::read(&input) {
            Ok(read) => read,
            Err(error) => {
                drop(error.to_string());
                return Ok(());
            }
        };
        match text::read(&text::write(&graph, &spec)) {
            Ok(read) if read == (graph.clone(), spec) => {}
            other => return Err(format!("it is written as another one: {other:?}")),
        }
        match self.compile(&graph) {
            Ok(plan) => run_small(&plan),
            Err(error) => {
                drop(error.to_string());
                Ok(())
            }
        }
    }
}

impl Texts {
    fn compile(&self, graph: &Graph) -> Result<Plan, CompileError> {
        let mut sizes = HashMap::new();
        for line in written_parameters(graph) {
            sizes.entry(line.0).or_insert(line.1);
        }
        let lookup = |name: &str| self.noise.get(..*sizes.get(name)?);
        graph.compile_within(MAX_BYTES, lookup)
    }
}

fn written_parameters(graph: &Graph) -> Vec<(String, usize)> {
    use engine::graph::{Activation, Kernel};
    let mut found = Vec::new();
    let mut add = |parameter: &engine::graph::Parameter| {
        found.push((parameter.name.clone(), parameter.shape.iter().product()));
    };
    for step in graph.steps() {
        let activation = match step {
            Step::Conv(conv) => {
                if let Kernel::Parameter { weight, bias, .. } = &conv.kernel {
                    add(weight);
                    bias.iter().for_each(&mut add);
                }
                &conv.activation
            }
            Step::Activate { activation, .. } => activation,
            _ => continue,
        };
        if let Activation::PRelu(slopes) = activation {
            add(slopes);
        }
    }
    found
}

/// Runs a plan on a tiny image if it is small enough, and checks the result's size.
fn run_small(plan: &Plan) -> Result<(), String> {
    let input = plan.input();
    let [width, height] = [5, 3];
    let pixels = (width * height) as f64;
    if values(plan, [width, height]) > MAX_VALUES
        || plan.multiplications() * pixels > MAX_MULTIPLICATIONS
    {
        return Ok(());
    }
    let image = Random::new(7).planes([input.channels, width, height]);
    let mut engine = CpuEngine::new(plan, 1);
    let found = pollster::block_on(engine.run(image)).map_err(|error| error.to_string())?;
    let output = plan.output();
    let expected = [output.channels, output.px(width), output.px(height)];
    let Planes {
        channels,
        width,
        height,
        data,
    } = found;
    if [channels, width, height] != expected || data.len() != expected.iter().product::<usize>() {
        return Err(format!("a result of {width}×{height} for {expected:?}"));
    }
    Ok(())
}

/// Approximate number of values that the engine holds for an input.
fn values(plan: &Plan, [width, height]: [usize; 2]) -> f64 {
    let mut borders = vec![4; plan.extents().len()];
    for (i, step) in plan.steps().iter().enumerate() {
        if let Step::Conv(conv) = step {
            let border = 4 + conv.reach_px();
            borders[i + 1] = borders[i + 1].max(4);
            borders[conv.input] = borders[conv.input].max(border);
        }
    }
    // A concatenation may be a view of earlier values, which then need its border.
    let widest = borders.iter().max().copied().unwrap_or(4);
    let each = plan.extents().iter().map(|extent| {
        let [rows, columns] = [height, width].map(|side| (extent.px(side) + 4 * widest) as f64);
        extent.channels as f64 * rows * (columns + 64.0)
    });
    each.sum()
}
