//! The entries of one segment, sorted by key: everything that an open needs of its records.
//!
//! The bytes of a run are the same in memory and in a hint file, so that one that was read needs no
//! conversion.

use crate::storage::compaction::key_set;
use crate::storage::compaction::keyspace_bytes::KeyspaceBytes;
use crate::storage::format::hint_entry::HintEntry;
use crate::storage::format::keyspace::{KeyspaceId, PlacedKey};
use crate::storage::format::record::{Extent, Record, RecordKind};
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::key_range::KeyInterval;
use crate::storage::range_removals::RangeRemoval;

/// The entries between two that can be found without decoding those before them.
const SAMPLE_EVERY: usize = 256;

/// Entries in the order of the log, to be sorted.
#[derive(Default)]
pub(crate) struct SortedRunBuilder {
    bytes: Vec<u8>,
    entries: Vec<Unsorted>,
    /// The common prefix of all keys.
    shared: Option<Vec<u8>>,
    /// The keyspace of the first record.
    keyspace: KeyspaceId,
    /// True if there are records of other keyspaces.
    is_mixed: bool,
}

/// The place of an entry among those of a builder. It is enough to sort most of them, and to move
/// them afterwards, without another look at entries that lie all over the memory.
struct Unsorted {
    /// The first bytes of its key behind the common prefix.
    head: u64,
    start: usize,
    length: usize,
}

impl SortedRunBuilder {
    /// Adds a record.
    pub(crate) fn add(&mut self, record: &Record<'_>, sequence: Sequence, extent: Extent) {
        let start = self.bytes.len();
        HintEntry::encode(record, sequence, extent, &mut self.bytes);
        let length = self.bytes.len() - start;
        self.entries.push(Unsorted { head: 0, start, length });
        let key = record.key();
        match &mut self.shared {
            None => {
                self.keyspace = record.keyspace;
                self.shared = Some(key.to_vec());
            }
            Some(shared) => {
                let same = shared.iter().zip(key).take_while(|(a, b)| a == b).count();
                shared.truncate(same);
            }
        }
        self.is_mixed |= record.keyspace != self.keyspace;
    }

    /// Returns the entries, sorted, behind `header`.
    pub(crate) fn sort(mut self, header: Vec<u8>) -> Vec<u8> {
        let shared = self.shared.map_or(0, |shared| shared.len());
        let entry = |start: usize| HintEntry::decode(&self.bytes[start..]).map(|(entry, _)| entry);
        for Unsorted { head, start, .. } in &mut self.entries {
            let key = entry(*start).map_or((self.keyspace, &[][..]), |entry| entry.placed_key());
            *head = sort_head(key, shared, self.is_mixed);
        }
        self.entries.sort_unstable_by(|a, b| {
            a.head.cmp(&b.head).then_with(|| match (entry(a.start), entry(b.start)) {
                (Some(first), Some(second)) => first.order(&second),
                _ => a.start.cmp(&b.start),
            })
        });
        let mut sorted = header;
        sorted.reserve_exact(self.bytes.len());
        for Unsorted { start, length, .. } in &self.entries {
            sorted.extend_from_slice(&self.bytes[*start..*start + *length]);
        }
        sorted
    }
}

/// Returns a number that sorts as keys with so many bytes in common do, as far as it reaches; keys
/// of several keyspaces if they are mixed.
pub(super) fn sort_head((keyspace, key): PlacedKey<'_>, shared: usize, is_mixed: bool) -> u64 {
    let head = head_of(key.get(shared..).unwrap_or_default());
    if is_mixed { u64::from(keyspace.0) << 32 | head >> 32 } else { head }
}

fn head_of(bytes: &[u8]) -> u64 {
    if let Some(head) = bytes.first_chunk() {
        return u64::from_be_bytes(*head);
    }
    let mut head = [0; 8];
    let length = bytes.len().min(8);
    head[..length].copy_from_slice(&bytes[..length]);
    u64::from_be_bytes(head)
}

/// Sorted entries of one segment.
pub(crate) struct SortedRun {
    pub(crate) segment: SegmentId,
    bytes: Vec<u8>,
    /// The offset of every [`SAMPLE_EVERY`]th entry.
    samples: Vec<usize>,
}

