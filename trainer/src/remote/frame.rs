//! A frame: a JSON header and a payload of bytes, with both lengths in front.
//!
//! ```text
//! u32 length of the header · u64 length of the payload · header · payload
//! ```
//!
//! Numbers are little-endian.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

const LENGTHS: usize = 4 + 8;

/// The longest frame that a reader accepts.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the header.
    pub header: u32,
    /// Bytes of the payload.
    pub payload: u64,
}

impl Limits {
    /// For a hello, whose sender is not known yet: the longest token and the JSON around it.
    pub const HELLO: Self = Self {
        header: 512,
        payload: 0,
    };

    /// For frames that follow the hello.
    pub const fn payload(bytes: u64) -> Self {
        Self {
            header: 64 << 10,
            payload: bytes,
        }
    }
}

/// A frame that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream ended.
    #[error("the other side has closed the connection")]
    Closed,
    /// Nothing arrived for too long.
    #[error("the other side has not answered in time")]
    TimedOut,
    /// The stream failed in another way.
    #[error("the connection has failed")]
    Io(#[source] io::Error),
    /// A length in front of a frame is over the limit; nothing was allocated for it.
    #[error("a {part} of {found} bytes was announced, where at most {limit} are accepted")]
    TooLong {
        /// `header` or `payload`.
        part: &'static str,
        /// The length announced.
        found: u64,
        /// The longest that is accepted.
        limit: u64,
    },
    /// The header is not a message that this version knows.
    #[error("a message was not understood: are both sides `trainer` of the same version?")]
    Header(#[source] serde_json::Error),
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::UnexpectedEof
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe => Self::Closed,
            // A socket's time-out is one or the other, depending on the system.
            Kind::TimedOut | Kind::WouldBlock => Self::TimedOut,
            _ => Self::Io(error),
        }
    }
}

/// Writes a frame.
pub fn write(
    stream: &mut impl Write,
    header: &impl Serialize,
    payload: &[u8],
) -> Result<(), FrameError> {
    let header = serde_json::to_vec(header).map_err(FrameError::Header)?;
    let mut start = Vec::with_capacity(LENGTHS + header.len());
    start.extend((header.len() as u32).to_le_bytes());
    start.extend((payload.len() as u64).to_le_bytes());
    start.extend(header);
    stream.write_all(&start)?;
    stream.write_all(payload)?;
    Ok(stream.flush()?)
}

/// Reads a frame. Both lengths are checked before anything is allocated.
pub fn read<H: DeserializeOwned>(
    stream: &mut impl Read,
    limits: Limits,
) -> Result<(H, Vec<u8>), FrameError> {
    let mut header = [0; 4];
    let mut payload = [0; 8];
    stream.read_exact(&mut header)?;
    stream.read_exact(&mut payload)?;
    let header = u64::from(u32::from_le_bytes(header));
    let payload = u64::from_le_bytes(payload);
    for (part, found, limit) in [
        ("header", header, u64::from(limits.header)),
        ("payload", payload, limits.payload),
    ] {
        if found > limit {
            return Err(FrameError::TooLong { part, found, limit });
        }
    }
    let header = bytes(stream, header)?;
    let payload = bytes(stream, payload)?;
    let header = serde_json::from_slice(&header).map_err(FrameError::Header)?;
    Ok((header, payload))
}

/// Allocates memory as the bytes arrive, so that a frame that is announced but never sent takes none.
fn bytes(stream: &mut impl Read, length: u64) -> Result<Vec<u8>, FrameError> {
    let mut bytes = Vec::new();
    stream.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Err(FrameError::Closed);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        header: 16,
        payload: 8,
    };

    fn frame(header: &str, payload: &[u8]) -> Vec<u8> {
        let mut bytes = (header.len() as u32).to_le_bytes().to_vec();
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(payload);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<(u32, Vec<u8>), FrameError> {
        super::read(&mut &*bytes, LIMITS)
    }

    #[test]
    fn a_frame_survives_a_round_trip() {
        let mut bytes = Vec::new();
        write(&mut bytes, &7, &[1, 2, 3]).unwrap();
        assert_eq!(bytes, frame("7", &[1, 2, 3]));
        assert_eq!(read(&bytes).unwrap(), (7, vec![1, 2, 3]));
        assert_eq!(read(&frame("7", &[])).unwrap(), (7, Vec::new()));
    }

    #[test]
    fn lengths_over_the_limit_are_refused_before_the_bytes_are_read() {
        for (header, payload, expected) in [
            (17, 0, ("header", 17, 16)),
            (u32::MAX, 0, ("header", u64::from(u32::MAX), 16)),
            (1, 9, ("payload", 9, 8)),
            (1, u64::MAX, ("payload", u64::MAX, 8)),
        ] {
            let mut bytes = header.to_le_bytes().to_vec();
            bytes.extend(payload.to_le_bytes());
            let Err(FrameError::TooLong { part, found, limit }) = read(&bytes) else {
                panic!("{header} and {payload} were accepted");
            };
            assert_eq!((part, found, limit), expected);
        }
    }

    #[test]
    fn a_frame_that_ends_early_or_is_no_message_is_an_error() {
        let whole = frame("7", &[1, 2, 3]);
        for length in 0..whole.len() {
            let error = read(&whole[..length]).unwrap_err();
            assert!(matches!(error, FrameError::Closed), "{length}: {error}");
        }
        for header in ["", "GET / HTTP/1.1", "\"7\"", "-7"] {
            let error = read(&frame(header, &[])).unwrap_err();
            assert!(matches!(error, FrameError::Header(_)), "{header}: {error}");
        }
    }
}
