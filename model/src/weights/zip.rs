//! Zip archives without compression: `torch.save` compresses nothing.
//!
//! The crate `zip` would read them too, but it adds 50 KB (gzip) to a page, and this file 2 KB.

use super::WeightsError;
use super::error::quoted;

/// An entry of an archive.
pub(super) struct Entry<'a> {
    /// The path, usually in UTF-8.
    pub name: &'a [u8],
    /// Bits for encryption and others.
    flags: u16,
    /// How the bytes are compressed; 0 is not at all.
    method: u16,
    compressed_bytes: u64,
    bytes: u64,
    /// Where the entry's own header begins.
    header: u64,
}

/// Size of the record at the end, without its comment.
const END_BYTES: usize = 22;
/// Size of an entry in the table of contents, without its name.
const ENTRY_BYTES: usize = 46;
/// Size of the header in front of an entry's bytes, without its name.
const HEADER_BYTES: usize = 30;
/// Stands for numbers that are too large for 32 bits, and are stored elsewhere in 64 bits.
const ELSEWHERE: u32 = u32::MAX;

/// The entries that the table of contents at the end of an archive lists.
pub(super) fn entries(file: &[u8]) -> Result<Vec<Entry<'_>>, WeightsError> {
    let end = end(file).ok_or_else(truncated)?;
    let table = table(file, end)
        .ok_or_else(|| WeightsError::damaged("the zip archive has no table of contents"))?;
    let mut rest = table;
    let mut entries = Vec::new();
    // The table's own length counts, and not the number of entries, which may be too large for its field.
    while !rest.is_empty() {
        let damaged =
            || WeightsError::damaged("the table of contents of the zip archive is broken");
        let (entry, behind) = entry(rest).ok_or_else(damaged)?;
        entries.push(entry);
        rest = behind;
    }
    Ok(entries)
}

impl Entry<'_> {
    /// The entry's bytes, which are a part of the file. Entries may overlap.
    pub(super) fn bytes<'a>(&self, file: &'a [u8]) -> Result<&'a [u8], WeightsError> {
        const ENCRYPTED: u16 = 1;
        if self.method != 0 || self.flags & ENCRYPTED != 0 {
            return Err(WeightsError::Compressed {
                entry: quoted(&String::from_utf8_lossy(self.name)),
            });
        }
        if self.compressed_bytes != self.bytes {
            return Err(WeightsError::damaged(
                "an entry of the zip archive has two sizes",
            ));
        }
        let header = from(file, self.header).filter(|header| header.starts_with(b"PK\x03\x04"));
        let header = header.ok_or_else(truncated)?;
        let name_bytes = u16_at(header, 26).ok_or_else(truncated)?;
        let extra_bytes = u16_at(header, 28).ok_or_else(truncated)?;
        let start = HEADER_BYTES + usize::from(name_bytes) + usize::from(extra_bytes);
        let length = usize::try_from(self.bytes).map_err(|_| truncated())?;
        let content = header
            .get(start..)
            .and_then(|content| content.get(..length));
        content.ok_or_else(truncated)
    }
}

/// Where the record begins that ends an archive. A comment of up to 64 KiB may follow it.
fn end(file: &[u8]) -> Option<usize> {
    let last = file.len().checked_sub(END_BYTES)?;
    let first = last.saturating_sub(u16::MAX.into());
    (first..=last).rev().find(|at| {
        let record = &file[*at..];
        let comment_bytes = u16_at(record, 20).map(usize::from);
        record.starts_with(b"PK\x05\x06") && comment_bytes == Some(record.len() - END_BYTES)
    })
}

/// The table of contents.
fn table(file: &[u8], end: usize) -> Option<&[u8]> {
    let record = file.get(end..)?;
    let mut length = u32_at(record, 12)?.into();
    let mut start = u32_at(record, 16)?.into();
    if u32_at(record, 12) == Some(ELSEWHERE) || u32_at(record, 16) == Some(ELSEWHERE) {
        // Large archives have a second record, and in front of the first one a reference to it.
        const REFERENCE_BYTES: usize = 20;
        let reference = file.get(end.checked_sub(REFERENCE_BYTES)?..end)?;
        let large = from(file, u64_at(reference.strip_prefix(b"PK\x06\x07")?, 4)?)?;
        let fields = large.strip_prefix(b"PK\x06\x06")?;
        length = u64_at(fields, 36)?;
        start = u64_at(fields, 44)?;
    }
    from(file, start)?.get(..usize::try_from(length).ok()?)
}

/// The first entry of a table of contents, and the table behind it.
fn entry(table: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    if !table.starts_with(b"PK\x01\x02") {
        return None;
    }
    let (fields, rest) = table.split_at_checked(ENTRY_BYTES)?;
    let (name, rest) = rest.split_at_checked(u16_at(fields, 28)?.into())?;
    let (extra, rest) = rest.split_at_checked(u16_at(fields, 30)?.into())?;
    let (_comment, rest) = rest.split_at_checked(u16_at(fields, 32)?.into())?;
    // Only numbers that are too large for their fields are among the extra ones, in this order.
    let mut large = large_numbers(extra);
    let mut number = |field: u32| {
        if field != ELSEWHERE {
            return Some(u64::from(field));
        }
        let (number, behind) = large.split_first_chunk()?;
        large = behind;
        Some(u64::from_le_bytes(*number))
    };
    let entry = Entry {
        name,
        flags: u16_at(fields, 8)?,
        method: u16_at(fields, 10)?,
        bytes: number(u32_at(fields, 24)?)?,
        compressed_bytes: number(u32_at(fields, 20)?)?,
        header: number(u32_at(fields, 42)?)?,
    };
    Some((entry, rest))
}

/// The numbers in 64 bits among the extra fields of an entry; empty if there are none.
fn large_numbers(mut extra: &[u8]) -> &[u8] {
    const LARGE_NUMBERS: u16 = 1;
    while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some((content, rest)) = extra[4..].split_at_checked(length.into()) else {
            break;
        };
        if id == LARGE_NUMBERS {
            return content;
        }
        extra = rest;
    }
    &[]
}

/// The file from a place on.
fn from(file: &[u8], place: u64) -> Option<&[u8]> {
    file.get(usize::try_from(place).ok()?..)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

fn truncated() -> WeightsError {
    WeightsError::Truncated {
        part: "the zip archive",
    }
}
