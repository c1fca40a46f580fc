//! Committed changes, as watches tell them: a copy of what a batch wrote, made once for all.

use smallvec::SmallVec;

use super::catalogue;
use super::change_origin::{ChangeOrigin, OriginKind};
use crate::engine::{KeyInterval, KeyspaceId, Mutation, MutationKind, MutationLabel, Sequence};
use crate::sync::Arc;

/// A change of a keyspace by a batch that was committed; its keys and values are those of the
/// [`CommittedBatch`](crate::CommittedBatch) that it is borrowed from.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use kvs::{Change, CommittedBatch};
///
/// /// Does to a copy of a keyspace what a batch did to the keyspace.
/// fn apply(batch: &CommittedBatch, copy: &mut BTreeMap<Vec<u8>, Vec<u8>>) {
///     for change in batch.changes() {
///         match change {
///             Change::Set { key, value, .. } => {
///                 copy.insert(key.to_vec(), value.to_vec());
///             }
///             Change::Removed { key } | Change::Expired { key } => {
///                 copy.remove(key);
///             }
///             Change::RangeRemoved { start, end } => {
///                 let is_behind = |key: &[u8]| end.is_some_and(|end| key >= end);
///                 copy.retain(|key, _| &key[..] < start || is_behind(key));
///             }
///             Change::Cleared | Change::Dropped => copy.clear(),
///             _ => unimplemented!("a kind of change that came later"),
///         }
///     }
/// }
/// # let directory = tempfile::tempdir()?;
/// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
/// # let mut watch = store.watch(..)?;
/// # for key in ["a", "b", "c"] { store.set(key, "v")?; }
/// # store.remove("c")?;
/// # store.remove_range(.."b")?;
/// # let mut copy = BTreeMap::new();
/// # while let Some(kvs::WatchEvent::Committed(batch)) = watch.try_next()? {
/// #     apply(&batch, &mut copy);
/// # }
/// # assert!(copy.keys().eq([b"b"]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change<'b> {
    /// The key has this value from then on.
    Set {
        /// The key.
        key: &'b [u8],
        /// The value.
        value: &'b [u8],
        /// The time at which the key expires, in milliseconds since the Unix epoch.
        expires_at: Option<u64>,
    },
    /// A write removed the key.
    Removed {
        /// The key.
        key: &'b [u8],
    },
    /// The store removed the key because its time had passed, which readers saw before: within
    /// about 0.1 s where few keys expire.
    ///
    /// A key that is set or removed in that short time is told as set or as removed only.
    Expired {
        /// The key.
        key: &'b [u8],
    },
    /// Every key of the range is gone that an earlier batch wrote, be there any or not.
    RangeRemoved {
        /// The lowest key of the range.
        start: &'b [u8],
        /// The key behind the range; `None` if the range has no end.
        end: Option<&'b [u8]>,
    },
    /// Every key of the keyspace is gone that an earlier batch wrote.
    Cleared,
    /// The keyspace is gone with all its keys. Nothing comes after it.
    Dropped,
}

/// The reason for a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemovalCause {
    /// A caller asked for it.
    Request,
    /// The key has expired.
    Expiry,
    /// The memory was used up. Those who watch are told of a removal as any other.
    Eviction,
}

/// The changes of a committed batch, shared by everybody who is told of them.
#[derive(Debug)]
pub(crate) struct ChangeBatch {
    version: Sequence,
    changes: SmallVec<[ChangeEntry; 1]>,
    /// The keys and values, one behind the other.
    bytes: Box<[u8]>,
}

