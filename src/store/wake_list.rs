//! Those who wait for changes, and how they wake each other.
//!
//! However many wait, the writer wakes one of them. That one gets the list of the others and wakes
//! two halves of it with the first of each, on its own thread, and so on. Nobody is forgotten:
//! whoever lets go of a list wakes those who are in it.

use crate::sync::Arc;

/// One who waits for changes: a thread, or what a thread that serves many has of one of them.
pub(crate) trait Wake: Send + Sync {
    /// Wakes it, without blocking. It may keep the `others` until it runs, and wakes them by
    /// dropping them.
    fn wake(&self, others: WakeList);
}

/// Some who wait and have to be woken; dropping the list wakes them.
#[derive(Default)]
pub(crate) struct WakeList(Vec<Arc<dyn Wake>>);

impl WakeList {
    /// Returns a list.
    pub(super) fn new(waiting: Vec<Arc<dyn Wake>>) -> Self {
        Self(waiting)
    }

    /// Wakes the last one, which wakes the others.
    pub(super) fn hand_on(mut self) {
        if let Some(last) = self.0.pop() {
            last.wake(Self(std::mem::take(&mut self.0)));
        }
    }
}

impl Drop for WakeList {
    fn drop(&mut self) {
        while let Some(last) = self.0.pop() {
            let half = self.0.split_off(self.0.len() / 2);
            last.wake(Self(half));
        }
    }
}
