//! What an open needs of a segment's records, sorted by key: everything but the values.
//!
//! An entry is what postcard makes of [`Encoded`]. The bytes of a run are the same in memory and in a hint
//! file, so that one that was read needs no conversion.

use serde::{Deserialize, Serialize};

use crate::storage::format::file_name::SegmentId;
use crate::storage::format::record::{Extent, Record, SEQUENCE_MAX};
use crate::storage::segment::{HEADER_BYTES, Location};

/// How many entries lie between two that can be found without reading those before them.
const SAMPLE_EVERY: usize = 256;

/// An entry as it is encoded: the order of the fields is the format.
#[derive(Serialize, Deserialize)]
struct EncodedEntry<'a> {
    #[serde(borrow, with = "serde_bytes")]
    key: &'a [u8],
    kind: u8,
    expires_at: u64,
    sequence: u64,
    offset: u32,
    length: u32,
}

/// A record without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HintEntry<'a> {
    pub(crate) record: Record<'a>,
    pub(crate) sequence: u64,
    pub(crate) extent: Extent,
}

impl<'a> HintEntry<'a> {
    /// The entry that the bytes begin with, and the bytes behind it.
    fn decode(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (encoded, rest) = postcard::take_from_bytes::<EncodedEntry<'a>>(bytes).ok()?;
        let EncodedEntry { key, kind, expires_at, sequence, offset, length } = encoded;
        let record = Record::with_head(kind, expires_at, key)?;
        Some((Self { record, sequence, extent: Extent { offset, length } }, rest))
    }

    /// By key, then by age; what one batch writes twice stays in the order it was written in.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        let environment = |entry: &Self| (entry.sequence, entry.extent.offset);
        self.record
            .key()
            .cmp(other.record.key())
            .then_with(|| environment(self).cmp(&environment(other)))
    }
}

/// Entries in the order of the log, to be sorted.
#[derive(Default)]
pub(crate) struct SortedRunBuilder {
    bytes: Vec<u8>,
    /// Where each entry begins, with the bytes of its key behind what all keys begin with.
    places: Vec<(u64, usize)>,
    /// How many bytes all keys begin with.
    shared: Option<Vec<u8>>,
}

impl SortedRunBuilder {
    /// Adds a record; false if it cannot be encoded.
    pub(crate) fn add(&mut self, record: &Record<'_>, sequence: u64, extent: Extent) -> bool {
        let (kind, expires_at, key) = record.head();
        let Extent { offset, length } = extent;
        let encoded = EncodedEntry { key, kind, expires_at, sequence, offset, length };
        let start = self.bytes.len();
        let Ok(bytes) = postcard::to_extend(&encoded, std::mem::take(&mut self.bytes)) else {
            return false;
        };
        self.bytes = bytes;
        self.places.push((0, start));
        match &mut self.shared {
            None => self.shared = Some(key.to_vec()),
            Some(shared) => {
                let same = shared.iter().zip(key).take_while(|(a, b)| a == b).count();
                shared.truncate(same);
            }
        }
        true
    }

    /// The entries behind `header`, sorted.
    pub(crate) fn sort(mut self, header: Vec<u8>) -> Vec<u8> {
        let shared = self.shared.map_or(0, |shared| shared.len());
        let entry = |start: usize| HintEntry::decode(&self.bytes[start..]).map(|(entry, _)| entry);
        for (head, start) in &mut self.places {
            let key = entry(*start).map_or(&[][..], |entry| entry.record.key());
            *head = head_of(key.get(shared..).unwrap_or_default());
        }
        // The heads order most of them without another look at the keys.
        self.places.sort_unstable_by(|(a, first), (b, second)| {
            a.cmp(b).then_with(|| match (entry(*first), entry(*second)) {
                (Some(first), Some(second)) => first.order(&second),
                _ => first.cmp(second),
            })
        });
        let mut sorted = header;
        sorted.reserve_exact(self.bytes.len());
        for (_, start) in &self.places {
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
    /// Where every [`SAMPLE_EVERY`]th entry begins.
    samples: Vec<usize>,
}

/// What is known of a run as a whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RunSummary {
    pub(crate) entries: u64,
    /// The lowest and the highest sequence number; `None` if it is empty.
    pub(crate) sequences: Option<(u64, u64)>,
    /// The hashes of the keys that it has values of.
    pub(crate) keys: Vec<u32>,
    /// The records that removed every key, oldest first.
    pub(crate) clears: Vec<(u64, Extent)>,
}

impl SortedRun {
    /// Takes the bytes from `start` on for a run, if they can be one of a segment of this length.
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
            let is_inside = offset as usize >= HEADER_BYTES
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

    /// How much memory it takes.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.len()
    }

    /// The keys of some of its entries, evenly spread.
    pub(crate) fn sampled_keys(&self) -> impl Iterator<Item = &[u8]> {
        self.samples.iter().filter_map(|start| self.key_at(*start))
    }

    /// How many entries each of the sampled keys stands for.
    pub(crate) fn entries_per_sample() -> usize {
        SAMPLE_EVERY
    }

    /// The entries from the first one on whose key is at or above this one.
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
            Record::Put { key, .. } => {
                self.keys.push(crate::storage::compaction::key_set::hash(key))
            }
            Record::Remove { .. } => {}
            Record::Clear => self.clears.push((sequence, extent)),
        }
    }
}

impl HintEntry<'_> {
    /// Where it lies, as the index holds it.
    pub(crate) fn location(&self, segment: SegmentId) -> Location {
        Location::of(&self.record, segment, self.extent)
    }
}
