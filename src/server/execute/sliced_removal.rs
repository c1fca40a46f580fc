//! The removal of more keys than one batch takes, in several batches.

use std::vec;

use crate::server::execute::client_reply::ClientReply;
use crate::store::{Batch, BatchOutcome, WriteAnswer, WriteOperation};

/// The most keys that one slice removes: the writer takes about 5 ms for them, and then serves
/// others.
const SLICE_KEYS: usize = 4096;

/// A removal of many keys, slice by slice: each slice is one batch, and the next one is sent when
/// the writer has answered it. All of them together are not atomic.
///
/// After a failed slice no further one is sent; the keys of the earlier ones stay removed.
pub(crate) struct SlicedRemoval {
    keys: vec::IntoIter<Vec<u8>>,
    slice_keys: usize,
    removed: usize,
    reply: fn(crate::Result<usize>) -> ClientReply,
}

impl SlicedRemoval {
    /// Returns the removal of these keys in batches of no more than `operations_max`; `reply` makes
    /// the reply of the number that was there.
    pub(crate) fn new(
        keys: Vec<Vec<u8>>,
        operations_max: usize,
        reply: fn(crate::Result<usize>) -> ClientReply,
    ) -> Self {
        let slice_keys = SLICE_KEYS.min(operations_max);
        Self { keys: keys.into_iter(), slice_keys, removed: 0, reply }
    }

    /// Returns the batch of the next slice.
    pub(crate) fn next_slice(&mut self) -> Batch {
        let keys = self.keys.by_ref().take(self.slice_keys);
        keys.map(|key| WriteOperation::Remove { key }).collect()
    }

    /// Takes the outcome of a slice. Returns the reply if it was the last one or failed.
    pub(crate) fn applied(&mut self, outcome: BatchOutcome) -> Option<ClientReply> {
        let result = match outcome {
            Ok(applied) => {
                let flags = applied.answers.iter();
                self.removed += flags.filter(|answer| **answer == WriteAnswer::Flag(true)).count();
                (self.keys.len() == 0).then_some(Ok(self.removed))
            }
            Err(error) => Some(Err(error)),
        };
        result.map(self.reply)
    }
}
