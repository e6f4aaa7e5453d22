//! Small files of `torch.save`, built by hand.

use std::io::{Cursor, Write};

use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipWriter};

/// A pickle under construction.
#[derive(Clone, Default)]
pub struct Pickle(Vec<u8>);

impl Pickle {
    /// Starts a pickle of protocol 2.
    pub fn new() -> Self {
        Self(vec![0x80, 2])
    }

    /// Adds instructions that this writer has no function for.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn text(self, text: &str) -> Self {
        let length = u32::try_from(text.len()).unwrap();
        self.raw(b"X")
            .raw(&length.to_le_bytes())
            .raw(text.as_bytes())
    }

    pub fn int(self, number: i64) -> Self {
        self.raw(&[0x8a, 8]).raw(&number.to_le_bytes())
    }

    pub fn ints(self, numbers: &[i64]) -> Self {
        let marked = self.raw(b"(");
        numbers
            .iter()
            .fold(marked, |pickle, number| pickle.int(*number))
            .raw(b"t")
    }

    pub fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    /// A storage: class, key and count of elements.
    pub fn storage(self, class: &str, key: &str, count: i64) -> Self {
        self.raw(b"(")
            .text("storage")
            .global("torch", class)
            .text(key)
            .text("cpu")
            .int(count)
            .raw(b"tQ")
    }

    /// A tensor in a storage of 16 elements in single precision.
    pub fn tensor(self, key: &str, offset: i64, shape: &[i64], strides: &[i64]) -> Self {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .raw(b"(")
            .storage("FloatStorage", key, 16)
            .int(offset)
            .ints(shape)
            .ints(strides)
            .raw(b"\x89}tR")
    }

    /// Ends the pickle.
    pub fn end(self) -> Vec<u8> {
        self.raw(b".").0
    }
}

/// A pickle of a dictionary with one tensor.
pub fn one_tensor(offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    let pickle = Pickle::new().raw(b"}").text("weight");
    pickle.tensor("0", offset, shape, strides).raw(b"s").end()
}

/// Numbers 0…15 in single precision.
pub fn numbers() -> Vec<u8> {
    (0_u8..16)
        .flat_map(|number| f32::from(number).to_le_bytes())
        .collect()
}

/// An archive of some entries, none of them compressed.
pub fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in entries {
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A file with a zip archive around a pickle, and one storage.
pub fn zipped(pickle: &[u8]) -> Vec<u8> {
    archive(&[
        ("net/data.pkl", pickle),
        ("net/byteorder", b"little"),
        ("net/data/0", &numbers()),
        ("net/version", b"3\n"),
    ])
}

/// The pickles in front of the one that was saved, without a zip archive.
pub fn legacy_start(little_endian: bool) -> Vec<u8> {
    let flag: &[u8] = if little_endian { b"\x88" } else { b"\x89" };
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    let machine = Pickle::new()
        .raw(b"}")
        .text("little_endian")
        .raw(flag)
        .raw(b"s");
    [magic.to_vec(), Pickle::new().int(1001).end(), machine.end()].concat()
}

/// A file without a zip archive, with one storage and its count of elements.
pub fn legacy(pickle: &[u8], count: i64) -> Vec<u8> {
    let keys = Pickle::new().raw(b"]").text("0").raw(b"a").end();
    [
        &legacy_start(true),
        pickle,
        &keys,
        &count.to_le_bytes(),
        &numbers(),
    ]
    .concat()
}
