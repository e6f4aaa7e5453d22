//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use trainer::degrade::{self, DegradeArgs};
use trainer::eval::{self, EvalArgs};
use trainer::export::{self, ExportArgs};
use trainer::import::{self, ImportArgs};
use trainer::inspect::{self, InspectArgs};
use trainer::mnist::{self, DigitsArgs, MnistArgs};
use trainer::study::{self, StudyArgs};
use trainer::train::{self, TrainArgs, WorkerArgs};
use trainer::upscale::{self, UpscaleArgs};

/// Trains super-resolution networks, evaluates them, and upscales images.
///
/// Without a command it trains the default configuration on the images that come with the project, which
/// takes a few minutes on a CPU.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Train(TrainArgs),
    Eval(EvalArgs),
    Upscale(UpscaleArgs),
    Inspect(InspectArgs),
    Import(ImportArgs),
    Export(ExportArgs),
    Degrade(DegradeArgs),
    Mnist(MnistArgs),
    Digits(DigitsArgs),
    Study(StudyArgs),
    Worker(WorkerArgs),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    trainer::allocator::keep_freed_memory();
    let result = match command.unwrap_or_else(|| Command::Train(TrainArgs::default())) {
        Command::Train(args) => train::train(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Upscale(args) => upscale::run(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Degrade(args) => degrade::run(&args),
        Command::Mnist(args) => mnist::run(&args),
        Command::Digits(args) => mnist::recognise(&args),
        Command::Study(args) => study::run(&args),
        Command::Worker(args) => train::serve(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
