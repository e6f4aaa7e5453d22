//! The bytes of a pickle.

use crate::weights::WeightsError;

/// Bytes, and how many of them have been read.
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next bytes; nothing is allocated for a length that is a lie.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], WeightsError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest
            .get(..count)
            .ok_or(WeightsError::Truncated { part: "a pickle" })?;
        self.at += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WeightsError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn byte(&mut self) -> Result<u8, WeightsError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// A number of four bytes that is not negative: a length or a place in the memo.
    pub(super) fn count(&mut self) -> Result<u32, WeightsError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Bytes behind a length of one byte.
    pub(super) fn short(&mut self) -> Result<&'a [u8], WeightsError> {
        let length = self.byte()?;
        self.take(length.into())
    }

    /// Bytes behind a length of four bytes.
    pub(super) fn long(&mut self) -> Result<&'a [u8], WeightsError> {
        let length = self.count()?;
        // A length that does not fit a 32-bit usize is beyond the end of any file there.
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Bytes behind a length of eight bytes.
    pub(super) fn very_long(&mut self) -> Result<&'a [u8], WeightsError> {
        let length = u64::from_le_bytes(self.array()?);
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Text up to the end of the line.
    pub(super) fn line(&mut self) -> Result<&'a str, WeightsError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or(WeightsError::Truncated { part: "a pickle" })?;
        let line = self.take(length)?;
        self.take(1)?;
        std::str::from_utf8(line).map_err(|_| WeightsError::damaged("a name is not UTF-8"))
    }
}
