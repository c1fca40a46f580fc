//! The store on a simulated disk: its actors on one thread, its crashes at every place.

mod checker;
mod damage;
mod effect;
mod eviction;
mod exhaustive;
mod expiry;
mod faults;
mod full;
mod history;
mod machine;
mod pass;
mod planted;
mod random;
mod removed;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sync::processors;
use crate::{Durability, EngineKind, Options};

/// The contents of a store: value and expiry by key.
type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

/// Returns a store of tiny segments that is compacted whenever there is something to gain, and that
/// reads its values from the disk.
fn options(durability: Durability) -> Options {
    let mut options = Options::new("/simulated")
        .engine(EngineKind::Kvs)
        .durability(durability)
        .compaction_bytes_min(1)
        .cache_bytes(0);
    options.segment_bytes_max = 256;
    options
}

/// The time at which histories begin, in milliseconds since the Unix epoch.
const START: u64 = 1_800_000_000_000;

/// Runs tasks that do not depend on each other on all processors; returns their results in order.
///
/// A test that takes long would else use one processor while the others have nothing to do.
fn on_all_processors<T: Send>(count: usize, task: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || -> Vec<(usize, T)> {
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        numbers.take_while(|number| *number < count).map(|number| (number, task(number))).collect()
    };
    let mut results = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..processors().min(count)).map(|_| scope.spawn(work)).collect();
        let results = threads.into_iter().flat_map(|thread| thread.join().unwrap());
        results.collect::<Vec<_>>()
    });
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

/// A small generator, so that a seed is all that a failure needs to be repeated.
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn roll(&mut self, sides: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % sides
    }
}
