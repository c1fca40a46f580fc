//! A verification finds everything that an open or a read finds, and every other damage.

use super::store::{Files, STORIES, Store, states};
use super::{Verdict, Violation, bits};
use crate::engine::verify_in;
use crate::storage::fs::simulated::SimulatedDisk;
use crate::{Options, VerifyReport};

/// Verifies a store on a disk that must not be changed.
fn verify(files: &Files) -> Result<VerifyReport, Violation> {
    let disk = SimulatedDisk::new(states(files));
    disk.write_protect();
    verify_in(&Options::new("/simulated"), &disk).map_err(|error| format!("verified: {error}"))
}

/// Verifies a damaged store: the report has to have what an open or a read met.
pub(super) fn check(files: &Files, verdict: Verdict) -> Result<(), Violation> {
    let report = match verify(files) {
        // Nothing of a store is left.
        Err(error) if files.is_empty() => return Err(error),
        report => report?,
    };
    if verdict != Verdict::Harmless && report.is_whole() {
        return Err(format!("it is {verdict:?}, and a verification finds nothing: {report}"));
    }
    for damage in &report.damages {
        let name = damage.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(bytes) = files.get(name) else { continue };
        let end = damage.offset.unwrap_or(0) + damage.bytes.unwrap_or(0);
        if end > bytes.len() as u64 {
            return Err(format!("a finding is outside of the file: {damage}"));
        }
    }
    Ok(())
}

#[test]
fn a_store_without_damage_is_whole() {
    for story in STORIES {
        let store = Store::new(story, 1);
        let report = verify(&store.files).unwrap();
        assert!(report.is_whole() && report.torn_end.is_none(), "{report}");
        assert_eq!(report.notes, [], "{report}");
        assert_eq!(report.keys, store.model.len() as u64, "{report}");
        let segments: Vec<_> = store.segments().collect();
        assert_eq!(report.segments, segments.len() as u64);
        let bytes = segments.iter().map(|name| store.files[*name].len() as u64);
        assert_eq!(report.bytes, bytes.sum::<u64>());
        let hints = store.files.keys().filter(|name| name.ends_with(".hint"));
        assert_eq!(report.hints, hints.count() as u64, "{report}");
    }
}

#[test]
fn every_flipped_bit_of_a_segment_is_found_in_its_place() {
    for story in STORIES {
        let store = Store::new(story, 1);
        for name in store.segments() {
            for bit in bits(&store.files[name]) {
                let mut files = store.files.clone();
                files.get_mut(name).unwrap()[bit / 8] ^= 1 << (bit % 8);
                let report = verify(&files).unwrap();
                let at = bit as u64 / 8;
                // A seal, or the mark of a close, may be of no use to anybody.
                let found = report.damages.iter().chain(&report.torn_end).chain(&report.notes);
                let is_found = found.into_iter().any(|damage| {
                    let start = damage.offset.unwrap_or(0);
                    // A header has no length of its own: all of the file depends on it.
                    let end = damage.bytes.map_or(u64::MAX, |bytes| start + bytes);
                    damage.path.ends_with(name) && (start..end).contains(&at)
                });
                assert!(is_found, "{story:?}, bit {bit} of {name}: {report}");
            }
        }
    }
}

#[test]
fn every_damage_of_several_is_found() {
    let store = Store::new(STORIES[0], 1);
    let mut files = store.files.clone();
    let names: Vec<_> = store.segments().map(str::to_owned).collect();
    let mut places = Vec::new();
    for name in &names {
        let bytes = files.get_mut(name).unwrap();
        let frames: Vec<_> = super::store::frames(bytes);
        // Every other frame, so that those between them are found again.
        for (start, end) in frames.into_iter().step_by(2) {
            bytes[(start + end) / 2] ^= 1;
            places.push((name.clone(), start as u64));
        }
    }
    let report = verify(&files).unwrap();
    for (name, start) in &places {
        // The mark of the close stands behind everything, and may be missing.
        let mut found = report.damages.iter().chain(&report.torn_end);
        let is_there =
            found.any(|damage| damage.path.ends_with(name) && damage.offset == Some(*start));
        assert!(is_there, "{name} at {start}: {report}");
    }
    assert!(places.len() > 10 && report.segments == names.len() as u64, "{report}");
}
