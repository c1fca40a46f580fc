//! What the writer's own thread knows, of which turns on other threads have to tell it more.

use crate::engine::WriteHalf;

/// What the writer's own thread knows of since it last had the turn.
pub(super) struct ThreadKnowledge {
    /// Keys expire, so that it wakes up by itself.
    pub(super) of_expiry: bool,
    /// It was told that there is something to do.
    pub(super) of_upkeep: bool,
}

impl ThreadKnowledge {
    /// Returns the knowledge of a thread at the end of a turn of its own.
    pub(super) fn new(engine: &dyn WriteHalf) -> Self {
        Self { of_expiry: engine.next_deadline().is_some(), of_upkeep: false }
    }
}
