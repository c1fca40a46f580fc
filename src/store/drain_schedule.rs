//! The schedule by which the writer takes apart what clears removed.

use std::time::Duration;

use super::clock::Clock;
use crate::actor::Wait;
use crate::engine::WriteHalf;

/// The shortest time between two steps.
const PAUSE_MIN: Duration = Duration::from_micros(100);

/// The time between two steps: as long as the last step took, so that callers who wait for the seat
/// get it in between.
pub(super) struct DrainSchedule {
    pause: Duration,
}

impl DrainSchedule {
    /// Returns a schedule that begins with the shortest pause.
    pub(super) fn new() -> Self {
        Self { pause: PAUSE_MIN }
    }

    /// Does a step, if there is something to do.
    pub(super) fn step(&mut self, engine: &mut dyn WriteHalf, clock: Clock) {
        if engine.is_draining() {
            let start = clock.instant();
            engine.drain();
            self.pause = clock.instant().saturating_duration_since(start).max(PAUSE_MIN);
        }
    }

    /// Returns the wait of a writer that would wait like this if there was nothing to do.
    pub(super) fn wait(&self, engine: &dyn WriteHalf, otherwise: Wait) -> Wait {
        match otherwise {
            Wait::Forever if engine.is_draining() => Wait::For(self.pause),
            Wait::For(time) if engine.is_draining() => Wait::For(time.min(self.pause)),
            wait => wait,
        }
    }
}
