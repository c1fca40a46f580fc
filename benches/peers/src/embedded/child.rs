//! A child: does one case with one store and answers with its points.

use std::io::{self, Write};
use std::time::Instant;

use super::case::{Case, Point, SIZE, Task};
use super::features;
use super::workload::{self, rate, thousands};
use crate::Outcome;
use crate::data::{self, Choice, Random, Zipfian};
use crate::memory_limit;
use crate::peers::{self, Peer, Settings};
use crate::process;
use crate::record::Unit;

/// The number of entries that one transaction of loading carries.
const LOAD_BATCH: usize = 1000;

/// The number of entries that a scan reads.
const SCAN_ENTRIES: usize = 100;

/// The number of keys that one call of a many-get reads.
const MANY: usize = 100;

/// Does the task and writes its points to standard output.
pub fn run(task: &Task) -> Outcome<()> {
    if let Some(group) = &task.group {
        memory_limit::join(group)?;
    }
    let mut output = io::stdout().lock();
    for point in points(task)? {
        writeln!(output, "{}", serde_json::to_string(&point)?)?;
    }
    Ok(())
}

fn points(task: &Task) -> Outcome<Vec<Point>> {
    let before = process::memory("self")?;
    let start = Instant::now();
    if task.case == Case::Transactions {
        let peer = (peers::find(&task.store)?.open_transactional)(&settings(task))?;
        return features::transactions(task, &*peer);
    }
    let peer = (peers::find(&task.store)?.open)(&settings(task))?;
    match task.case {
        Case::LoadSorted => load(task, peer, data::sorted_numbers(task.keys), "in key order"),
        Case::LoadRandom => load(task, peer, (0..task.keys).collect(), "in random order"),
        Case::Open => opened(task, peer, start, "after a clean close"),
        Case::OpenKilled => opened(task, peer, start, "after a kill"),
        Case::Get => get(task, peer, before),
        Case::Scan => scan(task, peer),
        Case::Overwrite => overwrite(task, peer, "overwrites", &[1, 8]),
        Case::Synced => overwrite(task, peer, "overwrites that wait for the disk", &[1, 64]),
        Case::Batch => batch(task, peer),
        Case::Deferred => features::deferred(task, &*peer),
        Case::Transactions | Case::Snapshots => features::snapshots(task, &*peer),
        Case::Watches => features::watches(task, &*peer),
        Case::Killed => write_until_killed(task, &*peer),
        Case::Limited => limited(task, peer),
    }
}

fn settings(task: &Task) -> Settings<'_> {
    Settings {
        directory: &task.directory,
        synced: task.case == Case::Synced,
        cache_bytes: task.cache_bytes,
        exceeds_memory: task.group.is_some(),
    }
}

/// Loads, and includes in the time until all of it survives power loss.
fn load(task: &Task, peer: Box<dyn Peer>, numbers: Vec<u64>, row: &str) -> Outcome<Vec<Point>> {
    let mut entries = workload::empty_entries(LOAD_BATCH, task.value_bytes);
    let start = Instant::now();
    for numbers in numbers.chunks(LOAD_BATCH) {
        for (number, (key, value)) in numbers.iter().zip(&mut entries) {
            *key = data::key(*number);
            data::fill(value, *number, 0);
        }
        peer.set_many(&entries[..numbers.len()])?;
    }
    peer.sync()?;
    let rate = thousands(task.keys) / start.elapsed().as_secs_f64();
    peer.close()?;
    Ok(vec![Point::new(row, Unit::Rate, rate)])
}

fn opened(task: &Task, peer: Box<dyn Peer>, start: Instant, row: &str) -> Outcome<Vec<Point>> {
    workload::read(&*peer, 0, task.value_bytes)?;
    let milliseconds = start.elapsed().as_secs_f64() * 1e3;
    // What was killed must not have damaged anything.
    let mut random = Random::new(task.seed);
    for _ in 0..1000 {
        workload::read(&*peer, random.below(task.keys), task.value_bytes)?;
    }
    peer.close()?;
    Ok(vec![Point::new(row, Unit::Milliseconds, milliseconds)])
}

