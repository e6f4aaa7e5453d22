//! Checks that graph, plan and description belong together.

use engine::graph::{Conv, Graph, Kernel, NamedStep, Plan, Step};
use engine::{Input, Spec};

use super::{WriteError, length};

/// Fails at the first step of the plan that the graph does not have.
pub(super) fn same_steps(graph: &Graph, plan: &Plan) -> Result<(), WriteError> {
    for step in 0..graph.steps().len().max(plan.steps().len()) {
        let (named, compiled) = (graph.steps().get(step), plan.steps().get(step));
        let same = match (named, compiled) {
            (Some(named), Some(compiled)) => {
                named.kind() == compiled.kind()
                    && same_bias(named, compiled)
                    && named.reads() == compiled.reads()
                    && graph.extents()[step..step + 2] == plan.extents()[step..step + 2]
            }
            _ => false,
        };
        if !same {
            return Err(WriteError::Steps {
                step: step + 1,
                found: compiled.map_or("none", |step| step.kind()),
                expected: named.map_or("none", |step| step.kind()),
            });
        }
    }
    Ok(())
}

/// Whether a plan's convolution has no bias where the graph's has none.
fn same_bias(named: &NamedStep, compiled: &Step) -> bool {
    match (named, compiled) {
        (Step::Conv(Conv { kernel, .. }), Step::Conv(conv)) => {
            let biased = matches!(kernel, Kernel::Parameter { bias: Some(_), .. });
            biased || conv.kernel.bias.iter().all(|bias| *bias == 0.0)
        }
        _ => true,
    }
}

/// Fails if the network has other channels or another scale than `spec` says.
pub(super) fn spec(plan: &Plan, spec: &Spec) -> Result<(), WriteError> {
    let expected = spec.colour.channels();
    for (verb, extent) in [("reads", plan.input()), ("returns", plan.output())] {
        if extent.channels != expected {
            return Err(WriteError::Channels {
                verb,
                found: extent.channels,
                expected,
            });
        }
    }
    let scale = match spec.input {
        Input::LowResolution => spec.scale,
        Input::Upsampled => 1,
    };
    let expected = [1, 1, scale];
    let found = plan.output().size.parts();
    if found == expected {
        Ok(())
    } else {
        let formula = |parts| length("side", parts);
        Err(WriteError::Scale {
            found: formula(found),
            expected: formula(expected),
        })
    }
}
