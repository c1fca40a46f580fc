//! Pages of a scan.

use super::entry::Entry;
use super::snapshot::EngineSnapshot;
use crate::storage::key_range::KeyRange;

/// A request for one page of a scan.
#[derive(Clone, Copy)]
pub(crate) struct ScanPage<'a> {
    /// The keys to visit.
    pub(crate) range: &'a KeyRange,
    /// The point in time; `None` reads the newest entries, page by page.
    pub(crate) snapshot: Option<&'a EngineSnapshot>,
    /// The most keys to visit; fewer than this many results, removed keys counted, end the scan.
    pub(crate) limit: usize,
    /// Leave the values out.
    pub(crate) keys_only: bool,
}

/// One page of a scan: entries, and the place where the next page begins.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The entries in the order of the scan; some may have expired.
    pub(crate) entries: Vec<Scanned>,
    /// The last key that was visited, if the range may hold more.
    pub(crate) resume_after: Option<Vec<u8>>,
}

/// One key of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// The key.
    pub(crate) key: Vec<u8>,
    /// The entry; its value is empty in a scan of keys alone.
    pub(crate) entry: Entry,
}