/// The place of a change in a batch.
#[derive(Debug)]
struct ChangeEntry {
    keyspace: KeyspaceId,
    label: MutationLabel,
    kind: ChangeKind,
    /// The start of the key in the bytes of the batch.
    offset: usize,
    /// The length of the key, or of the start of a range.
    key_bytes: usize,
    /// The length of the value, or of the end of a range.
    value_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
enum ChangeKind {
    Set { expires_at: Option<u64> },
    Removed,
    Expired,
    RangeRemoved,
    Cleared,
    Dropped,
}

/// The origin of an eviction, which may be of any keyspace.
const EVICTED: ChangeOrigin = ChangeOrigin { kind: OriginKind::Evict, database: None };

/// The bytes of memory that a batch takes beside its keys and values: itself, its counts and its
/// place in the ring.
const BATCH_BYTES: usize = size_of::<ChangeBatch>() + 3 * size_of::<usize>();

impl ChangeBatch {
    /// Returns a copy of what a batch will have done, if it takes no more memory than this.
    pub(super) fn copy(
        version: Sequence,
        mutations: &[Mutation],
        cause: RemovalCause,
        memory_max: usize,
    ) -> Option<Arc<Self>> {
        let length: usize = mutations.iter().map(Mutation::bytes).sum();
        let mut changes = SmallVec::new();
        let mut memory = BATCH_BYTES + length;
        if mutations.len() > changes.inline_size() {
            memory += mutations.len() * size_of::<ChangeEntry>();
        }
        if memory > memory_max {
            return None;
        }
        changes.reserve_exact(mutations.len());
        let mut bytes = Vec::with_capacity(length);
        for (position, mutation) in mutations.iter().enumerate() {
            let kind = match &mutation.kind {
                _ if mutation.keyspace == KeyspaceId::CATALOGUE => continue,
                MutationKind::Put { expires_at, .. } => {
                    ChangeKind::Set { expires_at: expires_at.map(|time| time.0) }
                }
                MutationKind::Remove { .. } if cause == RemovalCause::Expiry => ChangeKind::Expired,
                MutationKind::Remove { .. } => ChangeKind::Removed,
                MutationKind::RemoveRange { .. } => {
                    let interval = mutation.range();
                    if catalogue::is_drop(mutations, position) {
                        ChangeKind::Dropped
                    } else if interval == Some(KeyInterval::ALL) {
                        ChangeKind::Cleared
                    } else {
                        ChangeKind::RangeRemoved
                    }
                }
            };
            let (key, value) = match &mutation.kind {
                MutationKind::Put { key, value, .. } => (&key[..], &value[..]),
                MutationKind::Remove { key } => (&key[..], &[][..]),
                MutationKind::RemoveRange { start, end } => (&start[..], &end[..]),
            };
            let (keyspace, offset) = (mutation.keyspace, bytes.len());
            let (key_bytes, value_bytes) = (key.len(), value.len());
            let label = match cause {
                RemovalCause::Eviction => EVICTED.label(),
                RemovalCause::Request | RemovalCause::Expiry => mutation.label,
            };
            changes.push(ChangeEntry { keyspace, label, kind, offset, key_bytes, value_bytes });
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(value);
        }
        Some(Arc::new(Self { version, changes, bytes: bytes.into_boxed_slice() }))
    }

    /// Returns the changes of the default keyspace by a batch, as another process tells them.
    pub(super) fn told<'c>(version: u64, changes: impl Iterator<Item = Change<'c>>) -> Self {
        let (mut entries, mut bytes) = (SmallVec::new(), Vec::new());
        for change in changes {
            let (kind, key, value) = match change {
                Change::Set { key, value, expires_at } => {
                    (ChangeKind::Set { expires_at }, key, value)
                }
                Change::Removed { key } => (ChangeKind::Removed, key, &[][..]),
                Change::Expired { key } => (ChangeKind::Expired, key, &[][..]),
                Change::RangeRemoved { start, end } => {
                    (ChangeKind::RangeRemoved, start, end.unwrap_or_default())
                }
                Change::Cleared => (ChangeKind::Cleared, &[][..], &[][..]),
                Change::Dropped => (ChangeKind::Dropped, &[][..], &[][..]),
            };
            let (keyspace, offset) = (KeyspaceId::DEFAULT, bytes.len());
            let (key_bytes, value_bytes) = (key.len(), value.len());
            let label = MutationLabel::default();
            entries.push(ChangeEntry { keyspace, label, kind, offset, key_bytes, value_bytes });
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(value);
        }
        Self { version: Sequence(version), changes: entries, bytes: bytes.into_boxed_slice() }
    }

    /// Returns the version of everything that the batch wrote.
    pub(crate) fn version(&self) -> Sequence {
        self.version
    }

    /// Returns the bytes of memory that it takes in a ring, about.
    pub(super) fn memory(&self) -> usize {
        let spilled = if self.changes.spilled() { self.changes.capacity() } else { 0 };
        BATCH_BYTES + self.bytes.len() + spilled * size_of::<ChangeEntry>()
    }

