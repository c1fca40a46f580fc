//! Changes, and groups of batches of them.

use crate::storage::format::keyspace::{KeyspaceId, ValueType};
use crate::storage::format::record::{Record, RecordKind};
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::key_range::KeyInterval;

/// A change of one keyspace whose outcome no longer depends on what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mutation {
    /// The keyspace.
    pub(crate) keyspace: KeyspaceId,
    /// The changes of its keys.
    pub(crate) kind: MutationKind,
    /// The label of the one who made it.
    pub(crate) label: MutationLabel,
}

/// A number that the maker of a mutation gives it, for those who are told of the mutation. The log
/// does not keep it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MutationLabel(pub(crate) u32);

/// The kinds of mutation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MutationKind {
    /// The key has this value from now on.
    Put {
        /// The key.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
        /// The type of the value.
        value_type: ValueType,
        /// The time at which it expires.
        expires_at: Option<UnixMillis>,
    },
    /// The key is gone.
    Remove {
        /// The key.
        key: Vec<u8>,
    },
    /// Every key of the range is gone that an earlier batch wrote.
    RemoveRange {
        /// The lowest key of the range.
        start: Vec<u8>,
        /// The key behind the range, above its start; empty if the range has no end.
        end: Vec<u8>,
    },
}

/// The bytes that the log needs for a mutation beside its key and its value, at most.
const MUTATION_BYTES: u64 = 72;

impl Mutation {
    /// Returns the key that it sets or removes.
    pub(crate) fn key(&self) -> Option<&[u8]> {
        match &self.kind {
            MutationKind::Put { key, .. } | MutationKind::Remove { key } => Some(key),
            MutationKind::RemoveRange { .. } => None,
        }
    }

    /// Returns the range of keys that it removes.
    pub(crate) fn range(&self) -> Option<KeyInterval<'_>> {
        match &self.kind {
            MutationKind::RemoveRange { start, end } => Some(KeyInterval { start, end }),
            MutationKind::Put { .. } | MutationKind::Remove { .. } => None,
        }
    }

    /// Returns the key that it sets.
    pub(crate) fn put_key(&self) -> Option<&[u8]> {
        match &self.kind {
            MutationKind::Put { key, .. } => Some(key),
            MutationKind::Remove { .. } | MutationKind::RemoveRange { .. } => None,
        }
    }

    /// Returns the bytes of its key and its value.
    pub(crate) fn bytes(&self) -> usize {
        match &self.kind {
            MutationKind::Put { key, value, .. } => key.len() + value.len(),
            MutationKind::Remove { key } => key.len(),
            MutationKind::RemoveRange { start, end } => start.len() + end.len(),
        }
    }
}

impl<'a> From<&'a Mutation> for Record<'a> {
    fn from(mutation: &'a Mutation) -> Self {
        let kind = match &mutation.kind {
            MutationKind::Put { key, value, value_type, expires_at } => {
                RecordKind::Put { key, value, value_type: *value_type, expires_at: *expires_at }
            }
            MutationKind::Remove { key } => RecordKind::Remove { key },
            MutationKind::RemoveRange { start, end } => {
                RecordKind::RemoveRange(KeyInterval { start, end })
            }
        };
        Self { keyspace: mutation.keyspace, kind }
    }
}

/// Mutations of strings in the default keyspace.
#[cfg(any(test, fuzzing))]
impl Mutation {
    pub(crate) fn put(key: Vec<u8>, value: Vec<u8>, expires_at: Option<UnixMillis>) -> Self {
        let value_type = ValueType::STRING;
        let kind = MutationKind::Put { key, value, value_type, expires_at };
        Self { keyspace: KeyspaceId::DEFAULT, kind, label: MutationLabel::default() }
    }

    pub(crate) fn remove(key: Vec<u8>) -> Self {
        let kind = MutationKind::Remove { key };
        Self { keyspace: KeyspaceId::DEFAULT, kind, label: MutationLabel::default() }
    }

    /// Returns the removal of every key of a keyspace.
    pub(crate) fn clear(keyspace: KeyspaceId) -> Self {
        let (start, end) = (Vec::new(), Vec::new());
        let kind = MutationKind::RemoveRange { start, end };
        Self { keyspace, kind, label: MutationLabel::default() }
    }

    /// Returns the same in another keyspace.
    #[cfg(test)]
    pub(crate) fn of(self, keyspace: KeyspaceId) -> Self {
        Self { keyspace, ..self }
    }
}

