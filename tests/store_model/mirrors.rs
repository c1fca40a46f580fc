//! Mirrors: copies of keyspaces that are kept by watches alone.

use kvs::{Change, Error, Keyspace, Watch, WatchEvent};

use super::model::Entries;
use super::{Run, Tally};

/// A time that has passed, in milliseconds, which the keys that do not expire lie behind.
const FUTURE_MIN: u64 = 1 << 40;

const MIRRORS_MAX: usize = 4;

/// A copy of a keyspace.
pub struct Mirror {
    keyspace: Keyspace,
    /// Its number in the model.
    number: usize,
    watch: Watch,
    entries: Entries,
}

impl Mirror {
    /// Follows the watch up to now.
    fn catch_up(&mut self, tally: &mut Tally) {
        loop {
            match self.watch.try_next() {
                Ok(Some(WatchEvent::Committed(batch))) => {
                    tally.told += 1;
                    batch.changes().for_each(|change| self.apply(change));
                }
                Ok(Some(WatchEvent::Missed { .. })) => {
                    tally.missed += 1;
                    self.read();
                }
                Ok(None) | Err(Error::KeyspaceDropped { .. }) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Reads what is there, as a program does that missed something.
    fn read(&mut self) {
        let keys = self.keyspace.scan(..).keys().map(Result::unwrap);
        let entry = |key: Vec<u8>| {
            let entry = self.keyspace.entry(&key).unwrap()?;
            Some((key, (entry.value, entry.expires_at.is_some())))
        };
        self.entries = keys.filter_map(entry).collect();
    }

    /// Returns the keys in which it differs.
    fn difference(&self, expected: &Entries) -> Vec<String> {
        let keys = self.entries.keys().chain(expected.keys());
        let differs = |key: &&Vec<u8>| self.entries.get(*key) != expected.get(*key);
        keys.filter(differs).map(|key| key.escape_ascii().to_string()).collect()
    }

    fn apply(&mut self, change: Change<'_>) {
        match change {
            Change::Removed { key } | Change::Expired { key } => {
                self.entries.remove(key);
            }
            // Set to a time that has passed, it is there for nobody.
            Change::Set { key, expires_at: Some(at), .. } if at < FUTURE_MIN => {
                self.entries.remove(key);
            }
            Change::Set { key, value, expires_at } => {
                let entry = (value.to_vec(), expires_at.is_some());
                self.entries.insert(key.to_vec(), entry);
            }
            Change::RangeRemoved { start, end } => {
                let is_behind = |key: &[u8]| end.is_some_and(|end| key >= end);
                self.entries.retain(|key, _| &key[..] < start || is_behind(key));
            }
            Change::Cleared | Change::Dropped => self.entries.clear(),
            other => panic!("{other:?}"),
        }
    }
}

impl Run {
    /// Begins a mirror of a keyspace.
    pub fn watch(&mut self) {
        let (keyspace, number, is_taken) = self.handle();
        if !is_taken {
            return;
        }
        let watch = keyspace.watch(..).unwrap();
        let mut mirror = Mirror { keyspace, number, watch, entries: Entries::new() };
        mirror.read();
        self.mirrors.push(mirror);
        if self.mirrors.len() > MIRRORS_MAX {
            let position = self.below(MIRRORS_MAX);
            self.mirrors.remove(position);
        }
    }

    /// Has the mirrors follow, and compares them.
    pub fn follow(&mut self) {
        let at = self.at();
        for mirror in &mut self.mirrors {
            mirror.catch_up(&mut self.tally);
            let expected = &self.model.keyspaces[mirror.number];
            assert!(mirror.entries == *expected, "{at}: {:?}", mirror.difference(expected));
        }
    }
}
