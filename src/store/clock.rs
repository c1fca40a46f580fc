//! Wall-clock time that never goes back while the store is open.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::sync::{Arc, AtomicU64, Ordering};

/// Milliseconds since the Unix epoch. Only expiry looks at it; the order of history never does.
#[derive(Clone)]
pub(crate) struct Clock {
    /// The latest time anybody was told: a key that was seen expired stays expired.
    floor: Arc<AtomicU64>,
    source: fn() -> u64,
}

impl Clock {
    /// The system's clock.
    pub(crate) fn system() -> Self {
        Self::from_source(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }

    fn from_source(source: fn() -> u64) -> Self {
        Self { floor: Arc::default(), source }
    }

    /// The time now.
    pub(crate) fn now(&self) -> u64 {
        let now = (self.source)();
        self.floor.fetch_max(now, Ordering::Relaxed).max(now)
    }

    /// Whether an expiry has passed; asks the clock only where there is one.
    pub(crate) fn is_past(&self, expires_at: Option<u64>) -> bool {
        expires_at.is_some_and(|time| time <= self.now())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn time_that_was_seen_does_not_come_back() {
        thread_local!(static TIME: Cell<u64> = const { Cell::new(100) });
        let clock = Clock::from_source(|| TIME.get());
        assert!(clock.is_past(Some(100)) && !clock.is_past(Some(101)) && !clock.is_past(None));
        TIME.set(50);
        assert_eq!(clock.now(), 100);
        TIME.set(150);
        assert_eq!(clock.now(), 150);
    }
}
