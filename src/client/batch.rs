//! Writing several keys of a server at once.

use std::fmt;
use std::ops::Bound;

use super::scan;
use super::time::time_of;
use crate::expiry::Expiry;
use crate::key_bounds::{KeyBounds, KeyPrefix};
use crate::precondition::Precondition;
use crate::protocol::native::{BatchCondition, BatchItem, ByteString};

/// Writes to one or several keyspaces of a server that are applied together or not at all, in
/// order, each behind those before it.
///
/// ```no_run
/// # let mut client = kvs::KvsClient::connect("127.0.0.1:4000")?;
/// client.keyspace("audit")?;
/// let mut batch = kvs::ClientBatch::new();
/// batch.set("from", "90");
/// batch.set("to", "110");
/// batch.on("audit").set("1", "10 moved");
/// client.write(batch)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default, Clone)]
pub struct ClientBatch {
    items: Vec<BatchItem<'static>>,
    /// The keyspace that the next item is about, unless another one is named before it.
    keyspace: Option<String>,
    /// The number of items that write or are conditions.
    len: usize,
}

/// The writes of a [`ClientBatch`] to one keyspace, as [`ClientBatch::on`] returns it.
pub struct KeyspaceClientBatch<'b> {
    batch: &'b mut ClientBatch,
    name: String,
}

impl ClientBatch {
    /// Returns a batch that writes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the writes of this batch to the keyspace with this name, to add to them. Where there
    /// is none when the batch is written, nothing of it is.
    pub fn on(&mut self, keyspace: impl Into<String>) -> KeyspaceClientBatch<'_> {
        KeyspaceClientBatch { batch: self, name: keyspace.into() }
    }

    /// Returns the number of writes and conditions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns true if there are no writes and no conditions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the items as a request has them.
    pub(super) fn into_items(self) -> Vec<BatchItem<'static>> {
        self.items
    }

    fn push(&mut self, item: BatchItem<'static>) {
        self.push_on(None, item);
    }

    /// Adds an item about the keyspace with this name; `None` for that of the request.
    pub(super) fn push_on(&mut self, name: Option<&str>, item: BatchItem<'static>) {
        if self.keyspace.as_deref() != name {
            self.keyspace = name.map(str::to_owned);
            self.items.push(BatchItem::On { name: self.keyspace.clone() });
        }
        self.items.push(item);
        self.len += 1;
    }
}

impl KeyspaceClientBatch<'_> {
    fn push(&mut self, item: BatchItem<'static>) {
        self.batch.push_on(Some(&self.name), item);
    }
}

macro_rules! batch_calls {
    ($batch:ty) => {
        impl $batch {
            /// Sets the key to the value, for good: an expiry it had is gone.
            pub fn set(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
                let (key, value) = (key.into().into(), value.into().into());
                self.push(BatchItem::Set { key, value, expires_at: None });
            }

            /// Sets the key to the value until it expires; the time counts from this call.
            pub fn set_expiring(
                &mut self,
                key: impl Into<Vec<u8>>,
                value: impl Into<Vec<u8>>,
                expiry: Expiry,
            ) {
                let (key, value) = (key.into().into(), value.into().into());
                self.push(BatchItem::Set { key, value, expires_at: Some(time_of(expiry)) });
            }

            /// Removes the key if it is there.
            pub fn remove(&mut self, key: impl Into<Vec<u8>>) {
                self.push(BatchItem::Remove { key: key.into().into() });
            }

            /// Removes every key of the range.
            pub fn remove_range(&mut self, range: impl KeyBounds) {
                let (start, end): (Bound<ByteString<'static>>, _) = scan::bounds(range);
                self.push(BatchItem::RemoveRange { start, end });
            }

            /// Removes every key that begins with `prefix`.
            pub fn remove_prefix(&mut self, prefix: impl AsRef<[u8]>) {
                self.remove_range(KeyPrefix(prefix.as_ref()));
            }

            /// Requires the condition to hold of the key where it stands in the batch, behind the
            /// writes before it; else nothing of the batch is written, and writing it fails with
            /// [`ConditionFailed`](crate::protocol::native::FailureKind::ConditionFailed).
            pub fn require(&mut self, key: impl Into<Vec<u8>>, condition: Precondition) {
                let condition = match condition {
                    Precondition::Absent => BatchCondition::Absent,
                    Precondition::Present => BatchCondition::Present,
                    Precondition::Value(value) => BatchCondition::Value(value.into()),
                    Precondition::Version(version) => BatchCondition::Version(version),
                };
                self.push(BatchItem::Require { key: key.into().into(), condition });
            }

            /// Adds to the integer of the key, zero where the key is absent. Where it cannot,
            /// nothing of the batch is written.
            pub fn increment(&mut self, key: impl Into<Vec<u8>>, amount: i64) {
                self.push(BatchItem::Increment { key: key.into().into(), amount });
            }

            /// Appends to the value of the key, an empty one where the key is absent.
            pub fn append(&mut self, key: impl Into<Vec<u8>>, suffix: impl Into<Vec<u8>>) {
                let (key, suffix) = (key.into().into(), suffix.into().into());
                self.push(BatchItem::Append { key, suffix });
            }

            /// Lets the key expire if it is there; the time counts from this call.
            pub fn expire(&mut self, key: impl Into<Vec<u8>>, expiry: Expiry) {
                let (key, expires_at) = (key.into().into(), time_of(expiry));
                self.push(BatchItem::Expire { key, expires_at });
            }

            /// Keeps the key for good if it is there.
            pub fn persist(&mut self, key: impl Into<Vec<u8>>) {
                self.push(BatchItem::Persist { key: key.into().into() });
            }
        }
    };
}

batch_calls!(ClientBatch);
batch_calls!(KeyspaceClientBatch<'_>);

impl fmt::Debug for ClientBatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientBatch").field("len", &self.len).finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyspaceClientBatch<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("KeyspaceClientBatch");
        shown.field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyspace_is_named_once_for_the_items_behind_each_other() {
        let mut batch = ClientBatch::new();
        batch.persist("a");
        batch.on("ks").persist("b");
        batch.on("ks").persist("c");
        batch.persist("d");
        assert_eq!((batch.len(), batch.is_empty()), (4, false));
        let key = |key: &str| BatchItem::Persist { key: key.as_bytes().to_vec().into() };
        let on = |name: Option<&str>| BatchItem::On { name: name.map(str::to_owned) };
        let expected = [key("a"), on(Some("ks")), key("b"), key("c"), on(None), key("d")];
        assert_eq!(batch.into_items(), expected);
    }
}
