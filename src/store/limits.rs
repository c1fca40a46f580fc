//! Limits of sizes.

use super::batch::Batch;
use super::operation::{KeyspaceOperation, WriteOperation};
use crate::{Error, Options, Result, error};

/// The largest keys, values and batches that a store accepts, checked where an operation comes in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SizeLimits {
    key_bytes_max: usize,
    value_bytes_max: usize,
    batch_operations_max: usize,
    transaction_reads_max: usize,
}

/// The most bytes of keys and values in one batch; one frame of the log always holds so many.
pub(crate) const BATCH_BYTES_MAX: usize = 1 << 30;

impl SizeLimits {
    /// Returns the limits that the options state.
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            key_bytes_max: options.key_bytes_max,
            value_bytes_max: options.value_bytes_max,
            batch_operations_max: options.batch_operations_max,
            transaction_reads_max: options.transaction_reads_max,
        }
    }

    /// Returns the most operations of one batch.
    pub(crate) fn batch_operations_max(&self) -> usize {
        self.batch_operations_max
    }

    /// Returns the most keys that one transaction reads.
    pub(crate) fn transaction_reads_max(&self) -> usize {
        self.transaction_reads_max
    }

    /// Returns [`Error::KeyTooLarge`] for a key that is too long to be stored.
    pub(crate) fn check_key(&self, key: &[u8]) -> Result<()> {
        let Self { key_bytes_max, .. } = *self;
        if key.len() > key_bytes_max {
            return Err(Error::KeyTooLarge { bytes: key.len(), bytes_max: key_bytes_max });
        }
        Ok(())
    }

    /// Returns [`Error::KeyTooLarge`] for an end of a range that is longer than the key behind the
    /// longest one.
    fn check_bound(&self, bound: &[u8]) -> Result<()> {
        self.check_key(bound.strip_suffix(&[0]).unwrap_or(bound))
    }

    /// Returns [`Error::ValueTooLarge`] for a value that is too long to be stored.
    pub(crate) fn check_value(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.check_value_bytes(key, value.len())
    }

    /// Returns an error for a value of so many bytes if it is too long.
    pub(crate) fn check_value_bytes(&self, key: &[u8], bytes: usize) -> Result<()> {
        let Self { value_bytes_max, .. } = *self;
        if bytes > value_bytes_max {
            let key = error::printable(key);
            return Err(Error::ValueTooLarge { key, bytes, bytes_max: value_bytes_max });
        }
        Ok(())
    }

    /// Returns an error for a batch that is too large, as far as that can be known without what is
    /// stored.
    pub(crate) fn check(&self, batch: &Batch) -> Result<()> {
        let operations_max = self.batch_operations_max;
        let operations = batch.operations.iter().map(|each| each.operation.count()).sum();
        if operations > operations_max {
            return Err(Error::TooManyOperations { operations, operations_max });
        }
        let bytes = self.check_operations(&batch.operations)?;
        if bytes > BATCH_BYTES_MAX {
            return Err(Error::BatchTooLarge { bytes, bytes_max: BATCH_BYTES_MAX });
        }
        Ok(())
    }

    /// Returns the bytes of keys and values of operations, each of which is within the limits.
    fn check_operations(&self, operations: &[KeyspaceOperation]) -> Result<usize> {
        let mut bytes = 0;
        for KeyspaceOperation { operation, .. } in operations {
            let key = operation.key();
            self.check_key(key)?;
            bytes += key.len();
            match operation {
                WriteOperation::Put { value, .. } => {
                    self.check_value(key, value)?;
                    bytes += value.len();
                }
                WriteOperation::Update { update, .. } => {
                    // The zeros in front of a part would be there before the new value is checked.
                    self.check_value_bytes(key, update.value_bytes_min())?;
                    bytes += update.argument_bytes();
                }
                WriteOperation::RemoveRange { start, end } => {
                    self.check_bound(start)?;
                    self.check_bound(end)?;
                    bytes += start.len() + end.len();
                }
                // A source that is too long is absent.
                WriteOperation::CopyKey(copy) => bytes += copy.source.len(),
                WriteOperation::CombineBits(combination) => {
                    bytes += combination.sources.iter().map(Vec::len).sum::<usize>();
                }
                WriteOperation::Catalogue(operation) => operation.check()?,
                WriteOperation::RequireUnchanged(reads) => {
                    reads.check(self.transaction_reads_max)?
                }
                WriteOperation::Attempt(operations) => {
                    bytes += self.check_operations(operations)?
                }
                WriteOperation::Remove { .. }
                | WriteOperation::Require { .. }
                | WriteOperation::Read { .. } => {}
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Update;

    #[test]
    fn keys_values_and_batches_are_accepted_up_to_their_limits() {
        let limits = SizeLimits {
            key_bytes_max: 3,
            value_bytes_max: usize::MAX,
            batch_operations_max: 2,
            transaction_reads_max: 0,
        };
        assert!(limits.check_key(b"abc").is_ok() && limits.check_key(b"abcd").is_err());
        let put = |key: &[u8], bytes| {
            // Zeroed memory that nobody looks at takes none.
            WriteOperation::Put { key: key.to_vec(), value: vec![0; bytes], expires_at: None }
        };
        let half = BATCH_BYTES_MAX / 2;
        let batch = |bytes| Batch::from_iter([put(b"a", half), put(b"bc", bytes)]);
        assert!(limits.check(&batch(half - 3)).is_ok());
        let bytes = match limits.check(&batch(half - 2)) {
            Err(Error::BatchTooLarge { bytes, .. }) => bytes,
            other => panic!("{other:?}"),
        };
        assert_eq!(bytes, BATCH_BYTES_MAX + 1);
        assert!(limits.check(&batch(half)).is_err());
        let range = |end: &[u8]| {
            Batch::single(WriteOperation::RemoveRange { start: b"abc".to_vec(), end: end.to_vec() })
        };
        assert!(limits.check(&range(b"abc\0")).is_ok() && limits.check(&range(b"abcd")).is_err());
        let three = Batch::from_iter(std::iter::repeat_n(put(b"a", 0), 3));
        let error = limits.check(&three).unwrap_err();
        assert_eq!(error.to_string(), "batch of 3 operations is over the limit of 2; split it");
        let limits = SizeLimits { value_bytes_max: 5, ..limits };
        let set_range = |offset| {
            let update = Update::SetRange { offset, part: b"xy".to_vec() };
            Batch::single(WriteOperation::Update { key: b"a".to_vec(), update })
        };
        assert!(limits.check(&set_range(3)).is_ok() && limits.check(&set_range(4)).is_err());
        assert!(limits.check(&set_range(usize::MAX)).is_err());
        assert!(limits.check_value(b"", &[0; 5]).is_ok());
        assert!(limits.check_value(b"", &[0; 6]).is_err());
    }
}
