//! Images of a folder that cannot be used.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use engine::image::Image;

use crate::image_file::LoadError;

/// An image that is left out, and why.
#[derive(Debug)]
pub enum LeftOut {
    /// It cannot be decoded.
    Damaged(LoadError),
    /// It is too small.
    TooSmall {
        /// Its file.
        path: PathBuf,
        /// Width and height in pixels.
        size_px: [usize; 2],
        /// The smallest allowed side.
        needed_px: usize,
    },
}

/// Maximum number of images that a message names.
const NAMED: usize = 20;

impl LeftOut {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::TooSmall { path, .. }
            | Self::Damaged(
                LoadError::File { path, .. }
                | LoadError::Content { path, .. }
                | LoadError::Truncated { path },
            ) => path,
        }
    }

    /// Checks that an image has sides of at least `needed_px`.
    pub fn check_size(path: &Path, image: &Image, needed_px: usize) -> Result<(), Self> {
        let size_px = [image.width, image.height];
        if image.width.min(image.height) >= needed_px {
            return Ok(());
        }
        Err(Self::TooSmall {
            path: path.to_path_buf(),
            size_px,
            needed_px,
        })
    }

    /// Names images that were left out of a folder, on standard error.
    pub fn report(images: &[Self]) {
        for image in images.iter().take(NAMED) {
            eprintln!("left out: {image}");
        }
        if images.len() > NAMED {
            eprintln!("left out: {} more", images.len() - NAMED);
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(error) => {
                write!(f, "{error}")?;
                let mut source = error.source();
                while let Some(error) = source {
                    write!(f, ": {error}")?;
                    source = error.source();
                }
                Ok(())
            }
            Self::TooSmall {
                path,
                size_px: [width, height],
                needed_px,
            } => write!(
                f,
                "{} has {width}×{height} px, where both sides have to be at least {needed_px} px",
                path.display()
            ),
        }
    }
}
