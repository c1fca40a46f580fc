//! The lines that wait for a client that is shown every command.

use crate::sync::{AtomicBool, AtomicUsize, Mutex, Ordering, lock};

/// The most bytes of lines that wait for one client.
pub(super) const FEED_BYTES_MAX: usize = 1 << 20;

/// The lines that wait for one client.
#[derive(Default)]
pub(crate) struct MonitorFeed {
    is_on: AtomicBool,
    /// The number of bytes that wait, for those who only want to know that.
    waiting: AtomicUsize,
    lines: Mutex<Vec<u8>>,
}

/// The place of a line that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// Nothing waits before it.
    First,
    /// Others wait before it.
    Behind,
    /// None: too much waits, and the feed has ended.
    TooMuch,
    /// None: the feed had ended before.
    Ended,
}

impl MonitorFeed {
    /// Shows it every command from now on; returns false if that was so before.
    pub(super) fn begin(&self) -> bool {
        !self.is_on.swap(true, Ordering::Relaxed)
    }

    /// Adds a line.
    pub(super) fn add(&self, line: &[u8]) -> Added {
        let mut lines = lock(&self.lines);
        // Whoever ends the feed then takes its lines: one that came later would stay.
        if !self.is_on() {
            return Added::Ended;
        }
        let added = if lines.is_empty() { Added::First } else { Added::Behind };
        if lines.len() + line.len() > FEED_BYTES_MAX {
            drop(lines);
            self.end();
            return Added::TooMuch;
        }
        lines.extend_from_slice(line);
        self.waiting.store(lines.len(), Ordering::Relaxed);
        added
    }

    /// Returns true if the client is shown every command.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Shows it nothing any more.
    pub(crate) fn end(&self) {
        self.is_on.store(false, Ordering::Relaxed);
        self.take();
    }

    /// Returns the bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Takes the lines that wait.
    pub(crate) fn take(&self) -> Vec<u8> {
        let mut lines = lock(&self.lines);
        self.waiting.store(0, Ordering::Relaxed);
        std::mem::take(&mut lines)
    }
}
