//! Files of `torch.save` before PyTorch 1.6, and since then on request: pickles one behind the other
//! (a magic number, the version, facts about the machine, what was saved, the keys of the storages), then each
//! storage as a count of elements and their bytes.

use std::collections::HashMap;

use super::pickle::{Id, Pickle, Value, read as read_pickle};
use super::torch::{Storages, tensors};
use super::{Stored, WeightsError};

/// 0x1950a86a20f9469cfc6c as pickles since protocol 2 store it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The same number in decimal, as protocol 1 stores it.
const MAGIC_DIGITS: &[u8] = b"L119547037146038801333356L\n";
/// The only version of the format.
const VERSION: i64 = 1001;

/// Whether a file begins with the magic number. In front of it are its length and, depending on the protocol,
/// a version and the length of a frame.
pub(super) fn begins(bytes: &[u8]) -> bool {
    const MOST_IN_FRONT: usize = 16;
    let start = bytes.get(..MOST_IN_FRONT + MAGIC.len()).unwrap_or(bytes);
    bytes.starts_with(MAGIC_DIGITS) || start.windows(MAGIC.len()).any(|part| part == MAGIC)
}

/// Reads all tensors.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Stored<'_>>, WeightsError> {
    let mut rest = bytes;
    next(&mut rest)?;
    let version = next(&mut rest)?;
    if !matches!(version.values.get(version.root), Value::Int(VERSION)) {
        return Err(WeightsError::damaged(
            "the version of its format is not 1001",
        ));
    }
    let machine = next(&mut rest)?;
    if entry(&machine, "little_endian").is_some_and(|little| matches!(little, Value::Bool(false))) {
        return Err(WeightsError::BigEndian);
    }
    let saved = next(&mut rest)?;
    let keys = next(&mut rest)?;
    let storages = storages(&saved, &keys, rest)?;
    tensors(&saved, &storages, bytes.len())
}

/// The pickle in front of the remaining bytes.
fn next<'a>(rest: &mut &'a [u8]) -> Result<Pickle<'a>, WeightsError> {
    let pickle = read_pickle(rest)?;
    *rest = rest.get(pickle.length..).unwrap_or_default();
    Ok(pickle)
}

/// The value of a key in the dictionary that was saved.
fn entry<'p, 'a>(pickle: &'p Pickle<'a>, key: &str) -> Option<&'p Value<'a>> {
    let Value::Dict(pairs) = pickle.values.get(pickle.root) else {
        return None;
    };
    let has_key = |pair: &&(Id, Id)| pickle.values.text(pair.0) == Some(key);
    let (_, value) = pairs.iter().find(has_key)?;
    Some(pickle.values.get(*value))
}

/// The bytes of each storage, in the order of their keys.
fn storages<'a>(
    saved: &Pickle<'a>,
    keys: &Pickle<'a>,
    mut rest: &'a [u8],
) -> Result<Storages<'a, 'a>, WeightsError> {
    const TRUNCATED: WeightsError = WeightsError::Truncated { part: "a storage" };
    let Value::List(keys_in_order) = keys.values.get(keys.root) else {
        return Err(WeightsError::damaged(
            "the keys of the storages are no list",
        ));
    };
    // The size of an element is only told by the pickle that uses the storage.
    let claims = saved.values.storages();
    let element_bytes: HashMap<&str, u8> =
        claims.map(|claim| (claim.key, claim.kind.bytes)).collect();
    let mut storages = Storages::new();
    for key in keys_in_order {
        let key = keys.values.text(*key);
        let size = key.and_then(|key| element_bytes.get(key));
        let (Some(key), Some(element_bytes)) = (key, size) else {
            return Err(WeightsError::damaged(
                "it holds a storage that no tensor uses",
            ));
        };
        let (count, elements) = rest.split_first_chunk().ok_or(TRUNCATED)?;
        let count = usize::try_from(i64::from_le_bytes(*count)).map_err(|_| TRUNCATED)?;
        let bytes = count
            .checked_mul(usize::from(*element_bytes))
            .ok_or(TRUNCATED)?;
        let (storage, behind) = elements.split_at_checked(bytes).ok_or(TRUNCATED)?;
        storages.insert(key, storage);
        rest = behind;
    }
    Ok(storages)
}
