//! Opening a log that holds anything: raw bytes, or a real log that was damaged or forged.
//!
//! Random bytes pass no checksum, so most inputs are programs: steps that build a log with the real
//! engine, then edits of its files, some of which make the checksums right again. Without those,
//! what opens must be a state that was there, and none older than what intact bytes say was
//! durable.

pub(super) mod build;
mod edit;

use std::path::{Path, PathBuf};

use super::image::{Image, image, segment_name};
use super::input::Input;
use crate::Error;
use crate::engine::kvs::{KvsReader, KvsWriter};
use crate::engine::{Mutation, ReadHalf, WriteHalf};
use crate::storage::format::frame::{FRAME_HEADER_BYTES, FrameKind};
use crate::storage::format::segment_header::{Origin, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::sequence::Sequence;
use crate::storage::fs::Directory;
use crate::storage::fs::simulated::{SimulatedDisk, State};
use crate::storage::segment::Segment;
use crate::storage::segment::frame_scan::{FrameScan, NextFrame};
use build::{DIRECTORY, History, STORE, contents, group, maintain, open};

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.choose(8) {
        0 => check(&one_file(input.rest().to_vec()), None),
        1 => {
            let origin = if input.flag() { Origin::Compacted } else { Origin::Written };
            let header = SegmentHeader {
                origin,
                store: STORE,
                id: SegmentId(1),
                base: Sequence(1),
                durable: Sequence(0),
                previous: SegmentId(0),
            };
            check(&one_file([&header.encode()[..], input.rest()].concat()), None);
        }
        _ => {
            let history = build::build(&mut input);
            let mut image = history.image.clone();
            let mut is_forged = false;
            while !input.is_empty() {
                is_forged |= edit::edit(&mut image, &mut input);
            }
            check(&image, Some(&history).filter(|_| !is_forged));
        }
    }
}

fn one_file(bytes: Vec<u8>) -> Image {
    Image::from([(segment_name(1), bytes)])
}

fn path(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}

/// Opens what is there; the history is that of a log whose checksums nobody forged.
fn check(files: &Image, history: Option<&History>) {
    let disk = SimulatedDisk::new(State::with_files(files.clone()));
    for (name, bytes) in files {
        check_frames(&disk, name, bytes);
    }
    let (mut writer, reader, _) = match open(&disk) {
        Ok(opened) => opened,
        Err(error) => return check_refusal(&disk, files, &error),
    };
    let found = contents(&reader);
    if let Some(history) = history {
        let newest = writer.next_sequence().previous().0;
        let state = history.states.get(usize::try_from(newest).unwrap());
        assert_eq!(Some(&found), state, "the state after batch {newest} was another one");
        let durable = history.still_vouched(files);
        assert!(newest >= durable, "{durable} was durable, and {newest} is found");
    }
    let (key, value) = (b"after".to_vec(), b"appended".to_vec());
    let put = Mutation::put(key.clone(), value.clone(), None);
    writer.commit(&mut group(vec![put]), false).unwrap();
    let mut expected = found;
    expected.insert(key, value);
    assert_eq!(contents(&reader), expected);
    if history.is_some() {
        maintain(&mut writer);
        assert_eq!(contents(&reader), expected, "after a compaction");
        // A store that has met damage takes no more writes, so this is another one.
        let copy = SimulatedDisk::new(disk.state());
        let (_writer, reader, _) = open(&copy).unwrap();
        check_damage_while_open(&copy, &reader, &expected);
    }
    check_reopening(&disk, writer, &expected);
}

/// Checks that bytes damaged while the store is open are read as they were written or not at all.
fn check_damage_while_open(disk: &SimulatedDisk, reader: &KvsReader, expected: &build::State) {
    for (name, bytes) in image(disk).into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
        let at = bytes.len() * 2 / 3;
        let flip = || disk.damage(&name, |bytes| bytes[at] ^= 0x10);
        flip();
        for (key, value) in expected {
            match reader.get(key) {
                Ok(Some(entry)) => assert_eq!(entry.value, *value),
                Err(Error::Corrupt { path: named, .. }) => assert_eq!(named, path(&name)),
                _ => panic!("an unreadable key is neither absent nor another failure"),
            }
        }
        flip();
    }
}

fn check_reopening(disk: &SimulatedDisk, mut writer: KvsWriter, expected: &build::State) {
    writer.close().unwrap();
    let next = writer.next_sequence();
    drop(writer);
    let (writer, reader, report) = open(disk).unwrap();
    assert!(report.is_clean && report.dropped_bytes == 0, "{report:?}");
    assert_eq!((&contents(&reader), writer.next_sequence()), (expected, next));
}

/// Checks that an error names its place, and that the next attempt meets the same.
fn check_refusal(disk: &SimulatedDisk, before: &Image, error: &Error) {
    let (Error::Corrupt { path: named, .. } | Error::UnsupportedFormat { path: named, .. }) = error
    else {
        panic!("not a refusal of damage: {error}");
    };
    // A missing file is named too, or the directory where it is not known which one is.
    assert!(named.starts_with(DIRECTORY), "{error}");
    for (name, bytes) in image(disk) {
        assert_eq!(before[&name], bytes, "{name} was changed");
    }
    let again = open(disk).err().map(|error| error.to_string());
    assert_eq!(again, Some(error.to_string()), "damage is refused until it is repaired");
}

/// Checks that every frame that a scan returns holds what would be written in its place.
fn check_frames(disk: &SimulatedDisk, name: &str, bytes: &[u8]) {
    let path = path(name);
    let Ok(header) = SegmentHeader::decode(bytes, &path) else { return };
    assert_eq!(header.encode(), bytes[..SEGMENT_HEADER_BYTES]);
    let segment = Segment::new(header, path.clone(), disk.open(name).unwrap());
    let mut scan = FrameScan::new(&segment).unwrap();
    loop {
        let at = scan.offset();
        let start = usize::try_from(at).unwrap();
        let NextFrame::Valid(frame) = scan.next().unwrap() else { return };
        let mut encoded = Vec::new();
        if frame.header.kind == FrameKind::Batch {
            let records = frame.records.iter().map(|(record, _)| *record);
            let encode =
                segment.codec.encode_batch(records, frame.header.numbers, at, &mut encoded, |_| {});
            encode.unwrap();
        } else {
            let (kind, body) = (frame.header.kind, frame.body);
            segment.codec.encode_mark(kind, body, frame.header.numbers, at, &mut encoded).unwrap();
        }
        let length = FRAME_HEADER_BYTES + frame.header.body_bytes as usize;
        assert_eq!(scan.offset(), at + length as u64);
        assert_eq!(encoded, bytes[start..start + length], "at {at} of {}", path.display());
    }
}
