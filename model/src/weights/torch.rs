//! Tensors as views of storages, which both formats of `torch.save` have.

use std::borrow::Cow;
use std::collections::HashMap;

use super::error::quoted;
use super::pickle::{Id, Pickle, Tensor, Value, Values};
use super::{Stored, WeightsError, flatten};

/// Bytes of the storages by their keys.
pub(super) type Storages<'k, 'a> = HashMap<&'k str, &'a [u8]>;

/// The most sides of a tensor: those of a 3-D convolution are five.
const MOST_SIDES: usize = 16;

/// All tensors of a pickle.
///
/// Several tensors may share a storage, and a tensor may repeat the elements of its storage, so that a small file
/// can stand for a lot of numbers. All tensors together may take four times as much memory as the file, and a MiB
/// for small files.
pub(super) fn tensors<'a>(
    pickle: &Pickle,
    storages: &Storages<'_, 'a>,
    file_bytes: usize,
) -> Result<Vec<Stored<'a>>, WeightsError> {
    let most_bytes = file_bytes.saturating_mul(4).saturating_add(1 << 20);
    let mut left = most_bytes;
    flatten::tensors(&pickle.values, pickle.root)?
        .into_iter()
        .map(|(name, tensor)| {
            let view = View::new(&name, tensor, &pickle.values, storages)?;
            left = view
                .bytes()
                .and_then(|bytes| left.checked_sub(bytes))
                .ok_or(WeightsError::TooMany {
                    what: "bytes in tensors that share storages",
                    limit: most_bytes,
                })?;
            Ok(Stored {
                element: tensor.kind.element,
                bytes: view.read(&name)?,
                shape: view.shape,
                name,
            })
        })
        .collect()
}

/// A tensor's elements within a storage.
struct View<'a> {
    /// The storage from the tensor's first element on.
    storage: &'a [u8],
    element_bytes: usize,
    shape: Vec<usize>,
    /// Distances between neighbours along each side, in elements.
    strides: Vec<usize>,
}

impl<'a> View<'a> {
    fn new(
        name: &str,
        tensor: &Tensor,
        values: &Values,
        storages: &Storages<'_, 'a>,
    ) -> Result<Self, WeightsError> {
        let Value::Storage(claim) = values.get(tensor.storage) else {
            return Err(WeightsError::damaged("a tensor has no storage"));
        };
        let Some(storage) = storages.get(claim.key) else {
            return Err(WeightsError::StorageMissing {
                tensor: quoted(name),
                key: quoted(claim.key),
            });
        };
        let shape = sides(values, tensor.shape)?;
        let strides = sides(values, tensor.strides)?;
        if shape.len() != strides.len() {
            return Err(WeightsError::damaged(
                "a tensor has more sides than strides, or fewer",
            ));
        }
        let element_bytes = usize::from(tensor.kind.bytes);
        let part = part(storage, claim.start, Some(claim.count), claim.kind.bytes);
        let rest = part.and_then(|part| self::part(part, tensor.offset, None, tensor.kind.bytes));
        let view = Self {
            storage: rest.unwrap_or_default(),
            element_bytes,
            shape,
            strides,
        };
        // An empty tensor may lie anywhere.
        let fits = view
            .extent()
            .is_some_and(|extent| extent == 0 || (rest.is_some() && extent <= view.storage.len()));
        if fits {
            Ok(view)
        } else {
            Err(WeightsError::TensorTooLarge {
                tensor: quoted(name),
                shape: view.shape,
                bytes: storage.len(),
            })
        }
    }

    /// Size of the elements in bytes, unless that overflows.
    fn bytes(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let sides = self.shape.iter();
        sides
            .copied()
            .try_fold(self.element_bytes, usize::checked_mul)
    }

    /// Bytes from the first element to the end of the last one, unless that overflows.
    fn extent(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let mut last = 0_usize;
        for (side, stride) in self.shape.iter().zip(&self.strides) {
            last = last.checked_add((side - 1).checked_mul(*stride)?)?;
        }
        last.checked_add(1)?.checked_mul(self.element_bytes)
    }

    /// Whether the elements lie row by row without gaps.
    fn is_contiguous(&self) -> bool {
        let mut expected = Some(1_usize);
        self.shape
            .iter()
            .zip(&self.strides)
            .rev()
            .all(|(side, stride)| {
                let follows = *side == 1 || expected == Some(*stride);
                expected = expected.and_then(|expected| expected.checked_mul(*side));
                follows
            })
    }

    /// The elements row by row: borrowed if they are stored in that way, and else gathered.
    fn read(&self, name: &str) -> Result<Cow<'a, [u8]>, WeightsError> {
        // Both are known to be within the storage; an error is better than a panic if that is ever wrong.
        let outside = || WeightsError::TensorTooLarge {
            tensor: quoted(name),
            shape: self.shape.clone(),
            bytes: self.storage.len(),
        };
        let bytes = self.bytes().ok_or_else(outside)?;
        if bytes == 0 || self.is_contiguous() {
            let all = self.storage.get(..bytes).ok_or_else(outside)?;
            return Ok(Cow::Borrowed(all));
        }
        let mut gathered = Vec::new();
        let allocated = gathered.try_reserve_exact(bytes);
        allocated.map_err(|_| WeightsError::Memory { bytes })?;
        let mut place = vec![0; self.shape.len()];
        let mut element = 0;
        while gathered.len() < bytes {
            let start = element * self.element_bytes;
            let one = self.storage.get(start..start + self.element_bytes);
            gathered.extend_from_slice(one.ok_or_else(outside)?);
            // The last side counts fastest; a side that is through starts again and moves the one before it.
            for ((place, side), stride) in
                place.iter_mut().zip(&self.shape).zip(&self.strides).rev()
            {
                if *place + 1 < *side {
                    *place += 1;
                    element += stride;
                    break;
                }
                element -= *place * stride;
                *place = 0;
            }
        }
        Ok(Cow::Owned(gathered))
    }
}

/// Some elements of a storage, or all from the first one on; none if the storage ends before the first one.
///
/// A count beyond the storage's end stops there, and a tensor that needs more is refused.
fn part(storage: &[u8], first: u64, count: Option<u64>, element_bytes: u8) -> Option<&[u8]> {
    let bytes = |elements: u64| usize::try_from(elements.checked_mul(element_bytes.into())?).ok();
    let rest = storage.get(bytes(first)?..)?;
    let most = count.and_then(bytes).unwrap_or(usize::MAX);
    Some(rest.get(..most).unwrap_or(rest))
}

/// Sides or strides of a tensor.
fn sides(values: &Values, tuple: Id) -> Result<Vec<usize>, WeightsError> {
    let items = values.tuple(tuple).unwrap_or_default();
    if items.len() > MOST_SIDES {
        return Err(WeightsError::TooMany {
            what: "sides of a tensor",
            limit: MOST_SIDES,
        });
    }
    let side = |id: &Id| {
        values
            .count(*id)
            .and_then(|side| usize::try_from(side).ok())
    };
    let sides = items.iter().map(side).collect::<Option<_>>();
    sides.ok_or_else(|| WeightsError::damaged("a tensor has a side or stride that is no size"))
}