    /// Returns the changes of all keyspaces in the order of the batch.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (KeyspaceId, Change<'_>)> {
        self.changes.iter().map(|entry| (entry.keyspace, self.change(entry)))
    }

    /// Returns the origins of the changes, in the same order.
    pub(crate) fn origins(&self) -> impl Iterator<Item = ChangeOrigin> {
        self.changes.iter().map(|entry| ChangeOrigin::of_label(entry.label))
    }

    fn change(&self, entry: &ChangeEntry) -> Change<'_> {
        let (_, bytes) = self.bytes.split_at(entry.offset);
        let (key, bytes) = bytes.split_at(entry.key_bytes);
        let (value, _) = bytes.split_at(entry.value_bytes);
        match entry.kind {
            ChangeKind::Set { expires_at } => Change::Set { key, value, expires_at },
            ChangeKind::Removed => Change::Removed { key },
            ChangeKind::Expired => Change::Expired { key },
            ChangeKind::RangeRemoved => {
                Change::RangeRemoved { start: key, end: Some(value).filter(|end| !end.is_empty()) }
            }
            ChangeKind::Cleared => Change::Cleared,
            ChangeKind::Dropped => Change::Dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::UnixMillis;

    const OTHER: KeyspaceId = KeyspaceId(2);

    fn put(key: &str, value: &str, expires_at: Option<u64>) -> Mutation {
        Mutation::put(key.into(), value.into(), expires_at.map(UnixMillis))
    }

    fn range(start: &str, end: &str) -> Mutation {
        let kind = MutationKind::RemoveRange { start: start.into(), end: end.into() };
        Mutation { kind, ..Mutation::clear(KeyspaceId::DEFAULT) }
    }

    fn copy(mutations: &[Mutation], cause: RemovalCause) -> Arc<ChangeBatch> {
        ChangeBatch::copy(Sequence(7), mutations, cause, usize::MAX).unwrap()
    }

    #[test]
    fn a_copy_has_every_change_in_order_with_its_keyspace() {
        let mutations = [
            put("a", "1", Some(5)),
            put("", "", None).of(OTHER),
            Mutation::remove(b"b".to_vec()),
            range("c", "d"),
            range("c", ""),
            Mutation::clear(OTHER),
            put("a", "2", None),
        ];
        let batch = copy(&mutations, RemovalCause::Request);
        let set = |key, value, expires_at| Change::Set { key, value, expires_at };
        let (a, b) = (KeyspaceId::DEFAULT, OTHER);
        let expected = [
            (a, set(&b"a"[..], &b"1"[..], Some(5))),
            (b, set(b"", b"", None)),
            (a, Change::Removed { key: b"b" }),
            (a, Change::RangeRemoved { start: b"c", end: Some(b"d") }),
            (a, Change::RangeRemoved { start: b"c", end: None }),
            (b, Change::Cleared),
            (a, set(b"a", b"2", None)),
        ];
        assert!(batch.changes().eq(expected), "{batch:?}");
        assert_eq!(batch.version(), Sequence(7));
    }

    #[test]
    fn a_drop_is_told_from_a_removal_of_all_keys_and_names_are_not_told() {
        let name = || Mutation::remove(b"name".to_vec()).of(KeyspaceId::CATALOGUE);
        let renamed = || put("new", "2", None).of(KeyspaceId::CATALOGUE);
        let changes = |mutations: &[Mutation]| {
            let batch = copy(mutations, RemovalCause::Request);
            batch.changes().map(|(id, change)| (id, change == Change::Dropped)).collect::<Vec<_>>()
        };
        assert_eq!(changes(&[name(), Mutation::clear(OTHER)]), [(OTHER, true)]);
        assert_eq!(changes(&[name(), renamed(), Mutation::clear(OTHER)]), [(OTHER, false)]);
        assert_eq!(changes(&[name(), range("a", "")]), [(KeyspaceId::DEFAULT, false)]);
        assert_eq!(changes(&[name(), renamed()]), []);
    }

    #[test]
    fn what_another_process_tells_is_the_same_again() {
        let changes = [
            Change::Set { key: b"a", value: b"1", expires_at: Some(5) },
            Change::Removed { key: b"b" },
            Change::Expired { key: b"" },
            Change::RangeRemoved { start: b"c", end: Some(b"d") },
            Change::RangeRemoved { start: b"c", end: None },
            Change::Cleared,
            Change::Dropped,
        ];
        let batch = ChangeBatch::told(7, changes.into_iter());
        assert!(batch.changes().eq(changes.map(|change| (KeyspaceId::DEFAULT, change))));
        assert_eq!(batch.version(), Sequence(7));
    }

    #[test]
    fn what_expired_is_told_from_what_was_removed() {
        let batch = copy(&[Mutation::remove(b"a".to_vec())], RemovalCause::Expiry);
        assert!(batch.changes().eq([(KeyspaceId::DEFAULT, Change::Expired { key: b"a" })]));
        assert!(batch.origins().eq([ChangeOrigin::default()]));
        let batch = copy(&[Mutation::remove(b"a".to_vec())], RemovalCause::Eviction);
        assert!(batch.changes().eq([(KeyspaceId::DEFAULT, Change::Removed { key: b"a" })]));
        assert!(batch.origins().eq([EVICTED]));
    }

    #[test]
    fn a_copy_takes_the_memory_that_it_says_or_is_not_made() {
        // As the docs of the option say, about.
        assert!((100..120).contains(&BATCH_BYTES) && (40..60).contains(&size_of::<ChangeEntry>()));
        for count in [1, 2, 9] {
            let mutations = vec![put("key", "value", None); count];
            let memory = copy(&mutations, RemovalCause::Request).memory();
            assert!(memory > count * 8, "{memory}");
            let copy = |memory_max| {
                ChangeBatch::copy(Sequence(1), &mutations, RemovalCause::Request, memory_max)
            };
            assert!(copy(memory).is_some_and(|batch| batch.memory() == memory));
            assert!(copy(memory - 1).is_none());
        }
    }
}
