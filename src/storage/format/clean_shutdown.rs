//! The file `CLOSED`: what was there when the store was last closed cleanly.
//!
//! The log says of itself what was durable, but not where whole frames or files are missing from its end.
//! So a clean close notes how far it went. What it notes stays true however long the store is open
//! afterwards: the numbers of batches and segments up to these are never given again, so the file is only
//! ever overwritten, by the next clean close.

use std::io;

use crc32fast::Hasher;

use crate::storage::format::file_name::{self, SegmentId};
use crate::storage::format::record::{u32_at, u64_at};
use crate::storage::fs::read_small;
use crate::storage::log::LogEnvironment;
use crate::storage::segment::FORMAT_VERSION;
use crate::{Error, Result};

/// Bytes of the file; few enough to lie in one sector, so that they are overwritten all or none.
const CLOSED_BYTES: usize = 60;

const MAGIC: &[u8; 8] = b"kvs-end\x1A";

/// What a clean close vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CleanShutdown {
    /// Every batch up to this sequence number had survived.
    pub(crate) sequence: u64,
    /// The segments that there were.
    pub(crate) segments: SegmentSet,
    /// The segment that a compaction may have put in the place of some of them after the close.
    pub(crate) output: Option<SegmentId>,
}

/// Which segments there are, to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentSet {
    newest: SegmentId,
    /// CRC-32 of their ids, lowest first.
    checksum: u32,
}

impl SegmentSet {
    /// The set of these segments, lowest id first.
    pub(crate) fn of(ids: impl IntoIterator<Item = SegmentId>) -> Self {
        let mut hasher = Hasher::new();
        let mut newest = SegmentId(0);
        for id in ids {
            hasher.update(&id.0.to_le_bytes());
            newest = id;
        }
        Self { newest, checksum: hasher.finalize() }
    }
}

impl CleanShutdown {
    fn encode(&self, store: u128) -> [u8; CLOSED_BYTES] {
        let SegmentSet { newest, checksum } = self.segments;
        let output = self.output.unwrap_or(SegmentId(0));
        let mut bytes = [0; CLOSED_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..28].copy_from_slice(&store.to_le_bytes());
        bytes[28..36].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[36..44].copy_from_slice(&newest.0.to_le_bytes());
        bytes[44..52].copy_from_slice(&output.0.to_le_bytes());
        bytes[52..56].copy_from_slice(&checksum.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..56]);
        bytes[56..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// `None` unless it is exactly what a close of this store wrote.
    fn decode(bytes: &[u8], store: u128) -> Option<Self> {
        let bytes: &[u8; CLOSED_BYTES] = bytes.try_into().ok()?;
        let newest = SegmentId(u64_at(bytes, 36));
        let segments = SegmentSet { newest, checksum: u32_at(bytes, 52) };
        let output = Some(SegmentId(u64_at(bytes, 44))).filter(|output| output.0 > 0);
        let marker = Self { sequence: u64_at(bytes, 28), segments, output };
        (marker.encode(store) == *bytes).then_some(marker)
    }

    /// Reads it; `None` if the store was never closed cleanly, or if the file is damaged.
    pub(crate) fn read(environment: &LogEnvironment) -> Result<Option<Self>> {
        let path = environment.path_of(file_name::CLOSED);
        let bytes = match read_small(&*environment.directory, file_name::CLOSED, CLOSED_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let marker = Self::decode(&bytes, environment.store);
        if marker.is_none() {
            // A power loss while it was written leaves this too, and the log is whole then.
            log::warn!(
                "{} does not hold what a clean close of this store writes; whether the end of the \
                 log is missing cannot be checked",
                path.display()
            );
        }
        Ok(marker)
    }

    /// Overwrites what an earlier close noted.
    pub(crate) fn write(&self, environment: &LogEnvironment) -> Result<()> {
        let directory = &*environment.directory;
        let write = || {
            let (file, is_new) = match directory.open(file_name::CLOSED) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    (directory.create(file_name::CLOSED)?, true)
                }
                // A copy of the directory made of links has the same file.
                Ok(file) if file.links()? > 1 => {
                    directory.remove(file_name::CLOSED)?;
                    (directory.create(file_name::CLOSED)?, true)
                }
                opened => (opened?, false),
            };
            file.write_at(&self.encode(environment.store), 0)?;
            file.sync()?;
            if is_new { directory.sync() } else { Ok(()) }
        };
        write().map_err(|error| Error::io("write", &environment.path_of(file_name::CLOSED), error))
    }

