//! Files whose checksums match although the store wrote no such file, and files that are missing.

use super::*;
use crate::storage::format::frame::{FrameKind, FrameNumbers};
use crate::storage::format::record::Record;
use crate::storage::format::segment_header::{Origin, SegmentHeader};
use crate::storage::format::sequence::Sequence;
use crate::storage::fs::Directory;

/// Writes a segment with one record, and a mark behind it where one is given.
fn forge(header: SegmentHeader, sequence: u64, marks: &[(FrameKind, u64)]) -> SimulatedDisk {
    let mut bytes = header.encode().to_vec();
    let codec = header.codec();
    if header.origin == Origin::Compacted {
        let numbers = FrameNumbers { sequence: Sequence(0), durable: Sequence(0) };
        codec.encode_mark(FrameKind::Replaces, &[0], numbers, 0, &mut bytes).unwrap();
    }
    let record = Record::put(b"k", b"v", None);
    let records = std::iter::once(record);
    let numbers = FrameNumbers { sequence: Sequence(sequence), durable: Sequence(0) };
    codec.encode_batch(records, numbers, 0, &mut bytes, |_| {}).unwrap();
    for (kind, durable) in marks {
        let numbers = FrameNumbers { sequence: Sequence(durable + 1), durable: Sequence(*durable) };
        codec.encode_mark(*kind, &[], numbers, 0, &mut bytes).unwrap();
    }
    SimulatedDisk::new(State::with_files([(format!("{}.log", header.id), bytes)]))
}

const HEADER: SegmentHeader = SegmentHeader {
    origin: Origin::Written,
    store: StoreId(7),
    id: SegmentId(1),
    base: Sequence(1),
    durable: Sequence(0),
    previous: SegmentId(0),
};

#[test]
fn a_sequence_number_at_the_end_of_the_numbers_is_refused() {
    let disk = forge(SegmentHeader { base: Sequence(u64::MAX), ..HEADER }, u64::MAX, &[]);
    assert!(matches!(open_plain(&disk), Err(Error::Corrupt { .. })));
}

#[test]
fn a_compacted_segment_with_a_batch_from_the_future_is_refused() {
    let header = SegmentHeader { origin: Origin::Compacted, base: Sequence(0), ..HEADER };
    let disk = forge(header, 3, &[(FrameKind::Seal, 3)]);
    let (_, reader, _) = open_plain(&disk).unwrap();
    assert_eq!(value(&reader, "k").unwrap(), "v");
    drop(reader);
    let disk = forge(header, 4, &[(FrameKind::Seal, 3)]);
    assert!(matches!(open_plain(&disk), Err(Error::Corrupt { .. })));
}

#[test]
fn a_segment_that_is_missing_before_another_is_noticed() {
    let disk = SimulatedDisk::new(State::default());
    let (mut writer, _, _) = open(&disk, 4096).unwrap();
    let mut n = 0;
    while segments(&disk).len() < 4 {
        commit(&mut writer, &[put(&format!("key{n:03}"), "stays")]);
        n += 1;
    }
    writer.close().unwrap();
    drop(writer);
    for name in &segments(&disk)[..3] {
        disk.rename(name, "aside").unwrap();
        assert!(matches!(open_plain(&disk), Err(Error::Corrupt { .. })), "{name}");
        disk.rename("aside", name).unwrap();
    }
    assert!(open_plain(&disk).is_ok());
}

#[test]
fn a_segment_of_another_store_or_under_another_name_is_refused() {
    assert!(open_plain(&forge(HEADER, 1, &[])).is_ok());
    let disk = forge(SegmentHeader { store: StoreId(8), ..HEADER }, 1, &[]);
    assert!(matches!(open_plain(&disk), Err(Error::Corrupt { .. })));
    let disk = forge(HEADER, 1, &[]);
    let (name, other) = ("00000000000000000001.log", "00000000000000000002.log");
    disk.rename(name, other).unwrap();
    assert!(matches!(open_plain(&disk), Err(Error::Corrupt { .. })));
}
