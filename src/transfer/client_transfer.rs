//! Exports and imports of a server over the network.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::path::Path;

use super::clock;
use super::entry::{ExportedEntry, ImportedEntry};
use super::error::{ImportError, TransferError};
use super::export::{self, DEFAULT_KEYSPACE, ExportSource};
use super::import;
use super::import_target::ImportTarget;
use super::imported::Imported;
use super::options::{ExportOptions, ImportOptions};
use super::page_writer::{Exported, PageWriter};
use crate::client::entry_pages::EntryPages;
use crate::expiry::Expiry;
use crate::{ClientBatch, ClientResult, KvsClient};

impl ExportSource for EntryPages<'_> {
    fn names(&mut self) -> Result<Vec<String>, TransferError> {
        Ok(EntryPages::names(self)?)
    }

    fn has_keys(&mut self, name: &str) -> Result<bool, TransferError> {
        Ok(EntryPages::has_keys(self, name)?)
    }

    fn write(&mut self, name: &str, pages: &mut PageWriter<'_>) -> Result<(), TransferError> {
        let keyspace = (name != DEFAULT_KEYSPACE).then_some(name);
        self.visit(name, |key, found| {
            let (value, expires_at) = (&found.value[..], found.expires_at);
            match pages.push(ExportedEntry { keyspace, key, value, expires_at }) {
                std::ops::ControlFlow::Continue(()) => Ok(()),
                std::ops::ControlFlow::Break(()) => pages.write_page(),
            }
        })?;
        pages.write_page()
    }
}

/// A server that an import writes to.
struct ClientTarget<'c> {
    client: &'c mut KvsClient,
    /// The keyspaces that are there.
    opened: HashSet<String>,
}

impl ClientTarget<'_> {
    fn is_filled(&mut self, name: &str) -> ClientResult<bool> {
        match self.client.find_keyspace(name)? {
            Some(mut keyspace) => keyspace.is_empty().map(|is_empty| !is_empty),
            None => Ok(false),
        }
    }
}

impl ImportTarget for ClientTarget<'_> {
    fn now(&self) -> u64 {
        clock::now()
    }

    /// Returns no limit: a server with a lower one than a batch of an import has refuses it.
    fn batch_entries_max(&self) -> usize {
        usize::MAX
    }

    fn has_keys(&mut self) -> Result<bool, TransferError> {
        for name in self.client.keyspaces()? {
            if self.is_filled(&name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn open(&mut self, keyspace: &str) -> Result<(), TransferError> {
        if !self.opened.contains(keyspace) {
            self.client.keyspace(keyspace)?;
            self.opened.insert(keyspace.to_owned());
        }
        Ok(())
    }

    /// Returns nothing: the server knows its limits.
    fn check(&self, _: &ImportedEntry) -> Result<(), TransferError> {
        Ok(())
    }

    fn write(&mut self, entries: Vec<ImportedEntry>, keys: u64) -> Result<u64, TransferError> {
        let mut batch = ClientBatch::new();
        for ImportedEntry { keyspace, key, value, expires_at } in entries {
            let mut writes = batch.on(keyspace.as_deref().unwrap_or(DEFAULT_KEYSPACE));
            match expires_at {
                Some(time) => writes.set_expiring(key, value, Expiry::at_milliseconds(time)),
                None => writes.set(key, value),
            }
        }
        if !batch.is_empty() {
            self.client.write(batch)?;
        }
        Ok(keys)
    }

    fn settle(&mut self) -> (u64, Result<(), TransferError>) {
        (0, Ok(()))
    }

    fn sync(&mut self) -> Result<(), TransferError> {
        Ok(self.client.sync()?)
    }
}

impl KvsClient {
    /// Writes every key of every keyspace of the server, or of one, with its value and its expiry;
    /// returns their number.
    ///
    /// It sees one point in time, which the server keeps for as long as its option
    /// `--snapshot-timeout` says; an export that takes longer fails with
    /// [`NoSnapshot`](crate::protocol::native::FailureKind::NoSnapshot). The `sled` engine has no
    /// points in time: there each key is as it is when it is read.
    ///
    /// # Errors
    /// [`TransferError::Client`]; [`TransferError::Stream`]; [`TransferError::SeveralKeyspaces`].
    pub fn export(
        &mut self,
        mut writer: impl Write,
        options: &ExportOptions,
    ) -> Result<Exported, TransferError> {
        export::export(&mut EntryPages::new(self)?, &mut writer, options)
    }

    /// Does as [`export`](Self::export) to a new file, as
    /// [`Store::export_to_file`](crate::Store::export_to_file) does.
    ///
    /// # Errors
    /// Those of [`export`](Self::export); [`TransferError::FileExists`];
    /// [`TransferError::FileBusy`]; [`TransferError::File`].
    pub fn export_to_file(
        &mut self,
        path: impl AsRef<Path>,
        options: &ExportOptions,
    ) -> Result<Exported, TransferError> {
        export::export_to_file(&mut EntryPages::new(self)?, path.as_ref(), options)
    }

    /// Reads an export into the server, as [`Store::import`](crate::Store::import) does into a
    /// store.
    ///
    /// # Errors
    /// [`ImportError`], for one of the reasons of [`Store::import`](crate::Store::import), or for
    /// [`TransferError::Client`].
    pub fn import(
        &mut self,
        reader: impl Read,
        options: &ImportOptions,
    ) -> Result<Imported, ImportError> {
        let mut target = ClientTarget { client: self, opened: HashSet::new() };
        import::import_export(reader, &mut target, options)
    }
}
