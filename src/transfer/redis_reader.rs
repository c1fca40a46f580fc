//! A Redis server as a source.

use std::collections::VecDeque;
use std::fmt;

use super::clock;
use super::entry::ImportedEntry;
use super::entry_source::{EntrySource, SourceItem};
use super::error::TransferError;
use super::redis_connection::{RedisConnection, unexpected};
use crate::Endpoint;
use crate::protocol::resp::ReplyPart;

/// The keys that a step of the scan asks for.
const SCAN_KEYS: &[u8] = b"1000";

/// The keys of which type, expiry and value are asked for before the answers are read. Redis holds
/// so many values for this connection.
const PIPELINE_KEYS: usize = 128;

/// A Redis server to import from: the address, the password and the databases.
#[derive(Clone)]
pub struct RedisServer {
    address: Endpoint,
    password: Option<Vec<u8>>,
    database: Option<u32>,
}

impl RedisServer {
    /// Returns the server at an address, without a password, and with all its databases.
    #[must_use]
    pub fn new(address: Endpoint) -> Self {
        Self { address, password: None, database: None }
    }

    /// Sets the password.
    #[must_use]
    pub fn password(mut self, password: impl Into<Vec<u8>>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Chooses one database, whose keys go to the default keyspace. By default all are imported:
    /// database 0 to the default keyspace, and every other one that has keys to one called `db1`,
    /// `db2` and so on.
    #[must_use]
    pub fn database(mut self, number: u32) -> Self {
        self.database = Some(number);
        self
    }
}

impl fmt::Debug for RedisServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("RedisServer");
        shown.field("address", &self.address).field("database", &self.database);
        shown.finish_non_exhaustive()
    }
}

/// The next step of a scan.
enum ScanStep {
    /// Behind this cursor.
    At(Vec<u8>),
    /// There is none.
    Finished,
}

/// A reader of a Redis server.
pub(super) struct RedisReader {
    connection: RedisConnection,
    /// The databases to come, with their keyspaces; `None` for the default one.
    databases: VecDeque<(u32, Option<String>)>,
    /// The keyspace of the database that is read.
    keyspace: Option<String>,
    scan: ScanStep,
    /// Keys that were found.
    found: VecDeque<Vec<u8>>,
    /// Keys that were asked for, and when.
    asked: VecDeque<Vec<u8>>,
    asked_at: u64,
}

impl RedisReader {
    /// Connects to the server. One of a cluster, which has only a part of the keys, is refused
    /// unless the import merges.
    pub(super) fn open(server: &RedisServer, merge: bool) -> Result<Self, TransferError> {
        let mut connection = RedisConnection::open(&server.address)?;
        if let Some(password) = &server.password {
            connection.call(&[b"AUTH", password])?;
            connection.read_text("AUTH")?;
        }
        connection.call(&[b"INFO"])?;
        let info = connection.read_text("INFO")?;
        let info = String::from_utf8_lossy(&info);
        if !merge && info.lines().any(|line| line == "cluster_enabled:1") {
            return Err(TransferError::RedisCluster { address: server.address.clone() });
        }
        let databases = match server.database {
            Some(number) => VecDeque::from([(number, None)]),
            None => databases(&info),
        };
        Ok(Self {
            connection,
            databases,
            keyspace: None,
            scan: ScanStep::Finished,
            found: VecDeque::new(),
            asked: VecDeque::new(),
            asked_at: 0,
        })
    }

    /// Begins to read the next database; returns false if there is none.
    fn begin_database(&mut self) -> Result<bool, TransferError> {
        let Some((number, keyspace)) = self.databases.pop_front() else { return Ok(false) };
        self.connection.call(&[b"SELECT", number.to_string().as_bytes()])?;
        self.connection.read_text("SELECT")?;
        self.keyspace = keyspace;
        self.scan = ScanStep::At(b"0".to_vec());
        Ok(true)
    }

