//! The report of a training: Markdown and a plot.

mod plot;

use std::fmt::Write;
use std::path::Path;

use model::record::Metadata;

use crate::eval::Evaluation;
use crate::image_file;
use crate::train::Entry;

/// The report's name in a training's folder.
pub const FILE: &str = "report.md";

const PLOT: &str = "curves.svg";

/// Writes both to `folder`; `choice` describes which weights were kept.
pub fn write(
    folder: &Path,
    metadata: &Metadata,
    choice: &str,
    results: &[(String, Evaluation)],
    entries: &[Entry],
) -> anyhow::Result<()> {
    write_curves(folder, entries)?;
    let text = text(metadata, choice, results)?;
    image_file::write_atomically(&folder.join(FILE), text.as_bytes())
}

/// Writes the plot alone, of a training that goes on.
pub fn write_curves(folder: &Path, entries: &[Entry]) -> anyhow::Result<()> {
    image_file::write_atomically(&folder.join(PLOT), plot::curves(entries)?.as_bytes())
}

fn text(
    metadata: &Metadata,
    choice: &str,
    results: &[(String, Evaluation)],
) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let origin = &metadata.origin;
    writeln!(text, "# {}\n", metadata.name)?;
    writeln!(
        text,
        "{} parameters, ×{}, degradation: {}. The model has the weights of step {}, {choice}; \
         seed {}, commit {}.\n",
        metadata.parameters,
        metadata.network.spec().scale,
        metadata.degradation,
        origin.steps,
        origin.seed,
        origin.commit.as_deref().unwrap_or("unknown"),
    )?;
    writeln!(text, "Trained on: {}.\n", origin.data.join(", "))?;
    writeln!(text, "![Loss and PSNR over the steps]({PLOT})\n")?;
    for (set, result) in results {
        writeln!(text, "## {set}\n\n{}.\n", result.protocol)?;
        writeln!(
            text,
            "| image | PSNR-Y | SSIM-Y | bicubic PSNR-Y | bicubic SSIM-Y |"
        )?;
        writeln!(text, "|---|---|---|---|---|")?;
        let images = result
            .images
            .iter()
            .map(|image| (image.name.as_str(), &image.scores));
        for (name, scores) in images.chain([("**mean**", &result.mean)]) {
            writeln!(
                text,
                "| {name} | {:.2} | {:.4} | {:.2} | {:.4} |",
                scores.psnr_y, scores.ssim_y, scores.bicubic_psnr_y, scores.bicubic_ssim_y
            )?;
        }
        writeln!(text)?;
    }
    writeln!(
        text,
        "## Configuration\n\n```toml\n{}\n```",
        origin.config.trim()
    )?;
    Ok(text)
}
