//! The items of a batch, as operations of the store.

use std::collections::HashMap;

use super::unanswered::Unanswered;
use crate::Precondition;
use crate::protocol::native::{BatchCondition, BatchItem, ByteString};
use crate::server::execute::scope::Scope;
use crate::store::{
    ExpiryConditions, Keyspace, KeyspaceOperation, UnixMillis, Update, WriteOperation,
};
use crate::sync::Arc;

/// The items of a batch with the keyspaces that they are about.
#[derive(Default)]
pub(super) struct BatchItems {
    /// The operations.
    pub(super) operations: Vec<KeyspaceOperation>,
    /// The keyspaces that the items name.
    pub(super) named: Vec<Arc<Keyspace>>,
}

impl BatchItems {
    /// Returns the operations of items that are about `home` where they name no keyspace.
    pub(super) fn decode(
        items: Vec<BatchItem<'_>>,
        home: &Keyspace,
        scope: &Scope<'_>,
    ) -> Result<Self, Unanswered> {
        let mut batch = Self::default();
        // A batch may go from one keyspace to another with every item.
        let mut known = HashMap::new();
        let mut keyspace = None;
        for item in items {
            if let BatchItem::On { name } = item {
                keyspace = match name {
                    None => None,
                    Some(name) => Some(match known.get(&name) {
                        Some(found) => Arc::clone(found),
                        None => {
                            let (cache, store) = (&scope.session.keyspaces, &scope.context.store);
                            let found = cache.open(store, &name, scope.access)?;
                            known.insert(name, Arc::clone(&found));
                            found
                        }
                    }),
                };
                continue;
            }
            let on = keyspace.as_deref().unwrap_or(home);
            batch.operations.extend(operation(item, on).map(|operation| on.operation(operation)));
        }
        batch.named = known.into_values().collect();
        Ok(batch)
    }
}

/// Returns the operation of an item; none of one that only names a keyspace.
fn operation(item: BatchItem<'_>, keyspace: &Keyspace) -> Option<WriteOperation> {
    let update =
        |key: ByteString<'_>, update| WriteOperation::Update { key: key.into_vec(), update };
    Some(match item {
        BatchItem::On { .. } => return None,
        BatchItem::Set { key, value, expires_at } => put(key, value, expires_at),
        BatchItem::Remove { key } => WriteOperation::Remove { key: key.into_vec() },
        BatchItem::Require { key, condition } => {
            let condition = match condition {
                BatchCondition::Absent => Precondition::Absent,
                BatchCondition::Present => Precondition::Present,
                BatchCondition::Value(value) => Precondition::Value(value.into_vec()),
                BatchCondition::Version(version) => Precondition::Version(version),
            };
            WriteOperation::Require { key: key.into_vec(), condition }
        }
        BatchItem::Increment { key, amount } => update(key, Update::Add(amount)),
        BatchItem::Append { key, suffix } => update(key, Update::Append(suffix.into_vec())),
        BatchItem::Expire { key, expires_at } => update(key, expire(expires_at, keyspace)),
        BatchItem::Persist { key } => update(key, Update::Persist),
        BatchItem::RemoveRange { start, end } => WriteOperation::remove_range((start, end)),
    })
}

/// Returns the setting of a key.
pub(super) fn put(
    key: ByteString<'_>,
    value: ByteString<'_>,
    expires_at: Option<u64>,
) -> WriteOperation {
    let (key, value) = (key.into_vec(), value.into_vec());
    WriteOperation::Put { key, value, expires_at: expires_at.map(UnixMillis) }
}

/// Returns the setting of an expiry.
pub(super) fn expire(expires_at: u64, keyspace: &Keyspace) -> Update {
    let (at, now) = (UnixMillis(expires_at), keyspace.now());
    Update::Expire { at, now, conditions: ExpiryConditions::default() }
}