    /// Asks for the next keys.
    fn scan(&mut self, cursor: &[u8]) -> Result<(), TransferError> {
        self.connection.call(&[b"SCAN", cursor, b"COUNT", SCAN_KEYS])?;
        if self.connection.read_length("SCAN")? != 2 {
            return Err(self.connection.refused("SCAN", b"it answered no cursor with keys"));
        }
        let cursor = self.connection.read_text("SCAN")?;
        for _ in 0..self.connection.read_length("SCAN")? {
            self.found.push_back(self.connection.read_text("SCAN")?);
        }
        self.scan = if cursor == b"0" { ScanStep::Finished } else { ScanStep::At(cursor) };
        Ok(())
    }

    /// Asks for everything about some of the keys that were found.
    fn ask(&mut self) -> Result<(), TransferError> {
        let count = self.found.len().min(PIPELINE_KEYS);
        for key in self.found.drain(..count) {
            self.connection.queue(&[b"TYPE", &key]);
            self.connection.queue(&[b"PTTL", &key]);
            self.connection.queue(&[b"GET", &key]);
            self.asked.push_back(key);
        }
        // Before it is sent, so that no key lives longer than it did there.
        self.asked_at = clock::now();
        self.connection.send()
    }

    /// Reads everything about a key; returns `None` if it is gone.
    fn take(&mut self, key: Vec<u8>) -> Result<Option<SourceItem>, TransferError> {
        let connection = &mut self.connection;
        let type_name = connection.read_text("TYPE")?;
        let left = connection.read(|part| match part {
            ReplyPart::Integer(left) => Ok(left),
            ReplyPart::Error(message) => Err(message.to_vec()),
            other => Err(unexpected(other)),
        })?;
        let left = left.map_err(|message| connection.refused("PTTL", &message))?;
        let value = connection.read(|part| match part {
            ReplyPart::Bulk(value) => Ok(Some(value.to_vec())),
            ReplyPart::Null => Ok(None),
            ReplyPart::Error(message) => Err(message.to_vec()),
            other => Err(unexpected(other)),
        })?;
        match (type_name.as_slice(), value) {
            (b"none", _) | (_, Ok(None)) => Ok(None),
            (_, Ok(Some(value))) => {
                // Less than zero is none; one that is gone meanwhile had the value a moment ago.
                let left = u64::try_from(left).ok();
                let expires_at = left.map(|left| self.asked_at.saturating_add(left));
                let keyspace = self.keyspace.clone();
                Ok(Some(SourceItem::Entry(ImportedEntry { keyspace, key, value, expires_at })))
            }
            (_, Err(message)) if message.starts_with(b"WRONGTYPE") => {
                let name = String::from_utf8_lossy(&type_name).into_owned();
                Ok(Some(SourceItem::OtherType(name)))
            }
            (_, Err(message)) => Err(connection.refused("GET", &message)),
        }
    }
}

impl EntrySource for RedisReader {
    fn next(&mut self) -> Result<Option<SourceItem>, TransferError> {
        loop {
            if let Some(key) = self.asked.pop_front() {
                if let Some(item) = self.take(key)? {
                    return Ok(Some(item));
                }
            } else if !self.found.is_empty() {
                self.ask()?;
            } else if let ScanStep::At(cursor) = &self.scan {
                let cursor = cursor.clone();
                self.scan(&cursor)?;
            } else if !self.begin_database()? {
                return Ok(None);
            } else if let Some(name) = &self.keyspace {
                return Ok(Some(SourceItem::Keyspace(name.clone())));
            }
        }
    }
}

/// Returns the databases that have keys, by what `INFO` says, and their keyspaces.
fn databases(info: &str) -> VecDeque<(u32, Option<String>)> {
    let lines = info.lines().filter_map(|line| line.strip_prefix("db")?.split_once(':'));
    let numbers = lines.filter_map(|(number, _)| number.parse().ok());
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    let keyspace = |number| (number > 0).then(|| format!("db{number}"));
    numbers.into_iter().map(|number| (number, keyspace(number))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_with_keys_have_keyspaces() {
        let info = "# Server\r\ndbfilename:x\r\n# Keyspace\r\ndb10:keys=1,expires=0,avg_ttl=0\r\n\
                    db0:keys=2,expires=1,avg_ttl=5\r\n";
        let expected = [(0, None), (10, Some("db10".to_owned()))];
        assert_eq!(databases(info), expected);
        assert!(databases("").is_empty());
    }
}
