//! The report: a page that loads nothing from outside its folder, and its tables as Markdown.

use std::fmt::Write;
use std::path::Path;

use super::charts;
use super::closeup::{Closeup, Crop, SIDE_PX};
use super::measure::Measured;
use super::store::CROPS;
use super::summary::Summary;
use crate::eval::labels::{legend, thousands};
use crate::eval::table::{Table, escaped_html, escaped_markdown};
use crate::image_file;

const STYLE: &str = concat!(
    include_str!("../palette.css"),
    include_str!("../eval/page.css"),
    include_str!("page.css")
);

/// The origin of a report.
pub(super) struct About {
    pub title: String,
    /// Sentences about the codecs, the screen and the comparison.
    pub notes: Vec<String>,
    pub command: String,
}

/// Writes `report.html`, `report.md` and the curves.
pub(super) fn write(folder: &Path, summary: &Summary<'_>, about: &About) -> anyhow::Result<()> {
    charts::save_all(folder, summary)?;
    let file =
        |name: &str, text: &str| image_file::write_atomically(&folder.join(name), text.as_bytes());
    file("report.md", &markdown(summary, about)?)?;
    file("report.html", &html(summary, about))
}

/// The tables of all images together.
pub(super) fn tables(summary: &Summary<'_>) -> Vec<(String, Table)> {
    let metrics = 0..summary.metrics.len();
    let medians = metrics.map(|metric| summary.medians(metric));
    medians.chain([summary.wins()]).collect()
}

/// The tables that have a row for each image.
fn image_tables(summary: &Summary<'_>) -> Vec<(String, Table)> {
    let metrics = 0..summary.metrics.len();
    metrics.map(|metric| summary.images(metric)).collect()
}

fn markdown(summary: &Summary<'_>, about: &About) -> Result<String, std::fmt::Error> {
    let mut text = format!("# {}\n\n", escaped_markdown(&about.title));
    for sentence in summary.verdicts() {
        writeln!(text, "- {}", escaped_markdown(&sentence))?;
    }
    for (caption, table) in tables(summary).into_iter().chain(image_tables(summary)) {
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
    let all = |tables: Vec<(String, Table)>| -> String {
        let tables = tables.into_iter();
        tables
            .map(|(caption, table)| table.html(&caption))
            .collect()
    };
    let (tables, image_tables) = (all(tables(summary)), all(image_tables(summary)));
    let metrics = summary.metrics.iter();
    let legend: String = metrics
        .map(|(kind, name)| {
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
        charts::images(summary, None, "means of all images"),
        escaped_html(&about.command),
    )
}

fn image_section(summary: &Summary<'_>, index: usize, name: &str, image: &Measured) -> String {
    let [width, height] = image.size;
    let closeup = image.closeup.as_ref();
    let closeup = closeup.map_or(String::new(), |closeup| rows(summary, name, image, closeup));
    format!(
        "<section>\n<h2>{}, {width} × {height}</h2>\n{closeup}<details><summary>Curves</summary>\n{}</details>\n\
         </section>\n",
        escaped_html(name),
        charts::images(summary, Some(index), name)
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
        thousands(crop.bytes),
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
