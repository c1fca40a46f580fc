//! A count of what is in the files of a store, from the description of the format alone.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const SEGMENT_HEADER: usize = 72;
const FRAME_HEADER: usize = 32;
const RECORD_HEADER: usize = 8;

/// The figures of one segment.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CountedSegment {
    pub bytes: u64,
    pub live_bytes: u64,
    pub live_keys: u64,
    pub dead_values: u64,
}

/// The figures of one keyspace.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CountedKeyspace {
    pub keys: u64,
    pub live_bytes: u64,
    /// The bytes of all other records.
    pub dead_bytes: u64,
}

/// The figures of all files of a store that is at rest and has no snapshots.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recount {
    /// By number.
    pub segments: BTreeMap<u64, CountedSegment>,
    /// By number.
    pub keyspaces: BTreeMap<u64, CountedKeyspace>,
}

/// A record, and the place where it is.
struct CountedRecord {
    segment: u64,
    sequence: u64,
    kind: u8,
    keyspace: u64,
    key: Vec<u8>,
    value: Vec<u8>,
    /// The bytes of the record in a frame of its own.
    bytes: u64,
}

fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Takes a number as postcard encodes it.
fn take_number(bytes: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        number |= u64::from(byte & 0x7F) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return number;
        }
    }
}

fn take_bytes(bytes: &mut &[u8]) -> Vec<u8> {
    let length = usize::try_from(take_number(bytes)).unwrap();
    let taken = bytes[..length].to_vec();
    *bytes = &bytes[length..];
    taken
}

/// Returns the records of a segment, and the end of its last frame.
fn records(segment: u64, file: &[u8]) -> (Vec<CountedRecord>, usize) {
    let (mut records, mut at) = (Vec::new(), SEGMENT_HEADER);
    while at + FRAME_HEADER <= file.len() && file[at + 4] > 0 {
        let body = at + FRAME_HEADER;
        let end = body + usize::try_from(number(file, at + 8, 4)).unwrap();
        let (is_batch, sequence) = (file[at + 4] == 1, number(file, at + 16, 8));
        let mut next = body;
        while is_batch && next < end {
            let start = next + RECORD_HEADER;
            next = start + usize::try_from(number(file, next + 4, 4)).unwrap();
            let mut rest = &file[start..next];
            let kind = rest[0];
            rest = &rest[1..];
            let keyspace = take_number(&mut rest);
            // The type and the expiry.
            rest = &rest[1..];
            take_number(&mut rest);
            let (key, value) = (take_bytes(&mut rest), take_bytes(&mut rest));
            let bytes = (next - start + RECORD_HEADER + FRAME_HEADER) as u64;
            records.push(CountedRecord { segment, sequence, kind, keyspace, key, value, bytes });
        }
        at = end;
    }
    (records, at)
}

/// Counts the files of a directory.
pub fn recount(directory: &Path) -> Recount {
    let mut counted = Recount::default();
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let file = fs::read(&path).unwrap();
            // One that was made ahead has no header yet.
            if file[..SEGMENT_HEADER].iter().all(|byte| *byte == 0) {
                continue;
            }
            let segment = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let (records, end) = records(segment, &file);
            counted.segments.entry(segment).or_default().bytes = end as u64;
            all.extend(records);
        }
    }
    let newest = |record: &CountedRecord| {
        all.iter().all(|other| {
            let covers = match other.kind {
                3 => {
                    let is_below = other.value.is_empty() || record.key < other.value;
                    record.key >= other.key && is_below
                }
                _ => record.key == other.key,
            };
            other.keyspace != record.keyspace || !covers || other.sequence <= record.sequence
        })
    };
    for record in &all {
        let segment = counted.segments.get_mut(&record.segment).unwrap();
        let keyspace = counted.keyspaces.entry(record.keyspace).or_default();
        let is_value = record.kind == 1;
        if is_value && newest(record) {
            segment.live_bytes += record.bytes;
            segment.live_keys += 1;
            keyspace.live_bytes += record.bytes;
            keyspace.keys += 1;
        } else {
            segment.dead_values += u64::from(is_value);
            keyspace.dead_bytes += record.bytes;
        }
    }
    counted
}

/// Returns the bytes that the files of a directory take on the disk.
pub fn disk_bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap();
    let metadata = entries.filter_map(|entry| entry.unwrap().metadata().ok());
    metadata.filter(fs::Metadata::is_file).map(|metadata| metadata.blocks() * 512).sum()
}
