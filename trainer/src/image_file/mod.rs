//! Reading and writing image files.

mod truncated;

use std::ffi::OsStr;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use engine::image::{Channels, Image};
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};
use tempfile::NamedTempFile;

/// The extensions of files that can be read.
pub const EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "webp", "bmp"];

/// Whether a file has an image's extension.
pub fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

/// Every image file in a folder and its subfolders, sorted by path.
///
/// A folder without images is an error.
pub fn list(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read the folder {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_image(&path) {
                images.push(path);
            }
        }
    }
    ensure!(
        !images.is_empty(),
        "there are no images in {}: PNG, JPEG, WebP and BMP files are read",
        folder.display()
    );
    images.sort();
    Ok(images)
}

/// A file's name without its folder.
pub fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// An image file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file itself cannot be read.
    #[error("cannot read {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The content is not an image that can be decoded.
    #[error("cannot decode the image {path}")]
    Content {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        source: ImageError,
    },
    /// The image's data end too early.
    #[error(
        "the image {path} is truncated: its file ends before its data do; copy or download it again"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
    },
}

/// Reads an image, turned as its EXIF data say; 16-bit values become 8-bit, grey stays grey.
pub fn load(path: &Path) -> Result<Image, LoadError> {
    let bytes = std::fs::read(path).map_err(|source| LoadError::File {
        path: path.to_path_buf(),
        source,
    })?;
    if truncated::is_truncated(&bytes) {
        return Err(LoadError::Truncated {
            path: path.to_path_buf(),
        });
    }
    decode(bytes).map_err(|source| match source {
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            LoadError::Truncated {
                path: path.to_path_buf(),
            }
        }
        source => LoadError::Content {
            path: path.to_path_buf(),
            source,
        },
    })
}

/// Width and height of an image as its header gives them, before it is turned as its EXIF data say.
pub fn size(path: &Path) -> Result<(usize, usize), LoadError> {
    let file = |source| LoadError::File {
        path: path.to_path_buf(),
        source,
    };
    let reader = ImageReader::open(path).map_err(file)?;
    let reader = reader.with_guessed_format().map_err(file)?;
    match reader.into_dimensions() {
        Ok((width, height)) => Ok((width as usize, height as usize)),
        Err(source) => Err(LoadError::Content {
            path: path.to_path_buf(),
            source,
        }),
    }
}

/// Limit of a decoded image in bytes, at its file's bit depth: the header of a small file may claim any size.
const MAX_DECODED_BYTES: u64 = 1 << 30;

fn decode(bytes: Vec<u8>) -> Result<Image, ImageError> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    // `ImageReader::decode` would do this, but does not tell the orientation.
    limits.reserve(decoder.total_bytes())?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let color = image.color();
    let (channels, data) = match (color.has_color(), color.has_alpha()) {
        (false, false) => (Channels::Grey, image.into_luma8().into_raw()),
        (false, true) => (Channels::GreyAlpha, image.into_luma_alpha8().into_raw()),
        (true, false) => (Channels::Rgb, image.into_rgb8().into_raw()),
        (true, true) => (Channels::Rgba, image.into_rgba8().into_raw()),
    };
    Image::new(width, height, channels, data)
        .map_err(|error| ImageError::IoError(io::Error::other(error)))
}

/// Writes an image in the format of the path's extension; an existing file is replaced as a whole.
pub fn save(image: &Image, path: &Path) -> anyhow::Result<()> {
    let format = image::ImageFormat::from_path(path).with_context(|| {
        format!(
            "{}: end the name in .png, .jpg, .webp or .bmp",
            path.display()
        )
    })?;
    let fits = |side: usize| u32::try_from(side).context("the image is too large for a file");
    let mut buffer = Cursor::new(Vec::new());
    // JPEG has no alpha.
    let image = match format {
        image::ImageFormat::Jpeg if image.channels == Channels::GreyAlpha => {
            image.to_channels(Channels::Grey)
        }
        image::ImageFormat::Jpeg if image.channels == Channels::Rgba => {
            image.to_channels(Channels::Rgb)
        }
        _ => image.clone(),
    };
    let color = match image.channels {
        Channels::Grey => image::ExtendedColorType::L8,
        Channels::GreyAlpha => image::ExtendedColorType::La8,
        Channels::Rgb => image::ExtendedColorType::Rgb8,
        Channels::Rgba => image::ExtendedColorType::Rgba8,
    };
    let (width, height) = (fits(image.width)?, fits(image.height)?);
    image::write_buffer_with_format(&mut buffer, &image.data, width, height, color, format)
        .with_context(|| format!("cannot encode {}", path.display()))?;
    write_atomically(path, buffer.get_ref())
}

