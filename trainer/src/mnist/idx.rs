//! The files that MNIST comes in (<http://yann.lecun.com/exdb/mnist/>, "the IDX file format").

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use flate2::read::GzDecoder;

/// Sides of a digit's picture in pixels.
pub const SIDE_PX: usize = 28;

/// Most digits that a file may hold: ten times MNIST's.
const MOST: usize = 600_000;

/// The digits' pictures, 28×28 bytes each, from `<name>` or `<name>.gz` in a folder.
pub fn images(folder: &Path, name: &str) -> anyhow::Result<Vec<Vec<u8>>> {
    let (path, bytes) = read(folder, name)?;
    let pictures = parse(&bytes).with_context(|| format!("in {}", path.display()))?;
    Ok(pictures
        .chunks_exact(SIDE_PX * SIDE_PX)
        .map(<[u8]>::to_vec)
        .collect())
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

/// The bytes behind the header: magic number 2051, count, rows, columns, each in four bytes.
fn parse(bytes: &[u8]) -> anyhow::Result<&[u8]> {
    let number = |i: usize| {
        let field = bytes.get(4 * i..4 * i + 4)?;
        Some(u32::from_be_bytes(field.try_into().ok()?) as usize)
    };
    let header = [0, 1, 2, 3].map(number);
    let [Some(2051), Some(count), Some(SIDE_PX), Some(SIDE_PX)] = header else {
        bail!("this is no IDX file of pictures of 28×28 pixels");
    };
    let expected = count.checked_mul(SIDE_PX * SIDE_PX);
    let pixels = &bytes[16..];
    ensure!(
        Some(pixels.len()) == expected && count > 0,
        "it promises {count} pictures, but holds {}",
        pixels.len() / (SIDE_PX * SIDE_PX)
    );
    Ok(pixels)
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
}
