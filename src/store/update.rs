//! Updates: changes of a key that depend on its entry, as data.
//!
//! An update is decided by the actor that owns the entry, so that nobody comes between its read and
//! its write. Being data, it can be compared, logged, sent to another machine and applied again.
//! Each is one command of Redis, which that command's documentation describes in full.

use super::bit_field::{BitField, FieldOperation, FieldOperations, bytes_written_min};
use super::clock::expiry_at;
use super::extended_float::ExtendedFloat;
use super::integer::parse_integer;
use super::outcome::WriteAnswer;
use crate::engine::{Entry, UnixMillis, ValueType};
use crate::expiry::Expiry;
use crate::precondition::Precondition;
use crate::{Error, Result, error};

/// A change of one key that depends on its entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Update {
    /// Adds to the integer that the key holds, zero where the key is absent, and keeps its expiry
    /// (`INCRBY`). Answers the sum.
    Add(i64),
    /// Adds to the number that the key holds, zero where the key is absent, and keeps its expiry
    /// (`INCRBYFLOAT`). Answers the sum as text.
    AddFloat(ExtendedFloat),
    /// Appends to the value, an empty one where the key is absent, and keeps its expiry (`APPEND`).
    /// Answers the length of the new value in bytes.
    Append(Vec<u8>),
    /// Overwrites a part of the value, filled up with zeros as far as needed, and keeps its expiry
    /// (`SETRANGE`). Answers the length of the new value in bytes.
    SetRange {
        /// The distance of the part from the start of the value in bytes.
        offset: usize,
        /// The part's new bytes.
        part: Vec<u8>,
    },
    /// Changes one bit of the value, filled up with zeros as far as needed, and keeps its expiry
    /// (`SETBIT`). Answers the bit before.
    SetBit {
        /// The distance of the bit from the highest bit of the first byte.
        offset: usize,
        /// The new bit.
        bit: bool,
    },
    /// Reads and changes integers within the value, filled up with zeros as far as needed, and
    /// keeps its expiry (`BITFIELD`). Answers a number for each operation, or none where it was not
    /// done.
    OperateFields(FieldOperations),
    /// Sets the value and keeps the expiry (`SET KEEPTTL`). Answers [`WriteAnswer::Done`].
    SetKeepingExpiry(Vec<u8>),
    /// Sets the value if the condition holds (`SET GET`, `GETSET`). Answers the old value, also if
    /// the condition does not hold.
    Swap {
        /// The new value.
        value: Vec<u8>,
        /// The expiry of the new value.
        expiry: NewExpiry,
        /// The condition; without one the value is always set.
        condition: Option<Precondition>,
    },
    /// Removes the key (`GETDEL`). Answers its value.
    Take,
    /// Changes the expiry if its conditions hold (`PEXPIREAT`); a time that has passed removes the
    /// key. Answers a flag, true if the expiry was changed.
    Expire {
        /// The new expiry.
        at: UnixMillis,
        /// The time at which `at` was chosen. `at` has passed if it is no later:
        /// a second reading of a clock that was set back in between would decide otherwise.
        now: UnixMillis,
        /// The conditions on the old expiry.
        conditions: ExpiryConditions,
    },
    /// Removes the expiry (`PERSIST`). Answers a flag, true if there was one.
    Persist,
    /// Sets or removes the expiry (`GETEX`). Answers the value.
    GetAndExpire {
        /// The new expiry; `None` for none.
        expires_at: Option<UnixMillis>,
    },
    /// Calls a function of a test on the thread that applies the update.
    #[cfg(test)]
    Probe(Probe),
}

/// The expiry of a value that replaces another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewExpiry {
    /// The value expires at this time; `None` for never.
    At(Option<UnixMillis>),
    /// The value expires when the old one would have.
    Kept,
}

