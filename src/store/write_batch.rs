//! Writing several keys at once.

use super::batch::Batch;
use super::handle::Store;
use super::operation::WriteOperation;
use crate::Result;

/// Writes that are applied together or not at all, in order.
///
/// ```no_run
/// # let store = kvs::Store::open(kvs::Options::new("data"))?;
/// let mut batch = kvs::WriteBatch::new();
/// batch.set("from", "90");
/// batch.set("to", "110");
/// batch.remove("pending");
/// store.write(batch)?;
/// # Ok::<(), kvs::Error>(())
/// ```
#[derive(Default)]
pub struct WriteBatch(Batch);

impl WriteBatch {
    /// Returns a batch that writes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the key to the value, for good: an expiry it had is gone.
    pub fn set(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        let (key, value) = (key.into(), value.into());
        self.0.operations.push(WriteOperation::Put { key, value, expires_at: None }.into());
    }

    /// Removes the key if it is there.
    pub fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.0.operations.push(WriteOperation::Remove { key: key.into() }.into());
    }

    /// Returns the number of writes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.operations.len()
    }

    /// Returns true if there are no writes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.operations.is_empty()
    }
}

impl std::fmt::Debug for WriteBatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WriteBatch").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Store {
    /// Applies the batch; readers, snapshots and a power failure see all of it or nothing.
    ///
    /// # Errors
    /// As [`set`](Self::set), and [`Error::BatchTooLarge`](crate::Error::BatchTooLarge).
    pub fn write(&self, batch: WriteBatch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        self.apply(batch.0).map(|_| ())
    }
}
