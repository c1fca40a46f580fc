//! Updates: changes of a key that depend on its entry, as data.
//!
//! An update is decided by the actor that owns the entry, so that nobody comes between its read and
//! its write. Being data, it can be compared, logged, sent to another machine and applied again.
//! Each is one command of Redis, which that command's documentation describes in full.

use super::clock::expiry_at;
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
            _ => 0,
        }
    }

    /// Returns the least bytes of the new value, where the update gives it a length whatever is
    /// stored.
    pub(crate) fn value_bytes_min(&self) -> usize {
        match self {
            Self::SetRange { offset, part } => offset.saturating_add(part.len()),
            Self::SetBit { offset, .. } => offset / 8 + 1,
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
    /// [`Error::NotAnInteger`] and [`Error::IntegerOverflow`] from an [`Add`](Self::Add).
    pub(crate) fn apply(
        &self,
        key: &[u8],
        entry: Option<Entry>,
    ) -> Result<(KeyChange, WriteAnswer)> {
        Ok(match self {
            Self::Add(amount) => return add(key, *amount, entry),
            Self::Append(suffix) => grow(entry, |value| value.extend_from_slice(suffix)),
            Self::SetRange { offset, part } => grow(entry, |value| {
                let end = offset.saturating_add(part.len());
                value.resize(value.len().max(end), 0);
                value.splice(*offset..end, part.iter().copied());
            }),
            Self::SetBit { offset, bit } => set_bit(entry, *offset, *bit),
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
    let (change, _) = grow(entry, |value| {
        value.resize(value.len().max(place + 1), 0);
        before = value[place] & mask != 0;
        if bit {
            value[place] |= mask;
        } else {
            value[place] &= !mask;
        }
    });
    (change, WriteAnswer::Integer(i64::from(before)))
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
mod tests {
    use super::WriteAnswer::{Bytes, Done, Flag, Integer};
    use super::*;

    const EXPIRY: Option<u64> = Some(100);

    impl Update {
        /// Returns what it does to a key whose value suits it.
        fn on(&self, entry: Option<Entry>) -> (KeyChange, WriteAnswer) {
            self.apply(b"k", entry).unwrap()
        }
    }

    fn of(value: &str, expires_at: Option<u64>) -> Entry {
        Entry { value: value.into(), version: 7, expires_at, value_type: ValueType::STRING }
    }

    fn entry(value: &str) -> Option<Entry> {
        Some(of(value, EXPIRY))
    }

    fn lasting(value: &str) -> Option<Entry> {
        entry(value).map(|entry| Entry { expires_at: None, ..entry })
    }

    fn put(value: &str, expires_at: Option<u64>) -> KeyChange {
        string(value.into(), expires_at.map(UnixMillis))
    }

    fn old(value: &str) -> WriteAnswer {
        Bytes(Some(value.into()))
    }

    #[test]
    fn a_sum_starts_at_zero_and_keeps_the_expiry() {
        assert_eq!(Update::Add(5).on(None), (put("5", None), Integer(5)));
        assert_eq!(Update::Add(-7).on(entry("5")), (put("-2", EXPIRY), Integer(-2)));
    }

    #[test]
    fn a_sum_that_is_no_number_of_64_bits_is_refused() {
        for value in ["", "x", "01", "1.5", "9223372036854775808"] {
            let refused = Update::Add(1).apply(b"k", entry(value)).unwrap_err();
            assert!(matches!(&refused, Error::NotAnInteger { key } if key == "k"), "{value:?}");
        }
        for (amount, value) in [(1, i64::MAX), (-1, i64::MIN)] {
            let refused = Update::Add(amount).apply(b"k", entry(&value.to_string())).unwrap_err();
            assert!(matches!(refused, Error::IntegerOverflow { .. }), "{refused}");
        }
    }

    #[test]
    fn append_and_setrange_keep_the_expiry_and_return_the_length() {
        let append = Update::Append(b"cd".to_vec());
        assert_eq!(append.on(None), (put("cd", None), Integer(2)));
        assert_eq!(append.on(entry("ab")), (put("abcd", EXPIRY), Integer(4)));
        let set_range = |offset| Update::SetRange { offset, part: b"xy".to_vec() };
        assert_eq!(set_range(2).on(None), (put("\0\0xy", None), Integer(4)));
        assert_eq!(set_range(1).on(entry("abcd")), (put("axyd", EXPIRY), Integer(4)));
        assert_eq!(set_range(3).on(entry("abcd")), (put("abcxy", EXPIRY), Integer(5)));
    }

    #[test]
    fn a_bit_is_changed_and_the_one_before_is_answered() {
        let set = |offset, bit| Update::SetBit { offset, bit };
        assert_eq!(set(9, true).on(None), (put("\0@", None), Integer(0)));
        assert_eq!(set(1, false).on(entry("@")), (put("\0", EXPIRY), Integer(1)));
        assert_eq!(set(7, true).on(entry("@")), (put("A", EXPIRY), Integer(0)));
        assert_eq!(set(8, false).on(entry("@")), (put("@\0", EXPIRY), Integer(0)));
    }

    #[test]
    fn a_value_is_replaced_without_its_expiry() {
        let update = Update::SetKeepingExpiry(b"new".to_vec());
        assert_eq!(update.on(None), (put("new", None), Done));
        assert_eq!(update.on(entry("old")), (put("new", EXPIRY), Done));
    }

    #[test]
    fn a_swap_answers_the_old_value_also_if_its_condition_does_not_hold() {
        let swap = |expiry, condition| Update::Swap { value: b"new".to_vec(), expiry, condition };
        let always = swap(NewExpiry::At(None), None);
        assert_eq!(always.on(None), (put("new", None), Bytes(None)));
        assert_eq!(always.on(entry("old")), (put("new", None), old("old")));
        let until = swap(NewExpiry::At(Some(UnixMillis(5))), None);
        assert_eq!(until.on(entry("old")), (put("new", Some(5)), old("old")));
        let kept = swap(NewExpiry::Kept, Some(Precondition::Present));
        assert_eq!(kept.on(entry("old")), (put("new", EXPIRY), old("old")));
        assert_eq!(kept.on(None), (KeyChange::Keep, Bytes(None)));
        let absent = swap(NewExpiry::Kept, Some(Precondition::Absent));
        assert_eq!(absent.on(entry("old")), (KeyChange::Keep, old("old")));
        assert_eq!(absent.on(None), (put("new", None), Bytes(None)));
    }

    #[test]
    fn a_key_that_is_taken_is_removed() {
        assert_eq!(Update::Take.on(entry("old")), (KeyChange::Remove, old("old")));
        assert_eq!(Update::Take.on(None), (KeyChange::Remove, Bytes(None)));
    }

    #[test]
    fn an_expiry_is_changed_and_a_time_that_has_passed_removes_the_key() {
        let (now, conditions) = (UnixMillis(50), ExpiryConditions::default());
        let expire = |at| Update::Expire { at: UnixMillis(at), now, conditions };
        assert_eq!(expire(51).on(entry("v")), (put("v", Some(51)), Flag(true)));
        assert_eq!(expire(50).on(entry("v")), (KeyChange::Remove, Flag(true)));
        assert_eq!(expire(51).on(None), (KeyChange::Keep, Flag(false)));
    }

    #[test]
    fn an_expiry_is_changed_only_if_all_of_its_conditions_hold() {
        let [none, some, later, sooner] = [0, 1, 2, 3].map(|position| {
            let is = |other| other == position;
            ExpiryConditions { none: is(0), some: is(1), later: is(2), sooner: is(3) }
        });
        let both = ExpiryConditions { some: true, ..sooner };
        let cases = [
            (none, None, 9, true),
            (none, Some(5), 9, false),
            (some, None, 9, false),
            (some, Some(5), 9, true),
            (later, None, 9, false),
            (later, Some(5), 5, false),
            (later, Some(5), 6, true),
            (sooner, None, 9, true),
            (sooner, Some(5), 5, false),
            (sooner, Some(5), 4, true),
            (both, None, 4, false),
            (both, Some(5), 4, true),
        ];
        for (conditions, old, new, holds) in cases {
            let (entry, at) = (of("v", old), UnixMillis(new));
            let found = conditions.hold(entry.expiry(), at);
            assert_eq!(found, holds, "{conditions:?} {old:?} {new}");
            let update = Update::Expire { at, now: UnixMillis(0), conditions };
            let (_, answer) = update.on(Some(entry));
            assert_eq!(answer, Flag(holds));
        }
    }

    #[test]
    fn an_expiry_is_removed_if_there_is_one() {
        assert_eq!(Update::Persist.on(entry("v")), (put("v", None), Flag(true)));
        assert_eq!(Update::Persist.on(lasting("v")), (KeyChange::Keep, Flag(false)));
        assert_eq!(Update::Persist.on(None), (KeyChange::Keep, Flag(false)));
    }

    #[test]
    fn a_value_is_read_and_given_a_new_expiry() {
        for expires_at in [None, Some(5)] {
            let update = Update::GetAndExpire { expires_at: expires_at.map(UnixMillis) };
            assert_eq!(update.on(entry("v")), (put("v", expires_at), old("v")));
            assert_eq!(update.on(None), (KeyChange::Keep, Bytes(None)));
        }
    }
}