/// Conditions on the expiry that a key has, all of which must hold for it to be changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ExpiryConditions {
    /// The key has no expiry (`NX`).
    pub(crate) none: bool,
    /// The key has an expiry (`XX`).
    pub(crate) some: bool,
    /// The new expiry is later than the old one (`GT`); none is later than any.
    pub(crate) later: bool,
    /// The new expiry is sooner than the old one (`LT`); any is sooner than none.
    pub(crate) sooner: bool,
}

impl ExpiryConditions {
    fn hold(self, old: Option<UnixMillis>, new: UnixMillis) -> bool {
        !(self.none && old.is_some()
            || self.some && old.is_none()
            || self.later && old.is_none_or(|old| new <= old)
            || self.sooner && old.is_some_and(|old| new >= old))
    }
}

/// The new state of a key that was updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyChange {
    /// The key stays as it is.
    Keep,
    /// The key has a new entry.
    Put {
        /// The value.
        value: Vec<u8>,
        /// The time at which it expires.
        expires_at: Option<UnixMillis>,
        /// The type of the value.
        value_type: ValueType,
    },
    /// The key is removed.
    Remove,
}

impl Update {
    /// Returns true if it may add the key, or to its value.
    pub(super) fn may_add(&self) -> bool {
        match self {
            Self::Add(_)
            | Self::AddFloat(_)
            | Self::Append(_)
            | Self::SetRange { .. }
            | Self::SetBit { .. }
            | Self::OperateFields(_)
            | Self::SetKeepingExpiry(_)
            | Self::Swap { .. } => true,
            Self::Take | Self::Expire { .. } | Self::Persist | Self::GetAndExpire { .. } => false,
            #[cfg(test)]
            Self::Probe(_) => false,
        }
    }

    /// Returns the setting of an expiry, without conditions, given the time of day.
    pub(super) fn expire(expiry: Expiry, now: UnixMillis) -> Self {
        Self::Expire { at: expiry_at(expiry, now), now, conditions: ExpiryConditions::default() }
    }

    /// Returns the bytes of values that the update carries.
    pub(crate) fn argument_bytes(&self) -> usize {
        match self {
            Self::Append(value) | Self::SetKeepingExpiry(value) => value.len(),
            Self::SetRange { part, .. } => part.len(),
            Self::Swap { value, .. } => value.len(),
            Self::OperateFields(operations) => {
                operations.capacity() * size_of::<(BitField, FieldOperation)>()
            }
            _ => 0,
        }
    }

    /// Returns the least bytes of the new value, where the update gives it a length whatever is
    /// stored.
    pub(crate) fn value_bytes_min(&self) -> usize {
        match self {
            Self::SetRange { offset, part } => offset.saturating_add(part.len()),
            Self::SetBit { offset, .. } => offset / 8 + 1,
            Self::OperateFields(operations) => bytes_written_min(operations),
            _ => 0,
        }
    }

    /// Returns true if it looks at the value, which must be a string then; others take a value of
    /// any type.
    pub(crate) fn needs_string(&self) -> bool {
        !matches!(self, Self::SetKeepingExpiry(_) | Self::Expire { .. } | Self::Persist)
    }

