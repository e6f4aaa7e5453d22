//! Constants: weights, and the numbers of which exporters compute shapes.

use std::rc::Rc;

use burn::tensor::{bf16, f16};

use super::error::{Problem, ReadError, operand};
use super::proto::{self, ElementType};

/// Most numbers that constants and rearranged weights may have in all. It is far above what networks have, and
/// bounds the memory that a hostile file can make the reader use.
pub(super) const MAX_VALUES: usize = 1 << 27;

/// Most dimensions of a tensor.
const MAX_RANK: usize = 8;

/// Counts the numbers that are made, and fails before there are too many.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self(MAX_VALUES)
    }

    /// To be called before `values` numbers are allocated.
    pub(super) fn charge(&mut self, values: usize) -> Result<(), Problem> {
        self.0 = self.0.checked_sub(values).ok_or(Problem::TooLarge)?;
        Ok(())
    }

    /// The same for the product of `sides`, which it returns.
    pub(super) fn charge_product(&mut self, sides: &[usize]) -> Result<usize, Problem> {
        let product = product(sides).ok_or(Problem::TooLarge)?;
        self.charge(product)?;
        Ok(product)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Numbers {
    /// Weights are shared with the layers that use them as they are.
    Float(Rc<Vec<f32>>),
    /// Integers and booleans.
    Int(Vec<i64>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) dims: Vec<usize>,
    pub(super) numbers: Numbers,
}

impl Tensor {
    pub(super) fn floats(dims: Vec<usize>, numbers: Vec<f32>) -> Self {
        Self {
            name: String::new(),
            dims,
            numbers: Numbers::Float(Rc::new(numbers)),
        }
    }

    pub(super) fn ints(dims: Vec<usize>, numbers: Vec<i64>) -> Self {
        Self {
            name: String::new(),
            dims,
            numbers: Numbers::Int(numbers),
        }
    }

    /// One integer per entry of a list.
    pub(super) fn list(numbers: Vec<i64>) -> Self {
        Self::ints(vec![numbers.len()], numbers)
    }

    pub(super) fn len(&self) -> usize {
        match &self.numbers {
            Numbers::Float(numbers) => numbers.len(),
            Numbers::Int(numbers) => numbers.len(),
        }
    }

    /// The numbers as floats.
    pub(super) fn to_floats(&self) -> Rc<Vec<f32>> {
        match &self.numbers {
            Numbers::Float(numbers) => numbers.clone(),
            Numbers::Int(numbers) => Rc::new(numbers.iter().map(|n| *n as f32).collect()),
        }
    }

    /// The numbers, which have to be integers.
    pub(super) fn to_ints(&self) -> Result<&[i64], Problem> {
        match &self.numbers {
            Numbers::Int(numbers) => Ok(numbers),
            Numbers::Float(_) => Err(operand!("expects integers, `{}` holds floats", self.name)),
        }
    }

    /// The only number.
    pub(super) fn scalar(&self) -> Result<f32, Problem> {
        match self.to_floats()[..] {
            [number] => Ok(number),
            _ => Err(operand!(
                "expects one number, `{}` has the shape {:?}",
                self.name,
                self.dims
            )),
        }
    }

    /// A tensor whose numbers are taken from this one's.
    pub(super) fn pick(&self, dims: Vec<usize>, from: impl Iterator<Item = usize>) -> Self {
        let name = String::new();
        let numbers = match &self.numbers {
            Numbers::Float(old) => Numbers::Float(Rc::new(from.map(|i| old[i]).collect())),
            Numbers::Int(old) => Numbers::Int(from.map(|i| old[i]).collect()),
        };
        Self {
            name,
            dims,
            numbers,
        }
    }

    /// Reads a tensor of a file. Nothing is allocated that the file does not hold.
    pub(super) fn read(tensor: &proto::Tensor) -> Result<Self, ReadError> {
        const EXTERNAL: i32 = 1;
        if tensor.data_location == EXTERNAL || !tensor.external_data.is_empty() {
            return Err(ReadError::External(tensor.name.clone()));
        }
        let numbers = Held(tensor).numbers()?;
        let mut read = Self {
            name: tensor.name.clone(),
            dims: Vec::new(),
            numbers,
        };
        let sides = tensor.dims.iter().map(|side| usize::try_from(*side).ok());
        let sides: Option<Vec<usize>> = sides.collect();
        let dims = sides.filter(|dims| dims.len() <= MAX_RANK && product(dims) == Some(read.len()));
        read.dims = dims.ok_or_else(|| Held(tensor).misfit(read.len()))?;
        Ok(read)
    }
}

/// Largest product of dimensions, so that calculations with parts of them fit, also in the 32 bits of a page; and the largest one of the others where
/// one is 0, so that loops over the others end.
const MAX_PRODUCT: usize = (isize::MAX as u64 & ((1 << 40) - 1)) as usize;
const MAX_PRODUCT_OF_NONE: usize = 1 << 16;

/// The product of dimensions, if it fits.
pub(super) fn product(dims: &[usize]) -> Option<usize> {
    let sides = dims.iter().map(|side| (*side).max(1));
    let product = sides
        .into_iter()
        .try_fold(1usize, |all, side| all.checked_mul(side))?;
    match dims.contains(&0) {
        true => (product <= MAX_PRODUCT_OF_NONE).then_some(0),
        false => (product <= MAX_PRODUCT).then_some(product),
    }
}

/// Whether a tensor may have so many dimensions.
pub(super) fn check_rank(rank: usize) -> Result<(), Problem> {
    match rank <= MAX_RANK {
        true => Ok(()),
        false => Err(operand!(
            "a tensor has {rank} dimensions, at most {MAX_RANK} are read"
        )),
    }
}

/// A tensor's data, which lies in one of several fields.
struct Held<'a>(&'a proto::Tensor);

