//! The text of a report.

use super::analysis::{Analysis, Opinion};
use super::raters::RaterSummary;
use super::text::Block;

/// Differences with smaller p values are called significant.
const SIGNIFICANT: f64 = 0.05;

/// The file of the histograms.
pub const GRADES: &str = "grades.svg";

/// A mean opinion score with its interval.
pub fn score(opinion: &Opinion) -> String {
    match (opinion.mos, opinion.interval) {
        (Some(mos), Some((low, high))) => format!("{mos:.2} ({low:.2}–{high:.2})"),
        _ => "–".to_string(),
    }
}

/// The report's headings, paragraphs and tables.
pub fn blocks(analysis: &Analysis, resamples: usize) -> Vec<Block> {
    let mut blocks = vec![
        Block::Heading(1, format!("Opinions: {}", analysis.title)),
        Block::Paragraph(format!(
            "Mean opinion scores of {} raters, 1 (bad) to 5 (excellent), as in the SRGAN paper \
             (arXiv:1609.04802). In brackets: 95 % intervals, percentiles of {resamples} bootstrap samples of \
             raters and images. A version that a rater saw twice counts once, with the mean of both \
             grades. Study {}.",
            analysis.raters.len(),
            analysis.study
        )),
        scores(analysis),
        Block::Image(GRADES, "How often each grade was given, by set and method"),
        Block::Paragraph(
            "The share of each grade; the line is the mean opinion score, the band its interval."
                .to_string(),
        ),
    ];
    blocks.extend(comparisons(analysis));
    blocks.extend(raters(analysis));
    blocks.extend(not_counted(analysis));
    blocks
}

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
            p_value(comparison.p),
            p_value(comparison.p_holm),
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
         between two methods over the images of a set, because grades of one rater depend on each other. \
         p is corrected by Holm for all pairs of a set; below {SIGNIFICANT} a difference is called significant."
    );
    // The smallest possible p with n raters is 2 / 2ⁿ.
    if analysis.raters.len() < 6 {
        words += " With fewer than six raters no difference can be significant.";
    }
    vec![
        Block::Heading(2, "Which differences are significant".to_string()),
        Block::Paragraph(words),
        Block::Table(head.map(str::to_string).to_vec(), rows.collect()),
    ]
}

fn p_value(p: f64) -> String {
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
            "Of {count} versions that a rater saw twice, {} got the same grade twice and {} grades at most one \
             apart; the mean difference is {:.2}. Uniformly random grades would differ by 1.6.",
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
        "p of random grades",
        "",
    ];
    let random = "A rater's grades are compared with the other raters' means, and with each other if a version was \
        shown twice; p is the share of random orders of the same grades that agree as well (a permutation test \
        for raters with at least ten grades and two other raters). Above 0.05 the grades cannot be \
        distinguished from random ones. Such raters are counted unless --without leaves them out.";
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
        rater.random_p.map_or("–".to_string(), p_value),
        if rater.random {
            "like random grades"
        } else {
            ""
        }
        .to_string(),
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
        .map(|name| format!("left out by --without: {name}"));
    let items: Vec<String> = refused.chain(left_out).collect();
    if items.is_empty() {
        return Vec::new();
    }
    vec![
        Block::Heading(2, "Not counted".to_string()),
        Block::List(items),
    ]
}
