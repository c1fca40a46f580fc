//! Stores to be damaged, with everything that may be in one, and all that was once in their files.

use std::collections::{BTreeMap, BTreeSet};

use super::super::machine::{Machine, Past, put, remove};
use super::super::{Model, options};
use crate::Durability;
use crate::engine::UnixMillis;
use crate::storage::fs::simulated::{SimulatedDisk, State};
use crate::store::{Batch, WriteOperation};

/// Contents by name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// A time that does not come while a test runs.
const FAR: u64 = 9_999_999_999_999;

/// Bytes of a segment before its frames, and of a frame before its body.
const SEGMENT_HEADER: usize = 72;
const FRAME_HEADER: usize = 32;

/// A cleanly closed store.
pub(super) struct Store {
    pub(super) files: Files,
    pub(super) model: Model,
    /// Every key that ever was in it.
    pub(super) keys: BTreeSet<Vec<u8>>,
    /// The earlier contents of files, including those of removed ones.
    pub(super) earlier: Vec<(String, Vec<u8>)>,
}

/// The history of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    /// It ends with tombstones that are needed, and with a compaction that was not finished.
    Removed,
    /// It ends with a record that removed every key and is needed.
    Cleared,
    /// It ends with a compaction that was finished; its hints were deleted, so that all of it is
    /// read when it is opened.
    Compacted,
}

pub(super) const STORIES: [Story; 3] = [Story::Removed, Story::Cleared, Story::Compacted];

/// Returns the disk with these files.
pub(super) fn states(files: &Files) -> State {
    State::with_files(files.iter().map(|(name, bytes)| (name.clone(), bytes.clone())))
}

/// Returns the beginnings and ends of the frames of a segment.
pub(super) fn frames(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut frames = Vec::new();
    let mut start = SEGMENT_HEADER;
    while let Some(length) = bytes.get(start + 8..start + 12) {
        let body = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        frames.push((start, start + FRAME_HEADER + body));
        start += FRAME_HEADER + body;
    }
    frames
}

/// Writes to a store and keeps what was on the disk on the way.
struct Author {
    machine: Machine,
    earlier: Vec<(String, Vec<u8>)>,
    keys: BTreeSet<Vec<u8>>,
}

impl Author {
    fn write(&mut self, operations: Vec<WriteOperation>) {
        let keys = operations.iter().map(|operation| operation.key().to_vec());
        self.keys.extend(keys.filter(|key| !key.is_empty()));
        for outcome in self.machine.write(vec![Batch::from_iter(operations)]) {
            outcome.expect("nothing fails here");
        }
        self.look();
    }

    fn put_all(&mut self, keys: impl IntoIterator<Item = usize>, what: &str) {
        for key in keys {
            self.write(vec![put(&format!("key {key}"), format!("{what} value of key {key}"))]);
        }
    }

    fn maintain(&mut self) {
        while self.machine.step() {
            self.look();
        }
    }

    fn reopen(self) -> Self {
        let machine = self.machine.reopen().expect("a closed store opens");
        let mut author = Self { machine, ..self };
        author.look();
        author
    }

    fn has_unfinished(&self) -> bool {
        self.machine.disk.state().files().any(|(name, _)| name.ends_with(".tmp"))
    }

    fn look(&mut self) {
        for (name, bytes) in self.machine.disk.state().files() {
            let found = (name.to_owned(), bytes.to_vec());
            if !self.earlier.contains(&found) {
                self.earlier.push(found);
            }
        }
    }
}

