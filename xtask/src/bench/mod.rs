//! Speed, as ratios to named peers in the same run.

use std::process::Command;

use clap::{Args, Subcommand};

use crate::run::{cargo, run as run_command};
use crate::{browser, dist, tools};

/// What to measure.
#[derive(Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Clone, Copy, Subcommand)]
enum Part {
    /// Training throughput on the CPU: ours, Burn's own convolution, PyTorch.
    Train,
    /// Upscaling in a page on the CPU: ours, onnxruntime-web.
    Page,
    /// Upscaling natively on the CPU: ours, onnxruntime.
    Native,
    /// What a page takes of memory (on Linux).
    Memory,
}

impl Part {
    const ALL: [Self; 4] = [Self::Train, Self::Page, Self::Native, Self::Memory];

    /// Each part is a program of its own: it links Burn, and `cargo xtask` shall not.
    fn program(self) -> &'static str {
        match self {
            Self::Train => "bench-train",
            Self::Page => "bench-page",
            Self::Native => "bench-native",
            Self::Memory => "bench-memory",
        }
    }

    fn needs_browser(self) -> bool {
        matches!(self, Self::Page | Self::Memory)
    }
}

/// Runs a part, or all; each prints a table and puts its rows into `target/bench.json`.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let parts = args.part.map_or(Part::ALL.to_vec(), |part| vec![part]);
    if parts.iter().any(|part| part.needs_browser()) {
        browser::ensure(true, false)?;
        tools::ensure_target()?;
        dist::build(&tools::wasm_bindgen()?)?;
    }
    // Built as parts of the workspace: alone they would have Burn compiled with other features.
    let programs = parts.iter().flat_map(|part| ["--bin", part.program()]);
    run_command(cargo().args(["build", "--workspace"]).args(programs))?;
    for part in parts {
        let program = crate::target_dir()?.join("debug").join(part.program());
        run_command(&mut Command::new(program))?;
    }
    Ok(())
}