impl Held<'_> {
    fn numbers(&self) -> Result<Numbers, ReadError> {
        let Self(tensor) = self;
        let float = |numbers| Ok(Numbers::Float(Rc::new(numbers)));
        let small = |as_int: fn(i32) -> i64| tensor.int32_data.iter().map(|n| as_int(*n)).collect();
        let is_raw = !tensor.raw_data.is_empty();
        let kind = ElementType::try_from(tensor.data_type).unwrap_or(ElementType::Undefined);
        match kind {
            ElementType::Float if is_raw => float(self.raw(f32::from_le_bytes)?),
            ElementType::Float => float(tensor.float_data.clone()),
            ElementType::Double if is_raw => float(self.raw(|b| f64::from_le_bytes(b) as f32)?),
            ElementType::Double => float(tensor.double_data.iter().map(|n| *n as f32).collect()),
            ElementType::Float16 if is_raw => float(self.raw(|b| f16::from_le_bytes(b).to_f32())?),
            ElementType::Float16 => {
                let bits = tensor.int32_data.iter();
                float(
                    bits.map(|bits| f16::from_bits(*bits as u16).to_f32())
                        .collect(),
                )
            }
            ElementType::Bfloat16 if is_raw => {
                float(self.raw(|b| bf16::from_le_bytes(b).to_f32())?)
            }
            ElementType::Bfloat16 => {
                let bits = tensor.int32_data.iter();
                float(
                    bits.map(|bits| bf16::from_bits(*bits as u16).to_f32())
                        .collect(),
                )
            }
            ElementType::Int64 if is_raw => Ok(Numbers::Int(self.raw(i64::from_le_bytes)?)),
            ElementType::Int64 => Ok(Numbers::Int(tensor.int64_data.clone())),
            ElementType::Int32 if is_raw => {
                Ok(Numbers::Int(self.raw(|b| i32::from_le_bytes(b).into())?))
            }
            ElementType::Int8 if is_raw => Ok(Numbers::Int(self.raw(|[b]| (b as i8).into())?)),
            ElementType::Uint8 | ElementType::Bool if is_raw => {
                Ok(Numbers::Int(self.raw(|[b]| b.into())?))
            }
            ElementType::Int32 | ElementType::Int8 | ElementType::Uint8 | ElementType::Bool => {
                Ok(Numbers::Int(small(i64::from)))
            }
            ElementType::Undefined => Err(ReadError::Element {
                name: tensor.name.clone(),
                found: tensor.data_type,
            }),
        }
    }

    fn raw<const BYTES: usize, T>(
        &self,
        number: impl Fn([u8; BYTES]) -> T,
    ) -> Result<Vec<T>, ReadError> {
        let (numbers, rest) = self.0.raw_data.as_chunks();
        match rest.is_empty() {
            true => Ok(numbers.iter().map(|bytes| number(*bytes)).collect()),
            false => Err(self.misfit(self.0.raw_data.len())),
        }
    }

    fn misfit(&self, found: usize) -> ReadError {
        ReadError::TensorSize {
            name: self.0.name.clone(),
            dims: self.0.dims.clone(),
            found,
        }
    }
}
