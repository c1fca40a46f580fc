//! A segment: one file of the log, its header, and reading records from it.

pub(crate) mod frame_scan;
pub(crate) mod hint_writer;

use std::io;
use std::path::{Path, PathBuf};

use crate::bugs::{Bug, planted};
use crate::storage::format::file_name::SegmentId;
use crate::storage::format::record::{
    Checksum, Extent, FRAME_HEADER_BYTES, Record, SEQUENCE_MAX, u32_at, u64_at,
};
use crate::storage::fs::File;
use crate::storage::index::{PackedSlot, SLOT_WORDS, SeqlockCell, Slot};
use crate::sync::{Arc, AtomicBool, Mutex, OnceLock, Ordering, Published, lock};
use crate::{Error, Result};

/// Bytes of a segment before its first frame.
pub(crate) const HEADER_BYTES: usize = 72;

/// The version of the format in `docs/format.md`.
pub(crate) const FORMAT_VERSION: u32 = 2;

const MAGIC: &[u8; 8] = b"kvs-log\x1A";

/// How a segment came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The writer appended to it: its batches have consecutive sequence numbers.
    Written = 1,
    /// A compaction made it: complete, synced before it got its name, its batches in any order.
    Compacted = 2,
}

/// What a segment's first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) origin: Origin,
    /// Drawn when the directory was made; segments of different stores do not mix.
    pub(crate) store: u128,
    pub(crate) id: SegmentId,
    /// The sequence number of the first batch that may be in it.
    pub(crate) base: u64,
    /// What was known durable when it was made.
    pub(crate) durable: u64,
    /// The written segment that ends where it begins; 0 where there is none.
    pub(crate) previous: SegmentId,
}

impl SegmentHeader {
    /// The bytes of the header.
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&(self.origin as u32).to_le_bytes());
        bytes[16..32].copy_from_slice(&self.store.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.id.0.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.base.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.durable.to_le_bytes());
        bytes[56..64].copy_from_slice(&self.previous.0.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..HEADER_BYTES - 8]);
        bytes[HEADER_BYTES - 8..HEADER_BYTES - 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The checksums of this segment's frames and records.
    pub(crate) fn checksum(&self) -> Checksum {
        let bytes = self.encode();
        // Its own CRC is left out: with that behind it, every header has the same one.
        let covered = if planted(Bug::SameSeed) { &bytes[..] } else { &bytes[..HEADER_BYTES - 8] };
        Checksum::new(covered)
    }

    /// Reads a header; `path` is for the error.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let damaged = |reason: &str| Error::corrupt(path, 0, reason);
        let bytes = bytes.get(..HEADER_BYTES).ok_or_else(|| damaged("its header is cut short"))?;
        if &bytes[..8] != MAGIC {
            return Err(damaged("it does not begin as a segment does"));
        }
        if crc32fast::hash(&bytes[..HEADER_BYTES - 8]) != u32_at(bytes, HEADER_BYTES - 8)
            || u32_at(bytes, HEADER_BYTES - 4) != 0
        {
            return Err(damaged("the checksum of its header does not match"));
        }
        let found = u32_at(bytes, 8);
        if found != FORMAT_VERSION {
            let (path, supported) = (path.to_path_buf(), FORMAT_VERSION);
            return Err(Error::UnsupportedFormat { path, found, supported });
        }
        let origin = match u32_at(bytes, 12) {
            1 => Origin::Written,
            2 => Origin::Compacted,
            _ => return Err(damaged("its origin is unknown")),
        };
        if u64_at(bytes, 40).max(u64_at(bytes, 48)) > SEQUENCE_MAX {
            return Err(damaged("its sequence numbers are out of range"));
        }
        let store = u128::from(u64_at(bytes, 16)) | (u128::from(u64_at(bytes, 24)) << 64);
        Ok(Self {
            origin,
            store,
            id: SegmentId(u64_at(bytes, 32)),
            base: u64_at(bytes, 40),
            durable: u64_at(bytes, 48),
            previous: SegmentId(u64_at(bytes, 56)),
        })
    }
}

/// Where a version of a key lies in the log, as the index holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) segment: SegmentId,
    pub(crate) extent: Extent,
    /// Zero where the version does not expire.
    expires_at: u64,
    tombstone: bool,
}

