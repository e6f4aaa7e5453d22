//! The instructions of a pickle.

use super::call::storage;
use super::global;
use super::machine::{Machine, pairs};
use super::value::Value;
use crate::weights::WeightsError;

impl Machine<'_> {
    /// One instruction, by Python's names of them (`pickletools`).
    pub(super) fn step(&mut self, opcode: u8, at: usize) -> Result<(), WeightsError> {
        match opcode {
            // PROTO and FRAME: the version, and lengths of pieces that help to read a stream.
            0x80 => self.input.byte().map(drop),
            0x95 => self.input.array::<8>().map(drop),

            // MARK, POP, POP_MARK, DUP
            b'(' => self.mark(),
            b'0' => self.discard(),
            b'1' => self.pop_to_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.push(top)
            }

            // NONE, NEWTRUE, NEWFALSE
            b'N' => self.skip(),
            0x88 => self.add(Value::Bool(true)),
            0x89 => self.add(Value::Bool(false)),
            // INT, which protocol 1 also uses for truth values, and LONG
            b'I' => {
                let value = match self.input.line()? {
                    "00" => Value::Bool(false),
                    "01" => Value::Bool(true),
                    digits => digits.parse().map_or(Value::Skipped, Value::Int),
                };
                self.add(value)
            }
            b'L' => {
                let digits = self.input.line()?.trim_end_matches('L');
                self.add(digits.parse().map_or(Value::Skipped, Value::Int))
            }
            // BININT, BININT1, BININT2, LONG1, LONG4
            b'J' => {
                let number = i32::from_le_bytes(self.input.array()?);
                self.add(Value::Int(number.into()))
            }
            b'K' => {
                let number = self.input.byte()?;
                self.add(Value::Int(number.into()))
            }
            b'M' => {
                let number = u16::from_le_bytes(self.input.array()?);
                self.add(Value::Int(number.into()))
            }
            0x8a => {
                let bytes = self.input.short()?;
                self.add(integer(bytes))
            }
            0x8b => {
                let bytes = self.input.long()?;
                self.add(integer(bytes))
            }
            // FLOAT, BINFLOAT
            b'F' => {
                self.input.line()?;
                self.skip()
            }
            b'G' => {
                self.input.array::<8>()?;
                self.skip()
            }
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8; SHORT_BINSTRING, BINSTRING (text of Python 2)
            0x8c | b'U' => {
                let bytes = self.input.short()?;
                self.add(text(bytes))
            }
            b'X' | b'T' => {
                let bytes = self.input.long()?;
                self.add(text(bytes))
            }
            0x8d => {
                let bytes = self.input.very_long()?;
                self.add(text(bytes))
            }
            // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
            b'C' => {
                self.input.short()?;
                self.skip()
            }
            b'B' => {
                self.input.long()?;
                self.skip()
            }
            0x8e | 0x96 => {
                self.input.very_long()?;
                self.skip()
            }

            // EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3
            b')' => self.add(Value::Tuple(Vec::new())),
            b't' => {
                let items = self.pop_to_mark()?;
                self.add(Value::Tuple(items))
            }
            0x85..=0x87 => {
                let items = self.pop_some(usize::from(opcode - 0x84))?;
                self.add(Value::Tuple(items))
            }
            // EMPTY_LIST, LIST, APPEND, APPENDS
            b']' => self.add(Value::List(Vec::new())),
            b'l' => {
                let items = self.pop_to_mark()?;
                self.add(Value::List(items))
            }
            b'a' => {
                let item = self.pop_some(1)?;
                self.append(item)
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(items)
            }
            // EMPTY_DICT, DICT, SETITEM, SETITEMS
            b'}' => self.add(Value::Dict(Vec::new())),
            b'd' => {
                let items = self.pop_to_mark()?;
                let pairs = pairs(&items)?;
                self.add(Value::Dict(pairs))
            }
            b's' => {
                let items = self.pop_some(2)?;
                self.set(&items)
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set(&items)
            }
            // EMPTY_SET, ADDITEMS, FROZENSET: tensors are not kept in sets.
            0x8f => self.skip(),
            0x90 => self.pop_to_mark().map(drop),
            0x91 => {
                self.pop_to_mark()?;
                self.skip()
            }

            // BINGET, LONG_BINGET, BINPUT, LONG_BINPUT, MEMOIZE
            b'h' => {
                let place = self.input.byte()?;
                self.recall(place.into())
            }
            b'j' => {
                let place = self.input.count()?;
                self.recall(place)
            }
            b'q' => {
                let place = self.input.byte()?;
                self.remember(place.into())
            }
            b'r' => {
                let place = self.input.count()?;
                self.remember(place)
            }
            0x94 => self.remember_next(),

            // GLOBAL, STACK_GLOBAL
            b'c' => self.global(),
            0x93 => {
                let names = self.pop_some(2)?;
                let (Some(module), Some(name)) =
                    (self.values.text(names[0]), self.values.text(names[1]))
                else {
                    return Err(WeightsError::damaged("the name of a function is no text"));
                };
                self.add(Value::Global(global::find(module, name)?))
            }
            // REDUCE and NEWOBJ call a class or function with a tuple, NEWOBJ_EX with names as well.
            b'R' | 0x81 => {
                let values = self.pop_some(2)?;
                self.call(values[0], values[1])
            }
            0x92 => {
                let values = self.pop_some(3)?;
                self.call(values[0], values[1])
            }
            // INST, OBJ: calls in old pickles.
            b'i' => {
                self.global()?;
                let callee = self.pop()?;
                let arguments = self.pop_to_mark()?;
                let arguments = self.values.add(Value::Tuple(arguments))?;
                self.call(callee, arguments)
            }
            b'o' => {
                let mut values = self.pop_to_mark()?;
                if values.is_empty() {
                    return Err(WeightsError::damaged("a pickle calls no function"));
                }
                let callee = values.remove(0);
                let arguments = self.values.add(Value::Tuple(values))?;
                self.call(callee, arguments)
            }
            // BUILD sets an object's attributes, such as the versions in a state dictionary: skipped.
            b'b' => {
                self.pop()?;
                self.top().map(drop)
            }
            // BINPERSID
            b'Q' => {
                let name = self.pop()?;
                let storage = storage(&self.values, name)?;
                self.add(storage)
            }
            _ => Err(WeightsError::Opcode { opcode, at }),
        }
    }
}

/// A number in two's complement; numbers beyond 64 bits are skipped.
fn integer(bytes: &[u8]) -> Value<'static> {
    if bytes.len() > 8 {
        return Value::Skipped;
    }
    let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
    let mut number = [if negative { 0xff } else { 0 }; 8];
    number[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(number))
}

/// A text; text in another encoding than UTF-8, which names no tensor, is skipped.
fn text(bytes: &[u8]) -> Value<'_> {
    std::str::from_utf8(bytes).map_or(Value::Skipped, Value::Text)
}
