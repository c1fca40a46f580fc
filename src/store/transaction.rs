//! Transactions: reads at one moment, and writes that are applied if what was read is still so.

use std::fmt;

use super::batch::Batch;
use super::keyspace::Keyspace;
use super::keyspace_transaction::KeyspaceTransaction;
use super::operation::{KeyspaceOperation, WriteOperation};
use super::read_set::ReadSet;
use super::transaction_scan::TransactionScan;
use super::transaction_state::TransactionState;
use crate::engine::{Sequence, UnixMillis};
use crate::expiry::Expiry;
use crate::key_bounds::KeyBounds;
use crate::sync::Arc;
use crate::transaction::{ATTEMPTS, KeyWrite};
use crate::{Error, Result};

/// Reads and writes of one or several keyspaces that take effect at one moment, or not at all, as
/// if nobody else had used the store meanwhile (serializable, by optimistic concurrency control:
/// [Kung and Robinson 1981][occ]).
///
/// It reads the store as it was when the transaction began, and its own writes, which nobody else
/// sees before [`commit`](Self::commit). The writer then checks that every key and every range that
/// was read is as it was: no key of them was set, removed or has expired since, and none was added
/// to a range. If one was, the commit is [`Error::TransactionConflict`], nothing is written, and
/// the transaction may be run again, which [`Keyspace::transaction`] does by itself. A transaction
/// that wrote nothing commits always. Dropping it writes nothing.
///
/// It takes no lock: nobody waits for a transaction, however long it is under way. Meanwhile the
/// store keeps what it would keep for a [`Snapshot`](crate::Snapshot). A transaction may read up to
/// [`Options::transaction_reads_max`](crate::Options::transaction_reads_max) keys, since the writer
/// looks each of them up, while all other writes wait.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
/// # store.set("stock:apple", "3")?;
/// let orders = store.keyspace("orders")?;
/// let transaction = store.begin()?;
/// let stock = transaction.get("stock:apple")?;
/// assert_eq!(stock.as_deref(), Some(&b"3"[..]));
/// transaction.set("stock:apple", "2");
/// transaction.of(&orders)?.set("1", "apple");
///
/// store.set("stock:apple", "0")?; // somebody else is faster
/// assert!(matches!(transaction.commit(), Err(kvs::Error::TransactionConflict)));
/// assert_eq!(orders.len()?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [occ]: https://doi.org/10.1145/319566.319567
pub struct Transaction {
    state: TransactionState,
    since: Sequence,
}

impl Keyspace {
    /// Runs a transaction and commits it, and runs it anew if it meets a conflict.
    ///
    /// `run` gets a [`Transaction`] that reads and writes this keyspace, and others by
    /// [`Transaction::of`]. It is called up to 100 times, so it should do nothing but read and
    /// write the transaction. If it returns an error, nothing is written, and that is the result.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// # store.set("alice", "100")?;
    /// # store.set("bob", "0")?;
    /// fn balance(transaction: &kvs::Transaction, name: &str) -> kvs::Result<u64> {
    ///     let text = transaction.get(name)?.unwrap_or_default();
    ///     Ok(String::from_utf8_lossy(&text).parse().unwrap_or(0))
    /// }
    ///
    /// let moved = store.transaction(|transaction| -> kvs::Result<bool> {
    ///     let (alice, bob) = (balance(transaction, "alice")?, balance(transaction, "bob")?);
    ///     if alice < 30 {
    ///         return Ok(false);
    ///     }
    ///     transaction.set("alice", (alice - 30).to_string());
    ///     transaction.set("bob", (bob + 30).to_string());
    ///     Ok(true)
    /// })?;
    /// assert!(moved);
    /// assert_eq!(store.get("bob")?.as_deref(), Some(&b"30"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of `run`; [`Error::TransactionConflict`] if there was one each time;
    /// [`Error::Unsupported`] from the `sled` engine; the others of
    /// [`commit`](Transaction::commit).
    pub fn transaction<T, E: From<Error>>(
        &self,
        mut run: impl FnMut(&Transaction) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut attempts = 1;
        loop {
            let transaction = self.begin()?;
            let result = run(&transaction)?;
            match transaction.commit() {
                Ok(()) => return Ok(result),
                Err(Error::TransactionConflict) if attempts < ATTEMPTS => attempts += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Begins a transaction that reads and writes this keyspace, and others by [`Transaction::of`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] from the `sled` engine, which has no snapshots.
    pub fn begin(&self) -> Result<Transaction> {
        let moment = self.present()?;
        let Some(snapshot) = &moment.snapshot else {
            let engine = self.view.shared.kind.name();
            return Err(Error::Unsupported { engine, feature: "transactions" });
        };
        let since = snapshot.sequence();
        Ok(Transaction { state: TransactionState::new(self, moment), since })
    }
}

impl Transaction {
    /// Returns the reads and writes of a keyspace by this transaction.
    ///
    /// # Errors
    /// [`Error::ForeignKeyspace`] if the keyspace is in another open store.
    pub fn of(&self, keyspace: &Keyspace) -> Result<KeyspaceTransaction<'_>> {
        let position = self.state.position(keyspace)?;
        Ok(KeyspaceTransaction::new(&self.state, position))
    }

    /// Returns the value of the key, as [`KeyspaceTransaction::get`] does.
    ///
    /// # Errors
    /// As [`KeyspaceTransaction::get`].
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        self.home().get(key)
    }

    /// Returns true if the key is there, as [`KeyspaceTransaction::contains`] does.
    ///
    /// # Errors
    /// As [`KeyspaceTransaction::get`].
    pub fn contains(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.home().contains(key)
    }

    /// Returns an iterator over a range, as [`KeyspaceTransaction::scan`] does.
    pub fn scan(&self, range: impl KeyBounds) -> TransactionScan<'_> {
        self.home().scan(range)
    }

