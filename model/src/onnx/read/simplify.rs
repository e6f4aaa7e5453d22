//! Merges layers, so that the graph has as few steps as the file's author had in mind.
//!
//! Two passes: the first one finds SiLU and GELU, which files write as several nodes; the second one merges layers into
//! the convolution before them, if no other layer reads it.

mod functions;
mod kernels;
mod merge;

use super::error::Problem;
use super::layers::{Id, Layer, Op};
use super::tensor::Budget;

/// The layers that read a value.
#[derive(Clone, Copy, Debug, Default)]
struct Readers {
    count: usize,
    /// Readers that are picks, and the number of channels that they pick in all.
    picks: usize,
    picked: usize,
}

/// A rule's result for a layer.
enum Outcome {
    /// It stays.
    Keep,
    /// Another layer takes its place.
    Replace(Op),
    /// It has become part of this one, which no other layer reads.
    Into(Id),
    /// It computes the same as this one.
    Same(Id),
}

/// Layers that replace others.
struct Rewriter<'b> {
    layers: Vec<Layer>,
    /// For each layer its readers.
    readers: Vec<Readers>,
    budget: &'b mut Budget,
}

type Rule = fn(&mut Rewriter, &Layer) -> Result<Outcome, Problem>;

/// An error, and the node at which it occurred.
pub(super) type AtNode<T> = Result<T, (usize, Problem)>;

/// The layers that compute the same `result`, and its new number.
pub(super) fn simplify(
    layers: Vec<Layer>,
    result: Id,
    budget: &mut Budget,
) -> AtNode<(Vec<Layer>, Id)> {
    let (layers, result) = rewrite(layers, result, budget, functions::find)?;
    let (layers, result) = rewrite(layers, result, budget, merge::merge)?;
    // Merged layers may make further merges possible.
    let (layers, result) = rewrite(layers, result, budget, merge::merge)?;
    // The layers that nothing reads any more go.
    rewrite(layers, result, budget, |_, _| Ok(Outcome::Keep))
}

/// Applies a rule to each layer that the result needs.
fn rewrite(
    layers: Vec<Layer>,
    result: Id,
    budget: &mut Budget,
    rule: Rule,
) -> AtNode<(Vec<Layer>, Id)> {
    let old_readers = readers(&layers, result);
    let mut rewriter = Rewriter {
        layers: Vec::new(),
        readers: Vec::new(),
        budget,
    };
    // For each old layer the new one; 0 for those that are not needed.
    let mut renamed = vec![0; layers.len()];
    for (old, mut layer) in layers.into_iter().enumerate() {
        let readers = old_readers[old];
        if readers.count == 0 && old != 0 {
            continue;
        }
        layer.op.redirect(|value| renamed[value]);
        let outcome = rule(&mut rewriter, &layer).map_err(|problem| (layer.node, problem))?;
        renamed[old] = match outcome {
            Outcome::Keep => rewriter.push(layer, readers),
            Outcome::Replace(op) => rewriter.push(Layer { op, ..layer }, readers),
            Outcome::Into(new) => {
                rewriter.readers[new] = readers;
                new
            }
            Outcome::Same(new) => {
                let all = &mut rewriter.readers[new];
                // This layer no longer reads it.
                all.count += readers.count - 1;
                all.picks += readers.picks;
                all.picked += readers.picked;
                new
            }
        };
    }
    Ok((rewriter.layers, renamed[result]))
}

impl Rewriter<'_> {
    fn push(&mut self, layer: Layer, readers: Readers) -> Id {
        self.layers.push(layer);
        self.readers.push(readers);
        self.layers.len() - 1
    }

    fn op(&self, id: Id) -> &Op {
        &self.layers[id].op
    }

    /// Whether only the layer that is being looked at reads it.
    fn is_read_once(&self, id: Id) -> bool {
        self.readers[id].count == 1
    }
}

/// The readers of each layer that the result needs; the result itself has one, too.
fn readers(layers: &[Layer], result: Id) -> Vec<Readers> {
    let mut readers = vec![Readers::default(); layers.len()];
    readers[result].count = 1;
    for (i, layer) in layers.iter().enumerate().rev() {
        if readers[i].count == 0 {
            continue;
        }
        for value in layer.op.reads() {
            readers[value].count += 1;
            if let Op::Pick { channels, .. } = &layer.op {
                readers[value].picks += 1;
                readers[value].picked += channels.len();
            }
        }
    }
    readers
}
