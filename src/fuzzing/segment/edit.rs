//! Edits of the files of a log: what a disk may do to them, and what only a forger would.

use std::ops::Range;

use crate::fuzzing::image::{Image, segment_name};
use crate::fuzzing::input::Input;
use crate::storage::format::frame::FRAME_HEADER_BYTES;
use crate::storage::format::little_endian::u32_at;
use crate::storage::format::record::RECORD_HEADER_BYTES;
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;

/// Returns the places of frames by what their headers say, whatever the checksums say.
pub(super) fn frames(bytes: &[u8]) -> Vec<Range<usize>> {
    walk(bytes, SEGMENT_HEADER_BYTES, FRAME_HEADER_BYTES, 8)
}

fn records(bytes: &[u8]) -> Vec<Range<usize>> {
    walk(bytes, 0, RECORD_HEADER_BYTES, 4)
}

/// Steps from header to header by the length that lies at `field` in each.
fn walk(bytes: &[u8], mut start: usize, header: usize, field: usize) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    while start + header <= bytes.len() {
        let end = start + header + u32_at(bytes, start + field) as usize;
        if end > bytes.len() {
            break;
        }
        places.push(start..end);
        start = end;
    }
    places
}

/// Changes one file; true where only a forger, or somebody who deletes files, could have done it.
pub(super) fn edit(image: &mut Image, input: &mut Input<'_>) -> bool {
    let names: Vec<String> = image.keys().cloned().collect();
    let Some(name) = names.get(input.choose(names.len().max(1))) else {
        input.rest();
        return false;
    };
    let newest = names.iter().rfind(|name| name.ends_with(".log"));
    let is_newest = newest == Some(name);
    let Some(bytes) = image.get_mut(name) else { return false };
    let at = input.place(bytes.len());
    match input.choose(14) {
        0 => flip(bytes, at, input),
        1 => overwrite(bytes, at, input.bytes(1)),
        2 => overwrite(bytes, at, input.bytes(4)),
        3 => {
            bytes.truncate(at);
            // A newest segment without a whole header is one whose making was interrupted.
            // And one that is just as long as a header may have been made ahead.
            return at == SEGMENT_HEADER_BYTES || is_newest && at < SEGMENT_HEADER_BYTES;
        }
        4 => bytes.extend_from_slice(input.bytes(40)),
        5 => {
            let end = bytes.len().min(at + input.choose(64));
            bytes[at..end].fill(0);
        }
        6 => {
            let length = input.choose(128).min(bytes.len() - at);
            let to = input.place(bytes.len() - length + 1);
            bytes.copy_within(at..at + length, to);
        }
        7 => set_frame_field(bytes, input),
        8 => set_record_field(bytes, input),
        9 => set_header_field(bytes, input),
        10 => splice(bytes, input),
        11 => {
            let to = segment_name(input.choose(12) as u64);
            let moved = std::mem::take(bytes);
            image.remove(name);
            image.insert(to, moved);
            return true;
        }
        12 => {
            image.remove(name);
            return true;
        }
        _ => {
            repair(bytes, input.flag());
            return true;
        }
    }
    false
}

fn flip(bytes: &mut [u8], at: usize, input: &mut Input<'_>) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << input.choose(8);
    }
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    let end = bytes.len().min(at + with.len());
    bytes[at..end].copy_from_slice(&with[..end - at]);
}

/// Writes the low bytes of a number to one of these `(offset, width)`, counted from `start`.
fn set(bytes: &mut [u8], start: usize, fields: &[(usize, usize)], input: &mut Input<'_>) {
    let (offset, width) = fields[input.choose(fields.len())];
    let number = input.number().to_le_bytes();
    if bytes.len() >= start + offset + width {
        overwrite(bytes, start + offset, &number[..width]);
    }
}

fn set_header_field(bytes: &mut [u8], input: &mut Input<'_>) {
    const FIELDS: [(usize, usize); 8] =
        [(8, 4), (12, 1), (16, 8), (32, 8), (40, 8), (48, 8), (56, 8), (68, 4)];
    set(bytes, 0, &FIELDS, input);
}

fn set_frame_field(bytes: &mut [u8], input: &mut Input<'_>) {
    const FIELDS: [(usize, usize); 6] = [(4, 1), (5, 1), (8, 4), (12, 4), (16, 8), (24, 8)];
    let frames = frames(bytes);
    if let Some(frame) = frames.get(input.choose(frames.len().max(1))) {
        set(bytes, frame.start, &FIELDS, input);
    }
}

fn set_record_field(bytes: &mut [u8], input: &mut Input<'_>) {
    // The length; then kind, expiry and length of the key where the expiry takes one byte.
    const FIELDS: [(usize, usize); 6] = [(4, 4), (8, 1), (9, 1), (10, 1), (10, 4), (11, 8)];
    let frames = frames(bytes);
    let Some(frame) = frames.get(input.choose(frames.len().max(1))) else { return };
    let body = frame.start + FRAME_HEADER_BYTES;
    let records = records(&bytes[body..frame.end]);
    if let Some(record) = records.get(input.choose(records.len().max(1))) {
        set(bytes, body + record.start, &FIELDS, input);
    }
}

/// Moves, repeats or drops a whole frame.
fn splice(bytes: &mut Vec<u8>, input: &mut Input<'_>) {
    let frames = frames(bytes);
    let Some(from) = frames.get(input.choose(frames.len().max(1))).cloned() else { return };
    let to = frames[input.choose(frames.len())].clone();
    let frame = bytes[from.clone()].to_vec();
    match input.choose(4) {
        0 => bytes.extend_from_slice(&frame),
        1 => drop(bytes.splice(from, [])),
        2 => drop(bytes.splice(to.start..to.start, frame)),
        _ => drop(bytes.splice(to, frame)),
    }
}

/// Makes every checksum right by what the lengths say, as `docs/format.md` describes them.
fn repair(bytes: &mut [u8], with_header: bool) {
    if bytes.len() < SEGMENT_HEADER_BYTES {
        return;
    }
    if with_header {
        let crc = crc32fast::hash(&bytes[..64]);
        overwrite(bytes, 64, &crc.to_le_bytes());
    }
    let seed = crc32fast::hash(&bytes[..SEGMENT_HEADER_BYTES - 8]);
    let checksum = |parts: &[&[u8]]| {
        let mut hasher = crc32fast::Hasher::new_with_initial(seed);
        parts.iter().for_each(|part| hasher.update(part));
        hasher.finalize().to_le_bytes()
    };
    for frame in frames(bytes) {
        let body = frame.start + FRAME_HEADER_BYTES;
        if bytes[frame.start + 4] == 1 {
            let sequence = bytes[frame.start + 16..frame.start + 24].to_vec();
            for record in records(&bytes[body..frame.end]) {
                let at = body + record.start;
                let covered = &bytes[at + 4..body + record.end];
                let crc = checksum(&[&(at as u64).to_le_bytes(), &sequence, covered]);
                overwrite(bytes, at, &crc);
            }
        } else {
            let crc = crc32fast::hash(&bytes[body..frame.end]);
            overwrite(bytes, frame.start + 12, &crc.to_le_bytes());
        }
        let place = (frame.start as u64).to_le_bytes();
        let crc = checksum(&[&place, &bytes[frame.start + 4..body]]);
        overwrite(bytes, frame.start, &crc);
    }
}