fn get(task: &Task, peer: Box<dyn Peer>, before: process::Memory) -> Outcome<Vec<Point>> {
    workload::read_all(&*peer, task.keys, task.value_bytes)?;
    let memory = process::memory("self")?;
    let per_key =
        |after: u64, before: u64| thousands(after.saturating_sub(before)) / thousands(task.keys);
    let own = per_key(memory.own_bytes, before.own_bytes);
    let mapped = own + per_key(memory.file_bytes, before.file_bytes);
    let mut points = vec![
        Point::new("memory of its own, all keys read", Unit::BytesPerKey, own).in_table(SIZE),
        Point::new("the same and mapped files", Unit::BytesPerKey, mapped).in_table(SIZE),
    ];
    let uniform = Choice::Uniform { keys: task.keys };
    let zipfian = Choice::Zipfian(Zipfian::new(task.keys));
    for (name, choice) in [("uniform", &uniform), ("zipfian", &zipfian)] {
        for threads in [1, 2, 8] {
            let make =
                |thread| workload::reader(&*peer, choice, task.value_bytes, task.seed + thread);
            let value = rate(threads, task.seconds, make)?;
            let row = format!("get, {name}, {}", count(threads));
            points.push(Point::new(row, Unit::Rate, value));
        }
    }
    let make = |thread| {
        workload::many_reader(&*peer, &uniform, task.value_bytes, MANY, task.seed + thread)
    };
    let value = rate(1, task.seconds, make)?;
    points.push(Point::new(format!("get {MANY} in one call, keys"), Unit::Rate, value));
    peer.close()?;
    Ok(points)
}

/// Returns a number of threads in words.
pub fn count(threads: u64) -> String {
    if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") }
}

fn scan(task: &Task, peer: Box<dyn Peer>) -> Outcome<Vec<Point>> {
    workload::read_all(&*peer, task.keys, task.value_bytes)?;
    let make = |thread| {
        let (peer, mut random) = (&*peer, Random::new(task.seed + thread));
        move || {
            let (mut entries, mut right) = (0, true);
            peer.scan(&data::key(random.below(task.keys)), SCAN_ENTRIES, &mut |key, value| {
                entries += 1;
                let number = key.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
                right &= data::is_value(value, number, task.value_bytes);
            })?;
            if right { Ok(entries) } else { Err("a scan showed a wrong value".into()) }
        }
    };
    let value = rate(1, task.seconds, make)?;
    let ranges = Point::new(format!("scan of {SCAN_ENTRIES}, entries"), Unit::Rate, value);
    let prefixes = features::prefixes(task, &*peer)?;
    peer.close()?;
    Ok(vec![ranges, prefixes])
}

fn overwrite(task: &Task, peer: Box<dyn Peer>, name: &str, threads: &[u64]) -> Outcome<Vec<Point>> {
    let mut points = Vec::new();
    for threads in threads {
        let make = |thread| {
            let seed = task.seed + 1000 * threads + thread;
            workload::writer(&*peer, task.keys, task.value_bytes, seed)
        };
        let value = rate(*threads, task.seconds, make)?;
        points.push(Point::new(format!("{name}, {}", count(*threads)), Unit::Rate, value));
    }
    peer.close()?;
    Ok(points)
}

fn batch(task: &Task, peer: Box<dyn Peer>) -> Outcome<Vec<Point>> {
    let mut points = Vec::new();
    for size in [100, 1000] {
        let make = |_| workload::many_writer(&*peer, task.keys, task.value_bytes, size, task.seed);
        let value = rate(1, task.seconds, make)?;
        points.push(Point::new(format!("overwrites in batches of {size}"), Unit::Rate, value));
    }
    peer.close()?;
    Ok(points)
}

fn write_until_killed(task: &Task, peer: &dyn Peer) -> Outcome<Vec<Point>> {
    let mut write = workload::writer(peer, task.keys, task.value_bytes, task.seed);
    write()?;
    // Whoever kills it waits for this line.
    writeln!(io::stdout(), "ready")?;
    loop {
        write()?;
    }
}

fn limited(task: &Task, peer: Box<dyn Peer>) -> Outcome<Vec<Point>> {
    let uniform = Choice::Uniform { keys: task.keys };
    // Indexes and filters come into the caches before anything is measured.
    let make =
        |thread| workload::reader(&*peer, &uniform, task.value_bytes, task.seed + 8 + thread);
    rate(8, 2.0 * task.seconds, make)?;
    let mut points = Vec::new();
    for threads in [1, 8] {
        let before = process::disk_read_bytes()?;
        let make =
            |thread| workload::reader(&*peer, &uniform, task.value_bytes, task.seed + thread);
        let start = Instant::now();
        let value = rate(threads, task.seconds, make)?;
        let operations = value * start.elapsed().as_secs_f64();
        let kibibytes = thousands(process::disk_read_bytes()? - before) / 1.024;
        let row = format!("get, uniform, {}", count(threads));
        points.push(Point::new(row.clone(), Unit::Rate, value));
        points.push(Point::new(row, Unit::KibibytesPerOperation, kibibytes / operations / 1e3));
    }
    // Closing may write what does not fit into the limit any more; nothing is to be kept.
    Ok(points)
}
