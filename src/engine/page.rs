//! Pages of a scan, and visitors of the entries that reads show.

use std::ops::ControlFlow;

use super::entry::EntryMeta;
use super::snapshot::EngineSnapshot;
use crate::storage::key_range::KeyRange;

/// A request for one page of a scan.
#[derive(Clone, Copy)]
pub(crate) struct ScanPage<'a> {
    /// The keys to visit.
    pub(crate) range: &'a KeyRange,
    /// The point in time; `None` reads the newest entries, page by page.
    pub(crate) snapshot: Option<&'a EngineSnapshot>,
    /// The most keys to visit, removed ones counted.
    pub(crate) limit: usize,
    /// Leave the values out.
    pub(crate) keys_only: bool,
}

/// An entry that a scan shows, borrowed until its visitor returns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScannedEntry<'a> {
    /// The key.
    pub(crate) key: &'a [u8],
    /// The value; empty in a scan of keys alone.
    pub(crate) value: &'a [u8],
    /// The metadata; the entry may have expired.
    pub(crate) meta: EntryMeta,
}

/// A visitor of the one entry of a key: gets its metadata and its value.
pub(crate) type EntryVisitor<'v> = dyn FnMut(EntryMeta, &[u8]) + 'v;

/// A visitor of entries: breaks to end the scan.
pub(crate) type ScanVisitor<'v> = dyn FnMut(ScannedEntry<'_>) -> ControlFlow<()> + 'v;
