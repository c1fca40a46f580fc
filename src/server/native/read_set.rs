//! The read set of a transaction, as the writer checks it.

use super::places::snapshot;
use super::unanswered::Unanswered;
use crate::protocol::native::BatchReads;
use crate::server::execute::failure::{no_snapshot, unnamed_keyspace};
use crate::server::execute::scope::Scope;
use crate::store::WriteOperation;

/// Returns the check of what was read at the connection's snapshot, which must be the same still.
///
/// Names are those of the snapshot, and belong to what was read: one that stands for another
/// keyspace by now is a conflict.
pub(super) fn decode(
    reads: BatchReads<'_>,
    scope: &Scope<'_>,
) -> Result<WriteOperation, Unanswered> {
    let snapshot = snapshot(scope)?;
    if snapshot.version() != reads.version {
        return Err(Unanswered::Failed(no_snapshot()));
    }
    let mut set = snapshot.read_set();
    let mut keyspaces = vec![snapshot.add_keyspace(&mut set, None, scope.access)?];
    for name in &reads.names {
        keyspaces.push(snapshot.add_keyspace(&mut set, Some(name), scope.access)?);
    }
    let keyspace = |number: u32| {
        let found = usize::try_from(number).ok().and_then(|number| keyspaces.get(number));
        found.copied().ok_or_else(|| Unanswered::Failed(unnamed_keyspace()))
    };
    for read in reads.keys {
        set.add_key(keyspace(read.keyspace)?, read.key.into_vec(), read.was_there);
    }
    for range in reads.ranges {
        let (start, end) = (range.start.into_vec(), range.end.into_vec());
        let keys = usize::try_from(range.keys).unwrap_or(usize::MAX);
        set.add_range(keyspace(range.keyspace)?, start, end, keys);
    }
    Ok(WriteOperation::RequireUnchanged(Box::new(set)))
}
