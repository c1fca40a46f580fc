//! The origin of a change: the kind of operation that made it, and the database that this named.
//!
//! A mutation says what a key becomes. The events of Redis are named after the operation that made
//! it become so.

use super::database::named_database;
use super::operation::{KeyspaceOperation, WriteOperation};
use super::update::{NewExpiry, Update};
use crate::engine::{KeyspaceId, MutationLabel};

/// The kind of operation that made a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OriginKind {
    /// One that has no name of its own; it removes keys, or sets them.
    #[default]
    Other,
    /// It set the value and the expiry.
    Set,
    /// It set the value and kept the expiry.
    Overwrite,
    /// It set a part of the value.
    SetRange,
    /// It set bits of the value.
    SetBits,
    /// It appended to the value.
    Append,
    /// It added to an integer.
    Add,
    /// It added to a number.
    AddFloat,
    /// It set the expiry.
    Expire,
    /// It removed the expiry.
    Persist,
    /// It copied a key.
    Copy,
    /// It gave a key another name.
    Rename,
    /// It moved a key into another keyspace.
    Move,
    /// It removed a key because the memory was used up.
    Evict,
}

/// Every kind at the place of its number.
const KINDS: [OriginKind; 14] = [
    OriginKind::Other,
    OriginKind::Set,
    OriginKind::Overwrite,
    OriginKind::SetRange,
    OriginKind::SetBits,
    OriginKind::Append,
    OriginKind::Add,
    OriginKind::AddFloat,
    OriginKind::Expire,
    OriginKind::Persist,
    OriginKind::Copy,
    OriginKind::Rename,
    OriginKind::Move,
    OriginKind::Evict,
];

/// The origin of a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ChangeOrigin {
    /// The kind of operation.
    pub(crate) kind: OriginKind,
    /// The database that the operation named, unless it named a keyspace.
    pub(crate) database: Option<u32>,
}

/// The bits of a label that hold the kind.
const KIND_BITS: u32 = 8;

impl ChangeOrigin {
    /// Returns the origin of the changes that an operation makes.
    pub(super) fn of(operation: &KeyspaceOperation) -> Self {
        let KeyspaceOperation { keyspace, operation } = operation;
        let kind = match operation {
            WriteOperation::Put { .. } | WriteOperation::CombineBits(_) => OriginKind::Set,
            WriteOperation::Update { update, .. } => of_update(update),
            WriteOperation::CopyKey(copy) if !copy.removes_source => OriginKind::Copy,
            WriteOperation::CopyKey(copy) if copy.source_keyspace == *keyspace => {
                OriginKind::Rename
            }
            WriteOperation::CopyKey(_) => OriginKind::Move,
            WriteOperation::Remove { .. }
            | WriteOperation::Require { .. }
            | WriteOperation::Read { .. }
            | WriteOperation::Attempt(_)
            | WriteOperation::RequireUnchanged(_)
            | WriteOperation::RemoveRange { .. }
            | WriteOperation::Catalogue(_) => OriginKind::Other,
        };
        Self { kind, database: named_database(*keyspace) }
    }

    /// Returns the origin of the changes that the same operation makes in another keyspace, which
    /// it named like this.
    pub(super) fn within(self, keyspace: KeyspaceId) -> Self {
        Self { database: named_database(keyspace), ..self }
    }

    /// Returns the origin that a label stands for.
    pub(super) fn of_label(MutationLabel(label): MutationLabel) -> Self {
        let kind = usize::try_from(label % (1 << KIND_BITS)).unwrap_or(0);
        let kind = KINDS.get(kind).copied().unwrap_or_default();
        Self { kind, database: (label >> KIND_BITS).checked_sub(1) }
    }

    /// Returns the label that stands for it.
    pub(super) fn label(self) -> MutationLabel {
        // There are fewer databases than the other bits count.
        let database = self.database.map_or(0, |database| database + 1);
        MutationLabel(database << KIND_BITS | self.kind as u32)
    }
}

fn of_update(update: &Update) -> OriginKind {
    match update {
        Update::Add(_) => OriginKind::Add,
        Update::AddFloat(_) => OriginKind::AddFloat,
        Update::Append(_) => OriginKind::Append,
        Update::SetRange { .. } => OriginKind::SetRange,
        Update::SetBit { .. } | Update::OperateFields(_) => OriginKind::SetBits,
        Update::SetKeepingExpiry(_) | Update::Swap { expiry: NewExpiry::Kept, .. } => {
            OriginKind::Overwrite
        }
        Update::Swap { expiry: NewExpiry::At(_), .. } => OriginKind::Set,
        Update::Expire { .. } | Update::GetAndExpire { expires_at: Some(_) } => OriginKind::Expire,
        Update::Persist | Update::GetAndExpire { expires_at: None } => OriginKind::Persist,
        Update::Take => OriginKind::Other,
        #[cfg(test)]
        Update::Probe(_) => OriginKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{DATABASES_MAX, KeyCopy, database_keyspace};

    #[test]
    fn a_label_stands_for_its_origin() {
        for (number, kind) in KINDS.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
            for database in [None, Some(0), Some(7), Some(DATABASES_MAX - 1)] {
                let origin = ChangeOrigin { kind, database };
                assert_eq!(ChangeOrigin::of_label(origin.label()), origin);
            }
        }
        assert_eq!(ChangeOrigin::of_label(MutationLabel(255)), ChangeOrigin::default());
        assert_eq!(ChangeOrigin::default().label(), MutationLabel::default());
    }

    #[test]
    fn a_key_is_renamed_within_its_keyspace_and_moved_into_another() {
        let of = |source: u32, target: u32, removes_source| {
            let copy = KeyCopy {
                source_keyspace: database_keyspace(source),
                source: b"a".to_vec(),
                target: b"b".to_vec(),
                replaces: true,
                removes_source,
            };
            let operation = WriteOperation::CopyKey(Box::new(copy));
            ChangeOrigin::of(&KeyspaceOperation { keyspace: database_keyspace(target), operation })
        };
        let origin = |kind, database| ChangeOrigin { kind, database: Some(database) };
        assert_eq!(of(1, 1, true), origin(OriginKind::Rename, 1));
        assert_eq!(of(1, 2, true), origin(OriginKind::Move, 2));
        assert_eq!(of(1, 2, false), origin(OriginKind::Copy, 2));
        assert_eq!(of(1, 2, true).within(database_keyspace(1)), origin(OriginKind::Move, 1));
        assert_eq!(of(1, 2, true).within(KeyspaceId::DEFAULT).database, None);
    }
}
