//! The amounts of data and time of a measurement.

use crate::arguments::Scope;

/// Keys and values that all stores hold, and how often they are measured.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The number of keys.
    pub keys: u64,
    /// The length of each value.
    pub value_bytes: usize,
    /// The most bytes that stores with a cache may cache.
    pub cache_bytes: u64,
    /// The number of times that each case runs.
    pub rounds: usize,
    /// The number of rounds that load the data anew; the others go on with what is there.
    pub load_rounds: usize,
}

/// The cache of every store that has one.
const CACHE_BYTES: u64 = 256 << 20;

/// Beyond this much data, one store at a time is on the disk.
const LARGE_BYTES: u64 = 1 << 30;

/// The least memory that any process of a store gets.
const LIMIT_BYTES_MIN: u64 = 64 << 20;

impl Dataset {
    fn new(keys: u64, value_bytes: usize, rounds: usize, load_rounds: usize) -> Self {
        Self { keys, value_bytes, cache_bytes: CACHE_BYTES, rounds, load_rounds }
    }

    /// Returns its name in tables.
    pub fn name(&self) -> String {
        let value = match self.value_bytes {
            bytes if bytes.is_multiple_of(1024) => format!("{} KiB", bytes / 1024),
            bytes => format!("{bytes} B"),
        };
        format!("{} keys, values of {value}", grouped(self.keys))
    }

    fn bytes(&self) -> u64 {
        self.keys.saturating_mul(u64::try_from(self.value_bytes).unwrap_or(u64::MAX))
    }

    /// Returns true if it is too large for all stores to hold it at once.
    pub fn is_large(&self) -> bool {
        self.bytes() > LARGE_BYTES
    }

    /// Returns the memory in which it is read if it shall not fit: a quarter of its size.
    pub fn limit_bytes(&self) -> u64 {
        (self.bytes() / 4).max(LIMIT_BYTES_MIN)
    }
}

/// Returns a number with commas between its thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// All data sets, and how long each point takes.
#[derive(Debug, Clone)]
pub struct Scale {
    /// The data that is measured with enough memory.
    pub datasets: Vec<Dataset>,
    /// The data that is measured with too little.
    pub limited: Option<Dataset>,
    /// The time for which each point is measured.
    pub seconds: f64,
}

impl Scale {
    /// Returns the scale that the command line asks for.
    pub fn new(scope: &Scope) -> Self {
        let (mut scale, rounds) = match (scope.smoke, scope.quick) {
            (true, _) => (Self::smoke(), 1),
            (_, true) => (Self::quick(), 5),
            _ => (Self::full(), 5),
        };
        let rounds = scope.rounds.unwrap_or(rounds);
        for dataset in &mut scale.datasets {
            dataset.rounds = dataset.rounds.min(rounds);
        }
        if let Some(keys) = scope.keys {
            let load_rounds = if keys > 1_000_000 { 1 } else { rounds };
            let dataset = Dataset::new(keys, scope.value_bytes, rounds, load_rounds);
            scale = Self { datasets: vec![dataset], limited: None, ..scale };
        }
        for dataset in scale.datasets.iter_mut().filter(|dataset| dataset.is_large()) {
            // Only one store at a time is on the disk, so each round loads.
            dataset.load_rounds = dataset.rounds;
        }
        scale
    }

    fn smoke() -> Self {
        let dataset = Dataset::new(1000, 100, 1, 1);
        let limited = Some(Self::limited(1000, 1));
        Self { datasets: vec![dataset], limited, seconds: 0.02 }
    }

    fn quick() -> Self {
        let datasets = vec![Dataset::new(500_000, 100, 5, 1), Dataset::new(20_000, 4096, 2, 1)];
        Self { datasets, limited: Some(Self::limited(100_000, 1)), seconds: 0.25 }
    }

    fn full() -> Self {
        let datasets =
            vec![Dataset::new(1_000_000, 100, 5, 3), Dataset::new(1_000_000, 4096, 2, 2)];
        Self { datasets, limited: Some(Self::limited(1_000_000, 3)), seconds: 1.0 }
    }

    fn limited(keys: u64, rounds: usize) -> Dataset {
        let dataset = Dataset::new(keys, 4096, rounds, 1);
        Dataset { cache_bytes: dataset.limit_bytes() / 4, ..dataset }
    }

    /// Describes it in words.
    pub fn describe(&self) -> String {
        format!(
            "medians of at most {} runs of {} s for each point, loads at most {} times",
            self.datasets.iter().map(|dataset| dataset.rounds).max().unwrap_or(0),
            self.seconds,
            self.datasets.iter().map(|dataset| dataset.load_rounds).max().unwrap_or(0),
        )
    }
}
