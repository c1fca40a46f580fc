//! Reads as every reading command does them.
//!
//! A call is counted among hits and misses only when it is done, because a read that would block
//! ends it and a reader executes it once more.

use super::call::{Call, Executed, Unfinished};
use crate::Entry;
use crate::protocol::resp::Value;
use crate::server::execute::execution::{Execution, KEYS_ON_WORKER_MAX};
use crate::store::UnixMillis;
use crate::store::reader::ReadLength;

impl Call<'_> {
    /// Ends the call with the reply that `reply` makes of the entry of a key.
    pub(super) fn read(&self, key: &[u8], reply: impl FnOnce(Option<Entry>) -> Value) -> Executed {
        let entry = self.context.store.read_entry(key, self.access)?;
        self.count_lookup(entry.is_some());
        Ok(Execution::Done(reply(entry)))
    }

    /// Returns the expiry of a key that is there; the value is not read.
    ///
    /// A key over the limit of the store is not refused: it cannot be there, and so it is absent.
    pub(super) fn expiry_of(&self, key: &[u8]) -> Result<Option<Option<UnixMillis>>, Unfinished> {
        let found = self.context.store.read_metadata(key, self.access)?;
        self.count_lookup(found.is_some());
        Ok(found.map(|found| found.expires_at))
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
