//! `trainer degrade`: see what the network sees.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use engine::image::Channels;
use indicatif::ProgressBar;
use rayon::prelude::*;

use crate::config::Config;
use crate::data::crop_to_multiple;
use crate::image_file;

/// Writes the low-resolution pictures that a configuration's network is given.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- degrade photo.png small.png --config trainer/configs/fast-x2.toml
  cargo run -p trainer -- degrade ~/Pictures /tmp/small --config my.toml")]
pub struct DegradeArgs {
    /// A picture, or a folder of pictures.
    pub input: PathBuf,
    /// Where the low-resolution picture goes, or a folder for them.
    pub output: PathBuf,
    /// The training configuration whose data.degradation and scale are used.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// The command.
pub fn run(args: &DegradeArgs) -> anyhow::Result<()> {
    let config = Config::load(&args.config)?;
    if !args.input.is_dir() {
        return one(&config, &args.input, &args.output);
    }
    let files = image_file::list(&args.input)?;
    ensure!(
        !args.output.is_file(),
        "{} is a file: a folder of pictures needs a folder to go to",
        args.output.display()
    );
    let progress = ProgressBar::new(files.len() as u64);
    files.par_iter().try_for_each(|file| {
        let name = file.strip_prefix(&args.input).unwrap_or(file);
        let target = args.output.join(name).with_extension("png");
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        }
        one(&config, file, &target)?;
        progress.inc(1);
        anyhow::Ok(())
    })?;
    progress.finish_and_clear();
    println!(
        "{} pictures written to {}",
        files.len(),
        args.output.display()
    );
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