impl Location {
    /// The place of a record that was written or read at `extent`.
    pub(crate) fn of(record: &Record<'_>, segment: SegmentId, extent: Extent) -> Self {
        let (expires_at, tombstone) = match record {
            Record::Put { expires_at, .. } => (expires_at.unwrap_or(0), false),
            Record::Remove { .. } => (0, true),
            // One record stands for many keys, so the bytes are not counted for each of them.
            Record::Clear => return Self::cleared(segment),
        };
        Self { segment, extent, expires_at, tombstone }
    }

    /// A tombstone that has no bytes of its own.
    pub(crate) fn cleared(segment: SegmentId) -> Self {
        let extent = Extent { offset: 0, length: 0 };
        Self { segment, extent, expires_at: 0, tombstone: true }
    }

    /// The same version at another place.
    pub(crate) fn moved(self, segment: SegmentId, extent: Extent) -> Self {
        Self { segment, extent, ..self }
    }

    /// The bytes its record takes in a frame of its own, which is how a compaction writes it.
    pub(crate) fn cost(&self) -> u64 {
        match self.extent.length {
            0 => 0,
            length => u64::from(length) + FRAME_HEADER_BYTES as u64,
        }
    }
}

impl Slot for Location {
    type Cell = SeqlockCell<Self>;

    fn is_tombstone(&self) -> bool {
        self.tombstone
    }

    fn expires_at(&self) -> Option<u64> {
        Some(self.expires_at).filter(|time| *time > 0)
    }
}

/// Says of a packed length that the location is a tombstone's; no record is that long.
const TOMBSTONE: u32 = 1 << 31;

/// A move to another place is a move to another segment, which comes first.
impl PackedSlot for Location {
    fn pack(&self) -> [u64; SLOT_WORDS] {
        let Extent { offset, length } = self.extent;
        let marked = if self.tombstone { length | TOMBSTONE } else { length };
        [self.segment.0, u64::from(offset) << 32 | u64::from(marked), self.expires_at]
    }

    #[expect(clippy::cast_possible_truncation, reason = "each half is a number of that size")]
    fn unpack([segment, place, expires_at]: [u64; SLOT_WORDS]) -> Self {
        let (offset, marked) = ((place >> 32) as u32, place as u32);
        let extent = Extent { offset, length: marked & !TOMBSTONE };
        let tombstone = marked & TOMBSTONE != 0;
        Self { segment: SegmentId(segment), extent, expires_at, tombstone }
    }
}

/// An open segment; what was written to it never changes.
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn File>,
    pub(crate) checksum: Checksum,
    /// A sync of it failed; held while one runs.
    sync_failed: Mutex<bool>,
    /// The next open reads its hint instead of it.
    is_hinted: AtomicBool,
    /// A read found damage in it.
    is_damaged: AtomicBool,
}

/// What a reader lets a read do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Wait for the disk if need be.
    Blocking,
    /// Answer that it would be needed rather than wait for the disk.
    MemoryOnly,
}

/// What reading a record brought.
pub(crate) enum Fetched {
    /// The value.
    Value(Vec<u8>),
    /// The disk would be needed.
    Cold,
}

/// Bytes that most records fit in, read without zeroing a larger buffer first.
const SMALL_RECORD_BYTES: usize = 512;

impl Segment {
    /// Wraps an open file.
    pub(crate) fn new(header: SegmentHeader, path: PathBuf, file: Arc<dyn File>) -> Self {
        let checksum = header.checksum();
        Self {
            header,
            path,
            file,
            checksum,
            sync_failed: Mutex::new(false),
            is_hinted: AtomicBool::new(false),
            is_damaged: AtomicBool::new(false),
        }
    }

