//! Benchmarks, which report ratios to named peers measured in the same run.

use std::process::Command;

use clap::{Args, Subcommand};

use crate::run::{cargo, run as run_command};
use crate::{browser, dist, tools};

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Clone, Copy, Subcommand)]
enum Part {
    /// Training throughput on the CPU, compared with Burn's own convolution and PyTorch.
    Train,
    /// Upscaling in a page on the CPU, compared with onnxruntime-web.
    Page,
    /// The first image of a page, compared with onnxruntime-web, and the longest task of the app.
    Load,
    /// The shipped models in a page, compared with fast-x2.
    Models,
    /// Native upscaling on the CPU, compared with onnxruntime.
    Native,
    /// Memory use of a page (Linux only).
    Memory,
    /// Exported models in onnxruntime and spandrel; reports differences instead of times.
    Export,
}

impl Part {
    const ALL: [Self; 7] = [
        Self::Train,
        Self::Page,
        Self::Load,
        Self::Models,
        Self::Native,
        Self::Memory,
        Self::Export,
    ];

    /// Each part is a separate program, because it links Burn, which `cargo xtask` must not.
    fn program(self) -> &'static str {
        match self {
            Self::Train => "bench-train",
            Self::Page => "bench-page",
            Self::Load => "bench-load",
            Self::Models => "bench-models",
            Self::Native => "bench-native",
            Self::Memory => "bench-memory",
            Self::Export => "bench-export",
        }
    }

    fn needs_browser(self) -> bool {
        matches!(self, Self::Page | Self::Load | Self::Models | Self::Memory)
    }
}

/// Runs one part or all of them. Each prints a table and writes its rows to `target/bench.json`.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let parts = args.part.map_or(Part::ALL.to_vec(), |part| vec![part]);
    if parts.iter().any(|part| part.needs_browser()) {
        browser::ensure(true, false)?;
        tools::ensure_target()?;
        dist::build(&tools::wasm_bindgen()?)?;
    }
    // Build them as parts of the workspace; alone, they would need Burn compiled with other features.
    let programs = parts.iter().flat_map(|part| ["--bin", part.program()]);
    run_command(cargo().args(["build", "--workspace"]).args(programs))?;
    for part in parts {
        let program = crate::target_dir()?.join("debug").join(part.program());
        run_command(&mut Command::new(program))?;
    }
    Ok(())
}
