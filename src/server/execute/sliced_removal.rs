//! The removal of more keys than the writer should remove at once, in several batches.

use std::iter::{Peekable, from_fn, once};

use crate::Store;
use crate::server::execute::client_reply::ClientReply;
use crate::store::{
    Batch, BatchOutcome, KeyspaceId, KeyspaceOperation, KeyspaceView, WriteAnswer, WriteOperation,
};

/// The most keys that one slice removes: the writer takes about 5 ms for them, and then serves
/// others.
const SLICE_KEYS: usize = 4096;

/// The most keys that are removed all at once with the whole store, where that takes longer the
/// more there are.
const CLEARED_AT_ONCE_MAX: u64 = 16 << 10;

/// The most times that the slices of a whole store are removed, as long as more than
/// [`CLEARED_AT_ONCE_MAX`] keys were set meanwhile.
const PASSES_MAX: usize = 3;

/// A removal of many keys, slice by slice: each slice is one batch, and the next one is sent when
/// the writer has answered it. All of them together are not atomic.
///
/// After a failed slice no further one is sent; the keys of the earlier ones stay removed.
pub(crate) struct SlicedRemoval {
    slices: Peekable<Box<dyn Iterator<Item = Batch> + Send>>,
    /// The bytes of memory of the keys that it names.
    memory: usize,
    removed: usize,
    reply: RenderRemoval,
}

/// A function from the result of a removal, the number of keys that were named and there, to the
/// reply.
type RenderRemoval = Box<dyn Fn(crate::Result<usize>) -> ClientReply + Send>;

impl SlicedRemoval {
    /// Returns the removal of these keys in batches of no more than the store takes.
    ///
    /// # Errors
    /// If the store does not take it.
    pub(crate) fn of_keys(
        store: &Store,
        keyspace: KeyspaceId,
        keys: Vec<Vec<u8>>,
        reply: impl Fn(crate::Result<usize>) -> ClientReply + Send + 'static,
    ) -> crate::Result<Self> {
        store.check_removals(&keys)?;
        let slice_keys = SLICE_KEYS.min(store.batch_operations_max());
        let memory = keys.iter().map(|key| size_of_val(key) + key.capacity()).sum();
        let mut keys = keys.into_iter();
        let slices = from_fn(move || {
            let removals = keys.by_ref().take(slice_keys).map(|key| {
                let operation = WriteOperation::Remove { key };
                KeyspaceOperation { keyspace, operation }
            });
            Some(removals.collect::<Batch>()).filter(|slice| !slice.operations.is_empty())
        });
        Ok(Self::new(slices, memory, reply))
    }

    /// Returns true if a keyspace has too many keys to be cleared by one batch, as it takes longer
    /// the more there are.
    pub(crate) fn is_for_clearing(view: &KeyspaceView) -> crate::Result<bool> {
        Ok(!view.clears_at_once() && view.len()? > CLEARED_AT_ONCE_MAX)
    }

    /// Returns the removal of all keys that a view shows, whose last slice is the clear: it removes
    /// what the earlier ones left, and what was set meanwhile. So all keys are gone at one moment,
    /// and nothing that was set before stays in part.
    ///
    /// Visits every key, which takes long.
    ///
    /// # Errors
    /// If the store does not take it, or its keys cannot be read.
    pub(crate) fn of_all_keys(
        store: &Store,
        view: &KeyspaceView,
        clear: KeyspaceOperation,
        reply: impl Fn(crate::Result<usize>) -> ClientReply + Send + 'static,
    ) -> crate::Result<Self> {
        store.check_removals(&[])?;
        let ranges = view.slice(SLICE_KEYS)?;
        let memory = ranges.iter().map(|(start, end)| start.capacity() + end.capacity()).sum();
        let (view, keyspace) = (view.clone(), clear.keyspace);
        let is_needed = move || Self::is_for_clearing(&view).unwrap_or(false);
        let passes = (0..PASSES_MAX).take_while(move |pass| *pass == 0 || is_needed());
        let ranges = passes.flat_map(move |_| ranges.clone());
        let removals = ranges.map(move |(start, end)| {
            let operation = WriteOperation::RemoveRange { start, end };
            KeyspaceOperation { keyspace, operation }
        });
        Ok(Self::new(removals.chain(once(clear)).map(Batch::single), memory, reply))
    }

    fn new(
        slices: impl Iterator<Item = Batch> + Send + 'static,
        memory: usize,
        reply: impl Fn(crate::Result<usize>) -> ClientReply + Send + 'static,
    ) -> Self {
        let slices: Box<dyn Iterator<Item = Batch> + Send> = Box::new(slices);
        Self { slices: slices.peekable(), memory, removed: 0, reply: Box::new(reply) }
    }

    /// Returns the same removal without a reply.
    pub(crate) fn silenced(self) -> Self {
        let reply = self.reply;
        Self { reply: Box::new(move |removed| reply(removed).silenced()), ..self }
    }

    /// Returns the bytes of memory that it holds.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// Returns the batch of the next slice.
    pub(crate) fn next_slice(&mut self) -> Batch {
        self.slices.next().unwrap_or_default()
    }

    /// Takes the outcome of a slice. Returns the reply if it was the last one or failed.
    pub(crate) fn applied(&mut self, outcome: BatchOutcome) -> Option<ClientReply> {
        let result = match outcome {
            Ok(applied) => {
                let flags = applied.answers.iter();
                self.removed += flags.filter(|answer| **answer == WriteAnswer::Flag(true)).count();
                self.slices.peek().is_none().then_some(Ok(self.removed))
            }
            Err(error) => Some(Err(error)),
        };
        result.map(&self.reply)
    }
}
