//! Compares several models on several sets.

use std::time::Duration;

use anyhow::Context;
use engine::Spec;
use engine::image::Image;
use indicatif::{ProgressBar, ProgressStyle};
use model::burn_engine::BurnEngine;
use serde_json::{Map, Value, json};

use super::crop::Crop;
use super::table::{Cell, Table};
use super::{Judge, TestSet, bicubic, mean, upscaled};
use crate::data::Pair;
use crate::metric::Metric;

pub(super) struct Candidate {
    /// Its name in tables; no two are the same, and none is [`BICUBIC`].
    pub name: String,
    /// Its file.
    pub file: String,
    /// The number of parameters.
    pub parameters: usize,
    pub spec: Spec,
    pub engine: BurnEngine,
}

/// The name of the method that always comes first.
pub(super) const BICUBIC: &str = "bicubic";

pub(super) struct Comparison {
    pub scale: usize,
    pub columns: Vec<Column>,
    /// Bicubic interpolation, then the models.
    pub methods: Vec<String>,
    pub sets: Vec<SetScores>,
    /// Whether the sets are levels of degradation, which the summaries list as rows.
    pub by_level: bool,
}

pub(super) struct Column {
    pub metric: Metric,
    /// Its name in JSON.
    pub key: String,
    /// Its name in tables.
    pub label: String,
}

/// A score for each method and metric: `[methods][metrics]`.
pub(super) type Scores = Vec<Vec<f64>>;

pub(super) struct SetScores {
    pub name: String,
    /// A description of the protocol.
    pub protocol: String,
    /// Of the compressed low-resolution images.
    pub bits_per_pixel: Option<f64>,
    /// Each image's name and scores.
    pub images: Vec<(String, Scores)>,
    /// The mean over all images.
    pub mean: Scores,
    pub crops: Vec<Crop>,
}

/// Runs every model on every image; `keep` is called with the indices of set and method (0 for bicubic interpolation,
/// then the models), the pair, and the method's output.
pub(super) fn compare(
    candidates: &mut [Candidate],
    sets: &[TestSet],
    judge: &Judge,
    with_crops: bool,
    mut keep: impl FnMut(usize, usize, &Pair, &Image) -> anyhow::Result<()>,
) -> anyhow::Result<Comparison> {
    let images: usize = sets.iter().map(|set| set.pairs.len()).sum();
    let progress = ProgressBar::new((images * candidates.len()) as u64).with_style(
        ProgressStyle::with_template("{wide_bar} {pos}/{len} · {eta} left\n{msg}")?,
    );
    progress.enable_steady_tick(Duration::from_secs(1));
    let scale = candidates
        .first()
        .context("there is no model to evaluate")?
        .spec
        .scale;
    let mut results = Vec::with_capacity(sets.len());
    for (set_index, set) in sets.iter().enumerate() {
        let mut images = Vec::with_capacity(set.pairs.len());
        let mut crops = Vec::new();
        for pair in &set.pairs {
            let mut outputs = vec![bicubic(pair)];
            keep(set_index, 0, pair, &outputs[0])?;
            for (index, candidate) in candidates.iter_mut().enumerate() {
                progress.set_message(format!("{} · {} · {}", set.name, pair.name, candidate.name));
                let image = upscaled(&mut candidate.engine, &candidate.spec, &pair.lr)
                    .with_context(|| pair.name.clone())?;
                keep(set_index, index + 1, pair, &image)?;
                outputs.push(image);
                progress.inc(1);
            }
            let scores = judge.scores(&pair.hr, &outputs.iter().collect::<Vec<_>>());
            let crop = with_crops.then(|| Crop::of(images.len(), &pair.hr, &outputs));
            if let Some(crop) = crop.flatten() {
                crop.keep(&mut crops);
            }
            images.push((
                pair.name.clone(),
                scores.with_context(|| pair.name.clone())?,
            ));
        }
        results.push(SetScores {
            name: set.name.clone(),
            protocol: judge.describe(scale, &set.low_resolution),
            bits_per_pixel: set.bits_per_pixel(),
            mean: means(&images, candidates.len() + 1, judge.metrics.len()),
            images,
            crops,
        });
    }
    progress.finish_and_clear();
    let names = candidates.iter().map(|candidate| candidate.name.clone());
    Ok(Comparison {
        scale,
        columns: judge
            .metrics
            .iter()
            .map(|metric| Column::of(*metric, judge))
            .collect(),
        methods: std::iter::once(BICUBIC.to_string()).chain(names).collect(),
        sets: results,
        by_level: false,
    })
}

fn means(images: &[(String, Scores)], methods: usize, metrics: usize) -> Scores {
    let of = |method: usize, metric: usize| {
        mean(images.iter().map(|(_, scores)| scores[method][metric]))
    };
    (0..methods)
        .map(|method| (0..metrics).map(|metric| of(method, metric)).collect())
        .collect()
}

impl Column {
    fn of(metric: Metric, judge: &Judge) -> Self {
        Self {
            metric,
            key: judge.key(metric),
            label: judge.label(metric),
        }
    }

    /// A score as tables show it.
    pub fn text(&self, score: f64) -> String {
        format!("{score:.*}", self.metric.digits())
    }

    /// Cells of one metric's scores; scores that print the same digits as the best one are marked, too.
    fn cells(&self, scores: &[f64]) -> Vec<Cell> {
        let sign = if self.metric.is_distance() { -1.0 } else { 1.0 };
        let best = scores
            .iter()
            .copied()
            .max_by(|a, b| (sign * a).total_cmp(&(sign * b)));
        let best = best.map(|best| self.text(best));
        let cells = scores.iter().map(|score| {
            let text = self.text(*score);
            let best = scores.len() > 1 && best.as_ref() == Some(&text);
            Cell { text, best }
        });
        cells.collect()
    }
}

