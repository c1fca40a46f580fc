//! The inventory of the data directory: its segments, and leftovers of a crash.

use std::collections::{BTreeMap, BTreeSet};

use crate::storage::environment::LogEnvironment;
use crate::storage::format::clean_shutdown::{CleanShutdown, SegmentSet};
use crate::storage::format::file_name::{self, FileName};
use crate::storage::format::frame::FrameKind;
use crate::storage::format::segment_header::{Origin, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::storage::format::segment_id::SegmentId;
use crate::storage::recovery::cleanup::Cleanup;
use crate::storage::recovery::damage_policy::DamagePolicy;
use crate::storage::segment::Segment;
use crate::storage::segment::frame_scan::{FrameScan, NextFrame};
use crate::sync::Arc;
use crate::{Error, Result};

/// The segments of a directory, each kind lowest id first.
pub(crate) struct Inventory {
    pub(crate) compacted: Vec<Arc<Segment>>,
    pub(crate) written: Vec<Arc<Segment>>,
    /// Those among them that have a hint.
    pub(crate) hinted: BTreeSet<SegmentId>,
    /// The highest id of any segment, unfinished ones included. An id is not given again: checksums
    /// are worth nothing where the bytes of an earlier segment with the same id may lie.
    pub(crate) newest: SegmentId,
    /// The removal of leftovers of a crash.
    pub(crate) cleanup: Cleanup,
}

/// Opens the segments, which must be those of the last clean close or follow it. Changes nothing.
pub(crate) fn open_segments(
    environment: &LogEnvironment,
    clean_shutdown: Option<&CleanShutdown>,
    damages: &mut DamagePolicy,
) -> Result<Inventory> {
    let mut cleanup = Cleanup::default();
    let FilesById { segments: ids, mut hinted, unfinished } = list(environment)?;
    unfinished.iter().for_each(|id| cleanup.leave_over(file_name::unfinished(*id)));
    let unfinished = unfinished.last().copied().unwrap_or(SegmentId(0));
    let newest = ids.last().copied();
    let (mut segments, mut unbegun, mut headless) = (Vec::new(), None, BTreeMap::new());
    for id in ids {
        match open_segment(environment, id, Some(id) == newest) {
            Ok(Some(segment)) => segments.push(segment),
            Ok(None) => {
                let name = file_name::segment(id);
                unbegun.get_or_insert_with(|| environment.path_of(&name));
                cleanup.leave_over(name);
            }
            Err(error) => drop(headless.insert(id, error)),
        }
    }
    let mut replaced = BTreeSet::new();
    for segment in segments.iter().filter(|s| s.header.origin == Origin::Compacted) {
        replaced.extend(damages.tolerate(read_replaces(segment))?.unwrap_or_default());
    }
    segments.retain(|segment| {
        let is_needed = !replaced.contains(&segment.id());
        if !is_needed {
            cleanup.leave_over(file_name::segment(segment.id()));
        }
        is_needed
    });
    let mut ids: BTreeSet<_> = segments.iter().map(|segment| segment.id()).collect();
    for (id, error) in headless {
        // One that was replaced need not be whole.
        if replaced.contains(&id) {
            cleanup.leave_over(file_name::segment(id));
        } else {
            damages.note(error)?;
            ids.insert(id);
        }
    }
    hinted.retain(|id| {
        let is_needed = ids.contains(id);
        if !is_needed {
            cleanup.leave_over(file_name::hint(*id));
        }
        is_needed
    });
    if let Some(clean_shutdown) = clean_shutdown {
        let reason = "it is empty, although it was not when the store was closed";
        let checked = check_segments(clean_shutdown, environment, &ids);
        damages.tolerate(checked.map_err(|error| match &unbegun {
            Some(path) => Error::corrupt(path, 0, reason),
            None => error,
        }))?;
    }
    let (compacted, written) =
        segments.into_iter().partition(|segment| segment.header.origin == Origin::Compacted);
    let newest = newest.unwrap_or(SegmentId(0)).max(unfinished);
    Ok(Inventory { compacted, written, hinted, newest, cleanup })
}

/// The ids in the names of files.
#[derive(Default)]
struct FilesById {
    segments: BTreeSet<SegmentId>,
    hinted: BTreeSet<SegmentId>,
    unfinished: BTreeSet<SegmentId>,
}

/// Lists the files of a log.
fn list(environment: &LogEnvironment) -> Result<FilesById> {
    let names = environment.directory.list();
    let names = names.map_err(|e| Error::io("list", &environment.path, e))?;
    let mut files = FilesById::default();
    for name in names.iter().filter_map(|name| FileName::parse(name)) {
        match name {
            FileName::Segment(id) => files.segments.insert(id),
            FileName::Hint(id) => files.hinted.insert(id),
            FileName::Unfinished(id) => files.unfinished.insert(id),
        };
    }
    Ok(files)
}

/// Opens a segment; `None` if it is an unfinished one, or a standby that was not begun.
fn open_segment(
    environment: &LogEnvironment,
    id: SegmentId,
    is_newest: bool,
) -> Result<Option<Arc<Segment>>> {
    let name = file_name::segment(id);
    let (file, path) = (environment.open(&name)?, environment.path_of(&name));
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    let read = file.read_at(&mut bytes, 0).map_err(|e| Error::io("read", &path, e))?;
    let length = file.length().map_err(|e| Error::io("read the length of", &path, e))?;
    let header = match SegmentHeader::decode(&bytes[..read], &path) {
        Ok(header) => header,
        // A header is synced before anything follows it, and a standby has just the length of one.
        Err(Error::Corrupt { .. })
            if is_newest && length <= SEGMENT_HEADER_BYTES as u64
                || length == SEGMENT_HEADER_BYTES as u64 =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if header.id != id || header.store != environment.store {
        return Err(Error::corrupt(&path, 0, "its header names another segment or another store"));
    }
    Ok(Some(Arc::new(Segment::new(header, path, file))))
}

fn read_replaces(segment: &Segment) -> Result<Vec<SegmentId>> {
    let damaged = || {
        Error::corrupt(
            &segment.path,
            SEGMENT_HEADER_BYTES as u64,
            "its list of replaced segments is damaged",
        )
    };
    match FrameScan::new(segment)?.next()? {
        NextFrame::Valid(frame) if frame.header.kind == FrameKind::Replaces => {
            let ids: Vec<u64> = postcard::from_bytes(frame.body).map_err(|_| damaged())?;
            Ok(ids.into_iter().map(SegmentId).collect())
        }
        _ => Err(damaged()),
    }
}

/// Returns an error unless these segments, lowest id first, may be there some time after the close.
///
/// Ids grow, and whatever takes the place of a segment has a higher one: so the newest never goes
/// without a newer one, and as long as there is none, nothing else has changed.
fn check_segments(
    marker: &CleanShutdown,
    environment: &LogEnvironment,
    ids: &BTreeSet<SegmentId>,
) -> Result<()> {
    let expected = marker.segments;
    let found = SegmentSet::of(ids.iter().copied());
    let was_compacted = marker.output.is_some_and(|output| ids.contains(&output));
    if found.newest > expected.newest || found == expected || was_compacted {
        return Ok(());
    }
    if found.newest < expected.newest {
        let path = environment.path_of(&file_name::segment(expected.newest));
        let reason = "it is missing or empty, although it was there when the store was closed";
        return Err(Error::corrupt(&path, 0, reason));
    }
    let reason = "its segments differ from those that were there when the store was closed";
    Err(Error::corrupt(&environment.path, 0, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::sequence::Sequence;
    use crate::storage::format::store_id::StoreId;
    use crate::storage::fs::simulated::{SimulatedDisk, State};

    fn environment(disk: &SimulatedDisk) -> LogEnvironment {
        LogEnvironment::simulated(disk, StoreId(2), 4096)
    }

    #[test]
    fn only_segments_that_may_follow_a_clean_close_are_accepted() {
        let disk = SimulatedDisk::new(State::default());
        let marker = |output| CleanShutdown {
            sequence: Sequence(5),
            segments: SegmentSet::of([1, 3].map(SegmentId)),
            output,
        };
        let ids = |ids: &[u64]| ids.iter().copied().map(SegmentId).collect::<BTreeSet<_>>();
        let check = |marker: CleanShutdown, found: &[u64]| {
            check_segments(&marker, &environment(&disk), &ids(found))
        };
        let output = Some(SegmentId(4));
        for (output, found) in [
            (None, &[1, 3][..]),
            (None, &[1, 3, 4]),
            (None, &[4]),
            (output, &[1, 3]),
            (output, &[4]),
        ] {
            assert!(check(marker(output), found).is_ok(), "{output:?} {found:?}");
        }
        let missing = |found: &[u64]| match check(marker(None), found) {
            Err(Error::Corrupt { path, .. }) => path,
            other => panic!("{found:?}: {other:?}"),
        };
        assert!(missing(&[1]).ends_with("00000000000000000003.log"));
        assert!(missing(&[]).ends_with("00000000000000000003.log"));
        assert!(missing(&[3]).ends_with("data"), "it is not the newest that is missing");
        assert!(check(marker(output), &[1]).is_err());
        assert_eq!([marker(None).newest(), marker(output).newest()], [SegmentId(3), SegmentId(4)]);
    }
}
