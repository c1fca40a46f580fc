//! Blocking until there is something new for a cursor.

use std::time::Instant;

use super::change_cursor::ChangeCursor;
use super::wake_list::{Wake, WakeList};
use crate::bugs::{Bug, planted};
use crate::sync::{AdaptiveSpin, Arc, Receiver, RecvTimeoutError, Sender, bounded, now};

/// The means by which one thread at a time waits for one cursor.
pub(crate) struct ChangeWait {
    wake: Arc<dyn Wake>,
    /// Gets a list for each registration that was not canceled, of those who are to be woken.
    woken: Receiver<WakeList>,
    spin: AdaptiveSpin,
}

/// A thread that waits.
struct WaitingThread(Sender<WakeList>);

impl Wake for WaitingThread {
    fn wake(&self, others: WakeList) {
        // It waits once at a time, so there is a place; else the list is dropped here.
        let _ = self.0.try_send(others);
    }
}

impl Default for ChangeWait {
    fn default() -> Self {
        let (sender, woken) = bounded(1);
        let wake: Arc<dyn Wake> = Arc::new(WaitingThread(sender));
        Self { wake, woken, spin: AdaptiveSpin::default() }
    }
}

impl ChangeWait {
    /// Blocks until the cursor has something new, or was the last to know that nothing comes any
    /// more. Returns false if the time came first.
    pub(crate) fn wait(&mut self, cursor: &ChangeCursor, deadline: Option<Instant>) -> bool {
        let spun = self.spin.attempt(|| cursor.has_news().then_some(()));
        if spun.is_some() || !cursor.register(&self.wake) {
            return true;
        }
        let woken = match deadline {
            None => self.woken.recv().ok(),
            Some(deadline) => {
                match self.woken.recv_timeout(deadline.saturating_duration_since(now())) {
                    Err(RecvTimeoutError::Timeout) if cursor.cancel() => return false,
                    // Somebody is about to send the list, and others depend on it.
                    Err(RecvTimeoutError::Timeout) if !planted(Bug::KeepWakeList) => {
                        self.woken.recv().ok()
                    }
                    received => received.ok(),
                }
            }
        };
        // Those who are in it are woken here.
        drop(woken);
        true
    }
}
