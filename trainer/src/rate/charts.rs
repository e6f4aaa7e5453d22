//! The report's curves.

use std::path::Path;

use anyhow::Context;
use plotters::prelude::{RGBColor, SeriesLabelPosition};

use super::measure::{Measured, Way};
use super::summary::{Summary, drawn_range};
use crate::chart::{Chart, draw, svg};
use crate::eval::table::escaped_html;
use crate::image_file;

/// The folder of the charts.
const CURVES: &str = "curves";

/// Writes a chart for each metric, of the means and of each image.
pub(super) fn save_all(folder: &Path, summary: &Summary<'_>) -> anyhow::Result<()> {
    let curves = folder.join(CURVES);
    std::fs::create_dir_all(&curves)
        .with_context(|| format!("cannot create the folder {}", curves.display()))?;
    save(folder, summary, None)?;
    for (i, (_, image)) in summary.images.iter().enumerate() {
        save(folder, summary, Some((i, image)))?;
    }
    Ok(())
}

/// The path of a metric's chart: of one image, or of the means.
fn curves_file(metric: usize, image: Option<usize>) -> String {
    match image {
        Some(image) => format!("{CURVES}/{}-{}.svg", image + 1, metric + 1),
        None => format!("{CURVES}/mean-{}.svg", metric + 1),
    }
}

fn save(
    folder: &Path,
    summary: &Summary<'_>,
    image: Option<(usize, &Measured)>,
) -> anyhow::Result<()> {
    for (metric, (kind, name)) in summary.metrics.iter().enumerate() {
        let mut lines = Vec::new();
        for (i, codec) in summary.codecs.iter().enumerate() {
            for way in Way::ALL {
                let points = summary.drawn(metric, *codec, way, image.map(|(_, image)| image));
                lines.push((summary.name(*codec, way), points, colour(way, i)));
            }
        }
        let lines: Vec<_> = lines
            .iter()
            .map(|(name, points, colour)| (name.as_str(), points.as_slice(), *colour))
            .collect();
        let better = if kind.is_distance() { "less" } else { "more" };
        let title = format!("{name}, {better} is better");
        let chart = Chart {
            title: &title,
            x_name: "bits per pixel of the full-size image",
            x_range: drawn_range(),
            legend: match kind.is_distance() {
                true => SeriesLabelPosition::UpperRight,
                false => SeriesLabelPosition::LowerRight,
            },
        };
        let text = svg((900, 420), |area| draw(area, &chart, &lines))?;
        let file = curves_file(metric, image.map(|(i, _)| i));
        image_file::write_atomically(&folder.join(file), text.as_bytes())?;
    }
    Ok(())
}

/// A colour for each way to serve an image, paler for each further format.
fn colour(way: Way, codec: usize) -> RGBColor {
    let [r, g, b] = match way {
        Way::Full => [0x1b, 0x6e, 0x9a],
        Way::Bicubic => [0x6b, 0x6b, 0x6b],
        Way::Model => [0xc2, 0x41, 0x0c],
    };
    let pale = |value: u8| value + ((255 - value) as f64 * 0.33 * codec as f64).min(254.0) as u8;
    RGBColor(pale(r), pale(g), pale(b))
}

/// The charts of one image, or of the means, as HTML.
pub(super) fn images(summary: &Summary<'_>, image: Option<usize>, of: &str) -> String {
    let metrics = summary.metrics.iter().enumerate();
    let charts = metrics.map(|(metric, (_, name))| {
        format!(
            "<img class=\"curves\" src=\"{}\" width=\"900\" height=\"420\" loading=\"lazy\" alt=\"{} over bits per \
             pixel, {}\">\n",
            curves_file(metric, image),
            escaped_html(name),
            escaped_html(of)
        )
    });
    charts.collect()
}
