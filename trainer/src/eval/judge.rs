//! Metrics under a protocol.

use anyhow::{Context, ensure};
use engine::image::Image;
use rayon::prelude::*;

use super::{Protocol, TestSet};
use crate::metric::{Dists, Lpips, Metric, Plane, ssimulacra2};

/// Compares images with their originals.
pub struct Judge {
    /// The planes that are compared.
    pub protocol: Protocol,
    /// The metrics in the order of tables.
    pub metrics: Vec<Metric>,
    /// LPIPS's network, if LPIPS is among the metrics.
    pub lpips: Option<Lpips>,
    /// DISTS' network, if DISTS is among the metrics.
    pub dists: Option<Dists>,
}

impl Judge {
    /// PSNR and SSIM under a protocol.
    pub fn standard(protocol: Protocol) -> Self {
        Self {
            protocol,
            metrics: vec![Metric::Psnr, Metric::Ssim],
            lpips: None,
            dists: None,
        }
    }

    /// Fails if an image is too small for a metric.
    pub fn check(&self, set: &TestSet) -> anyhow::Result<()> {
        let border_px = self.protocol.border_px;
        for pair in &set.pairs {
            let whole = pair.hr.width.min(pair.hr.height);
            let inner = whole.saturating_sub(2 * border_px);
            for metric in &self.metrics {
                let (side, where_) = match metric.is_of_whole_images() {
                    true => (whole, String::new()),
                    false => (inner, format!(" inside a border of {border_px} px")),
                };
                let needed = metric.smallest_px();
                ensure!(
                    side >= needed,
                    "{} in {} is too small: {} needs {needed} px a side{where_}, and there are {side}; \
                     leave out the image or the metric",
                    pair.name,
                    set.name,
                    metric.name(),
                );
            }
        }
        Ok(())
    }

    /// Scores of several images of one original, `[images][metrics]`.
    pub fn scores(&self, original: &Image, images: &[&Image]) -> anyhow::Result<Vec<Vec<f64>>> {
        let planes = |image: &Image| {
            let planes = self.protocol.planes(image);
            planes.context("the image is smaller than the border")
        };
        let original_planes = planes(original)?;
        let image_planes: Vec<Vec<Plane>> = images
            .iter()
            .map(|image| planes(image))
            .collect::<anyhow::Result<_>>()?;
        // LPIPS and DISTS run on a device, the others on threads.
        let cells = image_planes.par_iter().zip(images).map(|(planes, image)| {
            let metrics = self.metrics.par_iter();
            let scores = metrics.map(|metric| match metric {
                Metric::Ssimulacra2 => ssimulacra2(original, image).map(Some),
                metric => Ok(metric.of_planes(&original_planes, planes)),
            });
            scores.collect::<anyhow::Result<Vec<Option<f64>>>>()
        });
        let cells: Vec<Vec<Option<f64>>> = cells.collect::<anyhow::Result<_>>()?;
        let rows = cells.into_iter().zip(images).map(|(row, image)| {
            let cells = row.into_iter().zip(&self.metrics);
            cells
                .map(|(score, metric)| match (metric, &self.lpips, &self.dists) {
                    (Metric::Lpips, Some(lpips), _) => lpips.distance(image, original),
                    (Metric::Dists, _, Some(dists)) => dists.distance(original, image),
                    _ => score
                        .with_context(|| format!("the image is too small for {}", metric.name())),
                })
                .collect()
        });
        rows.collect()
    }

    /// A metric's name in JSON, such as `psnr_y`.
    pub fn key(&self, metric: Metric) -> String {
        match metric.is_of_whole_images() {
            true => metric.key().to_string(),
            false => format!("{}_{}", metric.key(), self.protocol.suffix()),
        }
    }

    /// A metric's name in tables, such as `PSNR-Y`.
    pub fn label(&self, metric: Metric) -> String {
        match (metric, &self.lpips) {
            (Metric::Lpips, Some(lpips)) => lpips.name().to_string(),
            _ if metric.is_of_whole_images() => metric.name().to_string(),
            _ => format!(
                "{}-{}",
                metric.name(),
                self.protocol.suffix().to_uppercase()
            ),
        }
    }

    /// A description for reports.
    pub fn describe(&self, scale: usize, low_resolution: &str) -> String {
        let planes = self
            .metrics
            .iter()
            .filter(|metric| !metric.is_of_whole_images());
        let planes: Vec<&str> = planes.map(|metric| metric.name()).collect();
        let on_planes = (!planes.is_empty()).then(|| {
            let names = match planes.split_last() {
                Some((last, [])) => last.to_string(),
                Some((last, first)) => format!("{} and {last}", first.join(", ")),
                None => String::new(),
            };
            let (colour, border_px) = (self.protocol.colour(), self.protocol.border_px);
            format!("{names} on {colour}, border {border_px} px")
        });
        let whole = self.metrics.iter();
        let whole = whole.filter(|metric| metric.is_of_whole_images());
        let whole = whole.map(|metric| format!("{} on RGB, whole images", self.label(*metric)));
        let parts: Vec<String> = on_planes.into_iter().chain(whole).collect();
        format!(
            "×{scale}, low resolution by {low_resolution}, 8-bit RGB throughout, {}",
            parts.join("; ")
        )
    }
}
