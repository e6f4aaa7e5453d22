//! Pictures and files.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use engine::image::{Channels, Image};
use image::{DynamicImage, ImageDecoder, ImageReader};
use tempfile::NamedTempFile;

/// The endings of files that can be read.
pub const ENDINGS: [&str; 5] = ["png", "jpg", "jpeg", "webp", "bmp"];

/// Whether a file's name ends like a picture's.
pub fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
}

/// Every picture in a folder and the folders in it, sorted by path.
///
/// A folder without pictures is an error.
pub fn list(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut pictures = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read the folder {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_picture(&path) {
                pictures.push(path);
            }
        }
    }
    ensure!(
        !pictures.is_empty(),
        "there are no pictures in {}: PNG, JPEG, WebP and BMP files are read",
        folder.display()
    );
    pictures.sort();
    Ok(pictures)
}

/// A file's name without its folder.
pub fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Reads a picture, turned as its EXIF data say; 16-bit values become 8-bit, grey stays grey.
pub fn load(path: &Path) -> anyhow::Result<Image> {
    let decode = || -> anyhow::Result<DynamicImage> {
        let mut decoder = ImageReader::open(path)?
            .with_guessed_format()?
            .into_decoder()?;
        let orientation = decoder.orientation()?;
        let mut image = DynamicImage::from_decoder(decoder)?;
        image.apply_orientation(orientation);
        Ok(image)
    };
    let image = decode().with_context(|| format!("cannot read the picture {}", path.display()))?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    let color = image.color();
    let (channels, data) = match (color.has_color(), color.has_alpha()) {
        (false, false) => (Channels::Grey, image.into_luma8().into_raw()),
        (false, true) => (Channels::GreyAlpha, image.into_luma_alpha8().into_raw()),
        (true, false) => (Channels::Rgb, image.into_rgb8().into_raw()),
        (true, true) => (Channels::Rgba, image.into_rgba8().into_raw()),
    };
    Ok(Image::new(width, height, channels, data)?)
}

/// Writes a picture in the format of the path's ending; what was there before is replaced as a whole.
pub fn save(image: &Image, path: &Path) -> anyhow::Result<()> {
    let format = image::ImageFormat::from_path(path).with_context(|| {
        format!(
            "{}: end the name in .png, .jpg, .webp or .bmp",
            path.display()
        )
    })?;
    let fits = |side: usize| u32::try_from(side).context("the picture is too large for a file");
    let mut buffer = std::io::Cursor::new(Vec::new());
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

/// Writes a file under another name first, so that the real one never holds a half.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> anyhow::Result<()> {
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let mut file = NamedTempFile::new_in(parent.unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        // Temporary files are private; results are like any other file.
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

/// Refuses to write a result over what it is made from.
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
    fn pictures_survive_a_round_trip() {
        let folder = tempfile::tempdir().unwrap();
        for channels in [
            Channels::Grey,
            Channels::GreyAlpha,
            Channels::Rgb,
            Channels::Rgba,
        ] {
            let data = (0..5 * 3 * channels.count()).map(|i| i as u8 * 3).collect();
            let image = Image::new(5, 3, channels, data).unwrap();
            let path = folder.path().join("picture.png");
            save(&image, &path).unwrap();
            assert_eq!(load(&path).unwrap(), image);
        }
        assert_eq!(list(folder.path()).unwrap().len(), 1);
    }

    #[test]
    fn bad_files_and_empty_folders_are_sentences() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            list(folder.path())
                .unwrap_err()
                .to_string()
                .contains("no pictures")
        );
        let path = folder.path().join("text.png");
        std::fs::write(&path, "not a picture").unwrap();
        assert!(load(&path).unwrap_err().to_string().contains("text.png"));
    }
}
