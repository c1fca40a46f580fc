//! Exports: every key of one point in time, page by page.

use std::io::Write;
use std::ops::Bound;
use std::path::Path;

use super::entry::ExportedEntry;
use super::error::TransferError;
use super::export_file::ExportFile;
use super::options::ExportOptions;
use super::page_writer::{Exported, PageWriter};
use super::transfer_format::TransferFormat;
use crate::store::scan::ScannedEntry;
use crate::{Error, KeyspaceView, Store};

/// The name of the default keyspace, which the formats do not name.
pub(super) const DEFAULT_KEYSPACE: &str = "default";

/// The most keys of a page.
const PAGE_KEYS: usize = 1024;

/// Keyspaces that can be exported.
pub(super) trait ExportSource {
    /// Returns the names of all of them.
    fn names(&mut self) -> Result<Vec<String>, TransferError>;

    /// Returns true if a keyspace has keys.
    fn has_keys(&mut self, name: &str) -> Result<bool, TransferError>;

    /// Writes the entries of a keyspace, page by page.
    fn write(&mut self, name: &str, pages: &mut PageWriter<'_>) -> Result<(), TransferError>;
}

/// Exports what the options choose of a source.
pub(super) fn export(
    source: &mut dyn ExportSource,
    writer: &mut dyn Write,
    options: &ExportOptions,
) -> Result<Exported, TransferError> {
    let mut names = source.names()?;
    if let Some(chosen) = &options.keyspace {
        names.retain(|name| name == chosen);
        if names.is_empty() {
            return Err(Error::NoSuchKeyspace { name: chosen.clone() }.into());
        }
    } else if options.format == TransferFormat::Resp {
        names.retain(|name| name != DEFAULT_KEYSPACE);
        let mut left_out = Vec::new();
        for name in names {
            if source.has_keys(&name)? {
                left_out.push(name);
            }
        }
        if !left_out.is_empty() {
            return Err(TransferError::SeveralKeyspaces { names: left_out });
        }
        names = vec![DEFAULT_KEYSPACE.to_owned()];
    }
    let is_named = |name: &&String| *name != DEFAULT_KEYSPACE;
    let named: Vec<_> = names.iter().filter(is_named).cloned().collect();
    let mut pages = PageWriter::new(writer, options);
    pages.start(&named)?;
    for name in &names {
        source.write(name, &mut pages)?;
    }
    pages.end()
}

/// Exports what the options choose of a source to a new file.
pub(super) fn export_to_file(
    source: &mut dyn ExportSource,
    path: &Path,
    options: &ExportOptions,
) -> Result<Exported, TransferError> {
    let mut file = ExportFile::create(path)?;
    let exported = export(source, &mut file, options).map_err(|error| match error {
        TransferError::Stream { source, .. } => TransferError::file("write", path, source),
        error => error,
    })?;
    file.publish()?;
    Ok(exported)
}

/// The keyspaces of a store, at one moment where it has snapshots.
struct StoreKeyspaces(Vec<(String, KeyspaceView)>);

impl StoreKeyspaces {
    fn new(store: &Store) -> Result<Self, Error> {
        let mut keyspaces = Vec::new();
        match store.snapshot() {
            Ok(snapshot) => {
                for name in snapshot.keyspaces()? {
                    let view = snapshot.keyspace(&name)?;
                    keyspaces.push((name, view));
                }
            }
            Err(Error::Unsupported { .. }) => {
                for name in store.keyspaces()? {
                    // It may have been dropped meanwhile.
                    if let Some(keyspace) = store.find_keyspace(&name)? {
                        keyspaces.push((name, KeyspaceView::clone(&keyspace)));
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(Self(keyspaces))
    }

    fn view(&self, name: &str) -> Result<&KeyspaceView, Error> {
        let found = self.0.iter().find(|(found, _)| found == name);
        let (_, view) = found.ok_or_else(|| Error::NoSuchKeyspace { name: name.to_owned() })?;
        Ok(view)
    }
}

impl ExportSource for StoreKeyspaces {
    fn names(&mut self) -> Result<Vec<String>, TransferError> {
        Ok(self.0.iter().map(|(name, _)| name.clone()).collect())
    }

    fn has_keys(&mut self, name: &str) -> Result<bool, TransferError> {
        Ok(!self.view(name)?.is_empty()?)
    }

    fn write(&mut self, name: &str, pages: &mut PageWriter<'_>) -> Result<(), TransferError> {
        let view = self.view(name)?;
        let keyspace = (name != DEFAULT_KEYSPACE).then_some(name);
        let mut scan = view.scan_at_once(Bound::Unbounded, Bound::Unbounded, false, false)?;
        while !scan.is_at_end() {
            scan.page(PAGE_KEYS, &mut |ScannedEntry { key, value, meta }| {
                let expires_at = meta.expires_at.map(|time| time.0);
                pages.push(ExportedEntry { keyspace, key, value, expires_at })
            })?;
            pages.write_page()?;
        }
        Ok(())
    }
}

impl Store {
    /// Writes every key of every keyspace, or of one, with its value and its expiry; returns their
    /// number.
    ///
    /// It sees one point in time while others write. The `sled` engine has none: there each page of
    /// keys is as it is when it is read. Keys that have expired are left out. Memory is bounded by
    /// the largest value.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// use kvs::{ExportOptions, ImportOptions, Options, Store};
    ///
    /// let store = Store::open(Options::new(directory.path().join("a")))?;
    /// store.keyspace("users")?.set("alice", "1")?;
    /// let mut lines = Vec::new();
    /// assert_eq!(store.export(&mut lines, &ExportOptions::default())?.keys, 1);
    /// let copy = Store::open(Options::new(directory.path().join("b")))?;
    /// assert_eq!(copy.import(&lines[..], &ImportOptions::default())?.keys, 1);
    /// assert_eq!(copy.keyspace("users")?.get("alice")?.as_deref(), Some(&b"1"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TransferError::Store`] if a value cannot be read, or there is no keyspace of the name;
    /// [`TransferError::Stream`]; [`TransferError::SeveralKeyspaces`].
    pub fn export(
        &self,
        mut writer: impl Write,
        options: &ExportOptions,
    ) -> Result<Exported, TransferError> {
        export(&mut StoreKeyspaces::new(self)?, &mut writer, options)
    }

    /// Does as [`export`](Self::export) to a new file. It is there once it is whole and survives a
    /// power loss, and has the name with `.tmp` behind it until then.
    ///
    /// # Errors
    /// Those of [`export`](Self::export); [`TransferError::FileExists`];
    /// [`TransferError::FileBusy`]; [`TransferError::File`].
    pub fn export_to_file(
        &self,
        path: impl AsRef<Path>,
        options: &ExportOptions,
    ) -> Result<Exported, TransferError> {
        export_to_file(&mut StoreKeyspaces::new(self)?, path.as_ref(), options)
    }
}
