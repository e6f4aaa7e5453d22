//! The command `sheet`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail, ensure};
use clap::Args;
use engine::image::resize::{Method, resize};
use engine::image::{Channels, Image, Rect};

use super::sheet;
use crate::image_file;
use crate::planes::{to_image, to_planes};

/// Puts the same parts of several folders' images side by side, such as those that `eval --save` writes.
///
/// A row for each crop, a column for each folder. A folder whose image is smaller, such as the low-resolution images, is
/// shown with larger pixels.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- eval --model www/models/fast-x2.bpk --data ../shared/data/test/Set14 --scale 2 \\
    --degradation \"jpeg(75, 420)\" --save runs/jpeg-75
  cargo run -p trainer -- sheet sheet.webp --zoom 2 --folder runs/jpeg-75/bicubic --folder runs/jpeg-75/fast-x2 \\
    --folder ../shared/data/test/Set14/HR --crop lenna@230,220,120x120 --crop comic@60,90,120x120")]
pub struct SheetArgs {
    /// The image to write.
    pub output: PathBuf,
    /// A folder of images; several are columns from left to right. Coordinates refer to the last one's images.
    #[arg(long, value_name = "DIR", required = true)]
    pub folder: Vec<PathBuf>,
    /// A row: an image's name without its extension, and the left, top, width and height of the part to show.
    #[arg(long, value_name = "NAME@X,Y,WxH", required = true)]
    pub crop: Vec<Crop>,
    /// Show each pixel as so many.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub zoom: u8,
}

/// A part of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Crop {
    name: String,
    place: Rect,
}

impl FromStr for Crop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = || {
            let (name, place) = text.rsplit_once('@')?;
            let numbers: Result<Vec<usize>, _> = place.split([',', 'x']).map(str::parse).collect();
            let [x, y, width, height] = numbers.ok()?[..] else {
                return None;
            };
            let place = Rect {
                x,
                y,
                width,
                height,
            };
            (width > 0 && height > 0).then(|| Crop {
                name: name.to_string(),
                place,
            })
        };
        parts().ok_or_else(|| {
            "a crop is written NAME@X,Y,WxH, such as lenna@230,220,120x100".to_string()
        })
    }
}

/// Runs the command.
pub fn run(args: &SheetArgs) -> anyhow::Result<()> {
    let (last, _) = args.folder.split_last().context("there is no folder")?;
    let mut rows = Vec::new();
    for crop in &args.crop {
        let size = image_file::load(&find(last, &crop.name)?)?;
        let Rect {
            x,
            y,
            width,
            height,
        } = crop.place;
        ensure!(
            x + width <= size.width && y + height <= size.height,
            "{} has {} × {} pixels: the part {x},{y},{width}x{height} is not inside",
            crop.name,
            size.width,
            size.height
        );
        let shown = |folder: &PathBuf| {
            let image = image_file::load(&find(folder, &crop.name)?)?;
            part(&image, &size, crop.place, usize::from(args.zoom))
                .with_context(|| format!("{} in {}", crop.name, folder.display()))
        };
        rows.push(
            args.folder
                .iter()
                .map(shown)
                .collect::<anyhow::Result<Vec<_>>>()?,
        );
    }
    let sheet = sheet(&rows).context("there is no image to show")?;
    image_file::save_in_folder(&sheet, &args.output)?;
    println!(
        "{} parts of {} folders written to {}",
        rows.len(),
        args.folder.len(),
        args.output.display()
    );
    Ok(())
}

/// The image of this name in a folder, whatever its extension.
fn find(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let files = image_file::list(folder)?;
    let mut found = files
        .into_iter()
        .filter(|file| file.file_stem().is_some_and(|stem| stem == name));
    match (found.next(), found.next()) {
        (Some(file), None) => Ok(file),
        (None, _) => bail!("{} has no image {name}", folder.display()),
        (Some(one), Some(other)) => bail!(
            "{} and {} have the same name: name a folder that has one of them",
            one.display(),
            other.display()
        ),
    }
}

/// A part of an image, `zoom` times as large; `place` refers to an image of the size of `full`, of which this one may be
/// a whole part.
fn part(image: &Image, full: &Image, place: Rect, zoom: usize) -> anyhow::Result<Image> {
    let factor = (full.width / image.width.max(1)).max(1);
    // An evaluation crops an original so that the scale divides its sides.
    let is_part =
        |whole: usize, side: usize| whole / factor == side || whole.abs_diff(side * factor) < 4;
    ensure!(
        is_part(full.width, image.width) && is_part(full.height, image.height),
        "its size of {} × {} pixels is no whole part of {} × {}",
        image.width,
        image.height,
        full.width,
        full.height
    );
    let inside = Rect {
        x: place.x / factor,
        y: place.y / factor,
        width: place.width.div_ceil(factor),
        height: place.height.div_ceil(factor),
    };
    ensure!(
        inside.x + inside.width <= image.width && inside.y + inside.height <= image.height,
        "it ends before the part that was asked for"
    );
    let seen = to_planes(&image.crop(inside).to_channels(Channels::Rgb));
    to_image(&resize(
        &seen,
        place.width * zoom,
        place.height * zoom,
        Method::Nearest,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_are_read() {
        let crop: Crop = "a@b@3,4,5x6".parse().unwrap();
        let place = Rect {
            x: 3,
            y: 4,
            width: 5,
            height: 6,
        };
        assert_eq!((crop.name.as_str(), crop.place), ("a@b", place));
        for wrong in ["a", "a@1,2,3", "a@1,2,3x0", "a@1,2,3,4,5", "a@-1,2,3x4"] {
            assert!(wrong.parse::<Crop>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn smaller_images_are_shown_with_larger_pixels() {
        let image = |width: usize, height: usize| {
            let data = (0..width * height).map(|i| i as u8).collect();
            Image::new(width, height, Channels::Grey, data).unwrap()
        };
        let place = Rect {
            x: 4,
            y: 2,
            width: 4,
            height: 2,
        };
        let found = part(&image(4, 3), &image(9, 6), place, 1).unwrap();
        assert_eq!((found.width, found.height), (4, 2));
        assert_eq!([found.pixel(0, 0)[0], found.pixel(2, 1)[0]], [6, 7]);
        let found = part(&image(9, 6), &image(9, 6), place, 2).unwrap();
        assert_eq!(
            (found.width, found.height, found.pixel(1, 1)[0]),
            (8, 4, 22)
        );
        assert!(part(&image(7, 6), &image(9, 12), place, 1).is_err());
    }
}
