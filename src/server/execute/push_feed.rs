//! The feed of a client: lines of `MONITOR` and messages of channels, on their way to its output.

use crate::sync::{AtomicBool, AtomicUsize, Mutex, Ordering, lock};

/// The most bytes that wait for one client: those at which Redis closes a slow subscriber.
pub(crate) const FEED_BYTES_MAX: usize = 32 << 20;

/// The feed of one client.
#[derive(Default)]
pub(crate) struct PushFeed {
    /// The number of bytes that wait, for those who only want to know that.
    waiting: AtomicUsize,
    /// True if there is a mark, for those who only want to know that.
    is_marked: AtomicBool,
    state: Mutex<FeedState>,
}

#[derive(Default)]
struct FeedState {
    bytes: Vec<u8>,
    /// The number of the bytes that go out before the next reply to the client, if that matters.
    mark: Option<usize>,
    is_closed: bool,
}

/// The outcome of adding bytes to a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// Nothing waits before them.
    First,
    /// Others wait before them.
    Behind,
    /// They were too many. So many had waited, which are gone, and the feed is closed.
    TooMany(usize),
    /// None were added: the feed was closed before.
    Closed,
}

impl PushFeed {
    /// Adds bytes, whole replies or lines.
    pub(crate) fn add(&self, bytes: &[u8]) -> Added {
        let mut state = lock(&self.state);
        if state.is_closed {
            return Added::Closed;
        }
        if state.bytes.len() + bytes.len() > FEED_BYTES_MAX {
            let waited = self.clear(&mut state).len();
            state.is_closed = true;
            return Added::TooMany(waited);
        }
        let added = if state.bytes.is_empty() { Added::First } else { Added::Behind };
        state.bytes.extend_from_slice(bytes);
        self.waiting.store(state.bytes.len(), Ordering::Relaxed);
        added
    }

    /// Marks the end of the bytes that go out before the next reply, unless it is marked. That
    /// reply changes what the client is pushed, so what comes later goes out behind it.
    pub(super) fn mark(&self) {
        let mut state = lock(&self.state);
        let waiting = state.bytes.len();
        state.mark.get_or_insert(waiting);
        self.is_marked.store(true, Ordering::Relaxed);
    }

    /// Returns true if there is a mark.
    pub(crate) fn is_marked(&self) -> bool {
        self.is_marked.load(Ordering::Relaxed)
    }

    /// Takes the bytes that wait, in two parts: those that go out before the next reply to the
    /// client, and those behind it. Removes the mark.
    pub(super) fn take_around_reply(&self) -> (Vec<u8>, Vec<u8>) {
        let mut state = lock(&self.state);
        let mark = state.mark.take();
        self.is_marked.store(false, Ordering::Relaxed);
        let mut before = self.clear(&mut state);
        // Those that were there then may have been cleared since.
        let behind = mark.filter(|mark| *mark < before.len()).map(|mark| before.split_off(mark));
        (before, behind.unwrap_or_default())
    }

    /// Returns the number of bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Takes the bytes that wait.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.clear(&mut lock(&self.state))
    }

    /// Takes the bytes that wait, and has no others added.
    pub(super) fn close(&self) -> Vec<u8> {
        let mut state = lock(&self.state);
        state.is_closed = true;
        self.clear(&mut state)
    }

    fn clear(&self, state: &mut FeedState) -> Vec<u8> {
        self.waiting.store(0, Ordering::Relaxed);
        std::mem::take(&mut state.bytes)
    }
}
