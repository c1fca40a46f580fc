//! The half of an engine that reads.

use super::engine_stats::{KeyspaceUsage, SharedStats};
use super::entry::{Entry, EntryMeta};
use super::page::{EntryVisitor, ScanPage, ScanVisitor};
use super::snapshot::EngineSnapshot;
use crate::Result;
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::format::segment_id::SegmentId;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::segment::{Access, ReadError};
use crate::sync::Arc;

/// The half that reads one keyspace, shared by any number of threads; see the [module](super) for
/// the contract.
///
/// The methods that take a snapshot, and [`snapshot`](Self::snapshot), return
/// [`Error::Unsupported`](crate::Error::Unsupported) in an engine that is not
/// [capable](super::Capabilities::snapshots) of it.
pub(crate) trait ReadHalf: Send + Sync + 'static {
    /// Returns the half that reads another keyspace, be there anything in it or not. A snapshot of
    /// either is one of both.
    fn keyspace(&self, keyspace: KeyspaceId) -> Result<Arc<dyn ReadHalf>>;

    /// Returns the newest entry of the key; waits for the disk if it has to.
    fn get(&self, key: &[u8]) -> Result<Option<Entry>>;

    /// Shows the newest entry of the key to the visitor, from where it lies if that is memory.
    fn show(&self, key: &[u8], visit: &mut EntryVisitor<'_>) -> Result<()> {
        if let Some(entry) = self.get(key)? {
            visit(entry.meta(), &entry.value);
        }
        Ok(())
    }

    /// Returns the newest entry of the key, as far as `access` allows.
    fn try_get(&self, key: &[u8], access: Access) -> std::result::Result<Option<Entry>, ReadError>;

    /// Returns the entry of the key that the snapshot sees; waits for the disk if it has to.
    fn get_at(&self, key: &[u8], snapshot: &EngineSnapshot) -> Result<Option<Entry>>;

    /// Returns the entry of the key that the snapshot sees, as far as `access` allows.
    fn try_get_at(
        &self,
        key: &[u8],
        snapshot: &EngineSnapshot,
        access: Access,
    ) -> std::result::Result<Option<Entry>, ReadError>;

    /// Returns the metadata of the newest entry of the key.
    fn metadata(&self, key: &[u8]) -> Result<Option<EntryMeta>>;

    /// Returns the metadata of the entry of the key that the snapshot sees.
    fn metadata_at(&self, key: &[u8], snapshot: &EngineSnapshot) -> Result<Option<EntryMeta>>;

    /// Shows the entries of a page to the visitor in the order of the range, until it breaks.
    /// Returns the last key that was visited, removed ones included, if the range may hold more.
    ///
    /// The visitor may use the store, and the scan does not see what it writes if the page has a
    /// snapshot or the engine is capable of them.
    fn scan(&self, page: &ScanPage<'_>, visit: &mut ScanVisitor<'_>) -> Result<Option<Vec<u8>>>;

    /// Returns a key at random, each about as likely as any other; it may have expired, or be
    /// removed. `None` may also mean that none was come upon.
    fn random_key(&self, random: &mut dyn FnMut() -> u64) -> Result<Option<Vec<u8>>>;

    /// Registers the present.
    fn snapshot(&self) -> Result<EngineSnapshot>;

    /// Registers the present, which is `now` for those who ask how old it is.
    fn snapshot_at(&self, _now: UnixMillis) -> Result<EngineSnapshot> {
        self.snapshot()
    }

    /// Returns the figures that all keyspaces have together and that need no turn of the writer.
    fn shared_stats(&self) -> SharedStats;

    /// Returns what each keyspace takes that has an index in memory, those included that were
    /// dropped and that a snapshot sees. Calls `visit` with the segment of each live key.
    fn usages(&self, _visit: &mut dyn FnMut(SegmentId)) -> Vec<(KeyspaceId, KeyspaceUsage)> {
        Vec::new()
    }

    /// Returns the number of keys, those included that have expired and are not removed yet.
    fn count(&self) -> u64;

    /// Returns the number of keys that have an expiry.
    fn expiring(&self) -> u64;
}
