//! The writer's own thread, as turns on other threads see it.

use crate::engine::WriteHalf;

/// The work that the writer's own thread does without being told, as of its last turn.
pub(super) struct WriterThread {
    /// It wakes up by itself, because keys expire.
    pub(super) wakes_for_expiry: bool,
    /// It wakes up by itself, because what a clear removed is taken apart.
    pub(super) wakes_to_drain: bool,
    /// It was told of upkeep.
    pub(super) is_told_of_upkeep: bool,
    /// The last group that came through the mailbox was one of several callers.
    pub(super) shares_groups: bool,
}

impl WriterThread {
    /// Returns a thread that had no turn yet.
    pub(super) fn new(engine: &dyn WriteHalf) -> Self {
        Self {
            wakes_for_expiry: engine.next_deadline().is_some(),
            wakes_to_drain: engine.is_draining(),
            is_told_of_upkeep: false,
            shares_groups: false,
        }
    }

    /// Notes the end of a turn of the thread.
    pub(super) fn note_turn(&mut self, engine: &dyn WriteHalf) {
        *self = Self { shares_groups: self.shares_groups, ..Self::new(engine) };
    }

    /// Notes that so many requests came at once.
    pub(super) fn note_requests(&mut self, count: usize) {
        if count > 0 {
            self.shares_groups = count > 1;
        }
    }
}
