//! Speed, as ratios to named peers in the same run.

use std::process::Command;

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
            // Built as part of the workspace: alone it would have Burn compiled with other features.
            run_command(cargo().args(["build", "--workspace", "--bin", "bench-train"]))?;
            run_command(&mut Command::new(
                crate::target_dir()?.join("debug/bench-train"),
            ))
        }
    }
}
