//! The command `degrade`.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use engine::image::Channels;
use indicatif::ProgressBar;
use rayon::prelude::*;

use crate::config::Config;
use crate::data::crop_to_multiple;
use crate::image_file;

/// Writes the low-resolution images that a configuration trains on.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- degrade photo.png small.png --config trainer/configs/fast-x2.toml
  cargo run -p trainer -- degrade ~/Pictures /tmp/small --config my.toml")]
pub struct DegradeArgs {
    /// An image, or a folder of images.
    pub input: PathBuf,
    /// The low-resolution image to write, or a folder to write images into.
    pub output: PathBuf,
    /// The training configuration whose data.degradation and scale are used.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Runs the command. In a folder, an image that cannot be degraded does not stop the others; the error at
/// the end names it.
pub fn run(args: &DegradeArgs) -> anyhow::Result<()> {
    let config = Config::load(&args.config)?;
    if !args.input.is_dir() {
        return one(&config, &args.input, &args.output);
    }
    let files = image_file::list(&args.input)?;
    ensure!(
        !args.output.is_file(),
        "{} is a file: for a folder of images, name a folder to write to",
        args.output.display()
    );
    let progress = ProgressBar::new(files.len() as u64);
    let degrade = |file: &PathBuf| {
        let name = file.strip_prefix(&args.input).unwrap_or(file);
        let target = args.output.join(name).with_extension("png");
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        }
        one(&config, file, &target)?;
        progress.inc(1);
        anyhow::Ok(())
    };
    let results: Vec<anyhow::Result<()>> = files.par_iter().map(degrade).collect();
    progress.finish_and_clear();
    let failures = results.into_iter().filter_map(Result::err);
    let failures: Vec<String> = failures.map(|error| format!("{error:#}")).collect();
    println!(
        "{} of {} images written to {}",
        files.len() - failures.len(),
        files.len(),
        args.output.display()
    );
    ensure!(failures.is_empty(), "{}", failures.join("\n       "));
    Ok(())
}

fn one(config: &Config, input: &Path, output: &Path) -> anyhow::Result<()> {
    let image = image_file::load(input)?.to_channels(Channels::Rgb);
    let scale = config.network.spec().scale;
    let image = crop_to_multiple(&image, scale)
        .with_context(|| format!("{} is smaller than the scale", input.display()))?;
    let name = image_file::name(input);
    let low = config
        .data
        .degradation
        .apply(&image, scale, config.seed, &name)?;
    image_file::save(&low, output)
}
