//! Speed, as ratios to named peers in the same run.

use clap::{Args, Subcommand};

use crate::run::{cargo, run as run_command};

/// What to measure.
#[derive(Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Clone, Copy, Subcommand)]
enum What {
    /// Training throughput on the CPU: ours, Burn's own convolution, PyTorch.
    Train,
}

/// Runs the benchmark, which is a program of its own: it links Burn, and `cargo xtask` shall not.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    match args.what.unwrap_or(What::Train) {
        What::Train => {
            run_command(cargo().args(["run", "--package", "tests", "--bin", "bench-train"]))
        }
    }
}
