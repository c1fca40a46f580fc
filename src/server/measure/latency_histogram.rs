//! Numbers of calls by the time that they took.

use std::time::Duration;

use crate::sync::{AtomicU64, Ordering};

/// Each power of two has so many buckets, so that a bound is at most an eighth too high.
const PARTS: u64 = 8;

/// The binary digits of a part.
const PART_BITS: u32 = PARTS.ilog2();

/// The number of buckets: the last one has all times from about four seconds on.
const BUCKETS: usize = 240;

/// Numbers of calls by nanoseconds.
pub(crate) struct LatencyHistogram([AtomicU64; BUCKETS]);

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl LatencyHistogram {
    /// Counts calls that took so long each.
    pub(super) fn note(&self, took: Duration, calls: u64) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0[bucket(nanoseconds)].fetch_add(calls, Ordering::Relaxed);
    }

    /// Starts again from zero.
    pub(super) fn reset(&self) {
        self.0.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }

    /// Returns the numbers as they are now.
    pub(crate) fn read(&self) -> LatencyCounts {
        let counts: Vec<_> = self.0.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        LatencyCounts { total: counts.iter().sum(), counts }
    }
}

/// The numbers of a [`LatencyHistogram`] at one moment.
pub(crate) struct LatencyCounts {
    counts: Vec<u64>,
    total: u64,
}

impl LatencyCounts {
    /// Returns the number of all calls.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Returns the nanoseconds that so many percent of the calls did not exceed, as the upper bound
    /// of a bucket.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        let (mut below, mut bound) = (0, 0);
        for (position, count) in self.counts.iter().enumerate() {
            if below > 0 && self.is_share(below, percent) {
                break;
            }
            if *count > 0 {
                below += count;
                bound = upper_bound(position);
            }
        }
        bound
    }

    /// Returns true if so many calls are at least so many percent of all.
    #[allow(clippy::cast_precision_loss, reason = "a percentile is an estimate")]
    fn is_share(&self, calls: u64, percent: f64) -> bool {
        calls as f64 >= self.total as f64 * percent / 100.0
    }

    /// Returns the number of calls that took less than each power of two of nanoseconds, from 2^10
    /// on, with the power, as long as there are more.
    pub(crate) fn by_powers(&self) -> impl Iterator<Item = (u32, u64)> {
        let powers = 10..=PART_BITS + 29;
        let cumulative = powers.map(|power| {
            let end = bucket((1 << power) - 1) + 1;
            let end = if power == PART_BITS + 29 { BUCKETS } else { end };
            (power, self.counts[..end].iter().sum::<u64>())
        });
        let mut before = 0;
        cumulative.filter(move |(_, count)| std::mem::replace(&mut before, *count) < *count)
    }
}

/// Returns the bucket of a number of nanoseconds.
fn bucket(nanoseconds: u64) -> usize {
    if nanoseconds < PARTS {
        return usize::try_from(nanoseconds).unwrap_or(0);
    }
    let power = nanoseconds.ilog2();
    let part = (nanoseconds >> (power - PART_BITS)) % PARTS;
    let bucket = u64::from(power - PART_BITS + 1) * PARTS + part;
    usize::try_from(bucket).map_or(BUCKETS - 1, |bucket| bucket.min(BUCKETS - 1))
}

/// Returns the highest number of nanoseconds in a bucket.
fn upper_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < PARTS {
        return bucket;
    }
    let power = bucket / PARTS - 1;
    ((PARTS + bucket % PARTS + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_bucket_of_its_bound_and_buckets_are_in_order() {
        for nanoseconds in (0..4096).chain((0..32).map(|power| 1 << power)) {
            let bound = upper_bound(bucket(nanoseconds));
            assert!(
                nanoseconds <= bound && bound <= nanoseconds + nanoseconds / 8,
                "{nanoseconds}"
            );
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert!((1..BUCKETS).all(|position| upper_bound(position - 1) < upper_bound(position)));
    }

    #[test]
    fn percentiles_and_powers_are_those_of_the_calls() {
        let histogram = LatencyHistogram::default();
        (0..98).for_each(|_| histogram.note(Duration::from_nanos(1500), 1));
        histogram.note(Duration::from_micros(100), 1);
        histogram.note(Duration::from_secs(100), 1);
        let counts = histogram.read();
        assert_eq!(counts.total(), 100);
        assert_eq!(counts.percentile(50.0), 1535);
        assert_eq!(counts.percentile(98.0), 1535);
        assert!((100_000..112_500).contains(&counts.percentile(99.0)));
        assert!(counts.percentile(100.0) > 4_000_000_000);
        let powers: Vec<_> = counts.by_powers().collect();
        assert_eq!(powers, [(11, 98), (17, 99), (32, 100)]);
        histogram.reset();
        assert_eq!((histogram.read().total(), histogram.read().percentile(50.0)), (0, 0));
    }
}
