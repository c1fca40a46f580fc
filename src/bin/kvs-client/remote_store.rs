//! The store of a server, which `kvs-client` works on.

use std::io::{self, Read};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use clap::Args;
use kvs::option_table::ADDRESS;
use kvs::{
    ClientOptions, ClientScan, Endpoint, Error, Expiry, ExportOptions, Exported, ImportOptions,
    Imported, KeyspaceClient, KvsClient,
};

use crate::common::export::{ToolExport, show_export};
use crate::common::failure::ToolFailure;
use crate::common::import::ToolImport;
use crate::common::passwords;
use crate::common::target::{CountedKeyspace, FoundValue, ScanRequest, ToolTarget, ToolVisitor};

/// The name of the keyspace that there always is.
const DEFAULT_KEYSPACE: &str = "default";

/// The most keys that are asked for at once. The server answers with fewer of them if they are
/// large.
const PAGE_KEYS: u64 = 10_000;

/// The options that name a server and say who asks it.
#[derive(Args)]
pub struct ServerPlace {
    /// Address of the server: host:port, or unix:path
    #[arg(long, global = true, value_name = "ADDRESS", default_value = ADDRESS)]
    addr: Endpoint,
    /// File whose first line is the password [default: KVS_PASSWORD in the environment]
    #[arg(long, global = true, value_name = "PATH")]
    password_file: Option<PathBuf>,
}

/// The store of a server, which each verb connects to when it needs it.
pub struct RemoteStore {
    place: ServerPlace,
    /// The keyspace that the verb is about; `None` for the default one.
    keyspace: Option<String>,
}

impl RemoteStore {
    /// Returns the store of a server that nobody has connected to yet.
    pub fn new(place: ServerPlace, keyspace: Option<String>) -> Self {
        Self { place, keyspace }
    }

    fn keyspace_name(&self) -> &str {
        self.keyspace.as_deref().unwrap_or(DEFAULT_KEYSPACE)
    }

    /// Connects to the server.
    pub fn connect(&self) -> Result<KvsClient, ToolFailure> {
        let given = passwords::given(self.place.password_file.as_deref());
        let mut options = ClientOptions::default();
        if let Some(password) = given.map_err(ToolFailure::new)?.into_iter().next() {
            options = options.password(password);
        }
        Ok(KvsClient::connect_with(self.place.addr.clone(), &options)?)
    }

    /// Returns the keyspace that the verb is about, which has to be there.
    pub fn find_keyspace<'c>(
        &self,
        client: &'c mut KvsClient,
    ) -> Result<KeyspaceClient<'c>, ToolFailure> {
        let name = self.keyspace_name();
        let found = client.find_keyspace(name)?;
        Ok(found.ok_or_else(|| Error::NoSuchKeyspace { name: name.to_owned() })?)
    }
}

impl ToolExport for RemoteStore {
    fn export(
        &mut self,
        file: Option<&Path>,
        mut options: ExportOptions,
    ) -> Result<Exported, ToolFailure> {
        let mut client = self.connect()?;
        let names = match &self.keyspace {
            Some(name) => {
                options = options.keyspace(name);
                vec![name.clone()]
            }
            None => client.keyspaces()?,
        };
        let mut keys = 0;
        for name in names {
            if let Some(mut keyspace) = client.find_keyspace(name)? {
                keys += keyspace.len()?;
            }
        }
        let options = show_export(options, keys);
        Ok(match file {
            Some(path) => client.export_to_file(path, &options)?,
            None => client.export(io::stdout().lock(), &options)?,
        })
    }
}

impl ToolImport for RemoteStore {
    fn import(
        &mut self,
        input: &mut dyn Read,
        mut options: ImportOptions,
    ) -> Result<Imported, ToolFailure> {
        if let Some(name) = &self.keyspace {
            options = options.keyspace(name);
        }
        Ok(self.connect()?.import(input, &options)?)
    }
}

impl ToolTarget for RemoteStore {
    const MISSING_IS_ERROR: bool = true;

    fn get(&mut self, key: &[u8]) -> Result<Option<FoundValue>, ToolFailure> {
        let mut client = self.connect()?;
        let entry = self.find_keyspace(&mut client)?.entry(key)?;
        Ok(entry.map(|entry| FoundValue { value: entry.value, expires_at: entry.expires_at }))
    }

    fn set(&mut self, key: &[u8], value: &[u8], expiry: Option<Expiry>) -> Result<(), ToolFailure> {
        let mut client = self.connect()?;
        let mut keyspace = client.keyspace(self.keyspace_name())?;
        match expiry {
            None => keyspace.set(key, value)?,
            Some(expiry) => keyspace.set_expiring(key, value, expiry)?,
        }
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result<bool, ToolFailure> {
        let mut client = self.connect()?;
        Ok(self.find_keyspace(&mut client)?.remove(key)?)
    }

    fn figures(&mut self) -> Result<String, ToolFailure> {
        Ok(self.connect()?.info()?)
    }

    fn scan(
        &mut self,
        request: ScanRequest,
        visit: &mut ToolVisitor<'_>,
    ) -> Result<(), ToolFailure> {
        let ScanRequest { start, end, reverse, keys_only, mut limit } = request;
        let mut client = self.connect()?;
        let mut keyspace = self.find_keyspace(&mut client)?;
        let scan = ClientScan::new((start, end));
        let scan = if reverse { scan.reverse() } else { scan };
        let mut scan = if keys_only { scan.keys_only() } else { scan };
        while limit > 0 && !scan.is_at_end() {
            let page = usize::try_from(limit.min(PAGE_KEYS)).unwrap_or(usize::MAX);
            let found = keyspace.next_page(&mut scan, page)?;
            limit -= found.len() as u64;
            found.iter().try_for_each(|(key, value)| visit(key, value))?;
        }
        Ok(())
    }

    fn count(&mut self, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>) -> Result<u64, ToolFailure> {
        let mut client = self.connect()?;
        Ok(self.find_keyspace(&mut client)?.count((start, end))?)
    }

    fn keyspaces(&mut self) -> Result<Vec<CountedKeyspace>, ToolFailure> {
        let mut client = self.connect()?;
        let mut found = Vec::new();
        for name in client.keyspaces()? {
            // It may have been dropped meanwhile.
            if let Some(mut keyspace) = client.find_keyspace(&name)? {
                found.push(CountedKeyspace { keys: keyspace.len()?, name });
            }
        }
        Ok(found)
    }

    fn create_keyspace(&mut self, name: &str) -> Result<(), ToolFailure> {
        let mut client = self.connect()?;
        if client.find_keyspace(name)?.is_some() {
            return Err(Error::KeyspaceExists { name: name.to_owned() }.into());
        }
        client.keyspace(name)?;
        Ok(())
    }

    fn rename_keyspace(&mut self, from: &str, to: &str) -> Result<(), ToolFailure> {
        Ok(self.connect()?.rename_keyspace(from, to)?)
    }

    fn drop_keyspace(&mut self, name: &str) -> Result<(), ToolFailure> {
        Ok(self.connect()?.drop_keyspace(name)?)
    }

    fn swap_keyspaces(&mut self, first: &str, second: &str) -> Result<(), ToolFailure> {
        Ok(self.connect()?.swap_keyspaces(first, second)?)
    }
}
