//! The images of the folders, each with the name that its tiles get.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::image_file;

/// An image to cut into tiles.
pub(super) struct Source {
    /// Its file.
    pub path: PathBuf,
    /// Path of its tiles in the training folder, without their places and their extension. Each image has another one.
    stem: PathBuf,
}

impl Source {
    /// Path in the training folder of the tile that begins at the pixel (x, y).
    pub fn tile(&self, x: usize, y: usize) -> PathBuf {
        let mut path = self.stem.clone().into_os_string();
        path.push(format!("_{x}_{y}.png"));
        path.into()
    }
}

/// Every image of the folders. Those of several folders get a folder each in the training folder.
pub(super) fn list(folders: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut taken = BTreeSet::new();
    let mut sources = Vec::new();
    for folder in folders {
        ensure!(folder.is_dir(), "{} is not a folder", folder.display());
        let place = match folders.len() {
            1 => PathBuf::new(),
            _ => folder.file_name().map_or_else(PathBuf::new, PathBuf::from),
        };
        for path in image_file::list(folder)? {
            let inside = path.strip_prefix(folder).unwrap_or(&path);
            let stem = free(&place.join(inside.with_extension("")), &taken);
            taken.insert(stem.clone());
            sources.push(Source { path, stem });
        }
    }
    Ok(sources)
}

/// The path, or the path with the first number behind it that makes it another one than those taken.
fn free(path: &Path, taken: &BTreeSet<PathBuf>) -> PathBuf {
    let numbered = (2..).map(|number| {
        let mut path = path.as_os_str().to_os_string();
        path.push(format!("-{number}"));
        PathBuf::from(path)
    });
    let mut all = std::iter::once(path.to_path_buf()).chain(numbered);
    all.find(|path| !taken.contains(path))
        .expect("there is always another number")
}
