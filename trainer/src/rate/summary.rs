//! Tables and sentences about all measured images.

use super::codec::Codec;
use super::curve::{Curve, grid, median};
use super::measure::{Measured, Way};
use super::words::{budget_names, cell, crossing, verdict};
use crate::eval::table::{Cell, Table};
use crate::metric::Metric;

/// Bytes of the full-size file in bits per pixel, at whose quality the ways to serve an image are compared.
pub(super) const BUDGETS: [f64; 5] = [0.12, 0.19, 0.3, 0.46, 0.8];

/// Where curves are drawn and compared, in bits per pixel.
pub(super) const DRAWN: [f64; 2] = [0.08, 1.0];
const DRAWN_POINTS: usize = 64;

pub(super) struct Summary<'a> {
    /// Names and results.
    pub images: &'a [(String, Measured)],
    /// The metrics with their names.
    pub metrics: Vec<(Metric, String)>,
    pub codecs: &'a [Codec],
    pub scale: usize,
    /// The model's name.
    pub model: &'a str,
}

impl Summary<'_> {
    /// The format that the others are compared with.
    pub fn reference(&self) -> Codec {
        self.codecs[0]
    }

    /// Such as `half size, bicubic`.
    pub fn way_name(&self, way: Way) -> String {
        let small = match self.scale {
            2 => "half size".to_string(),
            scale => format!("1/{scale} size"),
        };
        match way {
            Way::Full => "full size".to_string(),
            Way::Bicubic => format!("{small}, bicubic"),
            Way::Model => format!("{small}, {}", self.model),
        }
    }

    /// Such as `AVIF, half size, bicubic`.
    pub fn name(&self, codec: Codec, way: Way) -> String {
        format!("{}, {}", codec.name(), self.way_name(way))
    }

    pub fn curve(&self, image: &Measured, metric: usize, codec: Codec, way: Way) -> Curve {
        image.curve(codec, way, metric, self.metrics[metric].0.is_distance())
    }

    /// For each budget, the bytes that reach the quality of the full-size file, relative to that file's: infinite if no
    /// bytes do, `None` if the full-size file cannot have so few or so many.
    fn needed(&self, image: &Measured, metric: usize, codec: Codec, way: Way) -> Vec<Option<f64>> {
        let full = self.curve(image, metric, self.reference(), Way::Full);
        let curve = self.curve(image, metric, codec, way);
        let budgets = BUDGETS.iter();
        let needed = budgets.map(|bits| Some(curve.bits_for(full.score_at(*bits)?) / bits));
        needed.collect()
    }

    /// [`Self::needed`] of all images, by budget.
    fn needed_by_budget(&self, metric: usize, codec: Codec, way: Way) -> Vec<Vec<f64>> {
        let images = self.images.iter();
        let needed: Vec<_> = images
            .map(|(_, image)| self.needed(image, metric, codec, way))
            .collect();
        let at = |budget: usize| needed.iter().filter_map(|of| of[budget]).collect();
        (0..BUDGETS.len()).map(at).collect()
    }

    /// All ways to serve an image in all formats, but for the one that is compared with.
    fn rivals(&self) -> impl Iterator<Item = (Codec, Way)> {
        let reference = (self.reference(), Way::Full);
        let codecs = self.codecs.iter();
        let all = codecs.flat_map(|codec| Way::ALL.map(|way| (*codec, way)));
        all.filter(move |rival| *rival != reference)
    }

    /// Medians of the bytes for equal quality, by one metric.
    pub fn medians(&self, metric: usize) -> (String, Table) {
        let (kind, name) = &self.metrics[metric];
        let mut table = Table::new("served as");
        table.group("", budget_names());
        let full = BUDGETS.map(|bits| {
            let scores = self.images.iter().filter_map(|(_, image)| {
                let full = self.curve(image, metric, self.reference(), Way::Full);
                full.score_at(bits)
            });
            let score = median(scores.collect());
            let score = score.map_or("–".to_string(), |score| {
                format!("{score:.*}", kind.digits().min(3))
            });
            Cell::plain(score)
        });
        let reference = self.name(self.reference(), Way::Full);
        table.row(&format!("{reference}: {name}"), full.to_vec());
        for (codec, way) in self.rivals() {
            let needed = self.needed_by_budget(metric, codec, way);
            let cells = needed.into_iter().map(|values| cell(median(values)));
            table.row(&self.name(codec, way), cells.collect());
        }
        let caption = format!(
            "Bytes for the quality of a full-size {} by {name}, medians of {} images",
            self.reference().name(),
            self.images.len()
        );
        (caption, table)
    }

    /// On how many images the model's small files are better at each budget.
    pub fn wins(&self) -> (String, Table) {
        let mut table = Table::new("by");
        table.group("", budget_names());
        for (metric, (_, name)) in self.metrics.iter().enumerate() {
            let needed = self.needed_by_budget(metric, self.reference(), Way::Model);
            let cells = needed.iter().map(|values| {
                let wins = values.iter().filter(|value| **value < 1.0).count();
                Cell {
                    text: match values.len() {
                        0 => "–".to_string(),
                        images => format!("{wins} of {images}"),
                    },
                    best: 2 * wins > values.len(),
                }
            });
            table.row(name, cells.collect());
        }
        let caption = format!(
            "Images for which {} needs fewer bytes than full size",
            self.name(self.reference(), Way::Model)
        );
        (caption, table)
    }

    /// For each image the bytes that the model's small files need, and from which budget on full size is better.
    pub fn images(&self, metric: usize) -> (String, Table) {
        let mut table = Table::new("image");
        table.group("", budget_names());
        table.group("", vec!["full size is better".to_string()]);
        for (name, image) in self.images {
            let needed = self.needed(image, metric, self.reference(), Way::Model);
            let cells = needed.into_iter().map(cell);
            let from = Cell::plain(crossing(self.better_up_to(image, metric)));
            table.row(name, cells.chain([from]).collect());
        }
        let caption = format!(
            "Bytes of {} for the quality of full size, by {}",
            self.name(self.reference(), Way::Model),
            self.metrics[metric].1
        );
        (caption, table)
    }

    /// The largest budget in bits per pixel at which the model's small file is better than the full-size one.
    fn better_up_to(&self, image: &Measured, metric: usize) -> f64 {
        let [full, model] =
            [Way::Full, Way::Model].map(|way| self.curve(image, metric, self.reference(), way));
        model.better_up_to(&full, &drawn_grid())
    }

    /// One sentence for each metric.
    pub fn verdicts(&self) -> Vec<String> {
        let metrics = self.metrics.iter().enumerate();
        let verdict = |(metric, (_, name)): (usize, &(Metric, String))| {
            let needed = self.needed_by_budget(metric, self.reference(), Way::Model);
            let medians: Vec<_> = needed.into_iter().map(median).collect();
            let crossings = self.images.iter();
            let crossings = crossings.map(|(_, image)| self.better_up_to(image, metric));
            let crossing = crossing(median(crossings.collect()).unwrap_or(0.0));
            format!(
                "By {name}, {}; on the median image full size is better {crossing}.",
                verdict(&medians, &self.way_name(Way::Model))
            )
        };
        metrics.map(verdict).collect()
    }

    /// Points of a way's mean curve, where all images have one; of one image if it is given.
    pub fn drawn(
        &self,
        metric: usize,
        codec: Codec,
        way: Way,
        image: Option<&Measured>,
    ) -> Vec<(f64, f64)> {
        let images: Vec<&Measured> = match image {
            Some(image) => vec![image],
            None => self.images.iter().map(|(_, image)| image).collect(),
        };
        let curves = images.iter();
        let curves: Vec<Curve> = curves
            .map(|image| self.curve(image, metric, codec, way))
            .collect();
        let mean = |bits: f64| -> Option<(f64, f64)> {
            let scores = curves.iter().map(|curve| curve.score_at(bits));
            let scores: Vec<f64> = scores.collect::<Option<_>>()?;
            Some((bits, scores.iter().sum::<f64>() / scores.len() as f64))
        };
        drawn_grid().into_iter().filter_map(mean).collect()
    }
}

pub(super) fn drawn_range() -> std::ops::Range<f64> {
    0.0..DRAWN[1]
}

fn drawn_grid() -> Vec<f64> {
    grid(DRAWN[0], DRAWN[1], DRAWN_POINTS)
}
