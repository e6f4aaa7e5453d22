//! The stack machine.

use super::call::call;
use super::global;
use super::input::Input;
use super::value::{Id, Value, Values, check};
use crate::weights::WeightsError;

/// A pickle that has been read.
pub(in crate::weights) struct Pickle<'a> {
    pub values: Values<'a>,
    /// The value that was saved.
    pub root: Id,
    /// Length of the pickle in bytes.
    pub length: usize,
}

/// Reads the pickle at the beginning of some bytes.
pub(in crate::weights) fn read(bytes: &[u8]) -> Result<Pickle<'_>, WeightsError> {
    let mut machine = Machine {
        input: Input::new(bytes),
        values: Values::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
    };
    let root = machine.run()?;
    Ok(Pickle {
        values: machine.values,
        root,
        length: machine.input.at(),
    })
}

pub(super) struct Machine<'a> {
    pub(super) input: Input<'a>,
    pub(super) values: Values<'a>,
    stack: Vec<Id>,
    /// Heights of the stack at which lists of arguments begin.
    marks: Vec<usize>,
    /// Values that may be named again, by the number that the pickle gives them.
    memo: Vec<Option<Id>>,
}

impl<'a> Machine<'a> {
    /// Runs until the instruction that stops, and returns the topmost value.
    fn run(&mut self) -> Result<Id, WeightsError> {
        loop {
            let at = self.input.at();
            match self.input.byte()? {
                b'.' => return self.pop(),
                opcode => self.step(opcode, at)?,
            }
        }
    }

    pub(super) fn add(&mut self, value: Value<'a>) -> Result<(), WeightsError> {
        let id = self.values.add(value)?;
        self.push(id)
    }

    /// Pushes a value that no tensor needs.
    pub(super) fn skip(&mut self) -> Result<(), WeightsError> {
        self.push(Values::SKIPPED)
    }

    /// Begins a list of arguments.
    pub(super) fn mark(&mut self) -> Result<(), WeightsError> {
        check(self.marks.len())?;
        self.marks.push(self.stack.len());
        Ok(())
    }

    /// Removes the topmost value, or the mark if nothing lies on it.
    pub(super) fn discard(&mut self) -> Result<(), WeightsError> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    pub(super) fn push(&mut self, id: Id) -> Result<(), WeightsError> {
        check(self.stack.len())?;
        self.stack.push(id);
        Ok(())
    }

    /// Where the values begin that the present instruction may take.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn top(&self) -> Result<Id, WeightsError> {
        match self.stack.last() {
            Some(id) if self.stack.len() > self.floor() => Ok(*id),
            _ => Err(missing()),
        }
    }

    pub(super) fn pop(&mut self) -> Result<Id, WeightsError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// The topmost values, the lowest one first.
    pub(super) fn pop_some(&mut self, count: usize) -> Result<Vec<Id>, WeightsError> {
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= self.floor() => Ok(self.stack.drain(start..).collect()),
            _ => Err(missing()),
        }
    }

    /// The values above the topmost mark, the lowest one first.
    pub(super) fn pop_to_mark(&mut self) -> Result<Vec<Id>, WeightsError> {
        let start = self.marks.pop().ok_or_else(missing)?;
        Ok(self.stack.drain(start..).collect())
    }

    pub(super) fn append(&mut self, mut items: Vec<Id>) -> Result<(), WeightsError> {
        let list = self.top()?;
        match self.values.get_mut(list) {
            Value::List(list) => list.append(&mut items),
            Value::Skipped => {}
            _ => {
                return Err(WeightsError::damaged(
                    "items are added to a value that is no list",
                ));
            }
        }
        Ok(())
    }

    pub(super) fn set(&mut self, items: &[Id]) -> Result<(), WeightsError> {
        let dict = self.top()?;
        match self.values.get_mut(dict) {
            Value::Dict(present) => present.append(&mut pairs(items)?),
            Value::Skipped => {}
            _ => {
                return Err(WeightsError::damaged(
                    "entries are added to a value that is no dictionary",
                ));
            }
        }
        Ok(())
    }

    pub(super) fn recall(&mut self, place: u32) -> Result<(), WeightsError> {
        match self.memo.get(place as usize) {
            Some(Some(id)) => self.push(*id),
            _ => Err(WeightsError::damaged(
                "a pickle refers to a value that it did not keep",
            )),
        }
    }

    pub(super) fn remember(&mut self, place: u32) -> Result<(), WeightsError> {
        let place = place as usize;
        check(place)?;
        let top = self.top()?;
        // Picklers count their values, hence the memo has few gaps.
        if place >= self.memo.len() {
            self.memo.resize(place + 1, None);
        }
        self.memo[place] = Some(top);
        Ok(())
    }

    /// Keeps the topmost value at the next free place of the memo.
    pub(super) fn remember_next(&mut self) -> Result<(), WeightsError> {
        // The memo has at most LIMIT places, which fit in 32 bits.
        self.remember(self.memo.len() as u32)
    }

    pub(super) fn global(&mut self) -> Result<(), WeightsError> {
        let module = self.input.line()?;
        let name = self.input.line()?;
        self.add(Value::Global(global::find(module, name)?))
    }

    pub(super) fn call(&mut self, callee: Id, arguments: Id) -> Result<(), WeightsError> {
        let result = call(&mut self.values, callee, arguments)?;
        self.push(result)
    }
}

fn missing() -> WeightsError {
    WeightsError::damaged("an instruction of a pickle lacks its values")
}

/// Pairs of key and value, from a list in which they alternate.
pub(super) fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>, WeightsError> {
    match items.as_chunks() {
        (pairs, []) => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
        _ => Err(WeightsError::damaged(
            "a dictionary has a key without a value",
        )),
    }
}
