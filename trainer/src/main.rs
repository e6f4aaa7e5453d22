//! The command line.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use trainer::degrade::{self, DegradeArgs};
use trainer::eval::{self, EvalArgs};
use trainer::export::{self, ExportArgs};
use trainer::import::{self, ImportArgs};
use trainer::inspect::{self, InspectArgs};
use trainer::mnist::{self, DigitsArgs, MnistArgs};
use trainer::prepare::{self, DataArgs};
use trainer::rate::{self, RateArgs};
use trainer::sheet::{self, SheetArgs};
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
    Data(DataArgs),
    Eval(EvalArgs),
    Upscale(UpscaleArgs),
    Inspect(InspectArgs),
    Import(ImportArgs),
    Export(ExportArgs),
    Degrade(DegradeArgs),
    Sheet(SheetArgs),
    Mnist(MnistArgs),
    Digits(DigitsArgs),
    Rate(RateArgs),
    Study(StudyArgs),
    Worker(WorkerArgs),
    /// Prints docs/options.md: the help texts of all commands.
    #[command(hide = true)]
    Options,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    trainer::allocator::keep_freed_memory();
    let Some(command) = command else {
        return exit(train::quick_start());
    };
    exit(match command {
        Command::Train(args) => train::train(&args),
        Command::Data(args) => prepare::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Upscale(args) => upscale::run(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Degrade(args) => degrade::run(&args),
        Command::Sheet(args) => sheet::run(&args),
        Command::Mnist(args) => mnist::run(&args),
        Command::Digits(args) => mnist::recognise(&args),
        Command::Rate(args) => rate::run(&args),
        Command::Study(args) => study::run(&args),
        Command::Worker(args) => train::serve(&args),
        Command::Options => {
            print!("{}", options());
            Ok(())
        }
    })
}

fn exit(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The help texts of all commands, in Markdown.
fn options() -> String {
    let mut cli = Cli::command();
    cli.build();
    let mut text = format!(
        "# Options of the trainer\n\n\
         `cargo run -p trainer -- options > docs/options.md` writes this page, and a test compares it.\n\n\
         ```text\n{}\n```\n",
        cli.render_long_help().to_string().trim_end()
    );
    for command in cli.get_subcommands_mut() {
        if command.is_hide_set() || command.get_name() == "help" {
            continue;
        }
        let help = command.render_long_help().to_string();
        // Lines of examples may end in spaces.
        let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        text += &format!(
            "\n## `{}`\n\n```text\n{}\n```\n",
            command.get_name(),
            lines.join("\n")
        );
    }
    text
}
