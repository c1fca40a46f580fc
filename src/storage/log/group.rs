//! Changes, and groups of batches of them.

use crate::storage::format::record::Record;

/// A change whose outcome no longer depends on what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// The key has this value from now on.
    Put {
        /// The key.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
        /// When it expires, in milliseconds since the Unix epoch.
        expires_at: Option<u64>,
    },
    /// The key is gone.
    Remove {
        /// The key.
        key: Vec<u8>,
    },
    /// Every key is gone; the only mutation of its batch.
    Clear,
}

/// The bytes that the log needs for a mutation beside its key and its value, at most.
const MUTATION_BYTES: u64 = 64;

impl Mutation {
    /// The key that it sets.
    pub(crate) fn put_key(&self) -> Option<&[u8]> {
        match self {
            Self::Put { key, .. } => Some(key),
            Self::Remove { .. } | Self::Clear => None,
        }
    }

    /// The bytes of its key and its value.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Put { key, value, .. } => key.len() + value.len(),
            Self::Remove { key } => key.len(),
            Self::Clear => 0,
        }
    }
}

impl<'a> From<&'a Mutation> for Record<'a> {
    fn from(mutation: &'a Mutation) -> Self {
        match mutation {
            Mutation::Put { key, value, expires_at } => {
                Self::Put { key, value, expires_at: *expires_at }
            }
            Mutation::Remove { key } => Self::Remove { key },
            Mutation::Clear => Self::Clear,
        }
    }
}

/// Batches that are committed together.
#[derive(Debug, Default)]
pub(crate) struct Group {
    mutations: Vec<Mutation>,
    /// Where each batch ends in `mutations`.
    ends: Vec<usize>,
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

    /// How many mutations there are, those of the open batch included.
    pub(crate) fn mutations(&self) -> usize {
        self.mutations.len()
    }

    /// The mutation at this position, be it of the open batch.
    pub(crate) fn mutation(&self, position: usize) -> Option<&Mutation> {
        self.mutations.get(position)
    }

    /// The mutations of the open batch.
    pub(crate) fn open(&self) -> &[Mutation] {
        self.mutations.get(self.closed()..).unwrap_or_default()
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

    /// How many batches, which is how many sequence numbers.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// True where there is nothing to commit.
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// True where every mutation removes something.
    pub(crate) fn only_removes(&self) -> bool {
        self.mutations.iter().all(|mutation| !matches!(mutation, Mutation::Put { .. }))
    }

    /// True where a batch removes every key.
    pub(crate) fn clears(&self) -> bool {
        self.mutations.contains(&Mutation::Clear)
    }

    /// About how many bytes the log needs for it.
    pub(crate) fn bytes(&self) -> u64 {
        self.mutations.iter().map(|mutation| mutation.bytes() as u64 + MUTATION_BYTES).sum()
    }

    /// The batches in order.
    pub(crate) fn batches(&self) -> impl Iterator<Item = &[Mutation]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.mutations[start..*end])
    }

    /// Every mutation with the position of its batch.
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
        let remove = |key: &str| Mutation::Remove { key: key.into() };
        let mut group = Group::default();
        assert!(group.is_empty() && group.batches().next().is_none());
        group.push([remove("a"), remove("b")]);
        group.push([remove("c")]);
        group.push([Mutation::Clear]);
        assert!(!group.is_empty());
        assert_eq!(group.len(), 3);
        let batches: Vec<_> = group.batches().map(<[_]>::to_vec).collect();
        assert_eq!(
            batches,
            [vec![remove("a"), remove("b")], vec![remove("c")], vec![Mutation::Clear]]
        );
        group.add(remove("d"));
        assert_eq!((group.open(), group.mutation(4)), (&[remove("d")][..], Some(&remove("d"))));
        group.undo();
        assert_eq!((group.open(), group.mutations()), (&[][..], 4));
        group.add(remove("e"));
        group.close();
        let mutations: Vec<_> = group.into_mutations().collect();
        let expected = [
            (0, remove("a")),
            (0, remove("b")),
            (1, remove("c")),
            (2, Mutation::Clear),
            (3, remove("e")),
        ];
        assert_eq!(mutations, expected);
    }
}
