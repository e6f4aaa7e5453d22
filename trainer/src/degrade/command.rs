//! The command `degrade`.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use engine::image::resize::{Method, resize};
use engine::image::{Channels, Image};
use indicatif::ProgressBar;
use rayon::prelude::*;

use crate::config::Config;
use crate::data::crop_to_multiple;
use crate::image_file;
use crate::planes::{to_image, to_planes};
use crate::sheet::{middle, sheet};

/// Writes the low-resolution images that a configuration trains on.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- degrade photo.png small.png --config trainer/configs/fast-x2.toml
  cargo run -p trainer -- degrade ~/Pictures /tmp/small --config my.toml
  cargo run -p trainer -- degrade ~/Pictures /tmp/small --config my.toml --draws 4
  cargo run -p trainer -- degrade ~/Pictures sheet.png --config trainer/configs/photo-x2.toml --sheet")]
pub struct DegradeArgs {
    /// An image, or a folder of images.
    pub input: PathBuf,
    /// The low-resolution image to write, or a folder to write images into.
    pub output: PathBuf,
    /// The training configuration whose data.degradation and scale are used.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Write each image of a folder so many times, as NAME_d1.png, NAME_d2.png, …, with random numbers of its own each time.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub draws: u64,
    /// Write one image instead, a row for each original: its middle, and beside it what a training may see of it. Up to
    /// twelve originals of a folder are shown.
    #[arg(long, conflicts_with = "draws")]
    pub sheet: bool,
}

/// Runs the command. In a folder, an image that cannot be degraded does not stop the others; the error at
/// the end names it.
pub fn run(args: &DegradeArgs) -> anyhow::Result<()> {
    let config = Config::load(&args.config)?;
    if args.sheet {
        return contact_sheet(&config, &args.input, &args.output);
    }
    if !args.input.is_dir() {
        ensure!(
            args.draws == 1,
            "--draws is for a folder of images, and {} is none",
            args.input.display()
        );
        let low = Original::load(&config, &args.input)?.degraded(&config, 0)?;
        return image_file::save_in_folder(&low, &args.output);
    }
    let files = image_file::list(&args.input)?;
    ensure!(
        !args.output.is_file(),
        "{} is a file: for a folder of images, name a folder to write to",
        args.output.display()
    );
    let progress = ProgressBar::new(files.len() as u64);
    let degrade = |file: &PathBuf| {
        let original = Original::load(&config, file)?;
        let place = file.strip_prefix(&args.input).unwrap_or(file);
        let place = args.output.join(place).with_extension("");
        for draw in 0..args.draws {
            let mut place = place.clone().into_os_string();
            if args.draws > 1 {
                place.push(format!("_d{}", draw + 1));
            }
            place.push(".png");
            let low = original.degraded(&config, draw)?;
            image_file::save_in_folder(&low, Path::new(&place))?;
        }
        progress.inc(1);
        anyhow::Ok(())
    };
    let results: Vec<anyhow::Result<()>> = files.par_iter().map(degrade).collect();
    progress.finish_and_clear();
    let failures = results.into_iter().filter_map(Result::err);
    let failures: Vec<String> = failures.map(|error| format!("{error:#}")).collect();
    let times = match args.draws {
        1 => String::new(),
        draws => format!(" {draws} times each"),
    };
    println!(
        "{} of {} images written{times} to {}",
        files.len() - failures.len(),
        files.len(),
        args.output.display()
    );
    ensure!(failures.is_empty(), "{}", failures.join("\n       "));
    Ok(())
}

/// Images of a contact sheet, and draws of the degradation for each.
const ROWS: usize = 12;
const DRAWS: usize = 5;

/// Side of what is shown, in low-resolution pixels.
const SHOWN_PX: usize = 96;

/// Writes a contact sheet of several draws of the degradation.
fn contact_sheet(config: &Config, input: &Path, output: &Path) -> anyhow::Result<()> {
    let mut files = match input.is_dir() {
        true => image_file::list(input)?,
        false => vec![input.to_path_buf()],
    };
    files.truncate(ROWS);
    let scale = config.network.spec().scale;
    let rows = files.par_iter().map(|file| {
        let original = Original::load(config, file)?;
        let seen = middle(&original.image, scale * SHOWN_PX);
        let enlarged = |image: &Image, factor: f64, method| {
            let [width, height] =
                [image.width, image.height].map(|side| (side as f64 * factor) as usize);
            to_image(&resize(&to_planes(image), width, height, method))
        };
        let mut row = vec![enlarged(&seen, 2.0 / scale as f64, Method::Bicubic)?];
        for draw in 0..DRAWS as u64 {
            let low = original.degraded(config, draw)?;
            // Each pixel is shown as it is.
            row.push(enlarged(&middle(&low, SHOWN_PX), 2.0, Method::Nearest)?);
        }
        Ok(row)
    });
    let rows: Vec<Vec<Image>> = rows.collect::<anyhow::Result<_>>()?;
    let sheet = sheet(&rows).context("there is no image to show")?;
    image_file::save(&sheet, output)?;
    println!(
        "{} originals with {DRAWS} draws of the degradation each, written to {}",
        rows.len(),
        output.display()
    );
    Ok(())
}

/// An original, cropped to a multiple of the scale.
struct Original {
    image: Image,
    name: String,
}

impl Original {
    fn load(config: &Config, file: &Path) -> anyhow::Result<Self> {
        let image = image_file::load(file)?.to_channels(Channels::Rgb);
        let image = crop_to_multiple(&image, config.network.spec().scale)
            .with_context(|| format!("{} is smaller than the scale", file.display()))?;
        let name = image_file::name(file);
        Ok(Self { image, name })
    }

    /// The low-resolution image, with the random numbers of a draw, from 0.
    fn degraded(&self, config: &Config, draw: u64) -> anyhow::Result<Image> {
        let scale = config.network.spec().scale;
        let seed = config.seed + draw;
        let degradation = &config.data.degradation;
        let (low, _) = degradation.apply(&self.image, scale, seed, &self.name)?;
        Ok(low)
    }
}
