//! The undo log: the versions that the writer is about to replace in place.
//!
//! The writer publishes it before it replaces anything, so a reader that meets a version above its
//! own, or a cell that is being replaced, finds here what was there before. The log of one group
//! takes the place of that of the group before, which is visible by then.

use smallvec::SmallVec;

use super::change::KeyVersion;
use super::slot::Slot;
use crate::storage::format::sequence::Sequence;
use crate::sync::Arc;

/// The newest versions of keys before a change, often of one.
pub(super) type UndoVersions<S> = SmallVec<[Option<(Sequence, S)>; 1]>;

/// The keys of one insertion or move, and their versions before it.
pub(super) struct UndoRecord<S> {
    /// The changes, sorted by key; those of one key in the order of their effect.
    pub(super) changes: Vec<KeyVersion<S>>,
    /// For each change the newest version of its key before the first change of that key.
    pub(super) before: UndoVersions<S>,
}

/// The versions before a group that is not visible yet, or before a move.
pub(super) struct UndoLog<S> {
    /// In the order in which they are applied.
    pub(super) records: SmallVec<[Arc<UndoRecord<S>>; 1]>,
}

impl<S> Default for UndoLog<S> {
    fn default() -> Self {
        Self { records: SmallVec::new() }
    }
}

/// An answer of the [`UndoLog`] about a key at a sequence number.
pub(super) enum VersionAt<S> {
    /// The newest version then; `None` if there was no such key.
    Known(Option<(Sequence, S)>),
    /// Unknown: the versions that were replaced are newer than that.
    Older,
    /// Unknown: the log does not change the key.
    Untouched,
}

impl<S: Slot> UndoLog<S> {
    /// Returns the version of the key at this sequence number, if that is before its changes here.
    pub(super) fn version_at(&self, key: &[u8], sequence: Sequence) -> VersionAt<S> {
        // Later records of the key replace versions that are no more visible than those of the
        // first.
        let mut records = self.records.iter();
        let Some((record, first)) = records.find_map(|record| Some((record, record.find(key)?)))
        else {
            return VersionAt::Untouched;
        };
        match &record.before[first] {
            None if sequence < record.changes[first].version => VersionAt::Known(None),
            Some(before) if before.0 <= sequence => VersionAt::Known(Some(before.clone())),
            _ => VersionAt::Older,
        }
    }

    /// Returns the version that the last change of the key replaces.
    #[expect(clippy::option_option, reason = "the inner one: there was no such key")]
    pub(super) fn replaced(&self, key: &[u8]) -> Option<Option<(Sequence, S)>> {
        let mut records = self.records.iter().rev();
        records.find_map(|record| Some(record.before[record.find(key)?].clone()))
    }
}

impl<S> UndoRecord<S> {
    /// Returns the position of the key's first change.
    fn find(&self, key: &[u8]) -> Option<usize> {
        let first = self.changes.partition_point(|change| &*change.key < key);
        self.changes.get(first).filter(|change| change.key == key).map(|_| first)
    }

    /// Returns the changes of each key, with the version before them.
    pub(super) fn by_key(
        &self,
    ) -> impl Iterator<Item = (&[KeyVersion<S>], Option<&(Sequence, S)>)> {
        let mut before = self.before.iter();
        self.changes.chunk_by(|a, b| a.key == b.key).map(move |changes| {
            let first = before.next();
            before.by_ref().take(changes.len() - 1).for_each(drop);
            (changes, first.and_then(Option::as_ref))
        })
    }
}