    /// The highest segment id that was given.
    pub(crate) fn newest(&self) -> SegmentId {
        self.segments.newest.max(self.output.unwrap_or(SegmentId(0)))
    }

    /// Whether these segments, lowest id first, may be there some time after the close.
    ///
    /// Ids grow, and whatever takes the place of a segment has a higher one: so the newest never goes
    /// without a newer one, and as long as there is none, nothing else has changed.
    pub(crate) fn check_segments(
        &self,
        environment: &LogEnvironment,
        ids: &[SegmentId],
    ) -> Result<()> {
        let expected = self.segments;
        let found = SegmentSet::of(ids.iter().copied());
        let was_compacted = self.output.is_some_and(|output| ids.contains(&output));
        if found.newest > expected.newest || found == expected || was_compacted {
            return Ok(());
        }
        if found.newest < expected.newest {
            let path = environment.path_of(&file_name::segment(expected.newest));
            let reason = "it is missing or empty, and it was there when the store was closed";
            return Err(Error::corrupt(&path, 0, reason));
        }
        let reason = "its segments are not those that were there when the store was closed";
        Err(Error::corrupt(&environment.path, 0, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::fs::simulated::{Call, Failure, Fault, SimulatedDisk, State};
    use crate::sync::Arc;

    fn environment(disk: &SimulatedDisk) -> LogEnvironment {
        LogEnvironment {
            directory: Arc::new(disk.clone()),
            path: "data".into(),
            store: 2,
            segment_bytes_max: 4096,
            preallocate_bytes: None,
            read_only: false,
        }
    }

    fn set(ids: &[u64]) -> SegmentSet {
        SegmentSet::of(ids.iter().copied().map(SegmentId))
    }

    #[test]
    fn the_format_does_not_change() {
        let bytes =
            CleanShutdown { sequence: 5, segments: set(&[1, 3]), output: Some(SegmentId(4)) }
                .encode(2);
        assert_eq!(bytes[..12], *b"kvs-end\x1A\x02\0\0\0");
        assert_eq!([bytes[12], bytes[28], bytes[36], bytes[44]], [2, 5, 3, 4]);
        assert_eq!([u32_at(&bytes, 52), u32_at(&bytes, 56)], [3_428_637_991, 488_331_385]);
    }

    #[test]
    fn only_what_was_written_is_read() {
        for output in [Some(SegmentId(4)), None] {
            let marker = CleanShutdown { sequence: 5, segments: set(&[1, 3]), output };
            let bytes = marker.encode(2);
            assert_eq!(CleanShutdown::decode(&bytes, 2), Some(marker));
            assert_eq!(CleanShutdown::decode(&bytes, 3), None);
            assert_eq!(CleanShutdown::decode(&bytes[1..], 2), None);
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes;
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(CleanShutdown::decode(&damaged, 2), None, "bit {bit}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_or_written_is_an_error_and_no_absence() {
        let disk = SimulatedDisk::new(State::default());
        let environment = environment(&disk);
        assert_eq!(CleanShutdown::read(&environment).unwrap(), None);
        let marker = CleanShutdown { sequence: 5, segments: set(&[1, 3]), output: None };
        marker.write(&environment).unwrap();
        assert_eq!(CleanShutdown::read(&environment).unwrap(), Some(marker));
        let newer = CleanShutdown { sequence: 6, ..marker };
        newer.write(&environment).unwrap();
        assert_eq!(CleanShutdown::read(&environment).unwrap(), Some(newer));
        for call in 0..2 {
            disk.fail(Fault { call, failure: Failure::Input, forever: false }, 0);
            assert!(CleanShutdown::read(&environment).is_err(), "call {call}");
        }
        for failed in [Call::Open, Call::Links, Call::Write, Call::Sync] {
            let calls = [Call::Open, Call::Links, Call::Write, Call::Sync];
            let call = calls.iter().position(|c| *c == failed);
            let call = call.unwrap() as u64;
            disk.fail(Fault { call, failure: Failure::Input, forever: false }, 0);
            assert!(marker.write(&environment).is_err(), "{failed:?}");
            assert_eq!(disk.failed()[0].0, failed);
        }
    }

    #[test]
    fn only_segments_that_may_follow_a_clean_close_are_accepted() {
        let disk = SimulatedDisk::new(State::default());
        let marker = |output| CleanShutdown { sequence: 5, segments: set(&[1, 3]), output };
        let ids = |ids: &[u64]| ids.iter().copied().map(SegmentId).collect::<Vec<_>>();
        let check = |marker: CleanShutdown, found: &[u64]| {
            marker.check_segments(&environment(&disk), &ids(found))
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