    /// Makes its contents survive power loss; once that has failed, it always fails.
    ///
    /// The operating system reports a failure to one caller and then forgets it, and what it could not
    /// write with it: syncs that followed or ran beside that one would vouch for what is lost.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let mut failed = lock(&self.sync_failed);
        if *failed {
            return Err(io::Error::other("an earlier sync of it failed"));
        }
        if planted(Bug::RetrySync) {
            return self.file.sync().or_else(|_| self.file.sync());
        }
        self.file.sync().inspect_err(|_| *failed = true)
    }

    /// The segment's id.
    pub(crate) fn id(&self) -> SegmentId {
        self.header.id
    }

    /// Returns true if a read found damage in it.
    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// Notes if the next open will read the segment's hint instead of it.
    pub(crate) fn set_hinted(&self, is_hinted: bool) {
        self.is_hinted.store(is_hinted, Ordering::Relaxed);
    }

    /// The value at a place the index gave, which must be a put of this key in this commit.
    pub(crate) fn fetch(
        &self,
        key: &[u8],
        sequence: u64,
        location: &Location,
        access: Access,
    ) -> Result<Fetched> {
        let length = location.extent.length as usize;
        if length <= SMALL_RECORD_BYTES {
            let mut buffer = [0; SMALL_RECORD_BYTES];
            self.fetch_into(&mut buffer[..length], key, sequence, location, access)
        } else {
            self.fetch_into(&mut vec![0; length], key, sequence, location, access)
        }
    }

    fn fetch_into(
        &self,
        buffer: &mut [u8],
        key: &[u8],
        sequence: u64,
        location: &Location,
        access: Access,
    ) -> Result<Fetched> {
        let offset = u64::from(location.extent.offset);
        let read = match access {
            Access::Blocking => self.file.read_at(buffer, offset),
            Access::MemoryOnly => self.file.read_cached_at(buffer, offset),
        };
        match read {
            Ok(count) if count == buffer.len() => {}
            Ok(_) => {
                // A hint is of no use with a segment of another length.
                self.set_hinted(false);
                return Err(Error::corrupt(&self.path, offset, "the record is cut short"));
            }
            Err(error)
                if access == Access::MemoryOnly && error.kind() == io::ErrorKind::WouldBlock =>
            {
                return Ok(Fetched::Cold);
            }
            Err(error) => return Err(Error::io("read", &self.path, error).at_offset(offset)),
        }
        let (record, _) = self
            .checksum
            .decode_record(buffer, offset, sequence)
            .map_err(|reason| Error::corrupt(&self.path, offset, reason))?;
        match record {
            Record::Put { key: found, value, .. } if found == key => {
                Ok(Fetched::Value(value.to_vec()))
            }
            _ => Err(Error::corrupt(&self.path, offset, "the record is about another key")),
        }
    }
}

/// The segments that readers may find a location in, by id.
pub(crate) struct SegmentTable {
    segments: Published<Vec<Arc<Segment>>>,
    /// Damage that the next open would refuse.
    damage: OnceLock<Error>,
}

impl SegmentTable {
    /// A table of these segments.
    pub(crate) fn new(mut segments: Vec<Arc<Segment>>) -> Self {
        segments.sort_by_key(|segment| segment.id());
        Self { segments: Published::new(segments), damage: OnceLock::new() }
    }

    /// Calls `read` with the segment, or returns `None` if the table does not have it any more.
    pub(crate) fn with<T>(&self, id: SegmentId, read: impl FnOnce(&Segment) -> T) -> Option<T> {
        let segments = self.segments.load();
        let position = segments.binary_search_by_key(&id, |segment| segment.id()).ok()?;
        Some(read(&segments[position]))
    }

    /// Takes note of why a read of a segment failed.
    ///
    /// Damage in a segment that the next open has to read stops the store from taking writes: that
    /// open is refused, and what was acknowledged meanwhile would be out of reach. Where there is a
    /// hint, only the damaged record is lost.
    pub(crate) fn note_failed_read(&self, id: SegmentId, error: &Error) {
        let noted = self.with(id, |segment| {
            let is_damaged = matches!(error, Error::Corrupt { .. });
            segment.is_damaged.fetch_or(is_damaged, Ordering::Relaxed);
            is_damaged && !segment.is_hinted.load(Ordering::Relaxed)
        });
        if noted == Some(true) {
            let _ = self.damage.set(error.clone());
        }
    }

