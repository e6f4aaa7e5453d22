//! The report: a page that loads nothing from outside its folder, and its tables as Markdown.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use plotters::prelude::{RGBColor, SeriesLabelPosition};

use super::closeup::{Closeup, Crop, SIDE_PX};
use super::measure::{Measured, Way};
use super::store::CROPS;
use super::summary::{Summary, drawn_range};
use crate::chart::{Chart, draw, svg};
use crate::eval::labels::legend;
use crate::eval::table::{Table, escaped_html, escaped_markdown};
use crate::image_file;

const STYLE: &str = concat!(
    include_str!("../palette.css"),
    include_str!("../eval/page.css"),
    include_str!("page.css")
);

const CURVES: &str = "curves";

/// The origin of a report.
pub(super) struct About {
    pub title: String,
    /// Sentences about the codecs, the screen and the comparison.
    pub notes: Vec<String>,
    pub command: String,
}

/// Writes `report.html`, `report.md` and the curves.
pub(super) fn write(folder: &Path, summary: &Summary<'_>, about: &About) -> anyhow::Result<()> {
    let curves = folder.join(CURVES);
    std::fs::create_dir_all(&curves)
        .with_context(|| format!("cannot create the folder {}", curves.display()))?;
    save_curves(folder, summary, None)?;
    for (i, (_, image)) in summary.images.iter().enumerate() {
        save_curves(folder, summary, Some((i, image)))?;
    }
    let file =
        |name: &str, text: &str| image_file::write_atomically(&folder.join(name), text.as_bytes());
    file("report.md", &markdown(summary, about)?)?;
    file("report.html", &html(summary, about))
}

/// The path of a metric's chart: of one image, or of the means.
fn curves_file(metric: usize, image: Option<usize>) -> String {
    match image {
        Some(image) => format!("{CURVES}/{}-{}.svg", image + 1, metric + 1),
        None => format!("{CURVES}/mean-{}.svg", metric + 1),
    }
}

fn save_curves(
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

/// The tables of all images together.
pub(super) fn tables(summary: &Summary<'_>) -> Vec<(String, Table)> {
    let metrics = 0..summary.metrics.len();
    let medians = metrics.map(|metric| summary.medians(metric));
    medians.chain([summary.wins()]).collect()
}

fn markdown(summary: &Summary<'_>, about: &About) -> Result<String, std::fmt::Error> {
    let mut text = format!("# {}\n\n", escaped_markdown(&about.title));
    for sentence in summary.verdicts() {
        writeln!(text, "- {}", escaped_markdown(&sentence))?;
    }
    let metrics = 0..summary.metrics.len();
    let images = metrics.map(|metric| summary.images(metric));
    for (caption, table) in tables(summary).into_iter().chain(images) {
        let caption = escaped_markdown(&caption);
        write!(text, "\n## {caption}\n\n{}", table.markdown())?;
    }
    writeln!(text)?;
    for note in &about.notes {
        writeln!(text, "- {}", escaped_markdown(note))?;
    }
    writeln!(text, "\nMade by\n\n```sh\n{}\n```", about.command)?;
    Ok(text)
}

fn html(summary: &Summary<'_>, about: &About) -> String {
    let title = escaped_html(&about.title);
    let item = |text: &String| format!("<li>{}</li>\n", escaped_html(text));
    let verdicts: String = summary.verdicts().iter().map(item).collect();
    let notes: String = about.notes.iter().map(item).collect();
    let tables: String = tables(summary)
        .into_iter()
        .map(|(caption, table)| table.html(&caption))
        .collect();
    let metrics = summary.metrics.iter().enumerate();
    let image_tables: String = metrics
        .clone()
        .map(|(metric, _)| {
            let (caption, table) = summary.images(metric);
            table.html(&caption)
        })
        .collect();
    let legend: String = metrics
        .map(|(_, (kind, name))| {
            let about = escaped_html(&legend(*kind));
            format!("<dt>{}</dt><dd>{about}</dd>\n", escaped_html(name))
        })
        .collect();
    let images = summary.images.iter().enumerate();
    let images: String = images
        .map(|(i, (name, image))| image_section(summary, i, name, image))
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n\
         <h1>{title}</h1>\n<ul>\n{verdicts}</ul>\n</header>\n<main>\n\
         <section>\n<h2>All images</h2>\n{tables}\
         <p class=\"quiet\">A column is a budget: the quality of the full-size file with so many bits per pixel. A cell \
         says how many bytes more or fewer reach that quality. Savings are bold; “never” means that none of the \
         measured files reaches it.</p>\n{}\
         <details><summary>Each image</summary>\n{image_tables}</details>\n\
         <details><summary>About the files and the metrics</summary>\n<ul>\n{notes}</ul>\n<dl>\n{legend}</dl></details>\n\
         </section>\n{images}</main>\n\
         <footer class=\"quiet\"><p>Made by</p><pre>{}</pre></footer>\n</body>\n</html>\n",
        charts(summary, None, "means of all images"),
        escaped_html(&about.command),
    )
}

