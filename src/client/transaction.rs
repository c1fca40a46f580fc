//! Transactions on a server: reads at one moment, and writes that are applied if what was read is
//! still so.

use std::fmt;
use std::ops::Bound;

use super::KvsClient;
use super::batch::ClientBatch;
use super::calls::answered;
use super::error::{ClientError, ClientResult};
use super::keyspace_transaction::ClientKeyspaceTransaction;
use super::scan::Entries;
use crate::expiry::Expiry;
use crate::key_bounds::KeyBounds;
use crate::protocol::ProtocolError;
use crate::protocol::native::{
    BatchItem, BatchReads, FailureKind, KeyRangeRead, KeyRead, READS_MAX, RequestOperation, Success,
};
use crate::transaction::{ATTEMPTS, KeyAccesses, KeyWrite};

/// Reads and writes of one or several keyspaces of a server that take effect at one moment, or not
/// at all, as if nobody else had used the server meanwhile.
///
/// It reads a snapshot, and its own writes, which stay in this program before
/// [`commit`](Self::commit). The server then checks that every key and every range that was read is
/// as it was, as it does for a [`Transaction`](crate::Transaction) of its own. If something has
/// changed, the commit fails with [`TransactionConflict`](FailureKind::TransactionConflict) and
/// nothing is written; the transaction may be run again, which [`KvsClient::transaction`] does by
/// itself. A transaction that wrote nothing commits always. Dropping it writes nothing.
///
/// The snapshot is kept for no longer than the server's `--snapshot-timeout`, a minute by default,
/// and ends with the connection. Later reads and the commit fail with
/// [`NoSnapshot`](FailureKind::NoSnapshot), and nothing was written. A server checks 10,000 keys
/// that were read, and refuses a commit of more with
/// [`TransactionTooLarge`](FailureKind::TransactionTooLarge).
///
/// ```no_run
/// # let mut client = kvs::KvsClient::connect("127.0.0.1:4000")?;
/// # client.keyspace("orders")?;
/// let mut transaction = client.begin()?;
/// if transaction.get("stock:apple")?.as_deref() == Some(b"3") {
///     transaction.set("stock:apple", "2");
///     transaction.on("orders").set("1", "apple");
/// }
/// transaction.commit()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ClientTransaction<'c> {
    client: &'c mut KvsClient,
    /// The version of the snapshot.
    version: u64,
    /// The keyspaces that were used by their names, the default one first.
    parts: Vec<(Option<String>, KeyAccesses)>,
}

impl KvsClient {
    /// Runs a transaction and commits it, and runs it anew if it meets a conflict.
    ///
    /// `run` is called up to 100 times, so it should do nothing but read and write the transaction.
    /// If it returns an error, nothing is written, and that is the result. After an error that
    /// leaves the outcome unknown it is not run again.
    ///
    /// ```no_run
    /// # let mut client = kvs::KvsClient::connect("127.0.0.1:4000")?;
    /// let visits = client.transaction(|transaction| -> kvs::ClientResult<u64> {
    ///     let text = transaction.get("visits")?.unwrap_or_default();
    ///     let visits = String::from_utf8_lossy(&text).parse().unwrap_or(0) + 1;
    ///     transaction.set("visits", visits.to_string());
    ///     Ok(visits)
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of `run`, and of [`ClientTransaction::commit`].
    pub fn transaction<T, E: From<ClientError>>(
        &mut self,
        mut run: impl FnMut(&mut ClientTransaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut attempts = 1;
        loop {
            let mut transaction = self.begin()?;
            let result = run(&mut transaction)?;
            match transaction.commit() {
                Ok(()) => return Ok(result),
                Err(error)
                    if error.failure_kind() == Some(FailureKind::TransactionConflict)
                        && attempts < ATTEMPTS =>
                {
                    attempts += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Begins a transaction. The `sled` engine has none, and the server says so.
    pub fn begin(&mut self) -> ClientResult<ClientTransaction<'_>> {
        let version = self.open_snapshot()?;
        let parts = vec![(None, KeyAccesses::default())];
        Ok(ClientTransaction { client: self, version, parts })
    }
}

impl ClientTransaction<'_> {
    /// Returns the reads and writes of the keyspace with this name. Reads fail if none had it when
    /// the transaction began.
    pub fn on(&mut self, keyspace: impl Into<String>) -> ClientKeyspaceTransaction<'_> {
        let name = Some(keyspace.into()).filter(|name| name != "default");
        let found = self.parts.iter().position(|(part, _)| *part == name);
        let position = found.unwrap_or(self.parts.len());
        if found.is_none() {
            self.parts.push((name, KeyAccesses::default()));
        }
        self.part(position)
    }

    /// Applies the writes, unless something that the transaction read has changed.
    ///
    /// # Errors
    /// Of the kind [`TransactionConflict`](FailureKind::TransactionConflict) if something has
    /// changed, [`NoSnapshot`](FailureKind::NoSnapshot) if it took too long, as
    /// [`KvsClient::write`].
    pub fn commit(mut self) -> ClientResult<()> {
        let (reads, items) = self.take();
        if items.is_empty() {
            return Ok(());
        }
        if reads.keys.len().max(reads.ranges.len()).max(reads.names.len()) > READS_MAX {
            let source = ProtocolError::ListTooLong { limit: READS_MAX };
            return Err(ClientError::RequestTooLarge { source });
        }
        let operation = RequestOperation::Batch { items, reads: Some(reads), sync: None };
        self.client.call(operation, answered!(Success::Applied { .. } => ()))
    }

    /// Takes what was read, and the writes.
    fn take(&mut self) -> (BatchReads<'static>, Vec<BatchItem<'static>>) {
        let mut reads = BatchReads { version: self.version, ..BatchReads::default() };
        let mut batch = ClientBatch::new();
        for (name, mut accesses) in std::mem::take(&mut self.parts) {
            // A key that was set after its range was removed is there.
            for (start, end) in std::mem::take(&mut accesses.removed) {
                let start = Bound::Included(start.into());
                let end = match end.is_empty() {
                    true => Bound::Unbounded,
                    false => Bound::Excluded(end.into()),
                };
                batch.push_on(name.as_deref(), BatchItem::RemoveRange { start, end });
            }
            for (key, write) in std::mem::take(&mut accesses.writes) {
                let key = key.into();
                let item = match write {
                    KeyWrite::Set { value, expires_at } => {
                        BatchItem::Set { key, value: value.into(), expires_at }
                    }
                    KeyWrite::Remove => BatchItem::Remove { key },
                };
                batch.push_on(name.as_deref(), item);
            }
            let ranges: Vec<_> = accesses.take_ranges().collect();
            if accesses.keys.is_empty() && ranges.is_empty() {
                continue;
            }
            reads.names.extend(name);
            // The default keyspace is the first of them, and has no name.
            let keyspace = u32::try_from(reads.names.len()).unwrap_or(u32::MAX);
            let keys = accesses.keys.into_iter().map(|(key, was_there)| KeyRead {
                keyspace,
                key: key.into(),
                was_there,
            });
            reads.keys.extend(keys);
            let ranges = ranges.into_iter().map(|range| KeyRangeRead {
                keyspace,
                start: range.start.into(),
                end: range.end.into(),
                keys: range.keys as u64,
            });
            reads.ranges.extend(ranges);
        }
        (reads, batch.into_items())
    }

    fn home(&mut self) -> ClientKeyspaceTransaction<'_> {
        self.part(0)
    }

    fn part(&mut self, position: usize) -> ClientKeyspaceTransaction<'_> {
        // Every position is one of a part, and none is removed before the end.
        let (name, accesses) = &mut self.parts[position];
        ClientKeyspaceTransaction { client: self.client, name: name.as_deref(), accesses }
    }

