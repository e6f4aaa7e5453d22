//! `trainer study report`: what raters sent back becomes mean opinion scores.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;

use super::analysis::{Analysis, Opinion, RaterSummary};
use super::histogram;
use super::plan::{Key, beside};
use super::ratings;
use super::text::{self, Block};
use crate::image_file;

/// Reports mean opinion scores from the files that raters sent back.
///
/// Writes report.md, report.html, report.json and grades.svg, and prints the scores. A file that is
/// damaged, belongs to another study, or is the second of a rater is named and not counted; raters
/// that cannot be told from random presses are named, and counted unless --without leaves them out.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- study report --study studies/faces ratings-*.json
  cargo run -p trainer -- study report --study studies/faces inbox --without 'rater 7'")]
pub struct ReportArgs {
    /// The folder that `study make` made.
    #[arg(long, value_name = "DIR")]
    pub study: PathBuf,
    /// The study's key [default: the one beside its folder].
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Leave out a rater; once for each.
    #[arg(long, value_name = "RATER")]
    pub without: Vec<String>,
    /// How often the bootstrap draws raters and pictures.
    #[arg(long, value_name = "N", default_value_t = 5000)]
    pub resamples: usize,
    /// Where the report goes [default: beside the study's folder, as NAME-report].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Files that raters sent back, or folders of them.
    #[arg(value_name = "RATINGS", required = true)]
    pub ratings: Vec<PathBuf>,
}

/// Reports of the same ratings say the same.
const SEED: u64 = 1;

/// p values below it are called significant.
const SIGNIFICANT: f64 = 0.05;

/// The picture's file.
const GRADES: &str = "grades.svg";

/// The command.
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
            "{} cannot be told from random presses (p = {:.2}); --without leaves a rater out",
            rater.rater,
            rater.random_p.unwrap_or(1.0)
        );
    }
}

fn score(opinion: &Opinion) -> String {
    match (opinion.mos, opinion.interval) {
        (Some(mos), Some((low, high))) => format!("{mos:.2} ({low:.2}–{high:.2})"),
        _ => "–".to_string(),
    }
}

fn blocks(analysis: &Analysis, resamples: usize) -> Vec<Block> {
    let mut blocks = vec![
        Block::Heading(1, format!("Opinions: {}", analysis.title)),
        Block::Paragraph(format!(
            "Mean opinion scores of {} raters, 1 (bad) to 5 (excellent), as in the SRGAN paper \
             (arXiv:1609.04802). In brackets 95 % intervals: percentiles of {resamples} drawings of raters and \
             pictures with replacement. A version that a rater saw twice counts once, with the mean of both \
             grades. Study {}.",
            analysis.raters.len(),
            analysis.study
        )),
        scores(analysis),
        Block::Picture(GRADES, "How often each grade was given, by set and method"),
        Block::Paragraph(
            "The share of every grade; the line is the mean opinion score, the band its interval."
                .to_string(),
        ),
    ];
    blocks.extend(comparisons(analysis));
    blocks.extend(raters(analysis));
    blocks.extend(not_counted(analysis));
    blocks
}

/// Methods by sets.
fn scores(analysis: &Analysis) -> Block {
    let mut sets: Vec<&str> = analysis
        .opinions
        .iter()
        .map(|opinion| &*opinion.set)
        .collect();
    sets.dedup();
    let methods = analysis.opinions.len() / sets.len().max(1);
    let head = ["method"].into_iter().chain(sets).map(str::to_string);
    let row = |method: usize| {
        let opinions = analysis.opinions.iter().skip(method).step_by(methods);
        let name = analysis.opinions[method].method.clone();
        [name].into_iter().chain(opinions.map(score)).collect()
    };
    Block::Table(head.collect(), (0..methods).map(row).collect())
}

