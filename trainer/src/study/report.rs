//! The command `study report`.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;

use super::analysis::Analysis;
use super::document::{GRADES, blocks, score};
use super::plan::{Key, beside};
use super::{histogram, ratings, text};
use crate::image_file;

/// Reports mean opinion scores from the files that raters sent back.
///
/// Writes report.md, report.html, report.json and grades.svg, and prints the scores. A file that is
/// damaged, belongs to another study, or is the second one of a rater is named and not counted. Raters
/// whose grades cannot be distinguished from random ones are named, and counted unless --without leaves
/// them out.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- study report --study studies/faces ratings-*.json
  cargo run -p trainer -- study report --study studies/faces inbox --without 'rater 7'")]
pub struct ReportArgs {
    /// The folder that `study make` wrote.
    #[arg(long, value_name = "DIR")]
    pub study: PathBuf,
    /// The study's key [default: beside the study's folder, as NAME-key.json].
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Leave out a rater; may be given several times.
    #[arg(long, value_name = "RATER")]
    pub without: Vec<String>,
    /// The number of bootstrap samples of raters and images.
    #[arg(long, value_name = "N", default_value_t = 5000)]
    pub resamples: usize,
    /// The folder of the report [default: beside the study's folder, as NAME-report].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Files that raters sent back, or folders of such files.
    #[arg(value_name = "RATINGS", required = true)]
    pub ratings: Vec<PathBuf>,
}

/// Fixed, so that reports of the same ratings are the same.
const SEED: u64 = 1;

/// Runs the command.
pub fn report(args: &ReportArgs) -> anyhow::Result<()> {
    ensure!(args.resamples > 0, "--resamples has to be at least 1");
    let key = Key::load(&args.key.clone().unwrap_or(Key::path(&args.study)))?;
    let (mut ratings, refused) = ratings::load_all(&args.ratings, &key)?;
    for refused in &refused {
        eprintln!("refused {}: {}", refused.file.display(), refused.reason);
    }
    for name in &args.without {
        let count = ratings.len();
        ratings.retain(|ratings| ratings.rater != *name);
        ensure!(
            ratings.len() < count,
            "there are no ratings by {name:?} to leave out"
        );
    }
    ensure!(
        !ratings.is_empty(),
        "no ratings are left to report (files refused: {}, raters left out: {})",
        refused.len(),
        args.without.len()
    );
    let mut analysis = Analysis::new(&key, &ratings, args.resamples, SEED);
    analysis.refused = refused;
    analysis.left_out = args.without.clone();

    let folder = args.out.clone().unwrap_or(beside(&args.study, "-report"));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let blocks = blocks(&analysis, args.resamples);
    let title = format!("Opinions: {}", analysis.title);
    for (name, text) in [
        ("report.md", text::markdown(&blocks)),
        ("report.html", text::html(&title, &blocks)),
        ("report.json", serde_json::to_string_pretty(&analysis)?),
        (GRADES, histogram::draw(&analysis.opinions)?),
    ] {
        image_file::write_atomically(&folder.join(name), text.as_bytes())?;
    }
    print(&analysis);
    println!("Report: {}", folder.join("report.md").display());
    Ok(())
}

fn print(analysis: &Analysis) {
    let names = analysis
        .opinions
        .iter()
        .map(|opinion| opinion.method.chars().count());
    let width = names.max().unwrap_or(0);
    let mut set = "";
    for opinion in &analysis.opinions {
        if opinion.set != set {
            set = &opinion.set;
            println!(
                "{set}: mean opinion score of {} raters",
                analysis.raters.len()
            );
        }
        println!("  {:<width$}  {}", opinion.method, score(opinion));
    }
    for rater in analysis.raters.iter().filter(|rater| rater.random) {
        println!(
            "{}: the grades cannot be distinguished from random ones (p = {:.2}); --without leaves a rater out",
            rater.rater,
            rater.random_p.unwrap_or(1.0)
        );
    }
}
