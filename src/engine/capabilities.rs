//! Capabilities: what an engine can do that another cannot.

/// The abilities of an engine that a store has to know of, beyond the contract of every engine.
///
/// | engine | snapshots | metadata in memory |
/// |---|---|---|
/// | `kvs`, `memory` | yes | yes |
/// | `sled` | no | no |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// Several reads can see one point in time. Without it each read sees the newest entry, and
    /// several may see a part of a batch.
    pub(crate) snapshots: bool,
    /// [`ReadHalf::metadata`](super::ReadHalf::metadata) never waits for the disk.
    pub(crate) metadata_in_memory: bool,
}
