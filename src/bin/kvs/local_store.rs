//! The store in a directory, which `kvs` works on.

use std::io::{self, Read};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use clap::Args;
use kvs::{
    BackupOptions, Error, Expiry, ExportOptions, Exported, ImportOptions, Imported, Keyspace,
    OpenPhase, OpenProgress, Options, Store,
};

use crate::common::export::{ToolExport, show_export};
use crate::common::failure::ToolFailure;
use crate::common::import::ToolImport;
use crate::common::phase_progress::PhaseProgress;
use crate::common::progress::ProgressUnit;
use crate::common::target::{CountedKeyspace, FoundValue, ScanRequest, ToolTarget, ToolVisitor};

/// The options that name a store and say how it is opened.
#[derive(Args)]
pub struct StoreOptions {
    /// The directory of the store
    #[arg(long, global = true, value_name = "PATH", default_value = ".")]
    dir: PathBuf,
    /// Open the store for reading only and change nothing in its directory; verbs that write fail
    #[arg(long, global = true)]
    read_only: bool,
    /// Work on a directory of another user, or one that every user may change
    #[arg(long, global = true)]
    trust_dir: bool,
}

/// The store in a directory, which each verb opens when it needs it.
pub struct LocalStore {
    options: StoreOptions,
    /// The keyspace that the verb is about; `None` for the default one.
    keyspace: Option<String>,
}

impl LocalStore {
    /// Returns the store, which is not opened yet.
    pub fn new(options: StoreOptions, keyspace: Option<String>) -> Self {
        Self { options, keyspace }
    }

    /// Returns the directory of the store.
    pub fn directory(&self) -> &Path {
        &self.options.dir
    }

    /// Returns the options of a backup from the directory or to it.
    pub fn backup_options(&self) -> BackupOptions {
        BackupOptions::new().trust_directory(self.options.trust_dir)
    }

    /// Opens the store, which has to be there, and shows the progress of that.
    pub fn open(&self) -> Result<Store, ToolFailure> {
        Ok(Store::open(self.options().create(false))?)
    }

    /// Opens the store, or makes one.
    pub fn open_or_create(&self) -> Result<Store, ToolFailure> {
        Ok(Store::open(self.options())?)
    }

    /// Opens the store, if there is one.
    fn find(&self) -> Result<Option<Store>, ToolFailure> {
        match Store::open(self.options().create(false)) {
            Err(Error::NoStore { .. }) => Ok(None),
            opened => Ok(Some(opened?)),
        }
    }

    /// Returns the options to open the store with.
    pub fn options(&self) -> Options {
        let StoreOptions { dir, read_only, trust_dir } = &self.options;
        let options = Options::new(dir).read_only(*read_only).trust_directory(*trust_dir);
        options.on_open_progress(show_opening())
    }

    /// Changes the store, which has to be there, and makes the change durable.
    fn change(&self, change: impl FnOnce(&Store) -> kvs::Result<()>) -> Result<(), ToolFailure> {
        let store = self.open()?;
        change(&store)?;
        Ok(store.sync()?)
    }

    /// Returns the options of an import with the keyspace that the verb is about.
    pub fn import_options(&self, options: ImportOptions) -> ImportOptions {
        match &self.keyspace {
            Some(name) => options.keyspace(name),
            None => options,
        }
    }

    /// Returns the keyspace that the verb is about.
    fn find_keyspace(&self, store: &Store) -> Result<Keyspace, ToolFailure> {
        match &self.keyspace {
            None => Ok(Keyspace::clone(store)),
            Some(name) => {
                let found = store.find_keyspace(name)?;
                Ok(found.ok_or_else(|| Error::NoSuchKeyspace { name: name.clone() })?)
            }
        }
    }
}

impl ToolExport for LocalStore {
    fn export(
        &mut self,
        file: Option<&Path>,
        mut options: ExportOptions,
    ) -> Result<Exported, ToolFailure> {
        let store = self.open()?;
        let names = match &self.keyspace {
            Some(name) => {
                options = options.keyspace(name);
                vec![name.clone()]
            }
            None => store.keyspaces()?,
        };
        let mut keys = 0;
        for name in names {
            keys += store.find_keyspace(&name)?.map_or(Ok(0), |keyspace| keyspace.len())?;
        }
        let options = show_export(options, keys);
        Ok(match file {
            Some(path) => store.export_to_file(path, &options)?,
            None => store.export(io::stdout().lock(), &options)?,
        })
    }
}

