//! Reading one record from a segment.

use std::io;

use crate::storage::format::record::Record;
use crate::storage::segment::location::Location;
use crate::storage::segment::open_segment::Segment;
use crate::{Error, Result};

/// The permission of a read to wait for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The read may wait.
    Blocking,
    /// The read must not wait: it answers that it would have to.
    MemoryOnly,
}

/// The outcome of reading a record.
pub(crate) enum Fetched {
    /// The value.
    Value(Vec<u8>),
    /// The read would have to wait for the disk.
    Cold,
}

/// The bytes of a buffer that most records fit in, so that no larger one is zeroed for them.
const SMALL_RECORD_BYTES: usize = 512;

impl Segment {
    /// Reads the value at a location of the index, where a put of this key by this commit must be.
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
            .codec
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::segment_header::{Origin, SegmentHeader};
    use crate::storage::format::segment_id::SegmentId;
    use crate::storage::fs::simulated::{SimulatedDisk, State};
    use crate::storage::fs::{Directory, File};
    use crate::sync::Arc;

    const HEADER: SegmentHeader = SegmentHeader {
        origin: Origin::Written,
        store: 1,
        id: SegmentId(1),
        base: 1,
        durable: 0,
        previous: SegmentId(0),
    };

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
        let location = Location::cleared(SegmentId(1));
        for (kind, access, is_cold) in [
            (io::ErrorKind::WouldBlock, Access::MemoryOnly, true),
            (io::ErrorKind::WouldBlock, Access::Blocking, false),
            (io::ErrorKind::Other, Access::MemoryOnly, false),
            (io::ErrorKind::Other, Access::Blocking, false),
        ] {
            let segment = Segment::new(HEADER, "x".into(), Arc::new(Failing(kind)));
            let fetched = segment.fetch(b"k", 1, &location, access);
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
        let codec = HEADER.codec();
        codec.encode_batch(records, (1, 0), 0, &mut bytes, |at| extents.push(at)).unwrap();
        file.write_at(&bytes, 0).unwrap();
        let segment = Segment::new(HEADER, "x".into(), file);
        let location = Location::of(&record, SegmentId(1), extents[0]);
        let fetched = segment.fetch(b"k", 1, &location, Access::Blocking).unwrap();
        assert!(matches!(fetched, Fetched::Value(value) if value == b"v"));
        let other = segment.fetch(b"other", 1, &location, Access::Blocking);
        assert!(matches!(other, Err(Error::Corrupt { .. })));
    }
}