    /// Returns the damage that keeps anything from being written.
    pub(crate) fn refuse_damage(&self) -> Result<()> {
        match self.damage.get().filter(|_| !planted(Bug::IgnoreDamage)) {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// All segments, lowest id first.
    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        self.segments.load().to_vec()
    }

    /// Returns up to `count` segments with ids above this one, lowest first.
    pub(crate) fn after(&self, id: SegmentId, count: usize) -> Vec<Arc<Segment>> {
        let segments = self.segments.load();
        let start = segments.partition_point(|segment| segment.id() <= id);
        segments[start..].iter().take(count).map(Arc::clone).collect()
    }

    /// Adds a segment. Only the writer changes the table.
    pub(crate) fn add(&self, segment: Arc<Segment>) {
        let mut segments = self.all();
        let position = segments.partition_point(|other| other.id() < segment.id());
        segments.insert(position, segment);
        self.segments.store(Arc::new(segments));
    }

    /// Takes segments out; readers that hold one go on reading it.
    pub(crate) fn remove(&self, ids: &[SegmentId]) {
        let mut segments = self.all();
        segments.retain(|segment| !ids.contains(&segment.id()));
        self.segments.store(Arc::new(segments));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::record::FrameKind;
    use crate::storage::fs::Directory;
    use crate::storage::fs::simulated::{SimulatedDisk, State};

    const HEADER: SegmentHeader = SegmentHeader {
        origin: Origin::Written,
        store: 1,
        id: SegmentId(1),
        base: 1,
        durable: 0,
        previous: SegmentId(0),
    };

    #[test]
    fn a_frame_is_valid_in_its_own_segment_only() {
        let mut frame = Vec::new();
        let place = HEADER_BYTES as u64;
        HEADER.checksum().encode_mark(FrameKind::Seal, &[], (1, 0), place, &mut frame).unwrap();
        assert!(HEADER.checksum().decode_header(&frame, place).is_some());
        let others = [
            SegmentHeader { origin: Origin::Compacted, ..HEADER },
            SegmentHeader { store: 2, ..HEADER },
            SegmentHeader { id: SegmentId(2), ..HEADER },
            SegmentHeader { base: 2, ..HEADER },
            SegmentHeader { durable: 1, ..HEADER },
        ];
        for other in others {
            assert!(other.checksum().decode_header(&frame, place).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_header_with_sequence_numbers_out_of_range_is_refused() {
        let (store, base, durable) = (u128::MAX - 1, SEQUENCE_MAX, SEQUENCE_MAX);
        let header = SegmentHeader { store, base, durable, ..HEADER };
        let path = Path::new("x");
        assert_eq!(SegmentHeader::decode(&header.encode(), path).unwrap(), header);
        let beyond = SEQUENCE_MAX + 1;
        for header in
            [SegmentHeader { base: beyond, ..header }, SegmentHeader { durable: beyond, ..header }]
        {
            assert!(SegmentHeader::decode(&header.encode(), path).is_err(), "{header:?}");
        }
    }

    /// A file whose reads fail like this.
    struct Failing(io::ErrorKind);

    impl File for Failing {
        fn length(&self) -> io::Result<u64> {
            Err(self.0.into())
        }
        fn links(&self) -> io::Result<u64> {
            Err(self.0.into())
        }
        fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn read_cached_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
            Err(self.0.into())
        }
        fn set_length(&self, _: u64) -> io::Result<()> {
            Err(self.0.into())
        }
        fn allocate(&self, _: u64) -> io::Result<()> {
            Err(self.0.into())
        }
        fn sync(&self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn only_a_read_that_must_not_wait_is_cold() {
        let place = Location::cleared(SegmentId(1));
        for (kind, access, is_cold) in [
            (io::ErrorKind::WouldBlock, Access::MemoryOnly, true),
            (io::ErrorKind::WouldBlock, Access::Blocking, false),
            (io::ErrorKind::Other, Access::MemoryOnly, false),
            (io::ErrorKind::Other, Access::Blocking, false),
        ] {
            let segment = Segment::new(HEADER, "x".into(), Arc::new(Failing(kind)));
            let fetched = segment.fetch(b"k", 1, &place, access);
            assert_eq!(matches!(fetched, Ok(Fetched::Cold)), is_cold, "{kind:?} {access:?}");
            assert_eq!(matches!(fetched, Err(Error::Io { .. })), !is_cold, "{kind:?} {access:?}");
        }
    }

    #[test]
    fn a_record_about_another_key_is_an_error() {
        let disk = SimulatedDisk::new(State::default());
        let file = disk.create("x").unwrap();
        let record = Record::Put { key: b"k", value: b"v", expires_at: None };
        let (mut bytes, mut extents) = (Vec::new(), Vec::new());
        let records = std::iter::once(record);
        let checksum = HEADER.checksum();
        checksum.encode_batch(records, (1, 0), 0, &mut bytes, |at| extents.push(at)).unwrap();
        file.write_at(&bytes, 0).unwrap();
        let segment = Segment::new(HEADER, "x".into(), file);
        let place = Location::of(&record, SegmentId(1), extents[0]);
        let fetched = segment.fetch(b"k", 1, &place, Access::Blocking).unwrap();
        assert!(matches!(fetched, Fetched::Value(value) if value == b"v"));
        let other = segment.fetch(b"other", 1, &place, Access::Blocking);
        assert!(matches!(other, Err(Error::Corrupt { .. })));
    }
}