/// The charts of one image, or of the means.
fn charts(summary: &Summary<'_>, image: Option<usize>, of: &str) -> String {
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

fn image_section(summary: &Summary<'_>, index: usize, name: &str, image: &Measured) -> String {
    let [width, height] = image.size;
    let closeup = image.closeup.as_ref();
    let closeup = closeup.map_or(String::new(), |closeup| rows(summary, name, image, closeup));
    format!(
        "<section>\n<h2>{}, {width} × {height}</h2>\n{closeup}<details><summary>Curves</summary>\n{}</details>\n\
         </section>\n",
        escaped_html(name),
        charts(summary, Some(index), name)
    )
}

/// Crops side by side, a row for each budget.
fn rows(summary: &Summary<'_>, name: &str, image: &Measured, closeup: &Closeup) -> String {
    let original = format!(
        "<figure>{}<figcaption><b>original</b></figcaption></figure>\n",
        crop_image(
            &closeup.original,
            closeup,
            &format!("original: part of {name}")
        )
    );
    let rows = closeup.rows.iter().map(|row| {
        let best = row.crops.iter().map(|crop| crop.score);
        let best = best.fold(f64::NEG_INFINITY, f64::max);
        let crops = row.crops.iter().map(|crop| {
            let is_best = crop.score == best;
            figure(summary, name, image, closeup, crop, is_best)
        });
        format!(
            "<h3>About {} bpp</h3>\n<div class=\"row\">\n{original}{}</div>\n",
            row.budget,
            crops.collect::<String>()
        )
    });
    rows.collect()
}

fn figure(
    summary: &Summary<'_>,
    name: &str,
    image: &Measured,
    closeup: &Closeup,
    crop: &Crop,
    is_best: bool,
) -> String {
    let way = summary.name(summary.reference(), crop.way);
    let score = format!("{} {:.1}", summary.metrics[0].1, crop.score);
    let score = match is_best {
        true => format!("<strong>{score}</strong>"),
        false => score,
    };
    format!(
        "<figure>{}<figcaption><b>{}</b><br>{} bytes, {:.3} bpp<br>{score}</figcaption></figure>\n",
        crop_image(&crop.file, closeup, &format!("{way}: part of {name}")),
        escaped_html(&way),
        crate::eval::labels::thousands(crop.bytes),
        image.bits(crop.bytes),
    )
}

/// A crop at twice the size that it has on the screen.
fn crop_image(file: &str, closeup: &Closeup, alt: &str) -> String {
    let [_, _, width, height] = closeup.place;
    format!(
        "<div class=\"crop\"><img src=\"{CROPS}/{file}\" style=\"aspect-ratio:{width}/{height};width:{}px\" \
         loading=\"lazy\" alt=\"{}\"></div>",
        2 * SIDE_PX,
        escaped_html(alt)
    )
}
