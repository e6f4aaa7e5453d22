//! The command `study`: mean opinion scores by the method of the SRGAN paper (Ledig et al. 2017,
//! arXiv:1609.04802, section 3.5).
//!
//! `make` turns folders of results into a static page on which people grade every version of every
//! image separately and blind, from 1 (bad) to 5 (excellent); `report` reads the files they send back.

mod analysis;
mod arguments;
mod document;
mod histogram;
mod make;
mod naming;
mod pairing;
mod plan;
mod raters;
mod ratings;
mod report;
pub mod statistics;
mod text;

pub use analysis::{Analysis, Comparison, Opinion};
pub use arguments::MakeArgs;
pub use make::make;
pub use plan::{Calibration, Key, Plan, Version};
pub use raters::{RaterSummary, Repeats};
pub use ratings::{Answer, Ratings};
pub use report::{ReportArgs, report};

use clap::{Args, Subcommand};

/// Lets people grade results: makes a page for them, and reports their mean opinion scores.
#[derive(Args, Clone, Debug)]
pub struct StudyArgs {
    #[command(subcommand)]
    command: StudyCommand,
}

#[derive(Subcommand, Clone, Debug)]
enum StudyCommand {
    Make(MakeArgs),
    Report(ReportArgs),
}

/// Runs the command.
pub fn run(args: &StudyArgs) -> anyhow::Result<()> {
    match &args.command {
        StudyCommand::Make(args) => make(args),
        StudyCommand::Report(args) => report(args),
    }
}
