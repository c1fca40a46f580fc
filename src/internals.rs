//! The parts of the store that the project's benches measure and no program needs.
//!
//! It is behind the feature `internals`, in no documentation, and may change with any commit.

use crate::actor::Reply;
use crate::storage::format::codec::FrameCodec;
use crate::storage::format::frame::{FRAME_HEADER_BYTES, FrameNumbers};
use crate::storage::format::record::{Record, RecordKind};
use crate::storage::format::sequence::Sequence;
use crate::store::{Batch, WriteOperation};
use crate::{Error, Result, Store};

/// Sets the key as [`set`](crate::Keyspace::set) does, but leaves that to the writer's own thread in
/// any case.
///
/// # Errors
/// As [`set`](crate::Keyspace::set); [`Error::Closed`] if the writer's mailbox is full.
pub fn set_by_message(store: &Store, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
    let batch = Batch::single(WriteOperation::Put { key, value, expires_at: None });
    store.check(&batch)?;
    let (reply, answer) = Reply::channel();
    store.submit_batches(vec![batch], reply).map_err(|_| Error::Closed)?;
    let outcomes = answer.wait().map_err(|_| Error::Closed)?;
    outcomes.into_iter().try_for_each(|outcome| outcome.map(|_| ()))
}

/// Encodes and decodes records of the log, with the checksums of one segment.
#[derive(Debug)]
pub struct RecordCodec(FrameCodec);

impl Default for RecordCodec {
    fn default() -> Self {
        Self(FrameCodec::new(b"a segment"))
    }
}

/// The place of the records in the segment, and the commit that writes them.
const OFFSET: u64 = 72;
const SEQUENCE: Sequence = Sequence::FIRST;

impl RecordCodec {
    /// Appends a frame of one record to `out`; false if it does not fit the format.
    pub fn encode(&self, key: &[u8], value: &[u8], out: &mut Vec<u8>) -> bool {
        let record = Record::put(key, value, None);
        let numbers = FrameNumbers { sequence: SEQUENCE, durable: Sequence::ZERO };
        self.0.encode_batch([record].into_iter(), numbers, OFFSET, out, |_| ()).is_ok()
    }

    /// Returns the value in a frame of one record, if its checksum matches.
    #[must_use]
    pub fn decode<'a>(&self, frame: &'a [u8]) -> Option<&'a [u8]> {
        let record = frame.get(FRAME_HEADER_BYTES..)?;
        let offset = OFFSET + FRAME_HEADER_BYTES as u64;
        match self.0.decode_record(record, offset, SEQUENCE) {
            Ok((Record { kind: RecordKind::Put { value, .. }, .. }, _)) => Some(value),
            _ => None,
        }
    }
}