/// Batches that are committed together.
#[derive(Debug, Default)]
pub(crate) struct Group {
    mutations: Vec<Mutation>,
    /// The end of each batch in `mutations`.
    ends: Vec<usize>,
    /// A batch waits for the disk.
    syncs: bool,
}

impl Group {
    /// Adds a batch; the mutations must not be none.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn push(&mut self, batch: impl IntoIterator<Item = Mutation>) {
        self.mutations.extend(batch);
        self.close();
    }

    /// Adds a mutation to the batch at the end, which is open until [`close`](Self::close).
    pub(crate) fn add(&mut self, mutation: Mutation) {
        self.mutations.push(mutation);
    }

    /// Returns the number of mutations, those of the open batch included.
    pub(crate) fn mutations(&self) -> usize {
        self.mutations.len()
    }

    /// Returns the mutation at this position, be it of the open batch.
    pub(crate) fn mutation(&self, position: usize) -> Option<&Mutation> {
        self.mutations.get(position)
    }

    /// Returns the mutations of the open batch.
    pub(crate) fn open(&self) -> &[Mutation] {
        self.mutations.get(self.closed()..).unwrap_or_default()
    }

    /// Takes those mutations of the open batch back that are not to be kept; true if there were
    /// any.
    pub(crate) fn retain_open(&mut self, keeps: impl FnMut(&Mutation) -> bool) -> bool {
        let (closed, before) = (self.closed(), self.mutations.len());
        let open = self.mutations.split_off(closed);
        self.mutations.extend(open.into_iter().filter(keeps));
        self.mutations.len() < before
    }

    /// Notes that a batch of it is acknowledged only once it survives power loss.
    pub(crate) fn require_sync(&mut self) {
        self.syncs = true;
    }

    /// Returns true if a batch of it is acknowledged only once it survives power loss.
    pub(crate) fn needs_sync(&self) -> bool {
        self.syncs
    }

    /// Ends the open batch, which must not be empty.
    pub(crate) fn close(&mut self) {
        self.ends.push(self.mutations.len());
    }

    /// Takes the mutations of the open batch back.
    pub(crate) fn undo(&mut self) {
        self.mutations.truncate(self.closed());
    }

    fn closed(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Returns the number of batches, which is the number of sequence numbers.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns true if there is nothing to commit.
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns true if every mutation removes something.
    pub(crate) fn only_removes(&self) -> bool {
        self.mutations.iter().all(|mutation| mutation.put_key().is_none())
    }

    /// Returns true if a batch removes a range of keys.
    pub(crate) fn removes_ranges(&self) -> bool {
        self.mutations.iter().any(|mutation| mutation.range().is_some())
    }

    /// Estimates the bytes that the log needs for it.
    pub(crate) fn bytes(&self) -> u64 {
        self.mutations.iter().map(|mutation| mutation.bytes() as u64 + MUTATION_BYTES).sum()
    }

    /// Returns the batches in order.
    pub(crate) fn batches(&self) -> impl Iterator<Item = &[Mutation]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.mutations[start..*end])
    }

    /// Returns every mutation with the position of its batch.
    pub(crate) fn into_mutations(self) -> impl Iterator<Item = (usize, Mutation)> {
        let mut batch = 0;
        self.mutations.into_iter().enumerate().map(move |(position, mutation)| {
            while self.ends.get(batch).is_some_and(|end| *end <= position) {
                batch += 1;
            }
            (batch, mutation)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_knows_the_batch_of_every_mutation() {
        let remove = |key: &str| Mutation::remove(key.into());
        let clear = || Mutation::clear(KeyspaceId::DEFAULT);
        let mut group = Group::default();
        assert!(group.is_empty() && group.batches().next().is_none());
        group.push([remove("a"), remove("b")]);
        group.push([remove("c")]);
        group.push([clear()]);
        assert!(!group.is_empty());
        assert_eq!(group.len(), 3);
        let batches: Vec<_> = group.batches().map(<[_]>::to_vec).collect();
        assert_eq!(batches, [vec![remove("a"), remove("b")], vec![remove("c")], vec![clear()]]);
        group.add(remove("d"));
        assert_eq!((group.open(), group.mutation(4)), (&[remove("d")][..], Some(&remove("d"))));
        group.undo();
        assert_eq!((group.open(), group.mutations()), (&[][..], 4));
        group.add(remove("e"));
        group.close();
        let mutations: Vec<_> = group.into_mutations().collect();
        let expected =
            [(0, remove("a")), (0, remove("b")), (1, remove("c")), (2, clear()), (3, remove("e"))];
        assert_eq!(mutations, expected);
    }
}