fn comparisons(analysis: &Analysis) -> Vec<Block> {
    let head = [
        "set",
        "methods",
        "difference",
        "raters",
        "p",
        "p, corrected",
        "significant",
    ];
    let rows = analysis.comparisons.iter().map(|comparison| {
        vec![
            comparison.set.clone(),
            format!("{} − {}", comparison.a, comparison.b),
            comparison
                .difference
                .map_or("–".to_string(), |value| format!("{value:+.2}")),
            comparison.raters.to_string(),
            chance(comparison.p),
            chance(comparison.p_holm),
            if comparison.p_holm < SIGNIFICANT {
                "yes"
            } else {
                "no"
            }
            .to_string(),
        ]
    });
    let mut words = format!(
        "Wilcoxon's signed-rank test, two-sided and exact. One observation is one rater's mean difference \
         between two methods over the pictures of a set: grades of one rater depend on each other. p is \
         corrected by Holm for all pairs of a set, and called significant below {SIGNIFICANT}."
    );
    // The smallest p that n raters can have is 2 / 2ⁿ.
    if analysis.raters.len() < 6 {
        words += " With fewer than six raters no difference can be significant.";
    }
    vec![
        Block::Heading(2, "Which differences are significant".to_string()),
        Block::Paragraph(words),
        Block::Table(head.map(str::to_string).to_vec(), rows.collect()),
    ]
}

fn chance(p: f64) -> String {
    if p < 0.0001 {
        "< 0.0001".to_string()
    } else {
        format!("{p:.4}")
    }
}

fn raters(analysis: &Analysis) -> Vec<Block> {
    let repeats = &analysis.repeats;
    let agreement = match repeats.count {
        0 => "No version was graded twice.".to_string(),
        count => format!(
            "Of {count} versions that a rater saw twice, {} got the same grade again and {} one at most one \
             apart; the mean difference is {:.2}. Grades pressed evenly at random would differ by 1.6.",
            repeats.same, repeats.within_one, repeats.mean_difference
        ),
    };
    let head = [
        "rater",
        "grades",
        "seconds",
        "correlation",
        "repeats",
        "the same",
        "difference",
        "p of random presses",
        "",
    ];
    let random = "A rater's grades are held to the other raters' means and to each other where a version came \
        twice; p is the share of random orders of the same grades that agree as well (a permutation test, given \
        to raters with at least ten grades and two others). Above 0.05 nothing tells the rater from random \
        presses. Nobody is left out for that unless asked for.";
    vec![
        Block::Heading(2, "Raters".to_string()),
        Block::Paragraph(agreement),
        Block::Paragraph(random.to_string()),
        Block::Table(
            head.map(str::to_string).to_vec(),
            analysis.raters.iter().map(rater).collect(),
        ),
    ]
}

fn rater(rater: &RaterSummary) -> Vec<String> {
    let number =
        |value: Option<f64>| value.map_or("–".to_string(), |value| format!("{value:.2}"));
    let repeats = &rater.repeats;
    vec![
        rater.rater.clone(),
        format!("{} of {}", rater.graded, rater.asked),
        format!("{:.1}", rater.median_seconds),
        number(rater.correlation),
        repeats.count.to_string(),
        repeats.same.to_string(),
        number((repeats.count > 0).then_some(repeats.mean_difference)),
        rater.random_p.map_or("–".to_string(), chance),
        if rater.random { "as if at random" } else { "" }.to_string(),
    ]
}

fn not_counted(analysis: &Analysis) -> Vec<Block> {
    let refused = analysis
        .refused
        .iter()
        .map(|refused| format!("refused {}: {}", refused.file.display(), refused.reason));
    let left_out = analysis
        .left_out
        .iter()
        .map(|name| format!("left out as asked: {name}"));
    let items: Vec<String> = refused.chain(left_out).collect();
    if items.is_empty() {
        return Vec::new();
    }
    vec![
        Block::Heading(2, "Not counted".to_string()),
        Block::List(items),
    ]
}
