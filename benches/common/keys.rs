//! Keys, values, and in which order keys are picked.

use std::sync::Arc;

use kvs::WriteBatch;
use rand::SeedableRng;
use rand::distr::{Distribution, Uniform};
use rand::rngs::SmallRng;
use rand_distr::Zipf;

/// The number of keys that a store is filled with.
pub const KEYS: u64 = 100_000;

/// The length of a value, unless a bench says otherwise.
pub const VALUE_BYTES: usize = 100;

/// The skew of Zipf's law that YCSB uses.
const SKEW: f64 = 0.99;

/// The number of picks that are drawn ahead, so that drawing is not what is measured.
const PICKS: usize = 1 << 16;

/// Returns the key of a number: 16 bytes, of which neighbours are far apart in key order.
pub fn key(number: u64) -> [u8; 16] {
    let mut key = *b"key_000000000000";
    key[8..].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    key
}

/// Numbers of keys, over and over, the same in every run; clones share the memory.
#[derive(Clone)]
pub struct Picks {
    numbers: Arc<[u64]>,
    next: usize,
}

impl Picks {
    /// Returns each key as likely as any other.
    pub fn uniform(seed: u64) -> Self {
        let keys = Uniform::new(0, KEYS).expect("there are keys");
        Self::new(keys.sample_iter(SmallRng::seed_from_u64(seed)).take(PICKS).collect())
    }

    /// Returns a few keys most of the time.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn zipfian(seed: u64) -> Self {
        let ranks = Zipf::new(KEYS as f64, SKEW).expect("there are keys, and the skew is positive");
        let ranks = ranks.sample_iter(SmallRng::seed_from_u64(seed)).take(PICKS);
        Self::new(ranks.map(|rank| rank as u64 - 1).collect())
    }

    /// Returns each of `count` keys from `first` on once before any is picked again, in no order of
    /// keys.
    pub fn each_once(first: u64, count: u64) -> Self {
        // The stride has no common divisor with a power of two, so it meets every number.
        assert!(count.is_power_of_two());
        Self::new((0..count).map(|n| first + n.wrapping_mul(0x9E37_79B9) % count).collect())
    }

    fn new(numbers: Vec<u64>) -> Self {
        Self { numbers: numbers.into(), next: 0 }
    }

    /// Returns the same, but beginning with another one of them.
    pub fn starting_at(&self, position: usize) -> Self {
        Self { next: position % self.numbers.len(), ..self.clone() }
    }

    /// Returns the next key.
    pub fn key(&mut self) -> [u8; 16] {
        let number = self.numbers[self.next];
        self.next = (self.next + 1) % self.numbers.len();
        key(number)
    }
    /// Returns a batch that sets the next `count` keys.
    pub fn batch(&mut self, count: usize) -> WriteBatch {
        let mut batch = WriteBatch::new();
        (0..count).for_each(|_| batch.set(self.key(), vec![8; VALUE_BYTES]));
        batch
    }
}
