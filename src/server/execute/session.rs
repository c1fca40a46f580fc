//! What one connection remembers, and the list of all of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use crate::protocol::resp::Version;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, lock};

/// One connection, as the connection itself and the commands about clients see it.
pub(crate) struct Session {
    /// Grows with every connection; never used twice.
    pub(crate) id: u64,
    /// The peer.
    pub(crate) address: SocketAddr,
    /// When it connected.
    pub(crate) since: Instant,
    /// How replies are encoded: true for RESP3.
    resp3: AtomicBool,
    /// A `MULTI` was refused, and the end of its transaction has not come.
    in_refused_transaction: AtomicBool,
    killed: AtomicBool,
    labels: Mutex<Labels>,
    /// Makes the connection's worker look at it.
    wake: Box<dyn Fn() + Send + Sync>,
}

/// What a client says of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Labels {
    /// Set by `CLIENT SETNAME` and `HELLO ... SETNAME`.
    pub(crate) name: String,
    /// Set by `CLIENT SETINFO LIB-NAME`.
    pub(crate) library_name: String,
    /// Set by `CLIENT SETINFO LIB-VER`.
    pub(crate) library_version: String,
}

impl Session {
    /// How replies of this connection are encoded.
    pub(crate) fn version(&self) -> Version {
        if self.resp3.load(Ordering::Relaxed) { Version::Resp3 } else { Version::Resp2 }
    }

    /// Sets how replies of this connection are encoded, the present one included.
    pub(crate) fn set_version(&self, version: Version) {
        self.resp3.store(version == Version::Resp3, Ordering::Relaxed);
    }

    /// Returns true between a refused `MULTI` and the end of its transaction.
    pub(crate) fn is_in_refused_transaction(&self) -> bool {
        self.in_refused_transaction.load(Ordering::Relaxed)
    }

    /// Notes that a `MULTI` was refused; returns true if one had been before.
    pub(crate) fn begin_refused_transaction(&self) -> bool {
        self.in_refused_transaction.swap(true, Ordering::Relaxed)
    }

    /// Notes the end of a transaction; returns true if its `MULTI` had been refused.
    pub(crate) fn end_refused_transaction(&self) -> bool {
        self.in_refused_transaction.swap(false, Ordering::Relaxed)
    }

    /// What the client says of itself.
    pub(crate) fn labels(&self) -> Labels {
        lock(&self.labels).clone()
    }

    /// Changes what the client says of itself.
    pub(crate) fn set_labels(&self, change: impl FnOnce(&mut Labels)) {
        change(&mut lock(&self.labels));
    }

    /// Asks the connection's worker to close it.
    pub(crate) fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        (self.wake)();
    }

    /// Whether somebody asked for it to be closed.
    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }
}

/// Every open connection.
#[derive(Default)]
pub(crate) struct Clients {
    next_id: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<Session>>>,
}

impl Clients {
    /// Adds a connection; `wake` makes its worker look at it.
    pub(crate) fn open(
        &self,
        address: SocketAddr,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Arc<Session> {
        let session = Arc::new(Session {
            id: self.next_id.fetch_add(1, Ordering::Relaxed) + 1,
            address,
            since: Instant::now(),
            resp3: AtomicBool::new(false),
            in_refused_transaction: AtomicBool::new(false),
            killed: AtomicBool::new(false),
            labels: Mutex::default(),
            wake: Box::new(wake),
        });
        lock(&self.open).insert(session.id, Arc::clone(&session));
        session
    }

    /// Forgets a connection.
    pub(crate) fn close(&self, session: &Session) {
        lock(&self.open).remove(&session.id);
    }

    /// The open connections, oldest first.
    pub(crate) fn list(&self) -> Vec<Arc<Session>> {
        lock(&self.open).values().cloned().collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        lock(&self.open).len()
    }
}
