//! Reading a key the way every reading command does.

use super::{Executed, Refusal};
use crate::engine::{Access, Entry, Lookup, Stamp};
use crate::protocol::resp::Value;
use crate::server::execute::execution::{Call, Execution, KEYS_ON_WORKER_MAX};

impl Call<'_> {
    /// Reads a key and makes the reply of what is there.
    pub(super) fn read(&self, key: &[u8], reply: impl FnOnce(Option<Entry>) -> Value) -> Executed {
        let entry = match self.context.store.lookup(key, self.access)? {
            Lookup::Cold => return Ok(Execution::WouldBlock),
            Lookup::Found(entry) => Some(entry),
            Lookup::Absent => None,
        };
        self.count_lookup(entry.is_some());
        Ok(Execution::Done(reply(entry)))
    }

    /// What is known of a key without its value; an expired key is absent.
    ///
    /// A key over the limit of the store is not refused: it cannot be there, and so it is absent.
    pub(super) fn peek(&self, key: &[u8]) -> Result<Option<Stamp>, Refusal> {
        let store = &self.context.store;
        let stamp = store.reader().peek(key)?;
        let alive = stamp.filter(|stamp| !store.clock().is_past(stamp.expires_at));
        self.count_lookup(alive.is_some());
        Ok(alive)
    }

    /// Whether looking up this many keys is work for a reader.
    pub(super) fn is_long(&self, keys: usize) -> bool {
        self.access == Access::MemoryOnly && keys > KEYS_ON_WORKER_MAX
    }

    /// Whether [`peek`](Self::peek) at this many keys is work for a reader.
    pub(super) fn is_long_peek(&self, keys: usize) -> bool {
        let may_wait = self.context.store.reader().peek_may_wait();
        self.is_long(keys) || self.access == Access::MemoryOnly && may_wait
    }

    /// Counts a read that found its key, or did not.
    pub(super) fn count_lookup(&self, found: bool) {
        let statistics = &self.context.statistics;
        if found {
            statistics.hits.add(1);
        } else {
            statistics.misses.add(1);
        }
    }
}