/// Like [`save`]; creates the path's folder if it does not exist.
pub fn save_in_folder(image: &Image, path: &Path) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    }
    save(image, path)
}

/// Writes a file under a temporary name and renames it, so that the path never holds half a file.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> anyhow::Result<()> {
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let mut file = NamedTempFile::new_in(parent.unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        // Temporary files are readable by their owner only; results are ordinary files.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let permissions = std::fs::Permissions::from_mode(0o644);
            file.as_file().set_permissions(permissions)?;
        }
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}: is the disk full?", path.display()))
}

/// Fails if a result would be written over its own input.
pub fn ensure_different(input: &Path, output: &Path) -> anyhow::Result<()> {
    let same = match (input.canonicalize(), output.canonicalize()) {
        (Ok(input), Ok(output)) => input == output,
        _ => false,
    };
    if same {
        bail!(
            "{} would be overwritten by its own result: choose another output",
            input.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_survive_a_round_trip() {
        let folder = tempfile::tempdir().unwrap();
        for channels in [
            Channels::Grey,
            Channels::GreyAlpha,
            Channels::Rgb,
            Channels::Rgba,
        ] {
            let data = (0..5 * 3 * channels.count()).map(|i| i as u8 * 3).collect();
            let image = Image::new(5, 3, channels, data).unwrap();
            let path = folder.path().join("image.png");
            save(&image, &path).unwrap();
            assert_eq!(load(&path).unwrap(), image);
        }
        assert_eq!(list(folder.path()).unwrap().len(), 1);
    }

    #[test]
    fn bad_files_and_empty_folders_are_errors_that_name_them() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            list(folder.path())
                .unwrap_err()
                .to_string()
                .contains("no images")
        );
        let path = folder.path().join("text.png");
        std::fs::write(&path, "not an image").unwrap();
        let error = load(&path).unwrap_err();
        assert!(matches!(error, LoadError::Content { .. }), "{error}");
        assert!(error.to_string().contains("text.png"), "{error}");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(load(&path), Err(LoadError::File { .. })));
    }

    /// A file of a few kilobytes must not allocate gigabytes.
    #[test]
    fn sizes_in_headers_are_limited() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.bmp");
        save(&noise(), &path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        // Width and height.
        for place in [18, 22] {
            bytes[place..place + 4].copy_from_slice(&30_000u32.to_le_bytes());
        }
        let error = decode(bytes).unwrap_err();
        assert!(matches!(error, ImageError::Limits(_)), "{error}");
    }

    /// Noise, which no format compresses well, so that every part of the file is needed.
    fn noise() -> Image {
        let mut state = 1u32;
        let value = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        Image::new(40, 30, Channels::Rgb, (0..40 * 30 * 3).map(value).collect()).unwrap()
    }

    #[test]
    fn truncated_files_are_errors_in_every_format() {
        let folder = tempfile::tempdir().unwrap();
        let lossy = include_bytes!("../../tests/fixtures/lossy.webp");
        for extension in ["jpg", "png", "webp", "bmp", "lossy.webp"] {
            let path = folder.path().join(format!("image.{extension}"));
            match extension {
                "lossy.webp" => std::fs::write(&path, lossy).unwrap(),
                _ => save(&noise(), &path).unwrap(),
            }
            load(&path).unwrap();
            let whole = std::fs::read(&path).unwrap();
            for share in [0.3, 0.6, 0.95] {
                let length = (share * whole.len() as f64) as usize;
                std::fs::write(&path, &whole[..length]).unwrap();
                let error = load(&path).expect_err(extension);
                assert!(
                    error.to_string().contains(extension),
                    "{extension} of {length} bytes: {error}"
                );
            }
        }
    }
}
