//! Capabilities: what an engine can do that another cannot.

/// The abilities of an engine that a store has to know of, beyond the contract of every engine.
///
/// | engine | snapshots | metadata in memory | clears at once |
/// |---|---|---|---|
/// | `kvs`, `memory` | yes | yes | yes |
/// | `sled` | no | no | no |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// Several reads can see one point in time. Without it each read sees the newest entry, and
    /// several may see a part of a batch.
    pub(crate) snapshots: bool,
    /// [`ReadHalf::metadata`](super::ReadHalf::metadata) never waits for the disk.
    pub(crate) metadata_in_memory: bool,
    /// The removal of all keys of a keyspace takes no longer if there are many.
    pub(crate) clears_at_once: bool,
}
