//! The names and classes of events about keys, by the changes that they tell of.

use crate::Change;
use crate::store::change_origin::OriginKind;

/// A class of events about keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyEventClass {
    /// Events of keys of any type.
    Generic,
    /// Events of strings.
    String,
    /// Keys that expired.
    Expired,
    /// Keys that were evicted.
    Evicted,
}

impl KeyEventClass {
    /// Returns the letter that stands for it.
    pub(super) fn letter(self) -> char {
        match self {
            Self::Generic => 'g',
            Self::String => '$',
            Self::Expired => 'x',
            Self::Evicted => 'e',
        }
    }
}

/// An event about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyEvent {
    pub(super) class: KeyEventClass,
    pub(super) name: &'static str,
}

/// Returns the key that a change is about, and the events that tell of it, in their order. The
/// removal of a range is none: Redis tells nothing of `FLUSHDB` either.
pub(super) fn events<'c>(
    change: &Change<'c>,
    kind: OriginKind,
) -> Option<(&'c [u8], impl Iterator<Item = KeyEvent> + use<>)> {
    let (key, event, expires) = match *change {
        Change::Set { key, expires_at, .. } => {
            let sets_expiry = matches!(kind, OriginKind::Set | OriginKind::Other);
            (key, setting(kind), expires_at.is_some() && sets_expiry)
        }
        Change::Removed { key } => (key, removal(kind), false),
        Change::Expired { key } => {
            (key, KeyEvent { class: KeyEventClass::Expired, name: "expired" }, false)
        }
        Change::RangeRemoved { .. } | Change::Cleared | Change::Dropped => return None,
    };
    let expiry = expires.then_some(generic("expire"));
    Some((key, [event].into_iter().chain(expiry)))
}

fn generic(name: &'static str) -> KeyEvent {
    KeyEvent { class: KeyEventClass::Generic, name }
}

fn string(name: &'static str) -> KeyEvent {
    KeyEvent { class: KeyEventClass::String, name }
}

fn setting(kind: OriginKind) -> KeyEvent {
    match kind {
        OriginKind::Other | OriginKind::Set | OriginKind::Overwrite | OriginKind::Evict => {
            string("set")
        }
        OriginKind::SetRange => string("setrange"),
        OriginKind::SetBits => string("setbit"),
        OriginKind::Append => string("append"),
        OriginKind::Add => string("incrby"),
        OriginKind::AddFloat => string("incrbyfloat"),
        OriginKind::Expire => generic("expire"),
        OriginKind::Persist => generic("persist"),
        OriginKind::Copy => generic("copy_to"),
        OriginKind::Rename => generic("rename_to"),
        OriginKind::Move => generic("move_to"),
    }
}

fn removal(kind: OriginKind) -> KeyEvent {
    match kind {
        OriginKind::Rename => generic("rename_from"),
        OriginKind::Move => generic("move_from"),
        OriginKind::Evict => KeyEvent { class: KeyEventClass::Evicted, name: "evicted" },
        _ => generic("del"),
    }
}
