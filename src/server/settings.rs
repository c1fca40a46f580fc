//! The settings of a server that may be changed while it runs.

use std::time::Duration;

use crate::server::measure::call_counters::EXACT_BELOW;
use crate::server::options::ServerOptions;
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, lock};

/// The microseconds from which on a call is in the slow log, as in Redis.
const SLOW_MICROSECONDS: u64 = 10_000;

/// The most entries of the slow log, as in Redis.
const SLOW_CALLS_MAX: usize = 128;

/// The number that stands for no time.
const NEVER: u64 = u64::MAX;

/// The settings that may be changed while a server runs.
pub(crate) struct Settings {
    /// The microseconds from which on a call is in the slow log.
    slow_microseconds: AtomicU64,
    slow_calls_max: AtomicUsize,
    /// The milliseconds from which on the latency monitor notes a call.
    monitored_milliseconds: AtomicU64,
    /// True if every call is timed.
    is_exact: AtomicBool,
    tracks_latency: AtomicBool,
    percentiles: Mutex<Vec<f64>>,
    /// The milliseconds for which a client may send no request.
    idle_milliseconds: AtomicU64,
    connections_max: AtomicUsize,
}

impl Settings {
    /// Returns the settings with which a server of these options starts.
    pub(crate) fn new(options: &ServerOptions) -> Self {
        let settings = Self {
            slow_microseconds: AtomicU64::new(SLOW_MICROSECONDS),
            slow_calls_max: AtomicUsize::new(SLOW_CALLS_MAX),
            monitored_milliseconds: AtomicU64::new(NEVER),
            is_exact: AtomicBool::new(false),
            tracks_latency: AtomicBool::new(true),
            percentiles: Mutex::new(vec![50.0, 99.0, 99.9]),
            idle_milliseconds: AtomicU64::new(NEVER),
            connections_max: AtomicUsize::new(options.connections_max),
        };
        settings.set_timeout(options.timeout);
        settings
    }

    /// Returns the microseconds from which on a call is in the slow log; none if no call is.
    pub(crate) fn slow_microseconds(&self) -> Option<u64> {
        Some(self.slow_microseconds.load(Ordering::Relaxed)).filter(|time| *time != NEVER)
    }

    /// Sets the microseconds from which on a call is in the slow log.
    pub(crate) fn set_slow_microseconds(&self, time: Option<u64>) {
        self.slow_microseconds.store(time.unwrap_or(NEVER), Ordering::Relaxed);
        self.choose_exactness();
    }

    /// Returns the most entries of the slow log.
    pub(crate) fn slow_calls_max(&self) -> usize {
        self.slow_calls_max.load(Ordering::Relaxed)
    }

    /// Sets the most entries of the slow log.
    pub(crate) fn set_slow_calls_max(&self, length: usize) {
        self.slow_calls_max.store(length, Ordering::Relaxed);
    }

    /// Returns the milliseconds from which on the latency monitor notes a call; none if it notes
    /// none.
    pub(crate) fn monitored_milliseconds(&self) -> Option<u64> {
        Some(self.monitored_milliseconds.load(Ordering::Relaxed)).filter(|time| *time != NEVER)
    }

    /// Sets the milliseconds from which on the latency monitor notes a call.
    pub(crate) fn set_monitored_milliseconds(&self, time: Option<u64>) {
        self.monitored_milliseconds.store(time.unwrap_or(NEVER), Ordering::Relaxed);
        self.choose_exactness();
    }

    /// Returns true if every call is timed, because some would be looked for in vain otherwise.
    pub(crate) fn is_exact(&self) -> bool {
        self.is_exact.load(Ordering::Relaxed)
    }

    fn choose_exactness(&self) {
        let slow = self.slow_microseconds().map(Duration::from_micros);
        let monitored = self.monitored_milliseconds().map(Duration::from_millis);
        let shortest = slow.into_iter().chain(monitored).min();
        let is_exact = shortest.is_some_and(|shortest| shortest < EXACT_BELOW);
        self.is_exact.store(is_exact, Ordering::Relaxed);
    }

    /// Returns true if calls are counted by the time that they took.
    pub(crate) fn tracks_latency(&self) -> bool {
        self.tracks_latency.load(Ordering::Relaxed)
    }

    /// Sets whether calls are counted by the time that they took.
    pub(crate) fn set_tracks_latency(&self, tracks: bool) {
        self.tracks_latency.store(tracks, Ordering::Relaxed);
    }

    /// Returns the percentiles that `INFO latencystats` shows.
    pub(crate) fn percentiles(&self) -> Vec<f64> {
        lock(&self.percentiles).clone()
    }

    /// Sets the percentiles that `INFO latencystats` shows.
    pub(crate) fn set_percentiles(&self, percentiles: Vec<f64>) {
        *lock(&self.percentiles) = percentiles;
    }

    /// Returns the time for which a client may send no request; none if it may do so for ever.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        let time = self.idle_milliseconds.load(Ordering::Relaxed);
        (time != NEVER).then(|| Duration::from_millis(time))
    }

    /// Sets the time for which a client may send no request.
    pub(crate) fn set_timeout(&self, timeout: Option<Duration>) {
        // A time that no clock can tell is no limit.
        let time = timeout.and_then(|timeout| u64::try_from(timeout.as_millis()).ok());
        self.idle_milliseconds.store(time.unwrap_or(NEVER), Ordering::Relaxed);
    }

    /// Returns the most connections that may be open.
    pub(crate) fn connections_max(&self) -> usize {
        self.connections_max.load(Ordering::Relaxed)
    }

    /// Sets the most connections that may be open.
    pub(crate) fn set_connections_max(&self, connections: usize) {
        self.connections_max.store(connections, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_timed_one_by_one_while_short_times_are_asked_for() {
        let settings = Settings::new(&ServerOptions::default());
        assert!(!settings.is_exact());
        settings.set_slow_microseconds(Some(9_999));
        assert!(settings.is_exact());
        settings.set_slow_microseconds(None);
        assert!(!settings.is_exact());
        settings.set_monitored_milliseconds(Some(1));
        assert!(settings.is_exact());
        settings.set_monitored_milliseconds(Some(10));
        assert!(!settings.is_exact());
    }

    #[test]
    fn the_options_are_where_it_begins() {
        let options = ServerOptions::default().timeout(Duration::from_secs(3)).connections_max(7);
        let settings = Settings::new(&options);
        assert_eq!(settings.timeout(), Some(Duration::from_secs(3)));
        assert_eq!(settings.connections_max(), 7);
        settings.set_timeout(Some(Duration::MAX));
        assert_eq!(settings.timeout(), None);
    }
}
