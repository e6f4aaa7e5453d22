//! Fuzzing with damaged and random inputs.

use std::process::Command;

use anyhow::ensure;
use clap::{Args, ValueEnum};

use crate::run::{cargo, describe, run as run_command};

/// Options of `cargo xtask fuzz`.
#[derive(Args)]
pub struct FuzzArgs {
    /// Target to run; all of them by default.
    #[arg(value_enum)]
    target: Option<Target>,
    /// Number of executions per target.
    #[arg(long, default_value_t = 100_000)]
    runs: u64,
    /// First seed: execution i takes the input of SEED + i.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Damaged model files.
    Records,
    /// Damaged texts of graphs; those that can be read are also run.
    Text,
    /// Random graphs, for which the CPU engine has to compute their definition.
    Graphs,
    /// Damaged image files.
    Images,
    /// Damaged files of PyTorch, which are imported.
    Pytorch,
    /// Damaged safetensors files, which are imported.
    Safetensors,
    /// Damaged ONNX files, which are imported.
    Onnx,
}

impl Target {
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// Runs the targets one after the other. If any of them fails, returns an error after the last one.
pub fn run(args: &FuzzArgs) -> anyhow::Result<()> {
    build()?;
    let targets = args
        .target
        .map_or(Target::value_variants().to_vec(), |target| vec![target]);
    let mut failed = Vec::new();
    for target in targets {
        let mut command = command(target, args.runs, args.seed)?;
        eprintln!("{}", describe(&command));
        if run_command(&mut command).is_err() {
            failed.push(target.name());
        }
    }
    ensure!(
        failed.is_empty(),
        "defects in {}: see above",
        failed.join(", ")
    );
    Ok(())
}

/// Names and commands of a short run of each target.
pub(crate) fn short_round() -> anyhow::Result<Vec<(String, Command)>> {
    build()?;
    let commands = Target::value_variants().iter().map(|target| {
        let name = format!("native: damaged {}", target.name());
        Ok((name, command(*target, 500, 1)?))
    });
    commands.collect()
}

/// Builds the program together with the workspace's tests: alone, or without what only tests need, it would take Burn
/// compiled with other features, for minutes.
fn build() -> anyhow::Result<()> {
    let beside_a_test = ["--test", "parity"];
    let mut build = cargo();
    build
        .args(["test", "--workspace", "--no-run"])
        .args(beside_a_test);
    run_command(&mut build)
}

fn command(target: Target, runs: u64, seed: u64) -> anyhow::Result<Command> {
    let folder = crate::target_dir()?;
    let mut command = Command::new(folder.join("debug").join("fuzz"));
    command
        .args([target.name(), runs.to_string(), seed.to_string()])
        .arg(folder.join("fuzz"));
    Ok(command)
}
