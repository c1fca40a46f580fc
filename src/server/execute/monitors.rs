//! The clients that are shown every command: `MONITOR`.
//!
//! A line goes into the feed of each of them, from which its connection takes it. A feed that is
//! full belongs to a client that does not take what it is shown, and ends with its connection.

use super::monitor_feed::Added;
use super::session::Session;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, Weak, lock};

/// The clients that are shown every command.
#[derive(Default)]
pub(crate) struct Monitors {
    /// True if there may be one; every request looks at it.
    is_watched: AtomicBool,
    sessions: Mutex<Vec<Weak<Session>>>,
}

impl Monitors {
    /// Shows every command to this client from now on.
    pub(crate) fn add(&self, session: &Arc<Session>) {
        if session.monitor.begin() {
            lock(&self.sessions).push(Arc::downgrade(session));
            self.is_watched.store(true, Ordering::Release);
        }
    }

    /// Returns true if somebody may be shown commands.
    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::Relaxed)
    }

    /// Shows a line, with its end, to every client that wants it.
    pub(crate) fn tell(&self, line: &[u8]) {
        let mut sessions = lock(&self.sessions);
        sessions.retain(|session| match session.upgrade() {
            Some(session) if session.monitor.is_on() => {
                show(line, &session);
                true
            }
            _ => false,
        });
        if sessions.is_empty() {
            self.is_watched.store(false, Ordering::Release);
        }
    }
}

/// Adds a line to the feed of a client, and has it served; one that takes nothing is closed.
fn show(line: &[u8], session: &Session) {
    match session.monitor.add(line) {
        Added::First => session.wake_workers(),
        Added::Behind | Added::Ended => {}
        Added::TooMuch => session.kill(),
    }
}

#[cfg(test)]
mod tests {
    use crate::server::execute::monitor_feed::FEED_BYTES_MAX;
    use crate::server::testing;

    #[test]
    fn lines_wait_for_those_who_want_them_and_a_client_that_takes_none_is_closed() {
        let context = testing::context();
        let (slow, fast) = (testing::session(&context), testing::session(&context));
        let monitors = &context.monitors;
        assert!(!monitors.is_watched());
        monitors.add(&slow);
        monitors.add(&fast);
        monitors.add(&fast);
        monitors.tell(b"one\n");
        monitors.tell(b"two\n");
        assert_eq!(
            (fast.monitor.take().as_slice(), slow.monitor.waiting()),
            (&b"one\ntwo\n"[..], 8)
        );
        let line = vec![b'x'; FEED_BYTES_MAX - 8];
        monitors.tell(&line);
        assert_eq!((fast.monitor.take().len(), slow.is_killed()), (line.len(), false));
        monitors.tell(b"!");
        assert!(slow.is_killed() && slow.monitor.waiting() == 0 && !fast.is_killed());
        fast.monitor.end();
        monitors.tell(b"three\n");
        assert!(!monitors.is_watched() && fast.monitor.take().is_empty());
    }
}
