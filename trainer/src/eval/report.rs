//! The files of a report: Markdown, JSON, and a page with crops.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use serde_json::json;

use super::compare::Comparison;
use super::html;
use super::labels::{About, legend, protocols, thousands, title};
use super::table::escaped_markdown;
use crate::image_file;

/// Creates the folder of a report; called before the evaluation, so that a bad path fails early.
pub(super) fn prepare(folder: &Path) -> anyhow::Result<()> {
    let crops = folder.join(html::CROPS);
    std::fs::create_dir_all(&crops)
        .with_context(|| format!("cannot create the folder {}", crops.display()))
}

/// Writes `report.md`, `report.json`, `report.html` and the page's images.
pub(super) fn write(folder: &Path, comparison: &Comparison, about: &About) -> anyhow::Result<()> {
    let file =
        |name: &str, text: &str| image_file::write_atomically(&folder.join(name), text.as_bytes());
    html::save_images(folder, comparison)?;
    file("report.md", &markdown(comparison, about)?)?;
    file("report.json", &json(comparison, about)?)?;
    file("report.html", &html::page(comparison, about))
}

fn json(comparison: &Comparison, about: &About) -> anyhow::Result<String> {
    let models = about.models.iter().map(
        |(name, file, parameters)| json!({ "name": name, "file": file, "parameters": parameters }),
    );
    let metrics = comparison.columns.iter().map(|column| {
        json!({
            "key": column.key,
            "name": column.label,
            "about": column.metric.about(),
            "less_is_better": column.metric.is_distance(),
        })
    });
    let report = json!({
        "command": about.command,
        "device": about.device,
        "models": models.collect::<Vec<_>>(),
        "metrics": metrics.collect::<Vec<_>>(),
        "evaluations": comparison.json(),
    });
    Ok(serde_json::to_string_pretty(&report)?)
}

fn markdown(comparison: &Comparison, about: &About) -> Result<String, std::fmt::Error> {
    let mut text = format!("# {}\n\n", escaped_markdown(&title(comparison)));
    for protocol in protocols(comparison) {
        writeln!(text, "{protocol}.\n")?;
    }
    for (name, file, parameters) in &about.models {
        let (name, parameters) = (escaped_markdown(name), thousands(*parameters));
        writeln!(text, "- {name}: `{file}`, {parameters} parameters")?;
    }
    for (caption, table) in comparison.summaries() {
        let caption = escaped_markdown(&caption);
        write!(text, "\n## {caption}\n\n{}", table.markdown())?;
    }
    writeln!(text)?;
    for column in &comparison.columns {
        writeln!(text, "- {}: {}", column.label, legend(column.metric))?;
    }
    for set in &comparison.sets {
        for (index, column) in comparison.columns.iter().enumerate() {
            let table = comparison.images(set, index).markdown();
            let name = escaped_markdown(&set.name);
            write!(text, "\n## {name}: {}\n\n{table}", column.label)?;
        }
    }
    writeln!(
        text,
        "\nMade on {} by\n\n```sh\n{}\n```",
        about.device, about.command
    )?;
    Ok(text)
}
