//! The entries of one segment, sorted by key: everything that an open needs of its records.
//!
//! The bytes of a run are the same in memory and in a hint file, so that one that was read needs no
//! conversion.

use crate::storage::compaction::key_set;
use crate::storage::format::frame::SEQUENCE_MAX;
use crate::storage::format::hint_entry::HintEntry;
use crate::storage::format::record::{Extent, Record};
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::format::segment_id::SegmentId;

/// The entries between two that can be found without decoding those before them.
const SAMPLE_EVERY: usize = 256;

/// Entries in the order of the log, to be sorted.
#[derive(Default)]
pub(crate) struct SortedRunBuilder {
    bytes: Vec<u8>,
    /// The offset of each entry, with the first bytes of its key behind the common prefix.
    starts: Vec<(u64, usize)>,
    /// The common prefix of all keys.
    shared: Option<Vec<u8>>,
}

impl SortedRunBuilder {
    /// Adds a record; false if it cannot be encoded.
    pub(crate) fn add(&mut self, record: &Record<'_>, sequence: u64, extent: Extent) -> bool {
        let start = self.bytes.len();
        let bytes = std::mem::take(&mut self.bytes);
        let Some(bytes) = HintEntry::encode(record, sequence, extent, bytes) else {
            return false;
        };
        self.bytes = bytes;
        self.starts.push((0, start));
        let key = record.key();
        match &mut self.shared {
            None => self.shared = Some(key.to_vec()),
            Some(shared) => {
                let same = shared.iter().zip(key).take_while(|(a, b)| a == b).count();
                shared.truncate(same);
            }
        }
        true
    }

    /// Returns the entries, sorted, behind `header`.
    pub(crate) fn sort(mut self, header: Vec<u8>) -> Vec<u8> {
        let shared = self.shared.map_or(0, |shared| shared.len());
        let entry = |start: usize| HintEntry::decode(&self.bytes[start..]).map(|(entry, _)| entry);
        for (head, start) in &mut self.starts {
            let key = entry(*start).map_or(&[][..], |entry| entry.record.key());
            *head = head_of(key.get(shared..).unwrap_or_default());
        }
        // The heads order most of them without another look at the keys.
        self.starts.sort_unstable_by(|(a, first), (b, second)| {
            a.cmp(b).then_with(|| match (entry(*first), entry(*second)) {
                (Some(first), Some(second)) => first.order(&second),
                _ => first.cmp(second),
            })
        });
        let mut sorted = header;
        sorted.reserve_exact(self.bytes.len());
        for (_, start) in &self.starts {
            let bytes = &self.bytes[*start..];
            let rest = HintEntry::decode(bytes).map_or(0, |(_, rest)| rest.len());
            sorted.extend_from_slice(&bytes[..bytes.len() - rest]);
        }
        sorted
    }
}

fn head_of(bytes: &[u8]) -> u64 {
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
    pub(crate) sequences: Option<(u64, u64)>,
    /// The hashes of the keys that it holds values of.
    pub(crate) keys: Vec<u32>,
    /// The records that removed every key, oldest first.
    pub(crate) clears: Vec<(u64, Extent)>,
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
                && entry.sequence <= SEQUENCE_MAX;
            if !is_inside || last.is_some_and(|last| last.order(&entry).is_ge()) {
                return None;
            }
            summary.add(&entry);
            (rest, last) = (behind, Some(entry));
        }
        summary.clears.sort_unstable_by_key(|(sequence, _)| *sequence);
        Some((Self { segment, bytes, samples }, summary))
    }

    /// Returns the bytes of memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the keys of some of its entries, evenly spread.
    pub(crate) fn sampled_keys(&self) -> impl Iterator<Item = &[u8]> {
        self.samples.iter().filter_map(|start| self.key_at(*start))
    }

    /// Returns the number of entries that each of the sampled keys stands for.
    pub(crate) fn entries_per_sample() -> usize {
        SAMPLE_EVERY
    }

    /// Returns the entries whose keys are at or above this one.
    pub(crate) fn from<'a>(
        &'a self,
        key: Option<&'a [u8]>,
    ) -> impl Iterator<Item = HintEntry<'a>> + 'a {
        let is_before = move |other: &[u8]| key.is_some_and(|key| other < key);
        let sample =
            self.samples.partition_point(|start| self.key_at(*start).is_some_and(is_before));
        let start = self.samples.get(sample.saturating_sub(1));
        let mut rest = start.map_or(&[][..], |start| &self.bytes[*start..]);
        let entries = std::iter::from_fn(move || {
            let (entry, behind) = HintEntry::decode(rest)?;
            rest = behind;
            Some(entry)
        });
        entries.skip_while(move |entry| is_before(entry.record.key()))
    }

    fn key_at(&self, start: usize) -> Option<&[u8]> {
        HintEntry::decode(&self.bytes[start..]).map(|(entry, _)| entry.record.key())
    }
}

impl RunSummary {
    fn add(&mut self, entry: &HintEntry<'_>) {
        let HintEntry { record, sequence, extent } = *entry;
        self.entries += 1;
        let (oldest, newest) = self.sequences.unwrap_or((sequence, sequence));
        self.sequences = Some((oldest.min(sequence), newest.max(sequence)));
        match record {
            Record::Put { key, .. } => self.keys.push(key_set::hash(key)),
            Record::Remove { .. } => {}
            Record::Clear => self.clears.push((sequence, extent)),
        }
    }
}