/// With more columns, each set has its own table.
const COMMON_COLUMNS: usize = 8;

impl Comparison {
    /// The means of all methods: in one table or, if that is too wide, one for each set; for levels of degradation one
    /// for each metric.
    pub fn summaries(&self) -> Vec<(String, Table)> {
        if self.by_level {
            let tables = self.columns.iter().enumerate();
            let table = |(index, column): (usize, &Column)| {
                let caption = format!("{} by level", column.label);
                (caption, self.levels(index, column))
            };
            return tables.map(table).collect();
        }
        let names = |sets: &[&SetScores]| {
            let names: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
            format!("Means over {}", names.join(", "))
        };
        let all: Vec<&SetScores> = self.sets.iter().collect();
        if all.len() * self.columns.len() <= COMMON_COLUMNS {
            return vec![(names(&all), self.summary(&all))];
        }
        let each = all
            .iter()
            .map(|set| (names(&[*set]), self.summary(&[*set])));
        each.collect()
    }

    /// The means by one metric, a row for each set.
    fn levels(&self, index: usize, column: &Column) -> Table {
        let mut table = Table::new("set");
        table.group("", vec!["bit/px".to_string()]);
        table.group("", self.methods.clone());
        for set in &self.sets {
            let bits = set.bits_per_pixel;
            let bits = bits.map_or_else(String::new, |bits| format!("{bits:.2}"));
            let scores: Vec<f64> = set.mean.iter().map(|scores| scores[index]).collect();
            let cells = std::iter::once(Cell::plain(bits)).chain(column.cells(&scores));
            table.row(&set.name, cells.collect());
        }
        table
    }

    fn summary(&self, sets: &[&SetScores]) -> Table {
        let mut table = Table::new("method");
        for set in sets {
            let labels = self.columns.iter().map(|column| column.label.clone());
            // A single set is named in the caption.
            let head = if sets.len() > 1 { &set.name } else { "" };
            table.group(head, labels.collect());
        }
        let mut rows = vec![Vec::new(); self.methods.len()];
        for set in sets {
            for (index, column) in self.columns.iter().enumerate() {
                let scores: Vec<f64> = set.mean.iter().map(|scores| scores[index]).collect();
                for (row, cell) in rows.iter_mut().zip(column.cells(&scores)) {
                    row.push(cell);
                }
            }
        }
        for (name, cells) in self.methods.iter().zip(rows) {
            table.row(name, cells);
        }
        table
    }

    /// A set's images by one metric, and their mean.
    pub fn images(&self, set: &SetScores, column: usize) -> Table {
        let mut table = Table::new("image");
        for method in &self.methods {
            table.group("", vec![method.clone()]);
        }
        let images = set
            .images
            .iter()
            .map(|(name, scores)| (name.as_str(), scores));
        for (name, scores) in images.chain([("mean", &set.mean)]) {
            let scores: Vec<f64> = scores.iter().map(|scores| scores[column]).collect();
            table.row(name, self.columns[column].cells(&scores));
        }
        table
    }

    /// A set's images by all metrics, with a group of columns for each method, and the gain of the last
    /// method over the first in the first metric.
    pub fn everything(&self, set: &SetScores) -> Table {
        let mut table = Table::new("image");
        for method in &self.methods {
            let labels = self.columns.iter().map(|column| column.label.clone());
            table.group(method, labels.collect());
        }
        let first = self.columns.iter().take(1);
        table.group("gain", first.map(|column| column.label.clone()).collect());
        let images = set
            .images
            .iter()
            .map(|(name, scores)| (name.as_str(), scores));
        for (name, scores) in images.chain([("mean", &set.mean)]) {
            let cells = scores.iter().flat_map(|scores| {
                let cells = self.columns.iter().zip(scores);
                cells.map(|(column, score)| column.text(*score))
            });
            let gain = self.columns.iter().take(1).map(|column| {
                let last = scores.last().map_or(0.0, |scores| scores[0]);
                format!("{:+.*}", column.metric.digits() - 1, last - scores[0][0])
            });
            table.row(name, cells.chain(gain).map(Cell::plain).collect());
        }
        table
    }

    /// An object for each model and set, which also holds bicubic interpolation's scores.
    pub fn json(&self) -> Vec<Value> {
        let models = self.methods.iter().enumerate().skip(1);
        let pairs = models.flat_map(|(i, model)| self.sets.iter().map(move |set| (i, model, set)));
        let object = |(index, model, set): (usize, &String, &SetScores)| {
            let images = set.images.iter().map(|(name, scores)| {
                let mut image = self.json_scores(scores, index);
                image.insert("name".to_string(), json!(name));
                Value::Object(image)
            });
            json!({
                "model": model,
                "set": set.name,
                "protocol": set.protocol,
                "scale": self.scale,
                "bits_per_pixel": set.bits_per_pixel,
                "images": images.collect::<Vec<_>>(),
                "mean": self.json_scores(&set.mean, index),
            })
        };
        pairs.map(object).collect()
    }

    fn json_scores(&self, scores: &Scores, model: usize) -> Map<String, Value> {
        let of = |method: usize, prefix: &'static str| {
            let columns = self.columns.iter().zip(&scores[method]);
            columns.map(move |(column, score)| (format!("{prefix}{}", column.key), json!(score)))
        };
        of(model, "").chain(of(0, "bicubic_")).collect()
    }
}
