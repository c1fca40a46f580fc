//! The writing end of an export.

use std::io::{self, Write};
use std::ops::ControlFlow;

use super::entry::ExportedEntry;
use super::error::TransferError;
use super::options::ExportOptions;

/// The encoded bytes that end a page.
const PAGE_BYTES: usize = 256 << 10;

/// Capacity that the buffer keeps behind a page with a large value.
const KEPT_BYTES: usize = 1 << 20;

/// The outcome of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// The keys that were written.
    pub keys: u64,
    /// The bytes that were written.
    pub bytes: u64,
}

/// Encodes entries into a page, and writes it out when nothing of the store is held.
pub(super) struct PageWriter<'a> {
    writer: &'a mut dyn Write,
    options: &'a ExportOptions,
    page: Vec<u8>,
    encoded: io::Result<()>,
    exported: Exported,
}

impl<'a> PageWriter<'a> {
    /// Returns a writer that has written nothing.
    pub(super) fn new(writer: &'a mut dyn Write, options: &'a ExportOptions) -> Self {
        let (page, exported) = (Vec::new(), Exported::default());
        Self { writer, options, page, encoded: Ok(()), exported }
    }

    /// Begins the export of keyspaces with these names.
    pub(super) fn start(&mut self, names: &[String]) -> Result<(), TransferError> {
        self.encoded = self.options.format.encode_start(names, &mut self.page);
        self.write_page()
    }

    /// Encodes an entry; breaks where the page is full.
    pub(super) fn push(&mut self, entry: ExportedEntry<'_>) -> ControlFlow<()> {
        self.encoded = self.options.format.encode_entry(entry, &mut self.page);
        self.exported.keys += 1;
        match self.encoded {
            Ok(()) if self.page.len() < PAGE_BYTES => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }

    /// Writes the page out.
    pub(super) fn write_page(&mut self) -> Result<(), TransferError> {
        let encoded = std::mem::replace(&mut self.encoded, Ok(()));
        encoded.and_then(|()| self.writer.write_all(&self.page)).map_err(TransferError::writing)?;
        self.exported.bytes += self.page.len() as u64;
        self.page.clear();
        self.page.shrink_to(KEPT_BYTES);
        self.options.tell(self.exported.keys);
        Ok(())
    }

    /// Ends the export.
    pub(super) fn end(mut self) -> Result<Exported, TransferError> {
        self.encoded = self.options.format.encode_end(self.exported.keys, &mut self.page);
        self.write_page()?;
        self.writer.flush().map_err(TransferError::writing)?;
        Ok(self.exported)
    }
}
