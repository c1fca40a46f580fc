//! Reading one record from a segment.

use std::io;
use std::ops::Range;

use crate::storage::format::keyspace::PlacedKey;
use crate::storage::format::record::RecordKind;
use crate::storage::format::sequence::Sequence;
use crate::storage::segment::location::Location;
use crate::storage::segment::open_segment::Segment;
use crate::{Error, Result};

/// The permission of a read to wait for the disk, and to take memory for what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The read may wait, and read records of any length.
    Blocking,
    /// The read may wait, but ends with [`ReadError::TooLong`] instead of reading more than
    /// [`SHORT_READ_BYTES`].
    Short,
    /// The same, and the read must not wait: it ends with [`ReadError::WouldBlock`] instead.
    MemoryOnly,
}

/// The most bytes of a read that is short.
pub(crate) const SHORT_READ_BYTES: usize = 1 << 20;

impl Access {
    /// Refuses a read of so many bytes unless it may be as long.
    pub(crate) fn check(self, bytes: usize) -> std::result::Result<(), ReadError> {
        match bytes > SHORT_READ_BYTES && self != Self::Blocking {
            true => Err(ReadError::TooLong),
            false => Ok(()),
        }
    }
}

/// The reason why a read with less than [`Access::Blocking`] has no result.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The read would wait for the disk.
    WouldBlock,
    /// The read is longer than [`SHORT_READ_BYTES`].
    TooLong,
    /// The read failed.
    Failed(Error),
}

/// The error of a read, whether it may wait or not.
pub(crate) trait ReadFailure: From<Error> {
    /// Returns the failure, unless the read only lacks permission.
    fn failure(&self) -> Option<&Error>;
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl ReadFailure for ReadError {
    fn failure(&self) -> Option<&Error> {
        match self {
            Self::WouldBlock | Self::TooLong => None,
            Self::Failed(error) => Some(error),
        }
    }
}

impl ReadFailure for Error {
    fn failure(&self) -> Option<&Error> {
        Some(self)
    }
}

/// The bytes of a buffer that most records fit in, so that no larger one is zeroed for them.
const SMALL_RECORD_BYTES: usize = 512;

impl Segment {
    /// Reads the value at a location of the index, where a put of this key by this commit must be.
    pub(crate) fn fetch(
        &self,
        key: PlacedKey<'_>,
        sequence: Sequence,
        location: &Location,
    ) -> Result<Vec<u8>> {
        self.fetch_by(key, sequence, location, |buffer, offset| {
            self.file.read_at(buffer, offset).map_err(|error| self.read_error(error, offset))
        })
    }

    /// Reads as [`fetch`](Self::fetch) does, into a buffer that grows where it has to. Returns the
    /// place of the value in it.
    pub(crate) fn fetch_into(
        &self,
        key: PlacedKey<'_>,
        sequence: Sequence,
        location: &Location,
        buffer: &mut Vec<u8>,
    ) -> Result<Range<usize>> {
        let (length, offset) = (location.extent.length as usize, location.extent.offset.into());
        if buffer.len() < length {
            // First, so that never both are there.
            *buffer = Vec::new();
            *buffer = vec![0; length];
        }
        let record = &mut buffer[..length];
        let read = self.file.read_at(record, offset);
        if read.map_err(|error| self.read_error(error, offset))? != length {
            return Err(self.cut_short(offset));
        }
        let value = self.decode_value(record, key, sequence, offset)?;
        // A record ends with its value.
        Ok(length - value.len()..length)
    }

