//! Bounds the memory that a file takes, before it is decoded.

use prost::encoding::decode_varint;

/// Most fields of a file's messages, arrays of numbers aside. An empty message takes two bytes in a file and a hundred
/// times as many in memory.
const MAX_FIELDS: usize = 1 << 20;

/// A message's fields that are messages themselves, by their numbers.
struct Kind(&'static [(u64, &'static Kind)]);

static LEAF: Kind = Kind(&[]);
static TENSOR: Kind = Kind(&[(13, &LEAF)]);
static ATTRIBUTE: Kind = Kind(&[(5, &TENSOR)]);
static NODE: Kind = Kind(&[(5, &ATTRIBUTE)]);
static SHAPE: Kind = Kind(&[(1, &LEAF)]);
static VALUE: Kind = Kind(&[(2, &Kind(&[(1, &Kind(&[(2, &SHAPE)]))]))]);
static GRAPH: Kind = Kind(&[(1, &NODE), (5, &TENSOR), (11, &VALUE), (12, &VALUE)]);
static MODEL: Kind = Kind(&[(7, &GRAPH), (8, &LEAF), (14, &LEAF)]);

/// Fails if a file has so many messages and fields that it would take far more memory than its own length.
pub(super) fn check_fields(bytes: &[u8]) -> Result<(), &'static str> {
    count(bytes, &MODEL, &mut 0)
}

fn count(mut bytes: &[u8], kind: &Kind, total: &mut usize) -> Result<(), &'static str> {
    const CUT: &str = "it ends within a field";
    while !bytes.is_empty() {
        *total += 1;
        if *total > MAX_FIELDS {
            return Err("it has too many fields");
        }
        let key = decode_varint(&mut bytes).map_err(|_| CUT)?;
        let length = match key & 7 {
            0 => {
                decode_varint(&mut bytes).map_err(|_| CUT)?;
                continue;
            }
            1 => 8,
            2 => decode_varint(&mut bytes).map_err(|_| CUT)?,
            5 => 4,
            _ => return Err("it has a field of an unknown kind"),
        };
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= bytes.len());
        let (field, rest) = bytes.split_at(length.ok_or(CUT)?);
        let inner = kind.0.iter().find(|(number, _)| *number == key >> 3);
        if let Some((_, inner)) = inner
            && key & 7 == 2
        {
            count(field, inner, total)?;
        }
        bytes = rest;
    }
    Ok(())
}