impl Store {
    /// Makes a store, of which this is the id.
    pub(super) fn new(story: Story, id: u8) -> Self {
        let marker = format!("kvs\n{id:032x}\n").into_bytes();
        let disk = SimulatedDisk::new(State::with_files([("ENGINE".to_owned(), marker)]));
        let empty = Past { sequence: 0, model: Model::new() };
        let options = options(Durability::Always);
        let machine = Machine::open(&disk, &options, vec![empty]).expect("an empty store opens");
        let mut author = Author { machine, earlier: Vec::new(), keys: BTreeSet::new() };
        author.put_all(0..12, "the first");
        // Each time until the log is half garbage, so that there is something to compact.
        for what in ["the other", "the second"] {
            author.put_all([0, 1, 2, 4, 5, 6, 8], what);
        }
        author.maintain();
        for what in ["the next", "the last", "the third"] {
            author.put_all([0, 4, 1, 5], what);
        }
        author.maintain();
        author = author.reopen();
        author.put_all(20..26, "another");
        if story == Story::Cleared {
            author.write(vec![WriteOperation::clear()]);
            author.put_all([3, 4, 20, 30], "the last");
        }
        author.write(vec![
            put("a", "together"),
            remove("key 3"),
            put("b", "with this"),
            put("c", "!"),
        ]);
        let (key, value) = (b"expiring".to_vec(), b"some day".to_vec());
        author.write(vec![WriteOperation::Put { key, value, expires_at: Some(UnixMillis(FAR)) }]);
        author.write(vec![put("long", "more than a sector ".repeat(40))]);
        author.write(vec![remove("key 20")]);
        author.write(vec![remove("key 7")]);
        author.write(vec![remove("b")]);
        author = author.reopen();
        (0..4).for_each(|_| author.put_all(40..43, "the very last"));
        author.write(vec![put("key 41", "overwritten")]);
        if story == Story::Compacted {
            author.maintain();
            author.put_all([50], "a new");
        }
        // A hint that is being written goes before a compaction.
        while story != Story::Compacted && !author.has_unfinished() && author.machine.step() {
            author.look();
        }
        author.machine.close();
        author.look();
        let state = author.machine.disk.state();
        // The unfinished output of a compaction is what a kill during the shutdown leaves.
        let files = state.files().map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
        let mut files: Files = files.collect();
        if story == Story::Compacted {
            files.retain(|name, _| !name.ends_with(".hint"));
        }
        let Author { machine, mut earlier, keys } = author;
        earlier.retain(|(name, bytes)| files.get(name) != Some(bytes));
        Self { files, model: machine.now().clone(), keys, earlier }
    }

    /// Returns the names of its segments.
    pub(super) fn segments(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str).filter(|name| name.ends_with(".log"))
    }

    /// Returns the number of bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.files.values().map(Vec::len).sum()
    }
}

#[test]
fn the_stores_hold_what_is_to_be_damaged() {
    for story in STORIES {
        let store = Store::new(story, 1);
        let (mut kinds, mut origins) = (BTreeMap::new(), BTreeMap::new());
        for name in store.segments() {
            let bytes = &store.files[name];
            *origins.entry(bytes[12]).or_insert(0) += 1;
            for (start, _) in frames(bytes) {
                *kinds.entry(bytes[start + 4]).or_insert(0) += 1;
            }
        }
        println!("{story:?}: {} bytes, frames {kinds:?}, segments {origins:?}", store.bytes());
        assert!(store.bytes() > 3000);
        assert!(origins[&1] >= 3 && origins[&2] >= 1, "written and compacted segments");
        assert!([1, 2, 3, 4].iter().all(|kind| kinds.contains_key(kind)), "every kind of frame");
        assert!(store.files.contains_key("CLOSED") && store.files.contains_key("ENGINE"));
        let is_unfinished = store.files.keys().any(|name| name.ends_with(".tmp"));
        assert_eq!(is_unfinished, story != Story::Compacted);
        let hints = store.files.keys().filter(|name| name.ends_with(".hint")).count();
        let segments = store.segments().count();
        assert!(hints < segments, "{hints} hints of {segments} segments");
        assert_eq!(hints > 1, story != Story::Compacted);
        let gone = store.earlier.iter().filter(|(name, _)| !store.files.contains_key(name));
        assert!(gone.count() > 2, "segments that were compacted away");
    }
}
