//! Detects files that end before their image is complete.
//!
//! The JPEG decoder fills missing parts with grey and reports success. Its strict mode, which the `image` crate does
//! not offer, also refuses intact files with small deviations that every browser accepts. So this module looks for the
//! end of the data itself.

/// Whether the bytes are a JPEG or WebP file that lacks its end. The decoders of the other formats
/// report it themselves.
pub fn is_truncated(bytes: &[u8]) -> bool {
    if bytes.starts_with(&[0xff, SOI]) {
        !jpeg_has_end(bytes)
    } else if bytes.starts_with(b"RIFF") {
        riff_length(bytes).is_none_or(|length| length > bytes.len() as u64)
    } else {
        false
    }
}

fn riff_length(bytes: &[u8]) -> Option<u64> {
    let length = bytes.get(4..8)?.first_chunk()?;
    Some(8 + u64::from(u32::from_le_bytes(*length)))
}

// Markers of ITU-T T.81, table B.1.
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const TEM: u8 = 0x01;
const RST0: u8 = 0xd0;
const RST7: u8 = 0xd7;

/// Follows the segments of a JPEG file to its end marker. A search for the marker's bytes alone would
/// find those of a thumbnail.
fn jpeg_has_end(bytes: &[u8]) -> bool {
    let mut rest = &bytes[2..];
    while let Some(marker) = next_marker(&mut rest) {
        match marker {
            EOI => return true,
            TEM | RST0..=RST7 => {}
            _ => {
                let Some(length) = rest.first_chunk() else {
                    return false;
                };
                let length = usize::from(u16::from_be_bytes(*length));
                let Some(after) = rest.get(length..) else {
                    return false;
                };
                rest = after;
                if marker == SOS {
                    skip_entropy_coded(&mut rest);
                }
            }
        }
    }
    false
}

/// Takes the bytes up to and with the next marker.
fn next_marker(rest: &mut &[u8]) -> Option<u8> {
    let start = rest.iter().position(|byte| *byte == 0xff)?;
    let after = &rest[start..];
    // Any number of 0xff may precede a marker.
    let length = after.iter().position(|byte| *byte != 0xff)?;
    let marker = after[length];
    *rest = &after[length + 1..];
    Some(marker)
}

/// Takes the bytes before the next marker that ends a scan. Within a scan, 0xff is followed by 0 or is
/// a restart marker.
fn skip_entropy_coded(rest: &mut &[u8]) {
    let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff | RST0..=RST7);
    let end = rest.windows(2).position(ends);
    *rest = &rest[end.unwrap_or(rest.len())..];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with a thumbnail in a segment, two scans, fill bytes, and bytes behind the end.
    fn jpeg() -> Vec<u8> {
        let mut bytes = vec![0xff, SOI];
        bytes.extend([0xff, 0xe1, 0, 8, 0xff, SOI, 1, 2, 0xff, EOI]);
        for _ in 0..2 {
            bytes.extend([0xff, 0xff, SOS, 0, 4, 9, 9]);
            bytes.extend([1, 0xff, 0, 2, 0xff, RST0, 3, 0xff, RST7, 4]);
        }
        bytes.extend([0xff, EOI]);
        bytes
    }

    #[test]
    fn a_jpeg_without_its_end_is_truncated_wherever_it_ends() {
        let whole = jpeg();
        assert!(!is_truncated(&whole));
        for length in 2..whole.len() {
            assert!(is_truncated(&whole[..length]), "{length}");
        }
        let mut zeroed = whole.clone();
        let half = whole.len() / 2;
        zeroed[half..].fill(0);
        assert!(is_truncated(&zeroed), "a download that was never finished");
        let longer = [&whole[..], &[1, 2, 3]].concat();
        assert!(!is_truncated(&longer), "bytes behind the end are allowed");
    }

    #[test]
    fn a_riff_file_is_as_long_as_it_says() {
        let whole = b"RIFF\x08\0\0\0WEBPVP8 ";
        assert!(!is_truncated(whole));
        assert!(is_truncated(&whole[..15]));
        assert!(is_truncated(&whole[..5]));
        assert!(!is_truncated(b""));
    }
}
