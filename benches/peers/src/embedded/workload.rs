//! Threads that do the same thing for a while, and how often they did it.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::data::{self, Choice, KEY_BYTES, Key, Random};
use crate::peers::{Getter, Peer};

/// Runs what `make` makes for each thread again and again; thousand operations a second of all
/// threads.
///
/// `make` gets the number of the thread; what it makes says how many operations it did.
pub fn rate<Work>(threads: u64, seconds: f64, make: impl Fn(u64) -> Work + Sync) -> Outcome<f64>
where
    Work: FnMut() -> Outcome<u64>,
{
    Ok(rates(threads, seconds, make)?.into_iter().sum())
}

/// Does the same as [`rate`]; thousand operations a second of each thread.
pub fn rates<Work>(
    threads: u64,
    seconds: f64,
    make: impl Fn(u64) -> Work + Sync,
) -> Outcome<Vec<f64>>
where
    Work: FnMut() -> Outcome<u64>,
{
    let stop = AtomicBool::new(false);
    let together = Barrier::new(usize::try_from(threads)? + 1);
    let body = |thread: u64| -> Outcome<u64> {
        let mut work = make(thread);
        let mut operations = 0;
        together.wait();
        while !stop.load(Ordering::Relaxed) {
            operations += work()?;
        }
        Ok(operations)
    };
    thread::scope(|scope| -> Outcome<_> {
        let body = &body;
        let running: Vec<_> =
            (0..threads).map(|thread| scope.spawn(move || body(thread))).collect();
        together.wait();
        let start = Instant::now();
        thread::sleep(Duration::from_secs_f64(seconds));
        stop.store(true, Ordering::Relaxed);
        let mut operations = Vec::new();
        for thread in running {
            operations.push(thread.join().map_err(|_| "a thread of the workload panicked")??);
        }
        let elapsed = start.elapsed().as_secs_f64();
        Ok(operations.into_iter().map(|count| thousands(count) / elapsed).collect())
    })
}

/// Returns a count in thousands.
#[allow(clippy::cast_precision_loss, reason = "a count of operations is far below 2^53")]
pub fn thousands(count: u64) -> f64 {
    count as f64 / 1000.0
}

/// Reads one key and verifies every byte of its value.
pub fn read(peer: &dyn Peer, number: u64, value_bytes: usize) -> Outcome<()> {
    verify(number, value_bytes, &mut |key, visit| peer.get(key, visit))
}

/// Reads one key by `get` and verifies every byte of its value.
pub fn verify(number: u64, value_bytes: usize, get: &mut Getter<'_>) -> Outcome<()> {
    let mut right = false;
    let found = get(&data::key(number), &mut |value| {
        right = data::is_value(value, number, value_bytes);
    })?;
    match (found, right) {
        (true, true) => Ok(()),
        (false, _) => Err(format!("key {number} is missing").into()),
        (true, false) => Err(format!("the value of key {number} is wrong").into()),
    }
}

/// Reads every key once, with as many threads as there are cores.
pub fn read_all(peer: &dyn Peer, keys: u64, value_bytes: usize) -> Outcome<()> {
    let threads = u64::try_from(thread::available_parallelism()?.get())?;
    thread::scope(|scope| {
        let body = |first: u64| -> Outcome<()> {
            let mut number = first;
            while number < keys {
                read(peer, number, value_bytes)?;
                number += threads;
            }
            Ok(())
        };
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || body(first))).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a reading thread panicked")?)
    })
}

/// Returns work that reads one key at a time.
pub fn reader<'a>(
    peer: &'a dyn Peer,
    choice: &'a Choice,
    value_bytes: usize,
    seed: u64,
) -> impl FnMut() -> Outcome<u64> + 'a {
    let mut random = Random::new(seed);
    move || read(peer, choice.next(&mut random), value_bytes).map(|()| 1)
}

/// Returns work that reads many keys in one call.
pub fn many_reader<'a>(
    peer: &'a dyn Peer,
    choice: &'a Choice,
    value_bytes: usize,
    count: usize,
    seed: u64,
) -> impl FnMut() -> Outcome<u64> + 'a {
    let mut random = Random::new(seed);
    let mut numbers = vec![0; count];
    let mut keys = vec![[0; KEY_BYTES]; count];
    move || {
        for (number, key) in numbers.iter_mut().zip(&mut keys) {
            *number = choice.next(&mut random);
            *key = data::key(*number);
        }
        let mut right = 0;
        let found = peer.get_many(&keys, &mut |position, value| {
            right += usize::from(data::is_value(value, numbers[position], value_bytes));
        })?;
        match (found, right) == (count, count) {
            true => Ok(u64::try_from(count)?),
            false => Err("values are missing or wrong".into()),
        }
    }
}

/// Returns work that sets one key at a time.
pub fn writer<'a>(
    peer: &'a dyn Peer,
    keys: u64,
    value_bytes: usize,
    seed: u64,
) -> impl FnMut() -> Outcome<u64> + 'a {
    let mut random = Random::new(seed);
    let mut value = vec![0; value_bytes];
    move || {
        let number = random.below(keys);
        data::fill(&mut value, number, random.bits());
        peer.set(&data::key(number), &value).map(|()| 1)
    }
}

/// Returns work that sets many keys in one call.
pub fn many_writer<'a>(
    peer: &'a dyn Peer,
    keys: u64,
    value_bytes: usize,
    count: usize,
    seed: u64,
) -> impl FnMut() -> Outcome<u64> + 'a {
    let mut random = Random::new(seed);
    let mut entries = empty_entries(count, value_bytes);
    move || {
        for (key, value) in &mut entries {
            let number = random.below(keys);
            *key = data::key(number);
            data::fill(value, number, random.bits());
        }
        peer.set_many(&entries)?;
        Ok(u64::try_from(count)?)
    }
}

/// Returns empty entries, so many.
pub fn empty_entries(count: usize, value_bytes: usize) -> Vec<(Key, Vec<u8>)> {
    vec![([0; KEY_BYTES], vec![0; value_bytes]); count]
}
