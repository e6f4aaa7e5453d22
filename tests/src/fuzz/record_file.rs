//! Splits model files into parts and joins them again, so that one part can be damaged while the file stays consistent.

use engine::container::{DESCRIPTION, File, GRAPH};

/// Entry of a parameter in the table of contents.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name of the parameter.
    pub name: String,
    /// Data type.
    pub dtype: String,
    /// Shape.
    pub shape: Vec<u64>,
    /// Start and end of its bytes in the data.
    pub range: [u64; 2],
}

/// The parts of a model file.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// Keys and their texts.
    pub metadata: Vec<(String, String)>,
    /// The parameters.
    pub tensors: Vec<Entry>,
    /// The parameters' bytes.
    pub data: Vec<u8>,
}

impl Parts {
    /// Adds a parameter of type F32.
    pub fn push(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let start = self.data.len() as u64;
        self.data
            .extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self.tensors.push(Entry {
            name: name.into(),
            dtype: "F32".into(),
            shape: shape.iter().map(|side| *side as u64).collect(),
            range: [start, self.data.len() as u64],
        });
    }

    /// Splits a valid file; all parameters become F32. `None` if the file is not valid.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let file = File::open(bytes).ok()?;
        let mut parts = Self::default();
        let description = file.description().ok()?.to_string();
        parts.metadata.push((DESCRIPTION.into(), description));
        for scale in file.scales() {
            let key = format!("{GRAPH}{scale}");
            let text = text_after(bytes, &key)?;
            parts.metadata.push((key, text));
        }
        for tensor in file.parameters().ok()? {
            parts.push(&tensor.name, &tensor.shape, &tensor.values);
        }
        Some(parts)
    }

    /// Joins the parts to a file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut contents = Vec::new();
        head(&mut contents, MAP, 2);
        text(&mut contents, "metadata");
        head(&mut contents, MAP, self.metadata.len() as u64);
        for (key, value) in &self.metadata {
            text(&mut contents, key);
            text(&mut contents, value);
        }
        text(&mut contents, "tensors");
        head(&mut contents, MAP, self.tensors.len() as u64);
        for tensor in &self.tensors {
            text(&mut contents, &tensor.name);
            head(&mut contents, MAP, 3);
            text(&mut contents, "dtype");
            text(&mut contents, &tensor.dtype);
            text(&mut contents, "shape");
            numbers(&mut contents, &tensor.shape);
            text(&mut contents, "data_offsets");
            numbers(&mut contents, &tensor.range);
        }
        let mut file = b"NRUB\x01\x00".to_vec();
        file.extend((contents.len() as u32).to_le_bytes());
        file.extend(contents);
        file.resize(file.len().next_multiple_of(256), 0);
        file.extend(&self.data);
        file
    }
}

// Major types of CBOR (RFC 8949, section 3.1).
const UNSIGNED: u8 = 0;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;

fn head(to: &mut Vec<u8>, major: u8, number: u64) {
    let major = major << 5;
    match number {
        0..24 => to.push(major | number as u8),
        24..0x100 => to.extend([major | 24, number as u8]),
        0x100..0x1_0000 => {
            to.push(major | 25);
            to.extend((number as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            to.push(major | 26);
            to.extend((number as u32).to_be_bytes());
        }
        _ => {
            to.push(major | 27);
            to.extend(number.to_be_bytes());
        }
    }
}

fn text(to: &mut Vec<u8>, text: &str) {
    head(to, TEXT, text.len() as u64);
    to.extend(text.as_bytes());
}

fn numbers(to: &mut Vec<u8>, numbers: &[u64]) {
    head(to, ARRAY, numbers.len() as u64);
    for number in numbers {
        head(to, UNSIGNED, *number);
    }
}

fn text_after(bytes: &[u8], key: &str) -> Option<String> {
    let mut encoded = Vec::new();
    text(&mut encoded, key);
    let at = bytes
        .windows(encoded.len())
        .position(|window| window == encoded)?;
    let rest = &bytes[at + encoded.len()..];
    let (length, rest) = match *rest.first()? {
        short @ 0x60..0x78 => (usize::from(short - 0x60), &rest[1..]),
        0x78 => (usize::from(*rest.get(1)?), &rest[2..]),
        0x79 => {
            let length = u16::from_be_bytes(*rest.get(1..)?.first_chunk()?);
            (usize::from(length), &rest[3..])
        }
        0x7a => {
            let length = u32::from_be_bytes(*rest.get(1..)?.first_chunk()?);
            (length as usize, &rest[5..])
        }
        _ => return None,
    };
    String::from_utf8(rest.get(..length)?.to_vec()).ok()
}