    /// Returns an iterator over the keys that begin with `prefix`, as
    /// [`KeyspaceTransaction::scan`] does.
    pub fn scan_prefix(&self, prefix: impl AsRef<[u8]>) -> TransactionScan<'_> {
        self.home().scan_prefix(prefix)
    }

    /// Returns the lowest key of the range and its value, as [`KeyspaceTransaction::first`] does.
    ///
    /// # Errors
    /// As [`KeyspaceTransaction::get`].
    pub fn first(&self, range: impl KeyBounds) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        self.home().first(range)
    }

    /// Returns the highest key of the range and its value, as [`KeyspaceTransaction::last`] does.
    ///
    /// # Errors
    /// As [`KeyspaceTransaction::get`].
    pub fn last(&self, range: impl KeyBounds) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        self.home().last(range)
    }

    /// Counts the keys of the range, as [`KeyspaceTransaction::count`] does.
    ///
    /// # Errors
    /// As [`KeyspaceTransaction::get`].
    pub fn count(&self, range: impl KeyBounds) -> Result<u64> {
        self.home().count(range)
    }

    /// Sets the key to the value, for good: an expiry it had is gone.
    pub fn set(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.home().set(key, value);
    }

    /// Sets the key to the value until it expires; the time counts from this call.
    pub fn set_expiring(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>, expiry: Expiry) {
        self.home().set_expiring(key, value, expiry);
    }

    /// Removes the key if it is there.
    pub fn remove(&self, key: impl Into<Vec<u8>>) {
        self.home().remove(key);
    }

    /// Removes every key of the range, as [`KeyspaceTransaction::remove_range`] does.
    pub fn remove_range(&self, range: impl KeyBounds) {
        self.home().remove_range(range);
    }

    /// Removes every key that begins with `prefix`, as [`KeyspaceTransaction::remove_range`] does.
    pub fn remove_prefix(&self, prefix: impl AsRef<[u8]>) {
        self.home().remove_prefix(prefix);
    }

    /// Applies the writes, unless something that the transaction read has changed, and blocks until
    /// they are acknowledged.
    ///
    /// # Errors
    /// [`Error::TransactionConflict`] if something has changed; as [`Keyspace::write`]. After each
    /// of them nothing was written. [`Error::UnknownOutcome`] if they could not be synced.
    pub fn commit(self) -> Result<()> {
        let Self { state, since } = self;
        let (keyspace, parts) = state.into_parts();
        let identities: Vec<_> = parts.iter().map(|part| Arc::clone(&part.identity)).collect();
        let mut reads = ReadSet::new(since);
        let mut writes = Vec::new();
        for part in parts {
            let (number, mut accesses) = (part.identity.number, part.accesses);
            let ranges = accesses.take_ranges();
            ranges.for_each(|range| reads.add_range(number, range.start, range.end, range.keys));
            let keys = accesses.keys.into_iter();
            keys.for_each(|(key, was_there)| reads.add_key(number, key, was_there));
            // A key that was set after its range was removed is there.
            let removed = accesses.removed.into_iter();
            let removed = removed.map(|(start, end)| WriteOperation::RemoveRange { start, end });
            let written = accesses.writes.into_iter().map(|(key, write)| match write {
                KeyWrite::Set { value, expires_at } => {
                    WriteOperation::set(key, value, expires_at.map(UnixMillis))
                }
                KeyWrite::Remove => WriteOperation::Remove { key },
            });
            let operations = removed.chain(written);
            writes.extend(
                operations.map(|operation| KeyspaceOperation { keyspace: number, operation }),
            );
        }
        if writes.is_empty() {
            return Ok(());
        }
        // What it read is checked before anything of it is written.
        let operation = WriteOperation::RequireUnchanged(Box::new(reads));
        let check = KeyspaceOperation { keyspace: keyspace.number, operation };
        let batch: Batch = std::iter::once(check).chain(writes).collect();
        keyspace.apply(batch, &identities).map(|_| ())
    }

    /// Returns the reads and writes of the keyspace that it began in.
    fn home(&self) -> KeyspaceTransaction<'_> {
        KeyspaceTransaction::new(&self.state, TransactionState::HOME)
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Transaction");
        shown.field("since", &self.since.0).finish_non_exhaustive()
    }
}
