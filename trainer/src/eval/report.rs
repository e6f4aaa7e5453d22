//! A comparison as files: Markdown, JSON, and a page with crops.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use serde_json::json;

use super::compare::{Candidate, Comparison};
use super::html;
use super::table::escaped_markdown;
use crate::image_file;

/// What is said beside the scores.
pub(super) struct About {
    /// The command that made the report.
    pub command: String,
    /// What computed.
    pub device: String,
    /// Each model: name, file, parameters.
    pub models: Vec<(String, String, usize)>,
}

impl About {
    pub fn new(candidates: &[Candidate], device: &str) -> Self {
        let arguments = std::env::args().skip(1);
        let quoted = arguments.map(|argument| match argument.contains(char::is_whitespace) {
            true => format!("'{argument}'"),
            false => argument,
        });
        let models = candidates
            .iter()
            .map(|model| (model.name.clone(), model.file.clone(), model.parameters));
        Self {
            command: format!(
                "cargo run -p trainer -- {}",
                quoted.collect::<Vec<_>>().join(" ")
            ),
            device: device.to_string(),
            models: models.collect(),
        }
    }
}

/// Makes the folder of a report, so that a bad name is an error before the work and not after it.
pub(super) fn prepare(folder: &Path) -> anyhow::Result<()> {
    let crops = folder.join(html::CROPS);
    std::fs::create_dir_all(&crops)
        .with_context(|| format!("cannot create the folder {}", crops.display()))
}

/// Writes `report.md`, `report.json`, `report.html` and the page's pictures.
pub(super) fn write(folder: &Path, comparison: &Comparison, about: &About) -> anyhow::Result<()> {
    let file =
        |name: &str, text: &str| image_file::write_atomically(&folder.join(name), text.as_bytes());
    html::save_pictures(folder, comparison)?;
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
            let table = comparison.pictures(set, index).markdown();
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

/// What a report is called.
pub(super) fn title(comparison: &Comparison) -> String {
    let models = &comparison.methods[1..];
    let sets: Vec<&str> = comparison
        .sets
        .iter()
        .map(|set| set.name.as_str())
        .collect();
    format!(
        "{} on {}, ×{}",
        models.join(", "),
        sets.join(", "),
        comparison.scale
    )
}

/// How the sets were measured, each way once.
pub(super) fn protocols(comparison: &Comparison) -> Vec<&str> {
    let mut protocols: Vec<&str> = Vec::new();
    for set in &comparison.sets {
        if !protocols.contains(&set.protocol.as_str()) {
            protocols.push(&set.protocol);
        }
    }
    protocols
}

/// A metric in a line.
pub(super) fn legend(metric: crate::metric::Metric) -> String {
    let better = if metric.is_distance() { "less" } else { "more" };
    format!("{}; {better} is better", metric.about())
}

/// `13,716`
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_set_apart() {
        let found = [7, 716, 13_716, 1_000_000].map(super::thousands);
        assert_eq!(found, ["7", "716", "13,716", "1,000,000"]);
    }
}
