//! The bytes of the records of a segment by their keyspaces.

use smallvec::SmallVec;

use crate::storage::format::keyspace::KeyspaceId;

/// Bytes of records, live and dead, by their keyspaces. Without an allocation where there is one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct KeyspaceBytes {
    /// By the numbers of the keyspaces.
    sums: SmallVec<[(KeyspaceId, u64); 1]>,
    /// The position of the keyspace that was added to last, which mostly is the next one.
    last: usize,
}

impl KeyspaceBytes {
    /// Adds the bytes of a record of a keyspace.
    pub(crate) fn add(&mut self, keyspace: KeyspaceId, bytes: u64) {
        if let Some((last, sum)) = self.sums.get_mut(self.last)
            && *last == keyspace
        {
            *sum += bytes;
            return;
        }
        self.last = match self.sums.binary_search_by_key(&keyspace, |(id, _)| *id) {
            Ok(position) => {
                self.sums[position].1 += bytes;
                position
            }
            Err(position) => {
                self.sums.insert(position, (keyspace, bytes));
                position
            }
        };
    }

    /// Returns the bytes of all keyspaces.
    pub(crate) fn total(&self) -> u64 {
        self.sums.iter().map(|(_, sum)| sum).sum()
    }

    /// Returns the bytes of each keyspace.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (KeyspaceId, u64)> {
        self.sums.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_each_keyspace_are_summed_up_in_any_order() {
        let mut bytes = KeyspaceBytes::default();
        assert_eq!(bytes.iter().count(), 0);
        for (keyspace, record) in [(7, 1), (7, 2), (2, 10), (7, 4), (9, 100), (2, 20), (2, 40)] {
            bytes.add(KeyspaceId(keyspace), record);
        }
        let sums: Vec<_> = bytes.iter().map(|(keyspace, sum)| (keyspace.0, sum)).collect();
        assert_eq!(sums, [(2, 70), (7, 7), (9, 100)]);
        assert_eq!(bytes.total(), 177);
    }
}
