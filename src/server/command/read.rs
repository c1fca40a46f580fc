//! Reads as every reading command does them.
//!
//! A call is counted among hits and misses only when it is done, because a read that would block
//! ends it and a reader executes it once more.
//!
//! The calls of a transaction read in the batch of the transaction, behind the writes of the calls
//! before them. They read here all the same, and leave what they found: a value that is on the disk
//! is then in the cache when the writer wants it, which waits for nobody.

use super::call::{Call, Executed, Unfinished};
use super::command_error::CommandError;
use crate::Entry;
use crate::protocol::resp::Value;
use crate::server::execute::execution::{Execution, KEYS_ON_WORKER_MAX};
use crate::store::reader::ReadLength;
use crate::store::{UnixMillis, WriteAnswer, WriteOperation};

impl Call<'_> {
    /// Ends the call with the reply that `reply` makes of the entry of a key.
    pub(super) fn read(
        &self,
        key: &[u8],
        reply: impl FnOnce(Option<Entry>) -> Value + Send + 'static,
    ) -> Executed {
        let entry = self.view()?.read_entry(key, self.access)?;
        self.count_lookup(entry.is_some());
        if self.is_queued {
            self.note_bytes(entry.as_ref().map_or(0, |entry| entry.value.len()));
            return self.read_in_batch([key], true, |mut entries| reply(entries.pop().flatten()));
        }
        Ok(Execution::Done(reply(entry)))
    }

    /// Ends the call with the reply that `reply` makes of the entries of keys, at one moment.
    pub(super) fn read_many<'k>(
        &self,
        keys: impl ExactSizeIterator<Item = &'k [u8]> + Clone,
        reply: impl FnOnce(Vec<Option<Entry>>) -> Value + Send + 'static,
    ) -> Executed {
        let count = keys.len();
        self.check_keys(count)?;
        let bytes_max = self.context.reply_bytes_max();
        let entries = self.view()?.read_entries(keys.clone(), self.access, bytes_max)?;
        if entries.len() < count {
            return Err(CommandError::reply_too_large(bytes_max).into());
        }
        entries.iter().for_each(|entry| self.count_lookup(entry.is_some()));
        if self.is_queued {
            self.note_bytes(entries.iter().flatten().map(|entry| entry.value.len()).sum());
            return self.read_in_batch(keys, true, reply);
        }
        Ok(Execution::Done(reply(entries)))
    }

    /// Ends the call with the reply that `reply` makes of the expiry of a key; the value is not
    /// read.
    ///
    /// A key over the limit of the store is not refused: it cannot be there, and so it is absent.
    pub(super) fn read_expiry(
        &self,
        key: &[u8],
        reply: impl FnOnce(Option<Option<UnixMillis>>) -> Value + Send + 'static,
    ) -> Executed {
        let found = self.view()?.read_metadata(key, self.access)?;
        self.count_lookup(found.is_some());
        if self.is_queued && self.context.store.may_hold(key) {
            return self.read_in_batch([key], false, |mut entries| {
                reply(entries.pop().flatten().map(|entry| entry.expiry()))
            });
        }
        Ok(Execution::Done(reply(found.map(|found| found.expires_at))))
    }

    /// Ends the call with the reply that `reply` makes of the number of keys that are there, each
    /// counted as often as it is named.
    pub(super) fn read_count<'k>(
        &self,
        keys: impl ExactSizeIterator<Item = &'k [u8]>,
        reply: impl FnOnce(usize) -> Value + Send + 'static,
    ) -> Executed {
        if self.is_queued {
            let keys = keys.filter(|key| self.context.store.may_hold(key));
            return self
                .read_in_batch(keys, false, |entries| reply(entries.iter().flatten().count()));
        }
        self.check_keys(keys.len())?;
        let view = self.view()?;
        let snapshot = view.read_snapshot()?;
        let mut found = 0;
        for key in keys {
            let is_there = snapshot.metadata(key, self.access)?.is_some();
            self.count_lookup(is_there);
            found += usize::from(is_there);
        }
        Ok(Execution::Done(reply(found)))
    }

    /// Ends the call of a transaction with reads in its batch.
    fn read_in_batch<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k [u8]>,
        with_value: bool,
        reply: impl FnOnce(Vec<Option<Entry>>) -> Value + Send + 'static,
    ) -> Executed {
        let read = |key: &[u8]| WriteOperation::Read { key: key.to_vec(), with_value };
        self.write(keys.into_iter().map(read), |answers| {
            let entry = |answer| match answer {
                WriteAnswer::Entry(entry) => entry.map(|entry| *entry),
                _ => None,
            };
            reply(answers.into_iter().map(entry).collect())
        })
    }

    /// Adds to the bytes of values that the calls of a transaction hold together.
    pub(super) fn note_bytes(&self, bytes: usize) {
        self.read_bytes.set(self.read_bytes.get().saturating_add(bytes));
    }

    /// Leaves a call that looks up too many keys for a worker to a reader.
    pub(super) fn check_keys(&self, keys: usize) -> Result<(), Unfinished> {
        match keys > KEYS_ON_WORKER_MAX {
            true => self.check_may_wait(ReadLength::Short),
            false => Ok(()),
        }
    }

    /// Leaves a call that visits keys in their order, or many, to a reader.
    pub(super) fn check_may_wait(&self, length: ReadLength) -> Result<(), Unfinished> {
        match length.is_allowed(self.access) {
            true => Ok(()),
            false => Err(Unfinished::WouldBlock(length)),
        }
    }

    /// Counts a lookup that found its key, or did not.
    pub(super) fn count_lookup(&self, found: bool) {
        let counter = if found { &self.hits } else { &self.misses };
        counter.set(counter.get() + 1);
    }
}
