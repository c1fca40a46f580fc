//! The store of a classic server: one structure for readers and writers alike, so they need a lock.
//!
//! A log with a checksum for each record, one write for each change, and an ordered index in
//! memory: what the `kvs` engine does for a single write or read of the same size. Left out are
//! recovery, compaction, syncs and batches, which these benches do not use; that favours it in the
//! comparison.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Checksum, length of the key, length of the value.
const SEGMENT_HEADER_BYTES: usize = 12;

/// The place of a record in the log.
#[derive(Clone, Copy)]
struct Extent {
    offset: u64,
    key_bytes: usize,
    value_bytes: usize,
}

/// A log and its index.
pub struct LogStore {
    log: File,
    end: u64,
    index: BTreeMap<Vec<u8>, Extent>,
    record: Vec<u8>,
}

impl LogStore {
    /// Returns an empty store in a directory that has none.
    pub fn create(directory: &Path) -> io::Result<Self> {
        let path = directory.join("log");
        let log = OpenOptions::new().read(true).append(true).create_new(true).open(path)?;
        Ok(Self { log, end: 0, index: BTreeMap::new(), record: Vec::new() })
    }

    /// Sets the key to the value.
    pub fn set(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
        self.record.clear();
        self.record.extend_from_slice(&[0; 4]);
        self.record.extend_from_slice(&length(key)?.to_le_bytes());
        self.record.extend_from_slice(&length(value)?.to_le_bytes());
        self.record.extend_from_slice(key);
        self.record.extend_from_slice(value);
        let checksum = crc32fast::hash(&self.record[4..]);
        self.record[..4].copy_from_slice(&checksum.to_le_bytes());
        self.log.write_all(&self.record)?;
        let extent = Extent { offset: self.end, key_bytes: key.len(), value_bytes: value.len() };
        self.end += self.record.len() as u64;
        self.index.insert(key.to_vec(), extent);
        Ok(())
    }

    /// Returns the value of the key.
    pub fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let Some(&Extent { offset, key_bytes, value_bytes }) = self.index.get(key) else {
            return Ok(None);
        };
        let mut record = vec![0; SEGMENT_HEADER_BYTES + key_bytes + value_bytes];
        self.log.read_exact_at(&mut record, offset)?;
        if record[..4] != crc32fast::hash(&record[4..]).to_le_bytes() {
            return Err(io::Error::other("the checksum of a record does not match"));
        }
        record.drain(..SEGMENT_HEADER_BYTES + key_bytes);
        Ok(Some(record))
    }
}
