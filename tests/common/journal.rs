//! The requests of one client and their answers, and a comparison of a store's contents with them.
//!
//! The intent is noted before a write is sent and its outcome after the answer, so that a key may
//! hold the newest acknowledged write or one after it whose outcome is not known, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

/// The outcome of a write as its client knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Acknowledged,
    /// It was not done.
    Refused(String),
    /// The server says that it does not know.
    Doubtful(String),
    /// No answer came.
    Unanswered,
}

/// A contradiction between a store and the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// An acknowledged write is gone.
    Lost { key: String, acknowledged: u64, found: Option<u64> },
    /// A write that was read once is gone.
    WentBack { key: String, seen: u64, found: Option<u64> },
    /// Nobody wrote this.
    NeverSent { key: String, found: String },
    /// The server said that it did not do this.
    Refused { key: String, sequence: u64 },
    /// Some keys of a batch were written and some not.
    Torn { keys: Vec<String>, found: Vec<Option<u64>> },
}

/// A write that is about to be sent: of one key, or of several in one batch.
#[derive(Debug, Clone)]
pub struct Write {
    pub keys: Vec<String>,
    sequence: u64,
    /// Length of each value; `None` removes the key.
    bytes: Option<usize>,
}

impl Write {
    /// Returns the value for one of its keys, or `None` where it removes it.
    pub fn value(&self, key: &str) -> Option<Vec<u8>> {
        self.bytes.map(|bytes| encode(key, self.sequence, bytes))
    }
}

/// Everything one client did; no other client writes its keys.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    last_sequence: u64,
    keys: BTreeMap<String, History>,
    batches: BTreeSet<Vec<String>>,
    pub acknowledged: u64,
}

/// One key's writes that may still be what it holds.
#[derive(Debug, Clone, Default)]
struct History {
    /// At least this is there; sequence 0 is the absence before the first write.
    floor: Entry,
    /// The floor was read rather than acknowledged.
    is_seen: bool,
    /// Oldest first.
    later: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    sequence: u64,
    /// True if the key is there after it.
    is_present: bool,
    is_refused: bool,
}

impl Journal {
    /// Notes the intent to set every key, in one batch if there are several.
    pub fn set(&mut self, keys: &[&str], bytes: usize) -> Write {
        if keys.len() > 1 {
            self.batches.insert(keys.iter().map(|key| (*key).to_owned()).collect());
        }
        self.intend(keys, Some(bytes))
    }

    /// Notes the intent to remove the key.
    pub fn remove(&mut self, key: &str) -> Write {
        self.intend(&[key], None)
    }

    fn intend(&mut self, keys: &[&str], bytes: Option<usize>) -> Write {
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        for key in keys {
            let entry = Entry { sequence, is_present: bytes.is_some(), is_refused: false };
            self.keys.entry((*key).to_owned()).or_default().later.push(entry);
        }
        Write { keys: keys.iter().map(|key| (*key).to_owned()).collect(), sequence, bytes }
    }

    /// Notes what became of the last write of its keys.
    pub fn conclude(&mut self, write: &Write, outcome: &Outcome) {
        self.acknowledged += u64::from(*outcome == Outcome::Acknowledged);
        for key in &write.keys {
            let history = self.keys.get_mut(key).unwrap();
            let last = history.later.last_mut().unwrap();
            assert_eq!(last.sequence, write.sequence, "writes of a key are concluded in order");
            match outcome {
                Outcome::Acknowledged => {
                    (history.floor, history.is_seen) = (*last, false);
                    history.later.clear();
                }
                Outcome::Refused(_) => last.is_refused = true,
                Outcome::Doubtful(_) | Outcome::Unanswered => {}
            }
        }
    }

    /// Compares every key with what the store holds.
    pub fn check(&self, read: impl FnMut(&str) -> Option<Vec<u8>>) -> Result<(), Violation> {
        self.compare(read).map(drop)
    }

    /// Does as [`check`](Self::check) for a store that was opened anew: what it holds now it has to
    /// keep.
    pub fn settle(&mut self, read: impl FnMut(&str) -> Option<Vec<u8>>) -> Result<(), Violation> {
        for (key, found) in self.compare(read)? {
            let history = self.keys.get_mut(&key).unwrap();
            if let Some(seen) = history.seen(found) {
                (history.floor, history.is_seen) = (seen, true);
            }
            history.later.clear();
        }
        Ok(())
    }

    fn compare(
        &self,
        mut read: impl FnMut(&str) -> Option<Vec<u8>>,
    ) -> Result<BTreeMap<String, Option<u64>>, Violation> {
        let mut held = BTreeMap::new();
        for (key, history) in &self.keys {
            let value = read(key);
            let found = match &value {
                None => None,
                Some(value) => Some(decode(key, value).ok_or_else(|| Violation::NeverSent {
                    key: key.clone(),
                    found: value[..value.len().min(80)].escape_ascii().to_string(),
                })?),
            };
            history.check(key, found)?;
            held.insert(key.clone(), found);
        }
        for keys in &self.batches {
            let found: Vec<_> = keys.iter().map(|key| held[key]).collect();
            if found.iter().any(|sequence| *sequence != found[0]) {
                return Err(Violation::Torn { keys: keys.clone(), found });
            }
        }
        Ok(held)
    }
}

impl History {
    fn check(&self, key: &str, found: Option<u64>) -> Result<(), Violation> {
        let key = key.to_owned();
        let is_found = |entry: &Entry| match found {
            Some(sequence) => entry.is_present && entry.sequence == sequence,
            None => !entry.is_present && !entry.is_refused,
        };
        if is_found(&self.floor) {
            return Ok(());
        }
        match (self.later.iter().find(|entry| is_found(entry)), found) {
            (Some(Entry { is_refused: false, .. }), _) => Ok(()),
            (Some(Entry { sequence, .. }), _) => {
                Err(Violation::Refused { key, sequence: *sequence })
            }
            (None, Some(sequence)) if sequence > self.floor.sequence => {
                Err(Violation::NeverSent { key, found: format!("sequence {sequence}") })
            }
            (None, found) if self.is_seen => {
                Err(Violation::WentBack { key, seen: self.floor.sequence, found })
            }
            (None, found) => Err(Violation::Lost { key, acknowledged: self.floor.sequence, found }),
        }
    }

    /// Returns the newest entry that explains what was found, unless it is the floor already.
    fn seen(&self, found: Option<u64>) -> Option<Entry> {
        let explains = |entry: &&Entry| match found {
            Some(sequence) => entry.sequence == sequence,
            None => !entry.is_present,
        };
        self.later.iter().rev().filter(|entry| !entry.is_refused).find(explains).copied()
    }
}

/// Returns a value that names its key and its write, and can be told from every other one byte by
/// byte.
fn encode(key: &str, sequence: u64, bytes: usize) -> Vec<u8> {
    let mut value = format!("{key} {sequence} {bytes}\n").into_bytes();
    let first = u8::try_from(sequence % 251).unwrap();
    while value.len() < bytes {
        value.push(first.wrapping_add(u8::try_from(value.len() % 241).unwrap()));
    }
    value
}

/// Returns the write that a value comes from, if it is whole.
fn decode(key: &str, value: &[u8]) -> Option<u64> {
    let end = value.iter().position(|byte| *byte == b'\n')?;
    let header = std::str::from_utf8(&value[..end]).ok()?;
    let mut words = header.strip_prefix(key)?.split_whitespace();
    let sequence = words.next()?.parse().ok()?;
    let bytes = words.next()?.parse().ok()?;
    (encode(key, sequence, bytes) == value).then_some(sequence)
}
