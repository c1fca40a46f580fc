//! Opening a log with hints that hold anything.
//!
//! A program builds a log with the real engine, which then writes the hint of every sealed segment.
//! With them a store has to open as without them; and so it has to whatever becomes of the hints,
//! as long as nobody forges a checksum. Where a segment is damaged behind its hint, a read is right
//! or an error.

use super::image::{Image, image};
use super::input::Input;
use super::segment::build::{self, contents, open};
use crate::Error;
use crate::engine::kvs::{KvsReader, KvsWriter};
use crate::engine::{JobStep, ReadHalf, WriteHalf};
use crate::storage::fs::simulated::{SimulatedDisk, State};

/// The place of a hint's checksum.
const CHECKSUM: std::ops::Range<usize> = 12..16;

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let history = build::build(&mut input);
    let disk = SimulatedDisk::new(State::with_files(history.image));
    let (mut writer, reader, _) = open(&disk).unwrap();
    let expected = (contents(&reader), writer.next_sequence());
    hint_all(&mut writer);
    let mut files = image(&disk);
    let hints: Vec<String> = files.keys().filter(|name| name.ends_with(".hint")).cloned().collect();
    let (writer, reader, report) = reopen(&files);
    assert_eq!((report.hinted, report.doubted), (hints.len(), 0), "{report:?}");
    assert_eq!((contents(&reader), writer.next_sequence()), expected, "opened with hints");
    if hints.is_empty() {
        return;
    }
    let mut is_forged = false;
    while !input.is_empty() {
        is_forged |= edit(&mut files, &hints, &mut input);
    }
    let (writer, reader, report) = reopen(&files);
    assert_eq!(report.hinted + report.doubted, count(&files), "{report:?}");
    if is_forged {
        return read_all(&reader, &build::State::new(), true);
    }
    assert_eq!((contents(&reader), writer.next_sequence()), expected, "opened with damaged hints");
    damage_a_segment(&files, &expected.0, input.byte());
}

fn count(files: &Image) -> usize {
    files.keys().filter(|name| name.ends_with(".hint")).count()
}

fn reopen(files: &Image) -> (KvsWriter, KvsReader, crate::storage::recovery::RecoveryReport) {
    open(&SimulatedDisk::new(State::with_files(files.clone()))).unwrap()
}

/// Writes every hint there is to write.
fn hint_all(writer: &mut KvsWriter) {
    while let Some(mut job) = writer.offer_hint() {
        let delivery = loop {
            match job.step().unwrap() {
                JobStep::Continue => {}
                JobStep::Deliver(delivery) | JobStep::Done(delivery) => break delivery,
            }
        };
        writer.take_delivery(delivery);
    }
}

/// Changes one hint; true where only a forger could have done it.
fn edit(files: &mut Image, hints: &[String], input: &mut Input<'_>) -> bool {
    let name = &hints[input.choose(hints.len())];
    let other = files.get(&hints[input.choose(hints.len())]).cloned();
    let choice = input.choose(8);
    let Some(bytes) = files.get_mut(name) else { return false };
    let at = input.place(bytes.len());
    match choice {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << input.choose(8);
            }
        }
        2 => bytes.truncate(at),
        3 => bytes.extend_from_slice(input.bytes(40)),
        4 => {
            let with = input.bytes(8);
            let end = bytes.len().min(at + with.len());
            bytes[at..end].copy_from_slice(&with[..end - at]);
        }
        5 => *bytes = other.unwrap_or_default(),
        6 => drop(files.remove(name)),
        _ if bytes.len() >= CHECKSUM.end => {
            let mut hasher = crc32fast::Hasher::new();
            hasher.update(&bytes[..CHECKSUM.start]);
            hasher.update(&bytes[CHECKSUM.end..]);
            bytes[CHECKSUM].copy_from_slice(&hasher.finalize().to_le_bytes());
            return true;
        }
        _ => {}
    }
    false
}

/// Flips a bit of each segment in turn: what opens is read right or not at all.
fn damage_a_segment(files: &Image, expected: &build::State, place: u8) {
    for name in files.keys().filter(|name| name.ends_with(".log")) {
        let mut files = files.clone();
        let bytes = files.get_mut(name).unwrap();
        let at = bytes.len() * usize::from(place) / 256;
        bytes[at] ^= 0x10;
        let disk = SimulatedDisk::new(State::with_files(files));
        match open(&disk) {
            Ok((_, reader, report)) if report.dropped_bytes == 0 => {
                read_all(&reader, expected, false);
            }
            // What nothing vouches for may be cut off.
            Ok(_) | Err(Error::Corrupt { .. } | Error::UnsupportedFormat { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Checks that every key is as expected or cannot be read, unless somebody forged another.
fn read_all(reader: &KvsReader, expected: &build::State, is_forged: bool) {
    for key in (0..8).map(|length| vec![b'k'; length]) {
        match reader.get(&key) {
            Ok(Some(entry)) => {
                assert!(is_forged || expected.get(&key) == Some(&entry.value), "{key:?}");
            }
            Ok(_) => assert!(is_forged || !expected.contains_key(&key), "{key:?} is missing"),
            Err(Error::Corrupt { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
