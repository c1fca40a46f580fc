//! The actor that compacts the whole log when a client asks for that.

use std::io;

use super::log_rewrites::{LogRewrites, RewriteRequest};
use crate::Store;
use crate::actor::{Actor, ActorThread, Address, mailbox, spawn};
use crate::sync::Arc;

/// The actor that compacts the whole log, once for each message.
pub(crate) struct RewriteActor {
    rewrites: Arc<LogRewrites>,
    store: Store,
}

/// A running [`RewriteActor`]. Dropping it leaves the compaction that runs to the store.
pub(crate) struct RunningRewriteActor {
    rewrites: Arc<LogRewrites>,
    /// Before the thread, which ends when it is gone.
    _address: Address<RewriteRequest>,
    _thread: ActorThread,
}

impl RewriteActor {
    /// Starts the actor that compacts the log of a store.
    pub(crate) fn start(
        rewrites: &Arc<LogRewrites>,
        store: &Store,
    ) -> io::Result<RunningRewriteActor> {
        let (address, inbox) = mailbox(1);
        rewrites.connect(address.downgrade());
        let actor = Self { rewrites: Arc::clone(rewrites), store: store.clone() };
        let thread = spawn("kvs-rewrite", actor, inbox)?;
        let rewrites = Arc::clone(rewrites);
        Ok(RunningRewriteActor { rewrites, _address: address, _thread: thread })
    }
}

impl Drop for RunningRewriteActor {
    fn drop(&mut self) {
        self.rewrites.cancel();
    }
}

impl Actor for RewriteActor {
    type Message = RewriteRequest;
    const MESSAGES_MAX: usize = 1;

    fn handle(&mut self, requests: &mut Vec<RewriteRequest>) {
        requests.drain(..).for_each(|_| self.rewrites.make(&self.store));
    }
}
