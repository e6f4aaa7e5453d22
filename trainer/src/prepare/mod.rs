//! The command `data`: makes a training folder of photographs.

mod copies;
mod licences;
mod manifest;
mod sources;
mod tiles;

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use self::copies::{Fingerprint, copies};
use self::licences::Licences;
use self::manifest::Row;
use self::sources::Source;
use self::tiles::{Limits, Verdict};
use crate::data::LeftOut;
use crate::image_file::{self, LoadError};

/// Makes a training folder of photographs.
///
/// Reads every image of the folders and their subfolders, leaves out damaged ones, small ones and copies, cuts the others
/// into tiles, and leaves out tiles that teach nothing. Lists the tiles in manifest.tsv, with their licences, and what
/// was left out in left-out.tsv.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- data ~/Pictures --out data/mine
  cargo run -p trainer -- data DIV2K_train_HR Flickr2K/Flickr2K_HR --out data/df2k --apart-from ../shared/data/test
  cargo run -p trainer -- data wallpapers --out data/wallpapers --licence CC-BY-SA-4.0 --credit \"the Debian artists\"")]
pub struct DataArgs {
    /// Folders of photographs.
    #[arg(required = true, value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// The folder to write; it must not hold anything yet.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The tiles' side in pixels; 0 keeps images whole.
    #[arg(long, value_name = "PX", default_value_t = 512)]
    pub tile: usize,
    /// Images with a smaller side are left out; by default the tiles' side.
    #[arg(long, value_name = "PX")]
    pub smallest: Option<usize>,
    /// Of images whose perceptual hashes (64 bits) differ in up to this many bits, turned and mirrored copies included,
    /// the largest is kept.
    #[arg(long, value_name = "BITS", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub copies: u32,
    /// Also leave out copies of the images in this folder, such as a test set.
    #[arg(long, value_name = "DIR")]
    pub apart_from: Vec<PathBuf>,
    /// Tiles whose luma has a smaller standard deviation, in 8-bit levels, are left out as flat.
    #[arg(long, value_name = "LEVELS", default_value_t = 4.0)]
    pub flat: f64,
    /// Tiles that bicubic interpolation restores from half their size with a higher PSNR are left out as blurred.
    #[arg(long, value_name = "DB", default_value_t = 45.0)]
    pub blurred: f64,
    /// The images' licence.
    #[arg(long, value_name = "TEXT")]
    pub licence: Option<String>,
    /// The images' authors or source.
    #[arg(long, value_name = "TEXT")]
    pub credit: Option<String>,
    /// A table of licences by file: tab-separated, with the columns path, licence and, if you like, source.
    #[arg(long, value_name = "FILE", conflicts_with = "licence")]
    pub licences: Option<PathBuf>,
    /// Only say what would be written.
    #[arg(long)]
    pub dry_run: bool,
}

/// An image that is cut into tiles.
struct Usable {
    source: Source,
    /// Width times height.
    pixels: usize,
    fingerprint: Fingerprint,
}

/// Images that are left out, each with the reason.
type Unused = Vec<(PathBuf, String)>;

/// The tiles that were written, and the numbers of those that were left out.
#[derive(Default)]
struct Tiles {
    kept: Vec<Row>,
    flat: usize,
    blurred: usize,
}

/// Runs the command.
pub fn run(args: &DataArgs) -> anyhow::Result<()> {
    let is_used = std::fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_some());
    ensure!(
        !is_used,
        "{} holds files already: choose another --out, or delete it",
        args.out.display()
    );
    let licences = match &args.licences {
        Some(file) => Licences::read(file)?,
        None => Licences::of_all(args.licence.as_deref(), args.credit.as_deref()),
    };
    let sources = sources::list(&args.folders)?;
    let count = sources.len();
    let (usable, mut left_out) = check(sources, args)?;
    let damaged_or_small = left_out.len();
    let usable = without_copies(usable, args, &mut left_out)?;
    let copies = left_out.len() - damaged_or_small;
    let tiles = cut(&usable, &licences, args)?;
    if !args.dry_run {
        std::fs::create_dir_all(&args.out)
            .with_context(|| format!("cannot create the folder {}", args.out.display()))?;
        manifest::write(&args.out, &tiles.kept, &left_out)?;
    }
    println!(
        "{count} images: {damaged_or_small} damaged or too small, {copies} copies, {} used\n\
         {} tiles; left out {} flat and {} blurred ones",
        usable.len(),
        tiles.kept.len(),
        tiles.flat,
        tiles.blurred
    );
    if tiles.kept.iter().any(|row| row.licence.is_empty()) {
        println!("No licence is recorded for some of them: --licence or --licences does it.");
    }
    if args.dry_run {
        println!("Nothing was written (--dry-run).");
        return Ok(());
    }
    println!(
        "Listed in {}; what was left out in {}.\nTo train on them:\n\n\
         [data]\nfolders = [{:?}]\ntile = \"_#_#\"",
        args.out.join(manifest::FILE).display(),
        args.out.join(manifest::LEFT_OUT).display(),
        args.out
    );
    Ok(())
}