    /// Returns the new state of the key and the answer, given its entry unless it is absent or has
    /// expired.
    ///
    /// # Errors
    /// [`Error::NotAnInteger`] and [`Error::IntegerOverflow`] from an [`Add`](Self::Add),
    /// [`Error::NotAFloat`] and [`Error::FloatOverflow`] from an [`AddFloat`](Self::AddFloat).
    pub(crate) fn apply(
        &self,
        key: &[u8],
        entry: Option<Entry>,
    ) -> Result<(KeyChange, WriteAnswer)> {
        Ok(match self {
            Self::Add(amount) => return add(key, *amount, entry),
            Self::AddFloat(amount) => return add_float(key, *amount, entry),
            Self::Append(suffix) => grow(entry, |value| value.extend_from_slice(suffix)),
            Self::SetRange { offset, part } => grow(entry, |value| {
                let end = offset.saturating_add(part.len());
                value.resize(value.len().max(end), 0);
                value.splice(*offset..end, part.iter().copied());
            }),
            Self::SetBit { offset, bit } => set_bit(entry, *offset, *bit),
            Self::OperateFields(operations) => operate_fields(entry, operations),
            Self::SetKeepingExpiry(value) => {
                let expires_at = entry.and_then(|entry| entry.expiry());
                (string(value.clone(), expires_at), WriteAnswer::Done)
            }
            Self::Swap { value, expiry, condition } => {
                swap(value, *expiry, condition.as_ref(), entry)
            }
            Self::Take => (KeyChange::Remove, bytes(entry)),
            Self::Expire { at, now, conditions } => match entry {
                Some(entry) if conditions.hold(entry.expiry(), *at) => {
                    let is_past = at <= now;
                    let change = if is_past { KeyChange::Remove } else { expire(entry, Some(*at)) };
                    (change, WriteAnswer::Flag(true))
                }
                _ => (KeyChange::Keep, WriteAnswer::Flag(false)),
            },
            Self::Persist => match entry {
                Some(entry) if entry.expiry().is_some() => {
                    (expire(entry, None), WriteAnswer::Flag(true))
                }
                _ => (KeyChange::Keep, WriteAnswer::Flag(false)),
            },
            Self::GetAndExpire { expires_at } => match entry {
                Some(entry) if expires_at.is_none() && entry.expires_at.is_none() => {
                    (KeyChange::Keep, bytes(Some(entry)))
                }
                Some(entry) => (expire(entry.clone(), *expires_at), bytes(Some(entry))),
                None => (KeyChange::Keep, bytes(None)),
            },
            #[cfg(test)]
            Self::Probe(probe) => probe.call(entry.as_ref()),
        })
    }
}

fn add(key: &[u8], amount: i64, entry: Option<Entry>) -> Result<(KeyChange, WriteAnswer)> {
    let Some(old) = entry.as_ref().map_or(Some(0), |entry| parse_integer(&entry.value)) else {
        return Err(Error::NotAnInteger { key: error::printable(key) });
    };
    let Some(sum) = old.checked_add(amount) else {
        return Err(Error::IntegerOverflow { key: error::printable(key), amount });
    };
    let expires_at = entry.and_then(|entry| entry.expiry());
    let value = sum.to_string().into_bytes();
    Ok((string(value, expires_at), WriteAnswer::Integer(sum)))
}

fn add_float(
    key: &[u8],
    amount: ExtendedFloat,
    entry: Option<Entry>,
) -> Result<(KeyChange, WriteAnswer)> {
    let old = match &entry {
        None => Some(ExtendedFloat::ZERO),
        Some(entry) => ExtendedFloat::parse(&entry.value),
    };
    let Some(old) = old else {
        return Err(Error::NotAFloat { key: error::printable(key) });
    };
    let sum = old.plus(amount);
    if !sum.is_finite() {
        return Err(Error::FloatOverflow { key: error::printable(key) });
    }
    let expires_at = entry.and_then(|entry| entry.expiry());
    let value = sum.to_string().into_bytes();
    Ok((string(value.clone(), expires_at), WriteAnswer::Bytes(Some(value))))
}

/// Changes a value in place; the answer is its new length.
fn grow(entry: Option<Entry>, change: impl FnOnce(&mut Vec<u8>)) -> (KeyChange, WriteAnswer) {
    let expires_at = entry.as_ref().and_then(|entry| entry.expiry());
    let mut value = entry.map_or_else(Vec::new, |entry| entry.value);
    change(&mut value);
    let length = i64::try_from(value.len()).unwrap_or(i64::MAX);
    (string(value, expires_at), WriteAnswer::Integer(length))
}

fn set_bit(entry: Option<Entry>, offset: usize, bit: bool) -> (KeyChange, WriteAnswer) {
    let (place, mask) = (offset / 8, 0x80_u8 >> (offset % 8));
    let mut before = false;
    let change = change_bits(entry, place + 1, |value| {
        before = value[place] & mask != 0;
        if bit {
            value[place] |= mask;
        } else {
            value[place] &= !mask;
        }
        before != bit
    });
    (change, WriteAnswer::Integer(i64::from(before)))
}

