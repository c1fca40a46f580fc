//! The longest calls of each second, by event, as the latency monitor of Redis has them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::sync::{Mutex, lock};

/// The most seconds of an event that are kept.
pub(crate) const SAMPLES_MAX: usize = 160;

/// The longest time of an event in one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LatencySample {
    /// The second, since the Unix epoch.
    pub(crate) at_seconds: u64,
    /// The time in milliseconds.
    pub(crate) milliseconds: u64,
}

/// The samples of one event, oldest first; at least one.
#[derive(Debug, Clone, Default)]
pub(crate) struct LatencySeries {
    /// The samples.
    pub(crate) samples: VecDeque<LatencySample>,
    /// The longest time of all, in milliseconds.
    pub(crate) longest: u64,
}

/// The samples of every event.
#[derive(Default)]
pub(crate) struct LatencyMonitor(Mutex<BTreeMap<&'static str, LatencySeries>>);

impl LatencyMonitor {
    /// Adds a time to an event.
    pub(crate) fn add(&self, event: &'static str, at_seconds: u64, took: Duration) {
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let mut events = lock(&self.0);
        let series = events.entry(event).or_default();
        series.longest = series.longest.max(milliseconds);
        if let Some(last) = series.samples.back_mut().filter(|last| last.at_seconds == at_seconds) {
            last.milliseconds = last.milliseconds.max(milliseconds);
            return;
        }
        if series.samples.len() == SAMPLES_MAX {
            series.samples.pop_front();
        }
        series.samples.push_back(LatencySample { at_seconds, milliseconds });
    }

    /// Returns the events with their samples, in the order of their names.
    pub(crate) fn all(&self) -> Vec<(&'static str, LatencySeries)> {
        lock(&self.0).iter().map(|(event, series)| (*event, series.clone())).collect()
    }

    /// Returns the samples of an event, if there are any.
    pub(crate) fn series(&self, event: &[u8]) -> Option<LatencySeries> {
        let event = std::str::from_utf8(event).ok()?;
        lock(&self.0).get(event).cloned()
    }

    /// Removes the samples of an event; returns true if there were any.
    pub(crate) fn remove(&self, event: &[u8]) -> bool {
        let event = std::str::from_utf8(event).unwrap_or_default();
        lock(&self.0).remove(event).is_some()
    }

    /// Removes the samples of all events; returns the number of events.
    pub(crate) fn clear(&self) -> usize {
        std::mem::take(&mut *lock(&self.0)).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_keeps_its_longest_time_and_an_event_its_latest_seconds() {
        let monitor = LatencyMonitor::default();
        for (second, milliseconds) in [(1, 5), (1, 7), (1, 3), (2, 4)] {
            monitor.add("command", second, Duration::from_millis(milliseconds));
        }
        let series = monitor.series(b"command").unwrap();
        let samples: Vec<_> =
            series.samples.iter().map(|it| (it.at_seconds, it.milliseconds)).collect();
        assert_eq!((samples, series.longest), (vec![(1, 7), (2, 4)], 7));
        (0..1000).for_each(|second| monitor.add("fast-command", second, Duration::ZERO));
        assert_eq!(monitor.series(b"fast-command").unwrap().samples.len(), SAMPLES_MAX);
        assert!(monitor.remove(b"command") && !monitor.remove(b"command"));
        assert!(monitor.series(b"\xff").is_none() && !monitor.remove(b"\xff"));
        assert_eq!((monitor.clear(), monitor.all().len()), (1, 0));
    }
}
