//! The images that are measured.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use super::RateArgs;
use crate::config::Config;
use crate::data::{LeftOut, held_out_files};
use crate::image_file::{self, LoadError};

/// An image's file, and its name in reports.
pub(super) struct Source {
    pub path: PathBuf,
    pub name: String,
}

/// Where the images come from, for messages.
pub(super) fn origin(args: &RateArgs) -> String {
    let folder = args.folder.as_ref();
    let folder = folder.map(|folder| folder.display().to_string());
    let held_out = args.held_out.as_ref();
    let held_out = held_out.map(|file| format!("the images held out by {}", file.display()));
    let origins: Vec<String> = folder.into_iter().chain(held_out).collect();
    origins.join(" and ")
}

/// The images whose sides have at least `needed_px`, and the others.
pub(super) fn usable(
    args: &RateArgs,
    needed_px: usize,
) -> anyhow::Result<(Vec<Source>, Vec<LeftOut>)> {
    let mut all = match &args.folder {
        Some(folder) => of_folder(folder)?,
        None => Vec::new(),
    };
    if let Some(config) = &args.held_out {
        let files = held_out_files(&Config::load(config)?)?;
        all.extend(files.into_iter().map(|path| Source {
            name: image_file::name(&path),
            path,
        }));
    }
    let (mut sources, mut left_out) = (Vec::new(), Vec::new());
    for source in all {
        match image_file::size(&source.path) {
            Ok((width, height)) if width.min(height) >= needed_px => sources.push(source),
            Ok((width, height)) => left_out.push(LeftOut::TooSmall {
                path: source.path,
                size_px: [width, height],
                needed_px,
            }),
            Err(error @ LoadError::File { .. }) => return Err(error.into()),
            Err(error) => left_out.push(LeftOut::Damaged(error)),
        }
    }
    Ok((sources, left_out))
}

fn of_folder(folder: &Path) -> anyhow::Result<Vec<Source>> {
    ensure!(
        folder.is_dir(),
        "{} is not a folder: name one with the images that the site shows",
        folder.display()
    );
    let files = image_file::list(folder)?.into_iter();
    let sources = files.map(|path| {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        let name = name.to_string_lossy().into_owned();
        Source { path, name }
    });
    Ok(sources.collect())
}
