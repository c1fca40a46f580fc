//! Pages of a scan with all of their entries, for tests.

use std::ops::ControlFlow;

use super::entry::Entry;
use super::page::{ScanPage, ScannedEntry};
use super::read_half::ReadHalf;
use crate::Result;

/// One page of a scan: entries, and the place where the next page begins.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The entries in the order of the scan; some may have expired.
    pub(crate) entries: Vec<Scanned>,
    /// The last key that was visited, if the range may hold more.
    pub(crate) resume_after: Option<Vec<u8>>,
}

/// One key of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// The key.
    pub(crate) key: Vec<u8>,
    /// The entry; its value is empty in a scan of keys alone.
    pub(crate) entry: Entry,
}

impl Page {
    /// Scans a page and keeps what it shows.
    pub(crate) fn of(reader: &dyn ReadHalf, page: &ScanPage<'_>) -> Result<Self> {
        let mut entries = Vec::new();
        let resume_after = reader.scan(page, &mut |ScannedEntry { key, value, meta }| {
            entries.push(Scanned { key: key.to_vec(), entry: meta.with(value.to_vec()) });
            ControlFlow::Continue(())
        })?;
        Ok(Self { entries, resume_after })
    }
}
