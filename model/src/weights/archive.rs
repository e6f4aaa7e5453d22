//! Files of `torch.save` since PyTorch 1.6: a zip archive with one folder of any name.
//!
//! | entry | content |
//! |---|---|
//! | `data.pkl` | the pickle |
//! | `data/KEY` | the bytes of a storage |
//! | `byteorder` | `little` or `big`; missing in older files |
//! | `constants.pkl`, `code/…` | only in TorchScript programs |

use super::torch::{Storages, tensors};
use super::{Stored, WeightsError, pickle, zip};

/// Reads all tensors.
///
/// Entries are borrowed from the file. Since none is compressed, they cannot be larger than the file, and entries
/// that overlap or occur twice take no memory.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Stored<'_>>, WeightsError> {
    let entries = zip::entries(bytes)?;
    let root = entries
        .iter()
        .find_map(|entry| root(entry.name))
        .ok_or(WeightsError::NotTorch)?;
    let mut pickle = None;
    let mut storages = Storages::new();
    for entry in &entries {
        let Some(place) = entry.name.strip_prefix(root) else {
            continue;
        };
        if place == b"constants.pkl" || place.starts_with(b"code/") {
            return Err(WeightsError::TorchScript);
        }
        if place == b"data.pkl" {
            pickle = Some(entry.bytes(bytes)?);
        } else if place == b"byteorder" {
            match entry.bytes(bytes)?.trim_ascii() {
                b"little" => {}
                b"big" => return Err(WeightsError::BigEndian),
                _ => {
                    return Err(WeightsError::damaged(
                        "the order of bytes is neither little nor big",
                    ));
                }
            }
        } else if let Some(key) = place.strip_prefix(b"data/")
            && let Ok(key) = std::str::from_utf8(key)
            && !key.is_empty()
        {
            storages.insert(key, entry.bytes(bytes)?);
        }
    }
    let pickle = pickle::read(pickle.ok_or(WeightsError::NotTorch)?)?;
    tensors(&pickle, &storages, bytes.len())
}

/// The folder with its slash, if this is the path of the pickle within it.
fn root(path: &[u8]) -> Option<&[u8]> {
    let root = path.strip_suffix(b"data.pkl")?;
    let folder = root.strip_suffix(b"/")?;
    (!folder.contains(&b'/')).then_some(root)
}
