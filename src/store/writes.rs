//! The writes of a keyspace, as a program calls them.

use super::batch::Batch;
use super::keyspace::Keyspace;
use super::operation::{KeyspaceOperation, WriteOperation};
use super::outcome::WriteAnswer;
use super::update::{NewExpiry, Update};
use crate::expiry::Expiry;
use crate::key_bounds::{KeyBounds, KeyPrefix};
use crate::precondition::Precondition;
use crate::{Error, Result};

impl Keyspace {
    /// Sets the key to the value, for good: an expiry it had is gone.
    ///
    /// # Errors
    /// [`Error::KeyTooLarge`] and [`Error::ValueTooLarge`]; [`Error::Io`] if it could not be
    /// written, in which case nothing changed; [`Error::UnknownOutcome`] and [`Error::Poisoned`]
    /// after a failed sync; [`Error::KeyspaceDropped`]; [`Error::ReadOnly`].
    pub fn set(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Result<()> {
        self.write_one(WriteOperation::set(key, value, None)).map(|_| ())
    }

    /// Sets the key to the value until it expires.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// let hour = kvs::Expiry::After(Duration::from_secs(3600));
    /// store.set_expiring("session:1", "alice", hour)?;
    /// assert!(store.metadata("session:1")?.is_some_and(|it| it.expires_at.is_some()));
    ///
    /// store.set_expiring("session:1", "alice", kvs::Expiry::After(Duration::ZERO))?;
    /// assert_eq!(store.get("session:1")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_expiring(
        &self,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
        expiry: Expiry,
    ) -> Result<()> {
        let time = self.shared.clock.time_of(expiry);
        self.write_one(WriteOperation::set(key, value, Some(time))).map(|_| ())
    }

    /// Sets the key to the value if the condition holds of the key; returns false if it does not.
    ///
    /// This is a compare-and-swap, by the value or by the version:
    ///
    /// ```
    /// use kvs::Precondition;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// assert!(store.set_if("lock", "me", Precondition::Absent)?);
    /// assert!(!store.set_if("lock", "you", Precondition::Absent)?);
    /// assert!(store.set_if("lock", "you", Precondition::value("me"))?);
    ///
    /// let seen = store.entry("lock")?.expect("it was set");
    /// store.set("lock", "me")?;
    /// assert!(!store.set_if("lock", "you", Precondition::Version(seen.version))?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Conditions on several keys, or on another key than the one that is written, are stated by
    /// [`WriteBatch::require`](crate::WriteBatch::require).
    ///
    /// # Errors
    /// As [`set`](Self::set); [`Error::WrongType`] if the value of a key is compared that holds no
    /// string; those of [`get`](crate::KeyspaceView::get) if it cannot be read.
    pub fn set_if(
        &self,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
        condition: Precondition,
    ) -> Result<bool> {
        self.write_if(WriteOperation::set(key, value, None), condition)
    }