/// The facts of a run as a whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RunSummary {
    pub(crate) entries: u64,
    /// The lowest and the highest sequence number; `None` if it is empty.
    pub(crate) sequences: Option<(Sequence, Sequence)>,
    /// The hashes of the keys that it holds values of.
    pub(crate) keys: Vec<u32>,
    /// The keyspaces that it holds values of.
    pub(crate) keyspaces: Vec<KeyspaceId>,
    /// The bytes of all records.
    pub(crate) bytes: KeyspaceBytes,
    /// The records that removed ranges of keys.
    pub(crate) removals: Vec<RangeRemoval>,
}

impl SortedRun {
    /// Returns the run that the bytes from `start` on are; `None` if they cannot be one of a
    /// segment of this length.
    pub(crate) fn new(
        segment: SegmentId,
        bytes: Vec<u8>,
        start: usize,
        segment_bytes: u64,
    ) -> Option<(Self, RunSummary)> {
        let (mut samples, mut summary) = (Vec::new(), RunSummary::default());
        let mut rest = bytes.get(start..)?;
        let mut last: Option<HintEntry<'_>> = None;
        while !rest.is_empty() {
            if summary.entries.is_multiple_of(SAMPLE_EVERY as u64) {
                samples.push(bytes.len() - rest.len());
            }
            let (entry, behind) = HintEntry::decode(rest)?;
            let Extent { offset, length } = entry.extent;
            let is_inside = offset as usize >= SEGMENT_HEADER_BYTES
                && u64::from(offset) + u64::from(length) <= segment_bytes
                && entry.sequence <= Sequence::MAX;
            if !is_inside || last.is_some_and(|last| last.order(&entry).is_ge()) {
                return None;
            }
            summary.add(segment, &entry);
            (rest, last) = (behind, Some(entry));
        }
        Some((Self { segment, bytes, samples }, summary))
    }

    /// Returns the bytes of memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the keys of some of its entries, evenly spread.
    pub(crate) fn sampled_keys(&self) -> impl Iterator<Item = PlacedKey<'_>> {
        self.samples.iter().filter_map(|start| self.key_at(*start))
    }

    /// Returns the number of entries that each of the sampled keys stands for.
    pub(crate) fn entries_per_sample() -> usize {
        SAMPLE_EVERY
    }

    /// Returns the entries whose keys are at or above this one.
    pub(crate) fn from<'a>(
        &'a self,
        key: Option<PlacedKey<'a>>,
    ) -> impl Iterator<Item = HintEntry<'a>> + 'a {
        let is_before = move |other: PlacedKey<'_>| key.is_some_and(|key| other < key);
        let sample =
            self.samples.partition_point(|start| self.key_at(*start).is_some_and(is_before));
        let start = self.samples.get(sample.saturating_sub(1));
        let mut rest = start.map_or(&[][..], |start| &self.bytes[*start..]);
        let entries = std::iter::from_fn(move || {
            let (entry, behind) = HintEntry::decode(rest)?;
            rest = behind;
            Some(entry)
        });
        entries.skip_while(move |entry| is_before(entry.placed_key()))
    }

    fn key_at(&self, start: usize) -> Option<PlacedKey<'_>> {
        HintEntry::decode(&self.bytes[start..]).map(|(entry, _)| entry.placed_key())
    }
}

impl RunSummary {
    fn add(&mut self, segment: SegmentId, entry: &HintEntry<'_>) {
        let HintEntry { record: Record { keyspace, kind }, sequence, extent } = *entry;
        self.entries += 1;
        self.bytes.add(keyspace, extent.cost());
        let (oldest, newest) = self.sequences.unwrap_or((sequence, sequence));
        self.sequences = Some((oldest.min(sequence), newest.max(sequence)));
        match kind {
            RecordKind::Put { key, .. } => {
                self.keys.push(key_set::hash(keyspace, key));
                // Entries are in the order of keyspaces.
                if self.keyspaces.last() != Some(&keyspace) {
                    self.keyspaces.push(keyspace);
                }
            }
            RecordKind::Remove { .. } => {}
            RecordKind::RemoveRange(KeyInterval { start, end }) => {
                let (start, end) = (start.to_vec(), end.to_vec());
                let removal = RangeRemoval { keyspace, start, end, sequence, segment, extent };
                self.removals.push(removal);
            }
        }
    }
}
