//! The command `inspect`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use engine::{Colour, Input};
use model::record;

use crate::train::cost;

/// Prints a model file's description: network, scale, colour, training, scores.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Example:
  cargo run -p trainer -- inspect www/models/fast-x2.bpk")]
pub struct InspectArgs {
    /// The model file.
    pub file: PathBuf,
}

/// Runs the command.
pub fn inspect(args: &InspectArgs) -> anyhow::Result<()> {
    let name = args.file.display();
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {name}"))?;
    // The weights are read as well, so that a damaged file is an error.
    let (network, metadata) = record::read(&bytes, &burn::tensor::Device::flex())
        .with_context(|| format!("in {name}"))?;
    let spec = metadata.network.spec();
    let colour = match spec.colour {
        Colour::Y => "Y (chroma is resized by bicubic interpolation)",
        Colour::Rgb => "RGB",
        Colour::Grey => "grey",
    };
    let input = match spec.input {
        Input::LowResolution => "the low-resolution image",
        Input::Upsampled => "the image enlarged by bicubic interpolation",
    };
    println!("name         {}", metadata.name);
    println!("network      {}", serde_json::to_string(&metadata.network)?);
    let scales = metadata.network.scales();
    let scales: Vec<String> = scales.iter().map(|scale| format!("×{scale}")).collect();
    println!("scale        {}", scales.join(", "));
    println!("colour       {colour}");
    println!("input        {input}");
    let reach = network.reach()?;
    println!("halo         {} px", reach.before_px.max(reach.after_px));
    println!("parameters   {}", metadata.parameters);
    if let Some(cost) = cost(&network, &spec) {
        println!("cost         {cost}");
    }
    println!("size         {} bytes", bytes.len());
    println!("degradation  {}", metadata.degradation);
    match &metadata.origin.imported {
        Some(imported) => {
            let unknown = || "not recorded".to_string();
            println!("imported     {}", imported.file);
            println!("sha256       {}", imported.sha256);
            println!(
                "licence      {}",
                imported.licence.clone().unwrap_or_else(unknown)
            );
            println!(
                "credit       {}",
                imported.credit.clone().unwrap_or_else(unknown)
            );
        }
        None => println!(
            "trained for  {} steps, seed {}",
            metadata.origin.steps, metadata.origin.seed
        ),
    }
    for source in &metadata.origin.data {
        println!("trained on   {source}");
    }
    if let Some(commit) = &metadata.origin.commit {
        println!("commit       {commit}");
    }
    for score in &metadata.scores {
        println!(
            "score        {}: {:.2} dB / {:.4} (bicubic {:.2} / {:.4})",
            score.set, score.psnr_y, score.ssim_y, score.bicubic_psnr_y, score.bicubic_ssim_y
        );
    }
    println!("\n{}", metadata.origin.config.trim());
    Ok(())
}
