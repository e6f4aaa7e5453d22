//! Finds the versions of each image: files of the same name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use engine::image::{Channels, Image, Rect};
use rayon::prelude::*;

use crate::image_file::{self, LoadError};

/// Placeholder for a set's name in the path of a folder.
pub const SET: &str = "{set}";

/// Originals may be larger than results by the remainder of a scale of at most 8.
const MOST_CROPPED_PX: usize = 7;

const MOST_PROBLEMS: usize = 10;

/// The versions of an image.
pub struct Versions {
    /// The set that the image belongs to.
    pub set: String,
    /// The image's path in the set's folder, without extension.
    pub name: String,
    /// The versions' files in the order of the folders.
    pub files: Vec<PathBuf>,
    /// Width and height in pixels, after cropping.
    pub size_px: (usize, usize),
}

impl Versions {
    /// A version, cropped to the common size, in RGB: a grey file would be recognised by its format.
    pub fn load(&self, index: usize) -> anyhow::Result<Image> {
        let image = image_file::load(&self.files[index])?.to_channels(Channels::Rgb);
        let (width, height) = self.size_px;
        Ok(image.crop(Rect::whole(width, height)))
    }
}

/// The folder of a set, with `{set}` replaced by its name; the subfolder `HR` if there is one.
pub fn folder_of(folder: &Path, set: &str) -> PathBuf {
    let folder = PathBuf::from(folder.to_string_lossy().replace(SET, set));
    let originals = folder.join("HR");
    if originals.is_dir() {
        originals
    } else {
        folder
    }
}

/// Pairs a set's images by name; the last folder is that of the originals.
///
/// Files without a partner and different sizes are errors that name the files. With `crop`, the larger
/// versions of an image are cropped by a few pixels at the right and at the bottom.
pub fn pair(set: &str, folders: &[PathBuf], crop: bool) -> anyhow::Result<Vec<Versions>> {
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
    let images = originals.par_iter().map(|(name, _)| {
        let files: Vec<PathBuf> = lists.iter().map(|list| list[name].clone()).collect();
        let size_px = common_size(&files, crop)?;
        Ok(size_px.map(|size_px| Versions {
            set: set.to_string(),
            name: name.clone(),
            files,
            size_px,
        }))
    });
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for image in images.collect::<anyhow::Result<Vec<_>>>()? {
        match image {
            Ok(image) => found.push(image),
            Err(problem) => problems.push(problem),
        }
    }
    refuse(set, &problems)?;
    Ok(found)
}

/// The images of a folder by their paths in it, without extensions.
pub fn by_name(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut images: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in image_file::list(folder)? {
        let name = file
            .strip_prefix(folder)
            .unwrap_or(&file)
            .with_extension("");
        let name = name.to_string_lossy().into_owned();
        if let Some(other) = images.insert(name, file.clone()) {
            bail!(
                "{} and {} have the same name: keep one of them",
                other.display(),
                file.display()
            );
        }
    }
    Ok(images)
}

/// The size that all files have or are cropped to, or an error text.
fn common_size(files: &[PathBuf], crop: bool) -> anyhow::Result<Result<(usize, usize), String>> {
    let sizes: Vec<(usize, usize)> = files
        .iter()
        .map(|file| image_file::load(file).map(|image| (image.width, image.height)))
        .collect::<Result<_, LoadError>>()?;
    let width = sizes.iter().map(|(width, _)| *width).min().unwrap_or(0);
    let height = sizes.iter().map(|(_, height)| *height).min().unwrap_or(0);
    let most = if crop { MOST_CROPPED_PX } else { 0 };
    let fits = |(w, h): &(usize, usize)| w - width <= most && h - height <= most;
    if sizes.iter().all(fits) {
        return Ok(Ok((width, height)));
    }
    let listed = files.iter().zip(&sizes);
    let listed: Vec<String> = listed
        .map(|(file, (w, h))| format!("{} has {w}×{h}", file.display()))
        .collect();
    Ok(Err(format!("sizes differ: {}", listed.join(", "))))
}

fn refuse(set: &str, problems: &[String]) -> anyhow::Result<()> {
    let more = problems.len().saturating_sub(MOST_PROBLEMS);
    let mut listed = problems[..problems.len() - more].join("\n  ");
    if more > 0 {
        listed += &format!("\n  … and {more} more");
    }
    ensure!(
        problems.is_empty(),
        "the images of {set} cannot be paired:\n  {listed}\nEvery folder has to hold every image under the \
         same name (extensions may differ) and in the same size; --crop crops larger versions"
    );
    Ok(())
}
