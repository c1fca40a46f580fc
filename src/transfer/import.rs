//! Imports: entries of a source, batch by batch.

use std::io::{BufReader, Read};

use super::entry::ImportedEntry;
use super::entry_source::{EntrySource, SourceItem};
use super::error::{ImportError, TransferError};
use super::export::DEFAULT_KEYSPACE;
use super::import_target::{ImportTarget, StoreTarget};
use super::imported::Imported;
use super::json_lines_reader::{JsonLinesReader, LINE_BYTES_MAX};
use super::options::ImportOptions;
use super::redis_reader::{RedisReader, RedisServer};
use super::resp_stream_reader::RespStreamReader;
#[cfg(feature = "sled")]
use super::sled_source::SledSource;
use super::transfer_format::TransferFormat;
use crate::Store;

/// The most entries of a batch.
const BATCH_ENTRIES: usize = 1024;

/// The bytes of keys and values that end a batch.
const BATCH_BYTES: usize = 1 << 20;

/// The bytes of a file that are read at once.
const READ_BYTES: usize = 256 << 10;

/// An import under way.
struct Import<'a> {
    target: &'a mut dyn ImportTarget,
    options: &'a ImportOptions,
    /// Entries that wait to be written, their bytes, and those of them that have not expired.
    batch: Vec<ImportedEntry>,
    batch_bytes: usize,
    batch_keys: u64,
    imported: Imported,
}

/// Writes every entry of a source to the target, and waits until it survives power loss.
pub(super) fn import(
    source: &mut dyn EntrySource,
    target: &mut dyn ImportTarget,
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    let imported = Imported::default();
    let (batch, batch_bytes, batch_keys) = (Vec::new(), 0, 0);
    let mut import = Import { target, options, batch, batch_bytes, batch_keys, imported };
    let result = import.run(source);
    // Whatever ended it, what was handed over may be in the store.
    let (written, settled) = import.target.settle();
    import.imported.keys += written;
    let result = result.and(settled).and_then(|()| import.target.sync());
    let imported = import.imported;
    options.tell(imported.keys);
    match result {
        Ok(()) => Ok(imported),
        Err(error) => Err(ImportError::new(error, imported)),
    }
}

/// Writes every entry of an export to the target.
pub(super) fn import_export(
    input: impl Read,
    target: &mut dyn ImportTarget,
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    match options.format {
        TransferFormat::JsonLines => {
            let input = BufReader::with_capacity(READ_BYTES, input);
            import(&mut JsonLinesReader::new(input, LINE_BYTES_MAX), target, options)
        }
        TransferFormat::Resp => import(&mut RespStreamReader::new(input), target, options),
    }
}

impl Import<'_> {
    fn run(&mut self, source: &mut dyn EntrySource) -> Result<(), TransferError> {
        if !self.options.merge && self.target.has_keys()? {
            return Err(TransferError::NotEmpty);
        }
        while let Some(item) = source.next()? {
            let taken = match item {
                SourceItem::Keyspace(name) => self.target.open(&name),
                SourceItem::Entry(entry) => self.take(entry),
                SourceItem::OtherType(name) => {
                    *self.imported.other_types.entry(name).or_default() += 1;
                    Ok(())
                }
            };
            taken.map_err(|error| error.refused_at(source.place()))?;
            if self.is_full() {
                self.write()?;
            }
        }
        self.write()
    }

    /// Puts an entry into the batch.
    fn take(&mut self, mut entry: ImportedEntry) -> Result<(), TransferError> {
        if entry.keyspace.is_none() {
            entry.keyspace.clone_from(&self.options.keyspace);
        }
        self.target.open(entry.keyspace.as_deref().unwrap_or(DEFAULT_KEYSPACE))?;
        self.target.check(&entry)?;
        if entry.expires_at.is_some_and(|time| time <= self.target.now()) {
            self.imported.expired += 1;
            if !self.options.merge {
                return Ok(());
            }
            // It replaces an older one, and is gone at once.
            entry.value = Vec::new();
        } else {
            self.batch_keys += 1;
        }
        self.batch_bytes += entry.bytes();
        self.batch.push(entry);
        Ok(())
    }

    fn is_full(&self) -> bool {
        let entries_max = BATCH_ENTRIES.min(self.target.batch_entries_max());
        self.batch_bytes >= BATCH_BYTES || self.batch.len() >= entries_max
    }

    /// Writes the batch.
    fn write(&mut self) -> Result<(), TransferError> {
        self.batch_bytes = 0;
        let (batch, keys) = (std::mem::take(&mut self.batch), std::mem::take(&mut self.batch_keys));
        self.imported.keys += self.target.write(batch, keys)?;
        self.options.tell(self.imported.keys);
        Ok(())
    }
}

impl Store {
    /// Reads an export into this store; returns the numbers of its keys.
    ///
    /// Entries are written some thousand at a time, as others write; keyspaces that are not there
    /// are made. Keys that have expired are counted and left out. What was imported survives a
    /// power loss when the call returns. An import that did not end is simply run again, with
    /// [`merge`](ImportOptions::merge): the same input leaves the same store.
    ///
    /// # Errors
    /// [`ImportError`] with the number of keys that are in the store, for one of these reasons:
    /// [`TransferError::NotEmpty`]; [`TransferError::Malformed`] and [`TransferError::Truncated`]
    /// with the place in the input; [`TransferError::Refused`] with the place, if the store does
    /// not take an entry; [`TransferError::Store`]; [`TransferError::Stream`].
    pub fn import(
        &self,
        reader: impl Read,
        options: &ImportOptions,
    ) -> Result<Imported, ImportError> {
        import_export(reader, &mut StoreTarget::new(self), options)
    }

    /// Imports the databases of a Redis server, as [`RedisServer`] says: every key whose value is a
    /// string, with its expiry, to within the time of a round trip. Keys of other types are counted
    /// in [`Imported::other_types`].
    ///
    /// It reads while others write there. A key that is set or removed meanwhile may be seen as it
    /// was or as it is; all others are there. One that Redis tells twice counts twice.
    ///
    /// # Errors
    /// [`ImportError`], for one of the reasons of [`import`](Self::import), or for
    /// [`TransferError::Redis`] or [`TransferError::Client`].
    pub fn import_redis(
        &self,
        server: &RedisServer,
        options: &ImportOptions,
    ) -> Result<Imported, ImportError> {
        let mut source = RedisReader::open(server, options.merge).map_err(ImportError::at_start)?;
        import(&mut source, &mut StoreTarget::new(self), options)
    }

    /// Imports a database of sled that another program made: the default tree to the default
    /// keyspace, every other one to the keyspace of its name.
    ///
    /// Nobody else may have it open for longer than a second from now on, and sled itself may
    /// change its files when it is opened.
    ///
    /// # Errors
    /// [`ImportError`], for one of the reasons of [`import`](Self::import), or for
    /// [`TransferError::Sled`].
    #[cfg(feature = "sled")]
    pub fn import_sled(
        &self,
        directory: impl AsRef<std::path::Path>,
        options: &ImportOptions,
    ) -> Result<Imported, ImportError> {
        let mut source = SledSource::open(directory.as_ref()).map_err(ImportError::at_start)?;
        import(&mut source, &mut StoreTarget::new(self), options)
    }
}
