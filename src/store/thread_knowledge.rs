//! What the writer's own thread knows, of which turns on other threads have to tell it more.

use crate::engine::WriteHalf;

/// What the writer's own thread knows of since it last had the turn.
pub(super) struct ThreadKnowledge {
    /// Keys expire, so that it wakes up by itself.
    pub(super) of_expiry: bool,
    /// It was told that there is something to do.
    pub(super) of_upkeep: bool,
    /// The last group that it was asked for was one of several callers.
    pub(super) of_sharing: bool,
}

impl ThreadKnowledge {
    /// Returns the knowledge of a thread that knows nothing yet.
    pub(super) fn new(engine: &dyn WriteHalf) -> Self {
        Self { of_expiry: engine.next_deadline().is_some(), of_upkeep: false, of_sharing: false }
    }

    /// Notes the end of a turn of the thread.
    pub(super) fn note_turn(&mut self, engine: &dyn WriteHalf) {
        *self = Self { of_sharing: self.of_sharing, ..Self::new(engine) };
    }

    /// Notes that so many requests came at once.
    pub(super) fn note_requests(&mut self, count: usize) {
        if count > 0 {
            self.of_sharing = count > 1;
        }
    }
}
