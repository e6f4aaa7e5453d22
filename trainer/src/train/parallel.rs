//! The devices' work of a step, in parallel.

use std::thread::ScopedJoinHandle;

use anyhow::Context;
use burn::tensor::Tensor;

use super::failure::failure;
use super::worker::{Share, Task, Worker};

/// Runs each worker's task; several workers, and remote ones, each in a thread.
pub fn work_in_parallel(work: Vec<(&mut Worker, Task)>) -> anyhow::Result<Vec<Vec<Share>>> {
    let alone = work.len() == 1;
    std::thread::scope(|scope| {
        let running = work.into_iter().map(|(worker, task)| {
            let name = worker.name().to_string();
            if alone && worker.is_local() {
                return (name, Running::Done(worker.work(task)));
            }
            (
                name,
                Running::Thread(scope.spawn(move || worker.work(task))),
            )
        });
        // Start all of them before waiting for the first one.
        let running: Vec<(String, Running<'_>)> = running.collect();
        let results = running.into_iter().map(|(name, running)| {
            let result = running.finish();
            result.with_context(|| format!("the device {name} has failed"))
        });
        // Join every thread, also after a failure.
        let results: Vec<anyhow::Result<Vec<Share>>> = results.collect();
        results.into_iter().collect()
    })
}

enum Running<'scope> {
    Done(anyhow::Result<Vec<Share>>),
    Thread(ScopedJoinHandle<'scope, anyhow::Result<Vec<Share>>>),
}

impl Running<'_> {
    fn finish(self) -> anyhow::Result<Vec<Share>> {
        match self {
            Self::Done(result) => result,
            Self::Thread(thread) => match thread.join() {
                Ok(result) => result,
                Err(panic) => Err(failure(&*panic)),
            },
        }
    }
}

/// The devices' shares added up in their order.
pub fn sum(results: Vec<Vec<Share>>, before: &[Tensor<1>]) -> Vec<Share> {
    let devices = results.len();
    let mut results = results.into_iter();
    let Some(first) = results.next() else {
        return Vec::new();
    };
    if devices == 1 {
        return first;
    }
    let change = |share: Share, before: &Tensor<1>| Share {
        parameters: share.parameters - before.clone(),
        ..share
    };
    let changes = |shares: Vec<Share>| shares.into_iter().zip(before).map(|(s, b)| change(s, b));
    let start: Vec<Share> = changes(first).collect();
    let sums = results.fold(start, |sums, shares| {
        let add = |(a, b): (Share, Share)| Share {
            loss: a.loss + b.loss,
            gradient: a.gradient + b.gradient,
            parameters: a.parameters + b.parameters,
        };
        sums.into_iter().zip(changes(shares)).map(add).collect()
    });
    // A share changes only the running statistics among the parameters; their mean is kept.
    let mean = |(share, before): (Share, &Tensor<1>)| Share {
        parameters: before.clone() + share.parameters.div_scalar(devices as f64),
        ..share
    };
    sums.into_iter().zip(before).map(mean).collect()
}
