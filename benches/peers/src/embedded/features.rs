//! Cases of what not every store has: transactions, snapshots, watches; and of writes that are
//! waited for later.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use super::case::{Point, Task};
use super::child::count;
use super::workload::{self, rate, rates, thousands};
use crate::Outcome;
use crate::data::{self, Random};
use crate::peers::{Exchange, Peer, Watch};
use crate::record::Unit;

/// The number of writes that are waited for together.
const DEFERRED: usize = 1000;

/// The number of reads of one snapshot.
const SNAPSHOT_READS: u64 = 1000;

/// The number of watches.
const WATCHES: usize = 100;

/// The length of a prefix.
const PREFIX_BYTES: usize = 2;

/// Few keys, so that transactions meet.
const CONTENDED_KEYS: u64 = 10;

/// Changes two keys at once: of all keys, with one thread and several, and of few.
pub fn transactions(task: &Task, peer: &dyn Exchange) -> Outcome<Vec<Point>> {
    let mut points = Vec::new();
    for (threads, keys) in [(1, task.keys), (8, task.keys), (8, CONTENDED_KEYS)] {
        let make = |thread| {
            let mut random = Random::new(task.seed + 1000 * threads + thread);
            move || exchange(peer, keys, task.value_bytes, &mut random)
        };
        let value = rate(threads, task.seconds, make)?;
        let keys = if keys == task.keys { "all".to_owned() } else { keys.to_string() };
        let row = format!("changes of two of {keys} keys, {}", count(threads));
        points.push(Point::new(row, Unit::Rate, value));
    }
    Ok(points)
}

/// Verifies the values of two keys and gives them new ones, in one transaction.
fn exchange(
    peer: &dyn Exchange,
    keys: u64,
    value_bytes: usize,
    random: &mut Random,
) -> Outcome<u64> {
    let first = random.below(keys);
    let numbers = [first, (first + 1 + random.below(keys - 1)) % keys];
    let generation = random.bits();
    let [first, second] = numbers.map(data::key);
    peer.exchange([&first, &second], &|values| {
        let right = (numbers.iter().zip(values))
            .all(|(number, value)| data::is_value(value, *number, value_bytes));
        numbers.map(|number| {
            // An empty value fails whatever reads it next.
            let mut value = vec![0; if right { value_bytes } else { 0 }];
            data::fill(&mut value, number, generation);
            value
        })
    })?;
    Ok(1)
}

/// Reads snapshots while one thread overwrites.
pub fn snapshots(task: &Task, peer: &dyn Peer) -> Outcome<Vec<Point>> {
    let make = |thread| -> Box<dyn FnMut() -> Outcome<u64>> {
        if thread == 0 {
            return Box::new(workload::writer(peer, task.keys, task.value_bytes, task.seed));
        }
        let mut random = Random::new(task.seed + thread);
        Box::new(move || {
            peer.with_snapshot(&mut |get| {
                (0..SNAPSHOT_READS).try_for_each(|_| {
                    workload::verify(random.below(task.keys), task.value_bytes, get)
                })
            })?;
            Ok(SNAPSHOT_READS)
        })
    };
    let rates = rates(2, task.seconds, make)?;
    let rows = ["overwrites beside them", "get, snapshots of 1000 reads, beside overwrites"];
    let points = rows.iter().zip(rates).rev();
    Ok(points.map(|(row, rate)| Point::new(*row, Unit::Rate, rate)).collect())
}

/// Scans the keys of a prefix.
pub fn prefixes(task: &Task, peer: &dyn Peer) -> Outcome<Point> {
    let make = |thread| {
        let mut random = Random::new(task.seed + thread);
        move || {
            let mut right = true;
            // The prefix of a key, so that it has one key at least.
            let key = data::key(random.below(task.keys));
            let found = peer.scan_prefix(&key[..PREFIX_BYTES], &mut |key, value| {
                let number = key.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
                right &= data::is_value(value, number, task.value_bytes);
            })?;
            match (found, right) {
                (1.., true) => Ok(1),
                _ => Err("a scan of a prefix showed nothing or a wrong value".into()),
            }
        }
    };
    let value = rate(1, task.seconds, make)?;
    let row = format!("scans of a prefix of {PREFIX_BYTES} bytes");
    Ok(Point::new(row, Unit::Rate, value))
}

/// Writes keys one by one, and waits until all of them are on the disk.
pub fn deferred(task: &Task, peer: &dyn Peer) -> Outcome<Vec<Point>> {
    let make = |_| {
        let mut random = Random::new(task.seed);
        let mut entries = workload::empty_entries(DEFERRED, task.value_bytes);
        move || {
            for (key, value) in &mut entries {
                let number = random.below(task.keys);
                *key = data::key(number);
                data::fill(value, number, random.bits());
            }
            peer.set_deferred(&entries)?;
            Ok(u64::try_from(DEFERRED)?)
        }
    };
    let value = rate(1, task.seconds, make)?;
    let row = format!("overwrites one by one, on disk after every {DEFERRED}");
    Ok(vec![Point::new(row, Unit::Rate, value)])
}

/// Overwrites while many watches are told of it, until the last of them knows all of it.
pub fn watches(task: &Task, peer: &dyn Peer) -> Outcome<Vec<Point>> {
    let watches: Vec<Watch> = (0..WATCHES).map(|_| peer.watch()).collect::<Outcome<_>>()?;
    let together = Barrier::new(WATCHES + 1);
    // A key of nothing else. It stays, so a scan of a later round may verify its value.
    let last = data::key(u64::MAX);
    let mut last_value = vec![0; task.value_bytes];
    // Another one than in the round before: sled tells nobody of a value that is set again.
    data::fill(&mut last_value, u64::MAX, task.seed);
    let follow = |mut watch: Watch| -> Outcome<u64> {
        let (mut told, mut is_over) = (0, false);
        together.wait();
        while !is_over {
            watch(&mut |key| {
                told += 1;
                is_over |= key == last;
            })?;
        }
        Ok(told)
    };
    thread::scope(|scope| {
        let follow = &follow;
        let following: Vec<_> =
            watches.into_iter().map(|watch| scope.spawn(move || follow(watch))).collect();
        together.wait();
        let start = Instant::now();
        let make = |_| workload::writer(peer, task.keys, task.value_bytes, task.seed);
        let written = rate(1, task.seconds, make)?;
        peer.set(&last, &last_value)?;
        let mut told = 0;
        for thread in following {
            told += thread.join().map_err(|_| "a thread that watches panicked")??;
        }
        let told = thousands(told) / start.elapsed().as_secs_f64();
        Ok(vec![
            Point::new(format!("overwrites, {WATCHES} watches"), Unit::Rate, written),
            Point::new(format!("changes told to {WATCHES} watches"), Unit::Rate, told),
        ])
    })
}
