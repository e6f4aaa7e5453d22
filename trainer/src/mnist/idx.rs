//! Reads MNIST's files (<http://yann.lecun.com/exdb/mnist/>, "the IDX file format").

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use flate2::read::GzDecoder;

/// Side of a digit's image in pixels.
pub const SIDE_PX: usize = 28;

/// MNIST's files: 60,000 digits for training and 10,000 for tests, with their labels.
pub const TRAINING_IMAGES: &str = "train-images-idx3-ubyte";
/// See [`TRAINING_IMAGES`].
pub const TRAINING_LABELS: &str = "train-labels-idx1-ubyte";
/// See [`TRAINING_IMAGES`].
pub const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
/// See [`TRAINING_IMAGES`].
pub const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// The largest number of digits that a file may hold: ten times MNIST's.
const MOST: usize = 600_000;

/// The digits' images, 28×28 bytes each, from `<name>` or `<name>.gz` in a folder.
pub fn images(folder: &Path, name: &str) -> anyhow::Result<Vec<Vec<u8>>> {
    let (path, bytes) = read(folder, name)?;
    let images = parse(&bytes, 2051, &[SIDE_PX, SIDE_PX], "images of 28×28 pixels")
        .with_context(|| format!("in {}", path.display()))?;
    Ok(images
        .chunks_exact(SIDE_PX * SIDE_PX)
        .map(<[u8]>::to_vec)
        .collect())
}

/// The digits' labels, 0 to 9, from `<name>` or `<name>.gz` in a folder.
pub fn labels(folder: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let (path, bytes) = read(folder, name)?;
    let within = || format!("in {}", path.display());
    let labels = parse(&bytes, 2049, &[], "labels").with_context(within)?;
    let wrong = labels.iter().find(|label| **label > 9);
    if let Some(label) = wrong {
        return Err(anyhow!("{label} is no digit")).with_context(within);
    }
    Ok(labels.to_vec())
}

fn read(folder: &Path, name: &str) -> anyhow::Result<(PathBuf, Vec<u8>)> {
    let plain = folder.join(name);
    let zipped = folder.join(format!("{name}.gz"));
    let most = (MOST * SIDE_PX * SIDE_PX) as u64 + 16;
    let mut bytes = Vec::new();
    if zipped.is_file() {
        let file = std::fs::File::open(&zipped)
            .with_context(|| format!("cannot read {}", zipped.display()))?;
        GzDecoder::new(file)
            .take(most)
            .read_to_end(&mut bytes)
            .with_context(|| format!("{} is damaged, or not a gzip file", zipped.display()))?;
        return Ok((zipped, bytes));
    }
    if plain.is_file() {
        let file = std::fs::File::open(&plain)?;
        file.take(most)
            .read_to_end(&mut bytes)
            .with_context(|| format!("cannot read {}", plain.display()))?;
        return Ok((plain, bytes));
    }
    bail!(
        "{} holds neither {name} nor {name}.gz: fetch MNIST's four files from \
         https://ossci-datasets.s3.amazonaws.com/mnist/ and name their folder with --data",
        folder.display()
    )
}

/// The bytes after the header, which consists of a magic number, the number of entries, and each side of
/// an entry, four bytes each; `what` names the entries in errors.
fn parse<'a>(
    bytes: &'a [u8],
    magic: usize,
    sides: &[usize],
    what: &str,
) -> anyhow::Result<&'a [u8]> {
    let number = |i: usize| {
        let field = bytes.get(4 * i..4 * i + 4)?;
        Some(u32::from_be_bytes(field.try_into().ok()?) as usize)
    };
    let mut fields = (2..).zip(sides);
    let known = number(0) == Some(magic) && fields.all(|(i, side)| number(i) == Some(*side));
    let Some(count) = number(1).filter(|_| known) else {
        bail!("it is not an IDX file of {what}");
    };
    let size: usize = sides.iter().product();
    let values = &bytes[4 * (2 + sides.len())..];
    ensure!(
        count.checked_mul(size) == Some(values.len()) && count > 0,
        "its header announces {count} {what}, but it holds {}",
        values.len() / size
    );
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(count: u32, images: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [2051, count, 28, 28] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(vec![7; images * SIDE_PX * SIDE_PX]);
        bytes
    }

    #[test]
    fn plain_and_gzipped_files_are_read_and_damage_is_named() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let error = || images(folder.path(), "digits").unwrap_err();
        assert!(error().to_string().contains("--data"));
        let path = folder.path().join("digits");
        for (bytes, word) in [
            (b"hello".to_vec(), "not an IDX file"),
            (file(3, 2), "announces 3"),
            (file(u32::MAX, 1), "announces"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert!(format!("{:#}", error()).contains(word), "{:#}", error());
        }
        std::fs::write(&path, file(2, 2)).unwrap();
        assert_eq!(images(folder.path(), "digits").unwrap().len(), 2);

        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        zip.write_all(&file(3, 3)).unwrap();
        std::fs::write(folder.path().join("digits.gz"), zip.finish().unwrap()).unwrap();
        assert_eq!(images(folder.path(), "digits").unwrap().len(), 3);
    }

    #[test]
    fn labels_are_digits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels");
        let labels = |count: u8, labels: &[u8]| {
            let header = [0, 0, 8, 1, 0, 0, 0, count];
            std::fs::write(&path, [&header[..], labels].concat()).unwrap();
            super::labels(folder.path(), "labels").map_err(|e| format!("{e:#}"))
        };
        assert_eq!(labels(3, &[0, 9, 4]), Ok(vec![0, 9, 4]));
        for (found, words) in [
            (labels(3, &[0, 9]), "announces 3 labels, but it holds 2"),
            (labels(2, &[0, 10]), "10 is no digit"),
            (labels(0, &[]), "announces 0"),
        ] {
            assert!(found.as_ref().unwrap_err().contains(words), "{found:?}");
        }
        std::fs::write(&path, file(1, 1)).unwrap();
        let error = super::labels(folder.path(), "labels").unwrap_err();
        assert!(format!("{error:#}").contains("not an IDX file of labels"));
    }
}