    /// Removes the key; returns false if it was not there.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn remove(&self, key: impl Into<Vec<u8>>) -> Result<bool> {
        self.flag(WriteOperation::Remove { key: key.into() })
    }

    /// Removes the key if the condition holds of it; returns false if it does not.
    ///
    /// # Errors
    /// As [`set_if`](Self::set_if).
    pub fn remove_if(&self, key: impl Into<Vec<u8>>, condition: Precondition) -> Result<bool> {
        self.write_if(WriteOperation::Remove { key: key.into() }, condition)
    }

    /// Sets the key to the value, for good, and returns the value that it had.
    ///
    /// # Errors
    /// As [`set_if`](Self::set_if).
    pub fn swap(
        &self,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>> {
        let (value, expiry) = (value.into(), NewExpiry::At(None));
        self.old_value(key, Update::Swap { value, expiry, condition: None })
    }

    /// Removes the key and returns the value that it had.
    ///
    /// # Errors
    /// As [`set_if`](Self::set_if).
    pub fn take(&self, key: impl Into<Vec<u8>>) -> Result<Option<Vec<u8>>> {
        self.old_value(key, Update::Take)
    }

    /// Adds to the integer of the key, zero where the key is absent, and returns the sum. The key
    /// keeps its expiry.
    ///
    /// The value is the integer in decimal digits, as Redis has it: `-7`, but not `+7` or `007`.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// assert_eq!(store.increment("visits", 1)?, 1);
    /// assert_eq!(store.increment("visits", 41)?, 42);
    /// assert_eq!(store.get("visits")?.as_deref(), Some(&b"42"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotAnInteger`] and [`Error::IntegerOverflow`]; as [`set_if`](Self::set_if).
    pub fn increment(&self, key: impl Into<Vec<u8>>, amount: i64) -> Result<i64> {
        self.integer(key, Update::Add(amount))
    }

    /// Appends to the value of the key, an empty one where the key is absent, and returns the new
    /// length in bytes. The key keeps its expiry.
    ///
    /// The whole value is written anew: for a log of many entries, set a key for each.
    ///
    /// # Errors
    /// [`Error::ValueTooLarge`] if the new value is; as [`set_if`](Self::set_if).
    pub fn append(&self, key: impl Into<Vec<u8>>, suffix: impl Into<Vec<u8>>) -> Result<u64> {
        let length = self.integer(key, Update::Append(suffix.into()))?;
        Ok(length.unsigned_abs())
    }

    /// Lets the key expire; returns false if it is not there.
    ///
    /// # Errors
    /// As [`set_if`](Self::set_if): the value is written anew.
    pub fn expire(&self, key: impl Into<Vec<u8>>, expiry: Expiry) -> Result<bool> {
        let update = Update::expire(expiry, self.shared.clock.now());
        self.flag(WriteOperation::Update { key: key.into(), update })
    }

    /// Keeps the key for good; returns false if it is not there, or had no expiry.
    ///
    /// # Errors
    /// As [`expire`](Self::expire).
    pub fn persist(&self, key: impl Into<Vec<u8>>) -> Result<bool> {
        self.flag(WriteOperation::Update { key: key.into(), update: Update::Persist })
    }

    /// Removes every key of the range, at one moment.
    ///
    /// On the disk this is one short record, however many keys there are. The range of all keys
    /// takes no longer if there are many, as [`drop_keyspace`](crate::Store::drop_keyspace) says.
    /// Of any other range the index in memory is changed key by key while other writes wait: some
    /// 1.5 s for a million keys, in the `memory` engine 6 s.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
    /// for day in ["2026-01-30", "2026-01-31", "2026-02-01"] {
    ///     store.set(day, "")?;
    /// }
    /// store.remove_range(.."2026-02")?;
    /// assert_eq!(store.len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set); [`Error::KeyTooLarge`] is about the ends of the range, too.
    pub fn remove_range(&self, range: impl KeyBounds) -> Result<()> {
        self.write_one(WriteOperation::remove_range(range)).map(|_| ())
    }

    /// Removes every key that begins with `prefix`, as [`remove_range`](Self::remove_range) does.
    ///
    /// # Errors
    /// As [`remove_range`](Self::remove_range).
    pub fn remove_prefix(&self, prefix: impl AsRef<[u8]>) -> Result<()> {
        self.remove_range(KeyPrefix(prefix.as_ref()))
    }

    fn flag(&self, operation: WriteOperation) -> Result<bool> {
        Ok(self.write_one(operation)? == WriteAnswer::Flag(true))
    }

    fn integer(&self, key: impl Into<Vec<u8>>, update: Update) -> Result<i64> {
        match self.write_one(WriteOperation::Update { key: key.into(), update })? {
            WriteAnswer::Integer(integer) => Ok(integer),
            answer => unreachable!("the update answers a number, not {answer:?}"),
        }
    }

    fn old_value(&self, key: impl Into<Vec<u8>>, update: Update) -> Result<Option<Vec<u8>>> {
        match self.write_one(WriteOperation::Update { key: key.into(), update })? {
            WriteAnswer::Bytes(value) => Ok(value),
            answer => unreachable!("the update answers a value, not {answer:?}"),
        }
    }

    fn write_one(&self, operation: WriteOperation) -> Result<WriteAnswer> {
        let operation = KeyspaceOperation { keyspace: self.number, operation };
        let mut applied = self.apply(Batch::single(operation), &[])?;
        // A batch that was applied has an answer for each operation.
        Ok(applied.answers.pop().unwrap_or(WriteAnswer::Done))
    }

    /// Does a write of a key if the condition holds of the same key; returns false if it does not.
    fn write_if(&self, write: WriteOperation, condition: Precondition) -> Result<bool> {
        let require = WriteOperation::Require { key: write.key().to_vec(), condition };
        let keyspace = self.number;
        let operations = [require, write];
        let batch =
            operations.into_iter().map(|operation| KeyspaceOperation { keyspace, operation });
        match self.apply(batch.collect(), &[]) {
            Ok(_) => Ok(true),
            Err(Error::ConditionFailed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
