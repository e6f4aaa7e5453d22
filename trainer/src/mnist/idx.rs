//! The files that MNIST comes in (<http://yann.lecun.com/exdb/mnist/>, "the IDX file format").

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use flate2::read::GzDecoder;

/// Sides of a digit's picture in pixels.
pub const SIDE_PX: usize = 28;

/// MNIST's files: 60,000 digits to train on, 10,000 to test with, and what each of them is.
pub const TRAINING_IMAGES: &str = "train-images-idx3-ubyte";
/// See [`TRAINING_IMAGES`].
pub const TRAINING_LABELS: &str = "train-labels-idx1-ubyte";
/// See [`TRAINING_IMAGES`].
pub const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
/// See [`TRAINING_IMAGES`].
pub const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// Most digits that a file may hold: ten times MNIST's.
const MOST: usize = 600_000;

/// The digits' pictures, 28×28 bytes each, from `<name>` or `<name>.gz` in a folder.
pub fn images(folder: &Path, name: &str) -> anyhow::Result<Vec<Vec<u8>>> {
    let (path, bytes) = read(folder, name)?;
    let pictures = parse(
        &bytes,
        2051,
        &[SIDE_PX, SIDE_PX],
        "pictures of 28×28 pixels",
    )
    .with_context(|| format!("in {}", path.display()))?;
    Ok(pictures
        .chunks_exact(SIDE_PX * SIDE_PX)
        .map(<[u8]>::to_vec)
        .collect())
}

/// What the digits are, 0 to 9 each, from `<name>` or `<name>.gz` in a folder.
pub fn labels(folder: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let (path, bytes) = read(folder, name)?;
    let within = || format!("in {}", path.display());
    let labels = parse(&bytes, 2049, &[], "labels").with_context(within)?;
    let foreign = labels.iter().find(|label| **label > 9);
    if let Some(label) = foreign {
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
            .with_context(|| format!("{} is no gzip file, or a damaged one", zipped.display()))?;
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

/// The bytes behind the header: a magic number, how many entries there are, and the sides of each, in
/// four bytes each; `what` names the entries.
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
        bail!("this is no IDX file of {what}");
    };
    let size: usize = sides.iter().product();
    let values = &bytes[4 * (2 + sides.len())..];
    ensure!(
        count.checked_mul(size) == Some(values.len()) && count > 0,
        "it promises {count} {what}, but holds {}",
        values.len() / size
    );
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(count: u32, pictures: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [2051, count, 28, 28] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(vec![7; pictures * SIDE_PX * SIDE_PX]);
        bytes
    }

    #[test]
    fn reads_files_plain_or_zipped_and_names_what_is_wrong() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let error = || images(folder.path(), "digits").unwrap_err();
        assert!(error().to_string().contains("--data"));
        let path = folder.path().join("digits");
        for (bytes, word) in [
            (b"hello".to_vec(), "no IDX file"),
            (file(3, 2), "promises 3"),
            (file(u32::MAX, 1), "promises"),
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
            (labels(3, &[0, 9]), "promises 3 labels, but holds 2"),
            (labels(2, &[0, 10]), "10 is no digit"),
            (labels(0, &[]), "promises 0"),
        ] {
            assert!(found.as_ref().unwrap_err().contains(words), "{found:?}");
        }
        std::fs::write(&path, file(1, 1)).unwrap();
        let error = super::labels(folder.path(), "labels").unwrap_err();
        assert!(format!("{error:#}").contains("no IDX file of labels"));
    }
}