fn operate_fields(entry: Option<Entry>, operations: &FieldOperations) -> (KeyChange, WriteAnswer) {
    let mut answers = Vec::with_capacity(operations.len());
    let change = change_bits(entry, bytes_written_min(operations), |value| {
        let mut is_changed = false;
        for (field, operation) in operations {
            let before = field.get(value);
            answers.push(field.operate(value, *operation));
            is_changed |= field.get(value) != before;
        }
        is_changed
    });
    (change, WriteAnswer::Integers(answers))
}

/// Lengthens a value to `bytes_min`, if it is shorter, and changes bits of it; `change` returns
/// true if it changed any. As in Redis the key stays as it is if neither length nor bits change.
fn change_bits(
    entry: Option<Entry>,
    bytes_min: usize,
    change: impl FnOnce(&mut [u8]) -> bool,
) -> KeyChange {
    let is_short = entry.as_ref().is_none_or(|entry| entry.value.len() < bytes_min);
    let mut is_changed = false;
    let (new, _) = grow(entry, |value| {
        value.resize(value.len().max(bytes_min), 0);
        is_changed = change(value);
    });
    if is_changed || is_short { new } else { KeyChange::Keep }
}

fn swap(
    value: &[u8],
    expiry: NewExpiry,
    condition: Option<&Precondition>,
    entry: Option<Entry>,
) -> (KeyChange, WriteAnswer) {
    if condition.is_some_and(|condition| !condition.holds(entry.as_ref())) {
        return (KeyChange::Keep, bytes(entry));
    }
    let expires_at = match expiry {
        NewExpiry::At(time) => time,
        NewExpiry::Kept => entry.as_ref().and_then(|entry| entry.expiry()),
    };
    (string(value.to_vec(), expires_at), bytes(entry))
}

fn expire(entry: Entry, expires_at: Option<UnixMillis>) -> KeyChange {
    let Entry { value, value_type, .. } = entry;
    KeyChange::Put { value, expires_at, value_type }
}

fn string(value: Vec<u8>, expires_at: Option<UnixMillis>) -> KeyChange {
    KeyChange::Put { value, expires_at, value_type: ValueType::STRING }
}

fn bytes(entry: Option<Entry>) -> WriteAnswer {
    WriteAnswer::Bytes(entry.map(|entry| entry.value))
}

#[cfg(test)]
pub(crate) use probe::Probe;

#[cfg(test)]
mod probe {
    use std::fmt;

    use super::{Entry, KeyChange, Update, WriteAnswer};
    use crate::sync::Arc;

    /// A function of a test, which may look at what is visible, wait, or panic.
    #[derive(Clone)]
    pub(crate) struct Probe(Arc<ProbeFunction>);

    type ProbeFunction = dyn Fn(Option<&Entry>) -> (KeyChange, WriteAnswer) + Send + Sync;

    impl Probe {
        /// Returns an update that calls the function, and changes nothing.
        pub(crate) fn look(function: impl Fn() -> WriteAnswer + Send + Sync + 'static) -> Update {
            Self::change(move |_| (KeyChange::Keep, function()))
        }

        /// Returns an update that does what the function returns.
        pub(crate) fn change(
            function: impl Fn(Option<&Entry>) -> (KeyChange, WriteAnswer) + Send + Sync + 'static,
        ) -> Update {
            Update::Probe(Self(Arc::new(function)))
        }

        pub(super) fn call(&self, entry: Option<&Entry>) -> (KeyChange, WriteAnswer) {
            (self.0)(entry)
        }
    }

    impl fmt::Debug for Probe {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("Probe")
        }
    }

    impl PartialEq for Probe {
        fn eq(&self, other: &Self) -> bool {
            Arc::ptr_eq(&self.0, &other.0)
        }
    }
}

#[cfg(test)]
mod tests;
