//! A wake-up for a worker that sleeps in its poll, free of cost while the worker is awake.
//!
//! A sender puts its message into the worker's mailbox, then rings. Ringing is a system call only
//! if the worker announced that it goes to sleep:
//!
//! ```text
//! worker                                  ringer
//!   asleep = true                           put the message
//!   fence                                   fence
//!   look at the messages: none? sleep       asleep? then wake
//! ```
//!
//! The two fences are ordered one way or the other. If the worker's came first, the ringer sees
//! `asleep` and wakes it; if the ringer's came first, the worker sees the message and does not
//! sleep. A worker that was woken takes `asleep` back before it looks at the messages again.

use crate::bugs::{Bug, planted};
use crate::sync::{AtomicBool, Ordering, fence};

/// The bell of one worker, rung by other actors.
pub(crate) struct Doorbell {
    asleep: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Doorbell {
    /// Returns a bell that wakes through `wake`; a wake must also end a sleep that begins after it.
    pub(crate) fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { asleep: AtomicBool::new(false), wake: Box::new(wake) }
    }

    /// Wakes the worker if it sleeps; call it after the message is in the mailbox.
    pub(crate) fn ring(&self) {
        fence(Ordering::SeqCst);
        // The plain read spares a busy worker's bell from being written by everybody.
        if self.asleep.load(Ordering::Relaxed)
            && self
                .asleep
                .compare_exchange(true, false, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        {
            (self.wake)();
        }
    }

    /// Announces that the worker goes to sleep; returns false, so that it must not, if `is_quiet`
    /// returns false.
    pub(crate) fn may_sleep(&self, is_quiet: impl FnOnce() -> bool) -> bool {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let quiet = is_quiet() || planted(Bug::SleepUnchecked);
        if !quiet {
            self.awake();
        }
        quiet
    }

    /// Announces that the worker is awake; call it before receiving messages.
    pub(crate) fn awake(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sync::{Arc, AtomicU64, ThreadBuilder, bounded};

    #[test]
    fn a_worker_that_is_awake_is_not_woken() {
        let wakes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&wakes);
        let bell = Doorbell::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        bell.ring();
        assert!(!bell.may_sleep(|| false), "there is something to do");
        bell.ring();
        assert_eq!(wakes.load(Ordering::Relaxed), 0);
        assert!(bell.may_sleep(|| true));
        bell.ring();
        bell.ring();
        assert_eq!(wakes.load(Ordering::Relaxed), 1, "one wake is enough");
    }

    /// If a wake-up were lost, the worker would find nothing for ten seconds.
    #[test]
    fn no_message_is_slept_through() {
        const MESSAGES: u64 = 20_000;
        let (wake, woken) = bounded(1);
        let bell = Arc::new(Doorbell::new(move || {
            let _ = wake.try_send(());
        }));
        let (messages, inbox) = bounded(4);
        let mut ringers = Vec::new();
        for _ in 0..2 {
            let (bell, messages) = (Arc::clone(&bell), messages.clone());
            let ringer = ThreadBuilder::new().spawn(move || {
                for number in 0..MESSAGES {
                    messages.send(number).unwrap();
                    bell.ring();
                }
            });
            ringers.push(ringer.unwrap());
        }
        let mut taken = 0;
        while taken < 2 * MESSAGES {
            bell.awake();
            while inbox.try_recv().is_ok() {
                taken += 1;
            }
            if taken < 2 * MESSAGES && bell.may_sleep(|| inbox.is_empty()) {
                woken.recv_timeout(Duration::from_secs(10)).expect("the bell rings");
            }
        }
        ringers.into_iter().for_each(|ringer| ringer.join().unwrap());
    }
}
