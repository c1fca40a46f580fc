//! Each of these mistakes makes histories that the checker rejects.

use super::*;
use crate::bugs::Bug;

/// The number of rounds that a mistake may go unnoticed; most are noticed within ten, and none took
/// a hundred.
const ROUNDS_MAX: u64 = 5000;

fn is_caught(bug: Bug, mut round: impl FnMut(u64) -> std::result::Result<Tally, String>) {
    let caught = (0..ROUNDS_MAX).find_map(|seed| Some((seed, round(seed).err()?)));
    let (seed, error) = caught.unwrap_or_else(|| panic!("{bug:?} went unnoticed"));
    let lines: Vec<_> = error.lines().take(2).collect();
    println!("{bug:?} is caught in round {seed}: {lines:?}");
}

fn is_caught_on_kvs(bug: Bug, shape: Shape) {
    let _planted = bugs::plant(Some(bug));
    let mut bench = Bench::new(EngineKind::Kvs, Durability::Never);
    is_caught(bug, |seed| bench.round(seed, shape));
}

#[test]
fn a_stale_read_is_caught() {
    is_caught_on_kvs(Bug::StaleRead, CONTENDED);
}

#[test]
fn updates_that_do_not_see_their_group_are_caught() {
    is_caught_on_kvs(Bug::SkipOverlay, CONTENDED);
}

#[test]
fn repointing_an_overwritten_version_is_caught() {
    is_caught_on_kvs(Bug::RepointOverwritten, LONG_LIVED);
}

#[test]
fn inputs_that_are_dropped_early_are_caught() {
    is_caught_on_kvs(Bug::DropInputsEarly, LONG_LIVED);
}

#[test]
fn dropped_tombstones_are_caught() {
    is_caught_on_kvs(Bug::DropTombstones, LONG_LIVED);
}

#[test]
fn pruning_versions_that_a_snapshot_sees_is_caught() {
    let _planted = bugs::plant(Some(Bug::IgnoreSnapshots));
    let bench = Bench::new(EngineKind::Kvs, Durability::Never);
    is_caught(Bug::IgnoreSnapshots, |seed| batches::round(&bench, seed));
}

/// A write half whose disk is full every few groups.
struct OftenFull(Box<dyn engine::WriteHalf>, Dice);

impl engine::WriteHalf for OftenFull {
    fn next_sequence(&self) -> engine::Sequence {
        self.0.next_sequence()
    }
    fn commit(&mut self, group: &mut engine::Group, durable: bool) -> Result<()> {
        if self.1.roll(8) == 0 {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(Error::io("append to", Path::new("log"), full));
        }
        self.0.commit(group, durable)
    }
    fn sync(&mut self) -> Result<()> {
        self.0.sync()
    }
    fn offer_sync(&mut self) -> Option<Box<dyn engine::BackgroundJob>> {
        self.0.offer_sync()
    }
    fn offer_compaction(&mut self) -> Option<Box<dyn engine::BackgroundJob>> {
        self.0.offer_compaction()
    }
    fn take_delivery(&mut self, delivery: engine::Delivery) {
        self.0.take_delivery(delivery);
    }
    fn note_failed_job(&mut self, kind: engine::JobKind, error: &Error) {
        self.0.note_failed_job(kind, error);
    }
    fn due(&self, now: engine::UnixMillis, limit: usize) -> Vec<(engine::KeyspaceId, Vec<u8>)> {
        self.0.due(now, limit)
    }
    fn next_deadline(&self) -> Option<engine::UnixMillis> {
        self.0.next_deadline()
    }
    fn close(&mut self) -> Result<()> {
        self.0.close()
    }
}

fn often_full() -> Bench {
    let mut bench = Bench::new(EngineKind::Kvs, Durability::Never);
    bench.store = None;
    let mut opened = engine::open(&bench.options()).unwrap();
    opened.writer = Box::new(OftenFull(opened.writer, Dice::new(1, 1)));
    bench.store = Some(Store::start(opened, bench.options()).unwrap());
    bench
}

#[test]
fn histories_beside_a_full_disk_are_linearizable() {
    often_full().prove(500, CONTENDED);
}

#[test]
fn an_acknowledged_failure_is_caught() {
    let _planted = bugs::plant(Some(Bug::AcknowledgeFailure));
    let mut bench = often_full();
    is_caught(Bug::AcknowledgeFailure, |seed| bench.round(seed, CONTENDED));
}