    /// Reads as [`fetch`](Self::fetch) does, as far as `access` allows.
    pub(crate) fn try_fetch(
        &self,
        key: PlacedKey<'_>,
        sequence: Sequence,
        location: &Location,
        access: Access,
    ) -> std::result::Result<Vec<u8>, ReadError> {
        access.check(location.extent.length as usize)?;
        if access != Access::MemoryOnly {
            return Ok(self.fetch(key, sequence, location)?);
        }
        self.fetch_by(key, sequence, location, |buffer, offset| {
            self.file.read_cached_at(buffer, offset).map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => ReadError::WouldBlock,
                _ => self.read_error(error, offset).into(),
            })
        })
    }

    fn fetch_by<E: From<Error>>(
        &self,
        key: PlacedKey<'_>,
        sequence: Sequence,
        location: &Location,
        read: impl FnOnce(&mut [u8], u64) -> std::result::Result<usize, E>,
    ) -> std::result::Result<Vec<u8>, E> {
        let (length, offset) = (location.extent.length as usize, location.extent.offset.into());
        let read_all = |buffer: &mut [u8]| -> std::result::Result<(), E> {
            if read(buffer, offset)? == length {
                return Ok(());
            }
            Err(self.cut_short(offset).into())
        };
        if length <= SMALL_RECORD_BYTES {
            let mut small = [0; SMALL_RECORD_BYTES];
            let buffer = &mut small[..length];
            read_all(buffer)?;
            return Ok(self.decode_value(buffer, key, sequence, offset)?.to_vec());
        }
        // Its memory becomes that of the value, so that a large one is held once.
        let mut buffer = vec![0; length];
        read_all(&mut buffer)?;
        let value = self.decode_value(&buffer, key, sequence, offset)?;
        // A record ends with its value.
        let value_bytes = value.len();
        buffer.copy_within(length - value_bytes.., 0);
        buffer.truncate(value_bytes);
        Ok(buffer)
    }

    /// Returns the error of a record that the file ends before.
    fn cut_short(&self, offset: u64) -> Error {
        // A hint is of no use with a segment of another length.
        self.set_hinted(false);
        Error::corrupt(&self.path, offset, "the record is cut short")
    }

    /// Returns the value of the record in the buffer, which must be a put of this key by this
    /// commit.
    pub(super) fn decode_value<'b>(
        &self,
        buffer: &'b [u8],
        (keyspace, key): PlacedKey<'_>,
        sequence: Sequence,
        offset: u64,
    ) -> Result<&'b [u8]> {
        let (record, _) = self
            .codec
            .decode_record(buffer, offset, sequence)
            .map_err(|reason| Error::corrupt(&self.path, offset, reason))?;
        match record.kind {
            RecordKind::Put { key: found, value, .. }
                if found == key && record.keyspace == keyspace =>
            {
                Ok(value)
            }
            _ => Err(Error::corrupt(&self.path, offset, "the record is of another key")),
        }
    }

    fn read_error(&self, error: io::Error, offset: u64) -> Error {
        Error::io("read", &self.path, error).at_offset(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::frame::FrameNumbers;
    use crate::storage::format::keyspace::KeyspaceId;
    use crate::storage::format::record::Record;
    use crate::storage::format::segment_header::SegmentHeader;
    use crate::storage::format::segment_id::SegmentId;
    use crate::storage::fs::simulated::{SimulatedDisk, State};
    use crate::storage::fs::{Directory, File};
    use crate::sync::Arc;

    const HEADER: SegmentHeader = SegmentHeader::FIRST;

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
    fn only_a_read_that_must_not_wait_would_block() {
        let location = Location::covered(SegmentId(1));
        for kind in [io::ErrorKind::WouldBlock, io::ErrorKind::Other] {
            let segment = Segment::new(HEADER, "x".into(), Arc::new(Failing(kind)));
            let fetched = segment.fetch((KeyspaceId::DEFAULT, b"k"), Sequence(1), &location);
            assert!(matches!(fetched, Err(Error::Io { .. })), "{kind:?}");
            let tried = segment.try_fetch(
                (KeyspaceId::DEFAULT, b"k"),
                Sequence(1),
                &location,
                Access::MemoryOnly,
            );
            let would_block = matches!(tried, Err(ReadError::WouldBlock));
            assert_eq!(would_block, kind == io::ErrorKind::WouldBlock);
            assert_eq!(matches!(tried, Err(ReadError::Failed(Error::Io { .. }))), !would_block);
        }
    }

    /// Returns a segment with nothing but a put of `k`, and its location.
    fn segment_of(value: &[u8]) -> (Segment, Location) {
        let disk = SimulatedDisk::new(State::default());
        let file = disk.create("x").unwrap();
        let record = Record::put(b"k", value, None);
        let (mut bytes, mut extents) = (Vec::new(), Vec::new());
        let records = std::iter::once(record);
        let codec = HEADER.codec();
        let numbers = FrameNumbers { sequence: Sequence(1), durable: Sequence::ZERO };
        codec.encode_batch(records, numbers, 0, &mut bytes, |at| extents.push(at)).unwrap();
        file.write_at(&bytes, 0).unwrap();
        let location = Location::of(&record, SegmentId(1), extents[0]);
        (Segment::new(HEADER, "x".into(), file), location)
    }

    #[test]
    fn only_a_read_that_may_be_long_reads_a_large_value() {
        let key = (KeyspaceId::DEFAULT, &b"k"[..]);
        for bytes in [0, 1, 400, 10_000, SHORT_READ_BYTES - 100, SHORT_READ_BYTES] {
            let value: Vec<u8> = (0..=250).cycle().take(bytes).collect();
            let (segment, location) = segment_of(&value);
            for access in [Access::Blocking, Access::Short, Access::MemoryOnly] {
                let is_refused = bytes == SHORT_READ_BYTES && access != Access::Blocking;
                match segment.try_fetch(key, Sequence(1), &location, access) {
                    Ok(found) => assert!(found == value && !is_refused, "{bytes} {access:?}"),
                    Err(ReadError::TooLong) => assert!(is_refused, "{bytes} {access:?}"),
                    Err(error) => panic!("{bytes} {access:?}: {error:?}"),
                }
            }
        }
    }

    #[test]
    fn a_record_about_another_key_is_an_error() {
        let (segment, location) = segment_of(b"v");
        assert_eq!(
            segment.fetch((KeyspaceId::DEFAULT, b"k"), Sequence(1), &location).unwrap(),
            b"v"
        );
        let other = segment.fetch((KeyspaceId::DEFAULT, b"other"), Sequence(1), &location);
        assert!(matches!(other, Err(Error::Corrupt { .. })));
    }
}
