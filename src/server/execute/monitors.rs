//! The clients that are shown every command: `MONITOR`.
//!
//! A line goes into the [feed](super::push_feed) of each of them, from which its connection takes
//! it.

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
    /// Shows every command to this client from now on, behind the reply to its request.
    pub(crate) fn add(&self, session: &Arc<Session>) {
        session.feed.mark();
        if !session.set_monitor(true) {
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
            Some(session) if session.is_monitor() => {
                session.push(line);
                true
            }
            _ => false,
        });
        if sessions.is_empty() {
            self.is_watched.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::server::testing;

    #[test]
    fn lines_wait_for_those_who_want_them() {
        let context = testing::context();
        let (slow, fast) = (testing::session(&context), testing::session(&context));
        let monitors = &context.monitors;
        assert!(!monitors.is_watched());
        monitors.add(&slow);
        monitors.add(&fast);
        monitors.add(&fast);
        monitors.tell(b"one\n");
        monitors.tell(b"two\n");
        assert_eq!(fast.take_pushed_around_reply(), (vec![], b"one\ntwo\n".to_vec()));
        assert_eq!(slow.feed.waiting(), 8);
        context.clients.close(&slow);
        fast.set_monitor(false);
        monitors.tell(b"three\n");
        assert!(!monitors.is_watched() && fast.take_pushed().is_empty());
        assert_eq!(slow.feed.waiting(), 0);
    }
}
