//! The transaction of a client of Redis: the requests between `MULTI` and `EXEC`, and the keys that
//! it watches.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::mem::take;

use crate::protocol::resp::KeptArguments;
use crate::server::measure::call_counters::CommandPosition;
use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, lock};

/// The memory of a watched key beside its bytes, about.
const WATCHED_BYTES: usize = 64;

/// The memory that counts a queued request, and refers to it.
const REFERENCE_BYTES: usize = 3 * size_of::<usize>();

/// The transaction of one connection.
#[derive(Default)]
pub(crate) struct QueuedTransaction {
    /// True between `MULTI` and the end of the transaction; every request looks at it.
    is_open: AtomicBool,
    /// The memory that it holds.
    bytes: AtomicUsize,
    state: Mutex<QueueState>,
}

/// A watched key, behind its database.
pub(crate) type WatchedKey = (u32, Vec<u8>);

/// The traits of a queued request, or those of all requests of a transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QueuedKind {
    /// True for an administrative command.
    pub(crate) is_administrative: bool,
    /// True if it may write.
    pub(crate) may_write: bool,
}

/// A queued request.
pub(crate) struct QueuedCommand {
    /// Its command.
    pub(crate) command: CommandPosition,
    /// Its arguments, the name of the command among them.
    pub(crate) arguments: KeptArguments,
}

impl QueuedCommand {
    /// Returns the memory that it takes, in bytes.
    fn memory(&self) -> usize {
        size_of::<CommandPosition>() + self.arguments.memory() + REFERENCE_BYTES
    }
}

/// The requests and the watched keys.
#[derive(Default)]
struct QueueState {
    requests: Vec<Arc<QueuedCommand>>,
    /// True if a request was refused when it was to be queued.
    is_aborted: bool,
    /// The traits of its requests.
    kind: QueuedKind,
    /// The watched keys of databases with their versions; `None` for a key that was not there.
    watched: BTreeMap<WatchedKey, Option<u64>>,
}

impl QueueState {
    fn bytes(&self) -> usize {
        let requests = self.requests.iter().map(|request| request.memory());
        let watched = self.watched.keys().map(|(_, key)| key.len() + WATCHED_BYTES);
        requests.chain(watched).sum()
    }
}

impl QueuedTransaction {
    /// Returns true between `MULTI` and the end of the transaction.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// Begins a transaction; returns false if one is open already.
    pub(crate) fn begin(&self) -> bool {
        !self.is_open.swap(true, Ordering::Relaxed)
    }

    /// Adds a request of this kind.
    pub(crate) fn add(&self, request: QueuedCommand, kind: QueuedKind) {
        self.bytes.fetch_add(request.memory(), Ordering::Relaxed);
        let mut state = lock(&self.state);
        state.requests.push(Arc::new(request));
        state.kind.is_administrative |= kind.is_administrative;
        state.kind.may_write |= kind.may_write;
    }

    /// Returns the traits of its requests.
    pub(crate) fn kind(&self) -> QueuedKind {
        lock(&self.state).kind
    }

    /// Notes that a request was refused, so that nothing of an open transaction is executed.
    pub(crate) fn abort(&self) {
        if self.is_open() {
            lock(&self.state).is_aborted = true;
        }
    }

    /// Returns the requests in their order; `None` if one was refused.
    pub(crate) fn requests(&self) -> Option<Vec<Arc<QueuedCommand>>> {
        let state = lock(&self.state);
        (!state.is_aborted).then(|| state.requests.clone())
    }

    /// Returns the number of requests; `None` if no transaction is open.
    pub(crate) fn count(&self) -> Option<usize> {
        self.is_open().then(|| lock(&self.state).requests.len())
    }

    /// Watches a key that has this version, or is not there, unless it is watched already.
    pub(crate) fn watch(&self, database: u32, key: &[u8], version: Option<u64>) {
        if let Entry::Vacant(vacant) = lock(&self.state).watched.entry((database, key.to_vec())) {
            self.bytes.fetch_add(key.len() + WATCHED_BYTES, Ordering::Relaxed);
            vacant.insert(version);
        }
    }

    /// Returns the watched keys with their versions.
    pub(crate) fn watched(&self) -> Vec<(WatchedKey, Option<u64>)> {
        lock(&self.state).watched.clone().into_iter().collect()
    }

    /// Watches no key any more.
    pub(crate) fn unwatch(&self) {
        let mut state = lock(&self.state);
        state.watched = BTreeMap::new();
        self.bytes.store(state.bytes(), Ordering::Relaxed);
    }

    /// Ends the transaction and watches no key any more; returns true if one was open.
    pub(crate) fn end(&self) -> bool {
        drop(take(&mut *lock(&self.state)));
        self.bytes.store(0, Ordering::Relaxed);
        self.is_open.swap(false, Ordering::Relaxed)
    }

    /// Returns the memory that it holds, about.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::resp::{Parsed, RequestLimits, RequestParser};

    #[test]
    fn what_it_holds_is_counted_and_given_back() {
        let transaction = QueuedTransaction::default();
        assert!(transaction.begin() && !transaction.begin());
        let mut parser = RequestParser::new(RequestLimits::default());
        let Ok(Parsed::Request { arguments, .. }) = parser.parse(b"PING\r\n") else { panic!() };
        let command = CommandPosition { row: 0, subcommand: None };
        let request = QueuedCommand { command, arguments: arguments.keep() };
        let request_bytes = request.memory();
        assert!(request_bytes > size_of::<QueuedCommand>() + "PING".len());
        transaction.add(request, QueuedKind::default());
        transaction.watch(0, b"key", Some(1));
        transaction.watch(0, b"key", Some(2));
        assert_eq!(transaction.watched(), [((0, b"key".to_vec()), Some(1))]);
        transaction.watch(1, b"key", None);
        assert_eq!(transaction.watched().len(), 2);
        assert_eq!(transaction.memory(), request_bytes + 2 * (3 + WATCHED_BYTES));
        transaction.unwatch();
        assert_eq!(transaction.memory(), request_bytes);
        assert_eq!(transaction.count(), Some(1));
        transaction.abort();
        assert!(transaction.requests().is_none());
        assert!(transaction.end() && !transaction.end());
        assert_eq!((transaction.memory(), transaction.count()), (0, None));
    }
}