/// The images that can be used, and those that cannot with the reason.
fn check(sources: Vec<Source>, args: &DataArgs) -> anyhow::Result<(Vec<Usable>, Unused)> {
    let smallest_px = args.smallest.unwrap_or(args.tile).max(args.tile).max(1);
    let progress = progress("checked", sources.len())?;
    let checked = sources.into_par_iter().map(|source| {
        let checked = match image_file::load(&source.path) {
            Ok(image) => match LeftOut::check_size(&source.path, &image, smallest_px) {
                Ok(()) => Ok((image.width * image.height, Fingerprint::of(&image)?)),
                Err(small) => Err(small),
            },
            Err(error @ LoadError::File { .. }) => return Err(error.into()),
            Err(error) => Err(LeftOut::Damaged(error)),
        };
        progress.inc(1);
        Ok(match checked {
            Ok((pixels, fingerprint)) => Ok(Usable {
                source,
                pixels,
                fingerprint,
            }),
            Err(left_out) => Err((source.path, left_out.to_string())),
        })
    });
    let checked: Vec<Result<_, _>> = checked.collect::<anyhow::Result<_>>()?;
    progress.finish_and_clear();
    let (mut usable, mut left_out) = (Vec::new(), Vec::new());
    for image in checked {
        match image {
            Ok(image) => usable.push(image),
            Err(reason) => left_out.push(reason),
        }
    }
    Ok((usable, left_out))
}

/// The images of which no other one, and none of the folders of `--apart-from`, is a copy.
fn without_copies(
    mut usable: Vec<Usable>,
    args: &DataArgs,
    left_out: &mut Unused,
) -> anyhow::Result<Vec<Usable>> {
    let mut known: Vec<(PathBuf, Fingerprint)> = Vec::new();
    for folder in &args.apart_from {
        let files = image_file::list(folder)?;
        let read = files.into_par_iter().map(|file| {
            let fingerprint = Fingerprint::of(&image_file::load(&file)?)?;
            anyhow::Ok((file, fingerprint))
        });
        known.extend(read.collect::<anyhow::Result<Vec<_>>>()?);
    }
    // Of copies the largest is kept; the order by path decides between equal ones.
    usable.sort_by_key(|image| std::cmp::Reverse(image.pixels));
    let images = usable.iter();
    let images = images.map(|image| (image.source.path.clone(), image.fingerprint));
    let copies = copies(images.collect(), known, args.copies);
    let mut kept = Vec::new();
    for image in usable {
        match copies.get(&image.source.path) {
            Some(other) => {
                left_out.push((image.source.path, format!("a copy of {}", other.display())));
            }
            None => kept.push(image),
        }
    }
    kept.sort_by(|a, b| a.source.path.cmp(&b.source.path));
    Ok(kept)
}

/// Cuts the images into tiles and writes those that teach something.
fn cut(images: &[Usable], licences: &Licences, args: &DataArgs) -> anyhow::Result<Tiles> {
    let progress = progress("cut", images.len())?;
    let limits = Limits {
        flat: args.flat,
        blurred_db: args.blurred,
    };
    let cut = images.par_iter().map(|Usable { source, .. }| {
        let image = image_file::load(&source.path)?;
        let (licence, credit) = licences.of(&source.path);
        let mut tiles = Tiles::default();
        for place in tiles::places(image.width, image.height, args.tile) {
            let tile = image.crop(place);
            match limits.judge(&tile)? {
                Verdict::Flat => tiles.flat += 1,
                Verdict::Blurred => tiles.blurred += 1,
                Verdict::Good => {
                    let file = source.tile(place.x, place.y);
                    if !args.dry_run {
                        image_file::save_in_folder(&tile, &args.out.join(&file))?;
                    }
                    tiles.kept.push(Row {
                        file,
                        source: source.path.clone(),
                        place,
                        licence: licence.to_string(),
                        credit: credit.to_string(),
                    });
                }
            }
        }
        progress.inc(1);
        Ok(tiles)
    });
    let cut: Vec<Tiles> = cut.collect::<anyhow::Result<_>>()?;
    progress.finish_and_clear();
    let mut all = Tiles::default();
    for tiles in cut {
        all.kept.extend(tiles.kept);
        all.flat += tiles.flat;
        all.blurred += tiles.blurred;
    }
    Ok(all)
}

fn progress(what: &str, images: usize) -> anyhow::Result<ProgressBar> {
    let style = format!("{{wide_bar}} {{pos}}/{{len}} images {what} · {{eta}} left");
    Ok(ProgressBar::new(images as u64).with_style(ProgressStyle::with_template(&style)?))
}