    /// Returns the value of the key, as [`ClientKeyspaceTransaction::get`] does.
    pub fn get(&mut self, key: impl AsRef<[u8]>) -> ClientResult<Option<Vec<u8>>> {
        self.home().get(key)
    }

    /// Returns true if the key is there, as [`ClientKeyspaceTransaction::contains`] does.
    pub fn contains(&mut self, key: impl AsRef<[u8]>) -> ClientResult<bool> {
        self.home().contains(key)
    }

    /// Returns the first keys of a range, as [`ClientKeyspaceTransaction::scan`] does.
    pub fn scan(&mut self, range: impl KeyBounds, limit: usize) -> ClientResult<Entries> {
        self.home().scan(range, limit)
    }

    /// Returns the last keys of a range, as [`ClientKeyspaceTransaction::scan_reverse`] does.
    pub fn scan_reverse(&mut self, range: impl KeyBounds, limit: usize) -> ClientResult<Entries> {
        self.home().scan_reverse(range, limit)
    }

    /// Returns the first keys that begin with `prefix`, as [`ClientKeyspaceTransaction::scan`]
    /// does.
    pub fn scan_prefix(&mut self, prefix: impl AsRef<[u8]>, limit: usize) -> ClientResult<Entries> {
        self.home().scan_prefix(prefix, limit)
    }

    /// Returns the lowest key of the range, as [`ClientKeyspaceTransaction::first`] does.
    pub fn first(&mut self, range: impl KeyBounds) -> ClientResult<Option<(Vec<u8>, Vec<u8>)>> {
        self.home().first(range)
    }

    /// Returns the highest key of the range, as [`ClientKeyspaceTransaction::last`] does.
    pub fn last(&mut self, range: impl KeyBounds) -> ClientResult<Option<(Vec<u8>, Vec<u8>)>> {
        self.home().last(range)
    }

    /// Counts the keys of the range, as [`ClientKeyspaceTransaction::count`] does.
    pub fn count(&mut self, range: impl KeyBounds) -> ClientResult<u64> {
        self.home().count(range)
    }

    /// Sets the key to the value, for good: an expiry it had is gone.
    pub fn set(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.home().set(key, value);
    }

    /// Sets the key to the value until it expires; the time counts from this call.
    pub fn set_expiring(
        &mut self,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
        expiry: Expiry,
    ) {
        self.home().set_expiring(key, value, expiry);
    }

    /// Removes the key if it is there.
    pub fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.home().remove(key);
    }

    /// Removes every key of the range, as [`ClientKeyspaceTransaction::remove_range`] does.
    pub fn remove_range(&mut self, range: impl KeyBounds) {
        self.home().remove_range(range);
    }

    /// Removes every key that begins with `prefix`, as
    /// [`ClientKeyspaceTransaction::remove_range`] does.
    pub fn remove_prefix(&mut self, prefix: impl AsRef<[u8]>) {
        self.home().remove_prefix(prefix);
    }
}

impl Drop for ClientTransaction<'_> {
    fn drop(&mut self) {
        self.client.link.close_snapshot();
    }
}

impl fmt::Debug for ClientTransaction<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ClientTransaction");
        shown.field("version", &self.version).finish_non_exhaustive()
    }
}
