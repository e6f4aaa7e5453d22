//! An original and its low-resolution image.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use engine::image::{Channels, Image, Rect};

use crate::degrade::Degradation;
use crate::image_file;

/// An original and its low-resolution image.
pub struct Pair {
    /// The file's name.
    pub name: String,
    /// The original, cropped so that the scale divides its sides.
    pub hr: Image,
    /// The network's input.
    pub lr: Image,
    /// Bytes of the input's file, if it was compressed lossily.
    pub bytes: Option<usize>,
}

/// The source of low-resolution images.
#[derive(Clone, Debug, Default)]
pub struct LowResolution {
    /// A folder with low-resolution images made elsewhere.
    pub folder: Option<PathBuf>,
    /// How they are made if there is no such folder.
    pub degradation: Degradation,
    /// Seed of the random strengths, together with the file's name.
    pub seed: u64,
}

impl fmt::Display for LowResolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.folder {
            Some(folder) => write!(f, "the images in {}", image_file::name(folder)),
            None => write!(f, "{}", self.degradation),
        }
    }
}

impl Pair {
    /// Reads an original; `low` is the source of the low-resolution image.
    pub fn load(file: &Path, scale: usize, low: &LowResolution) -> anyhow::Result<Self> {
        Self::from_original(file, image_file::load(file)?, scale, low)
    }

    /// Like [`Self::load`], for an original that has been read from `file`.
    pub fn from_original(
        file: &Path,
        hr: Image,
        scale: usize,
        low: &LowResolution,
    ) -> anyhow::Result<Self> {
        match &low.folder {
            None => Self::from_hr(image_file::name(file), &hr, scale, low),
            Some(folder) => Self::from_files(file, hr, scale, folder),
        }
    }

    /// Crops an original and makes a low-resolution image of it.
    pub fn from_hr(
        name: String,
        hr: &Image,
        scale: usize,
        low: &LowResolution,
    ) -> anyhow::Result<Self> {
        let mut hr = crop_to_multiple(hr, scale)
            .with_context(|| format!("{name} is smaller than the scale"))?;
        if !low.degradation.is_bicubic() {
            // The steps are those of colour images.
            hr = hr.to_channels(Channels::Rgb);
        }
        let (lr, bytes) = low.degradation.apply(&hr, scale, low.seed, &name)?;
        Ok(Self {
            name,
            hr,
            lr,
            bytes,
        })
    }

    fn from_files(file: &Path, hr: Image, scale: usize, folder: &Path) -> anyhow::Result<Self> {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let names = [format!("{stem}x{scale}"), stem.to_string()];
        let extensions = image_file::EXTENSIONS.iter();
        let mut files = extensions.flat_map(|extension| {
            let file = |name: &String| folder.join(format!("{name}.{extension}"));
            names.iter().map(file).collect::<Vec<_>>()
        });
        let Some(found) = files.find(|file| file.is_file()) else {
            bail!(
                "{} has no low-resolution image in {}: neither {}.png nor {}.png, nor one \
                 of another format",
                file.display(),
                folder.display(),
                names[0],
                names[1]
            );
        };
        let lr = image_file::load(&found)?.to_channels(hr.channels);
        let fits = |large: usize, small: usize| large / scale == small;
        ensure!(
            fits(hr.width, lr.width) && fits(hr.height, lr.height),
            "{} is {}×{}, which ×{scale} is not the size of its original, {}×{}",
            found.display(),
            lr.width,
            lr.height,
            hr.width,
            hr.height
        );
        let hr = crop_to_multiple(&hr, scale).context("the image is smaller than the scale")?;
        let name = image_file::name(file);
        Ok(Self {
            name,
            hr,
            lr,
            bytes: None,
        })
    }

    /// The same pair in RGB.
    pub fn into_rgb(self) -> Self {
        let rgb = |image: Image| match image.channels {
            Channels::Rgb => image,
            _ => image.to_channels(Channels::Rgb),
        };
        Self {
            name: self.name,
            hr: rgb(self.hr),
            lr: rgb(self.lr),
            bytes: self.bytes,
        }
    }
}

/// Crops an image at the right and at the bottom so that `multiple` divides its sides; `None` if nothing
/// is left.
pub fn crop_to_multiple(image: &Image, multiple: usize) -> Option<Image> {
    let (width, height) = (
        image.width / multiple * multiple,
        image.height / multiple * multiple,
    );
    (width > 0 && height > 0).then(|| image.crop(Rect::whole(width, height)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(side: usize, value: u8) -> Image {
        Image::new(side, side, Channels::Rgb, vec![value; side * side * 3]).unwrap()
    }

    #[test]
    fn images_made_elsewhere_are_used_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["hr", "lr"] {
            std::fs::create_dir(path(name)).unwrap();
        }
        image_file::save(&flat(25, 100), &path("hr/0001.png")).unwrap();
        let low = LowResolution {
            folder: Some(path("lr")),
            ..Default::default()
        };
        let load = || Pair::load(&path("hr/0001.png"), 2, &low);
        let error = load().err().unwrap().to_string();
        assert!(error.contains("0001x2.png"), "{error}");

        image_file::save(&flat(9, 7), &path("lr/0001.png")).unwrap();
        let error = load().err().unwrap().to_string();
        assert!(error.contains("9×9"), "{error}");

        // DIV2K's names come before plain ones.
        image_file::save(&flat(12, 7), &path("lr/0001x2.png")).unwrap();
        let pair = load().unwrap();
        assert_eq!((pair.hr.width, pair.lr.width, pair.lr.data[0]), (24, 12, 7));
    }
}
