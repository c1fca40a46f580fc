//! Numbers of values by powers of two.

/// The number of buckets of a histogram.
const BUCKETS: usize = 32;

/// Numbers of values by their size, in powers of two.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// let store = kvs::Store::open(kvs::Options::new(directory.path()))?;
/// store.set("a", "1")?;
/// let groups = store.stats().groups.expect("the writer is there");
/// let of_one = groups.by_operations.buckets().next();
/// assert_eq!(of_one, Some((0, 1))); // one group of less than two operations
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BUCKETS],
}

impl Histogram {
    /// Counts a value.
    pub(crate) fn note(&mut self, value: u64) {
        // Less than 64, and the last bucket takes all that are larger.
        let bucket = value.max(1).ilog2() as usize;
        self.counts[bucket.min(BUCKETS - 1)] += 1;
    }

    /// Returns the buckets that are not empty, each as the lowest value in it and the number of
    /// values. A bucket holds values of less than twice its lowest one, the first one 0 and 1, and
    /// the last one all from 2^31 on.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        let lowest = |bucket: usize| if bucket == 0 { 0 } else { 1 << bucket };
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(move |(bucket, count)| (lowest(bucket), *count))
    }

    /// Returns the number of all values.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_bucket_of_its_highest_bit() {
        let mut histogram = Histogram::default();
        [0, 1, 2, 3, 4, 1023, 1024, u64::MAX].into_iter().for_each(|value| histogram.note(value));
        let buckets: Vec<_> = histogram.buckets().collect();
        assert_eq!(buckets, [(0, 2), (2, 2), (4, 1), (512, 1), (1024, 1), (1 << 31, 1)]);
        assert_eq!(histogram.total(), 8);
    }
}