impl ToolImport for LocalStore {
    fn import(
        &mut self,
        input: &mut dyn Read,
        options: ImportOptions,
    ) -> Result<Imported, ToolFailure> {
        let options = self.import_options(options);
        Ok(self.open_or_create()?.import(input, &options)?)
    }
}

impl ToolTarget for LocalStore {
    const MISSING_IS_ERROR: bool = false;

    fn get(&mut self, key: &[u8]) -> Result<Option<FoundValue>, ToolFailure> {
        // There is no key where there is no store.
        let Some(store) = self.find()? else { return Ok(None) };
        let entry = self.find_keyspace(&store)?.entry(key)?;
        Ok(entry.map(|entry| FoundValue { value: entry.value, expires_at: entry.expires_at }))
    }

    fn set(&mut self, key: &[u8], value: &[u8], expiry: Option<Expiry>) -> Result<(), ToolFailure> {
        let store = self.open_or_create()?;
        let keyspace = match &self.keyspace {
            None => Keyspace::clone(&store),
            Some(name) => store.keyspace(name)?,
        };
        match expiry {
            None => keyspace.set(key, value)?,
            Some(expiry) => keyspace.set_expiring(key, value, expiry)?,
        }
        // The close syncs as well, but has nobody to tell if that fails.
        Ok(store.sync()?)
    }

    fn remove(&mut self, key: &[u8]) -> Result<bool, ToolFailure> {
        let Some(store) = self.find()? else { return Ok(false) };
        let is_removed = self.find_keyspace(&store)?.remove(key)?;
        store.sync()?;
        Ok(is_removed)
    }

    fn figures(&mut self) -> Result<String, ToolFailure> {
        Ok(self.open()?.stats().to_string())
    }

    fn scan(
        &mut self,
        request: ScanRequest,
        visit: &mut ToolVisitor<'_>,
    ) -> Result<(), ToolFailure> {
        let ScanRequest { start, end, reverse, keys_only, limit } = request;
        let store = self.open()?;
        let scan = self.find_keyspace(&store)?.scan((start, end));
        let scan = if reverse { scan.reverse() } else { scan };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if keys_only {
            return scan.keys().take(limit).try_for_each(|key| visit(&key?, &[]));
        }
        scan.take(limit).try_for_each(|entry| {
            let (key, value) = entry?;
            visit(&key, &value)
        })
    }

    fn count(&mut self, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>) -> Result<u64, ToolFailure> {
        let store = self.open()?;
        Ok(self.find_keyspace(&store)?.count((start, end))?)
    }

    fn keyspaces(&mut self) -> Result<Vec<CountedKeyspace>, ToolFailure> {
        let store = self.open()?;
        let mut found = Vec::new();
        for name in store.keyspaces()? {
            if let Some(keyspace) = store.find_keyspace(&name)? {
                found.push(CountedKeyspace { keys: keyspace.len()?, name });
            }
        }
        Ok(found)
    }

    fn create_keyspace(&mut self, name: &str) -> Result<(), ToolFailure> {
        self.change(|store| match store.find_keyspace(name)? {
            Some(_) => Err(Error::KeyspaceExists { name: name.to_owned() }),
            None => store.keyspace(name).map(drop),
        })
    }

    fn rename_keyspace(&mut self, from: &str, to: &str) -> Result<(), ToolFailure> {
        self.change(|store| store.rename_keyspace(from, to))
    }

    fn drop_keyspace(&mut self, name: &str) -> Result<(), ToolFailure> {
        self.change(|store| store.drop_keyspace(name))
    }

    fn swap_keyspaces(&mut self, first: &str, second: &str) -> Result<(), ToolFailure> {
        self.change(|store| store.swap_keyspaces(first, second))
    }
}

/// Returns a function that shows the progress of an opening that takes long.
fn show_opening() -> impl Fn(OpenProgress) + Send + Sync {
    let progress = PhaseProgress::new();
    move |now| match now.phase {
        OpenPhase::Reading => {
            let position = (now.bytes_read, now.bytes_total);
            progress.show(now.phase, "reading the log", ProgressUnit::Bytes, position);
        }
        OpenPhase::Indexing => {
            let position = (now.records_indexed, now.records_found);
            progress.show(now.phase, "indexing", ProgressUnit::Keys, position);
        }
        _ => progress.finish(),
    }
}
