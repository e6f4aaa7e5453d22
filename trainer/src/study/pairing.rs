//! Which files show the same picture: those of the same name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use engine::image::{Channels, Image, Rect};
use rayon::prelude::*;

use crate::image_file;

/// Stands for a set's name in the path of a folder.
pub const SET: &str = "{set}";

/// Originals and results may differ by what a scale of 8 at most doesn't divide.
const MOST_CROPPED_PX: usize = 7;

/// How many of the problems found are told at once.
const TOLD: usize = 10;

/// A picture and where its versions are.
pub struct Picture {
    /// The set that it belongs to.
    pub set: String,
    /// Its path in the set's folder, without the ending.
    pub name: String,
    /// In the order of the folders.
    pub files: Vec<PathBuf>,
    /// Width and height in pixels, after cropping.
    pub size_px: (usize, usize),
}

impl Picture {
    /// A version as RGB, so that a grey file is not known by its format, cropped to the common size.
    pub fn version(&self, index: usize) -> anyhow::Result<Image> {
        let image = image_file::load(&self.files[index])?.to_channels(Channels::Rgb);
        let (width, height) = self.size_px;
        Ok(image.crop(Rect::whole(width, height)))
    }
}

/// The folder of a set: `{set}` is its name; what a folder holds in `HR` are its originals.
pub fn folder_of(folder: &Path, set: &str) -> PathBuf {
    let folder = PathBuf::from(folder.to_string_lossy().replace(SET, set));
    let originals = folder.join("HR");
    if originals.is_dir() {
        originals
    } else {
        folder
    }
}

/// Pairs a set's pictures by name; the last folder is that of the originals.
///
/// Files without a partner and sizes that differ are errors that name them. With `crop` the larger
/// versions of a picture lose a few pixels at the right and at the bottom.
pub fn pair(set: &str, folders: &[PathBuf], crop: bool) -> anyhow::Result<Vec<Picture>> {
    let lists: Vec<BTreeMap<String, PathBuf>> = folders
        .iter()
        .map(|folder| by_name(&folder_of(folder, set)))
        .collect::<anyhow::Result<_>>()?;
    let mut problems = Vec::new();
    let (originals, results) = lists.split_last().expect("the originals have a folder");
    for (list, folder) in results.iter().zip(folders) {
        let folder = folder_of(folder, set);
        for name in originals.keys().filter(|name| !list.contains_key(*name)) {
            problems.push(format!("{name} is missing in {}", folder.display()));
        }
        for (_, file) in list
            .iter()
            .filter(|(name, _)| !originals.contains_key(*name))
        {
            problems.push(format!("{} has no original", file.display()));
        }
    }
    refuse(set, &problems)?;
    let pictures = originals.par_iter().map(|(name, _)| {
        let files: Vec<PathBuf> = lists.iter().map(|list| list[name].clone()).collect();
        let size_px = common_size(&files, crop)?;
        Ok(size_px.map(|size_px| Picture {
            set: set.to_string(),
            name: name.clone(),
            files,
            size_px,
        }))
    });
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for picture in pictures.collect::<anyhow::Result<Vec<_>>>()? {
        match picture {
            Ok(picture) => found.push(picture),
            Err(problem) => problems.push(problem),
        }
    }
    refuse(set, &problems)?;
    Ok(found)
}

/// The pictures of a folder by their paths in it, without endings.
pub fn by_name(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut pictures: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in image_file::list(folder)? {
        let name = file
            .strip_prefix(folder)
            .unwrap_or(&file)
            .with_extension("");
        let name = name.to_string_lossy().into_owned();
        if let Some(other) = pictures.insert(name, file.clone()) {
            bail!(
                "{} and {} are of one name: which is it to be?",
                other.display(),
                file.display()
            );
        }
    }
    Ok(pictures)
}

/// The size that all files have or are cropped to, or what is wrong with them.
fn common_size(files: &[PathBuf], crop: bool) -> anyhow::Result<Result<(usize, usize), String>> {
    let sizes: Vec<(usize, usize)> = files
        .iter()
        .map(|file| image_file::load(file).map(|image| (image.width, image.height)))
        .collect::<anyhow::Result<_>>()?;
    let width = sizes.iter().map(|(width, _)| *width).min().unwrap_or(0);
    let height = sizes.iter().map(|(_, height)| *height).min().unwrap_or(0);
    let most = if crop { MOST_CROPPED_PX } else { 0 };
    let fits = |(w, h): &(usize, usize)| w - width <= most && h - height <= most;
    if sizes.iter().all(fits) {
        return Ok(Ok((width, height)));
    }
    let told = files.iter().zip(&sizes);
    let told: Vec<String> = told
        .map(|(file, (w, h))| format!("{} has {w}×{h}", file.display()))
        .collect();
    Ok(Err(format!("sizes differ: {}", told.join(", "))))
}

fn refuse(set: &str, problems: &[String]) -> anyhow::Result<()> {
    let more = problems.len().saturating_sub(TOLD);
    let mut told = problems[..problems.len() - more].join("\n  ");
    if more > 0 {
        told += &format!("\n  … and {more} more");
    }
    ensure!(
        problems.is_empty(),
        "the pictures of {set} are no pairs:\n  {told}\nEvery folder has to hold every picture under the \
         same name (endings may differ) and in the same size; --crop cuts off what a scale did not divide"
    );
    Ok(())
}
