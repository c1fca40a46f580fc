//! Known mistakes, and the techniques that catch them.

use std::panic::catch_unwind;
use std::time::Duration;

use super::checker::Violation;
use super::{exhaustive, faults, random};
use crate::Durability;
use crate::bugs::{Bug, plant};

/// Ways to look for mistakes, each stopping at the first it finds.
#[derive(Debug, Clone, Copy)]
enum Technique {
    /// Every short sequence, crashed everywhere.
    Exhaustive,
    /// Long random histories, this seed first.
    Random(u64),
    /// Every call of a script fails, the script of this seed first.
    Faults(u64),
}

const TECHNIQUES: [Technique; 3] =
    [Technique::Exhaustive, Technique::Random(0), Technique::Faults(0)];

/// The number of random histories that look for a mistake.
const HISTORIES: u64 = 60;

/// The number of scripts that look for a mistake.
const SCRIPTS: u64 = 4;

/// Mistakes and the first technique that is to catch them; others may too.
///
/// If the seeds before the one that finds a mistake take seconds, that one is tried first. The
/// test prints the seed that found it, which changes with the events and with the store.
const CAUGHT: &[(Bug, Technique)] = &[
    (Bug::AcknowledgeBeforeSync, Technique::Exhaustive),
    (Bug::PublishBeforeSync, Technique::Faults(3)),
    (Bug::AcknowledgeFailure, Technique::Faults(0)),
    (Bug::RetrySync, Technique::Faults(0)),
    (Bug::SyncOnlyNewest, Technique::Random(6)),
    (Bug::SkipDirectorySync, Technique::Exhaustive),
    (Bug::SkipHeaderSync, Technique::Exhaustive),
    (Bug::PrepareUnsynced, Technique::Random(0)),
    (Bug::UseLatePrepared, Technique::Random(0)),
    (Bug::ClaimDurable, Technique::Exhaustive),
    (Bug::CloseBeforeSync, Technique::Exhaustive),
    (Bug::SkipUndo, Technique::Faults(0)),
    (Bug::AppendToTorn, Technique::Exhaustive),
    (Bug::AcceptPartialBatch, Technique::Exhaustive),
    (Bug::SkipRecordChecksum, Technique::Exhaustive),
    (Bug::ReadErrorIsAbsence, Technique::Faults(0)),
    (Bug::SkipOutputSync, Technique::Exhaustive),
    (Bug::SkipRenameSync, Technique::Exhaustive),
    (Bug::RemoveInputsFirst, Technique::Exhaustive),
    (Bug::SkipLogSync, Technique::Random(1)),
    (Bug::DropTombstones, Technique::Random(4)),
    (Bug::DropRangeRemovals, Technique::Random(19)),
    (Bug::ForgetCovered, Technique::Random(0)),
    (Bug::IncludeRangeEnd, Technique::Random(0)),
    (Bug::RemoveOwnBatch, Technique::Random(0)),
    (Bug::DropNameOnly, Technique::Random(0)),
    (Bug::RepointOverwritten, Technique::Random(2)),
    (Bug::DropInputsEarly, Technique::Random(56)),
    (Bug::HintBeforeSync, Technique::Random(59)),
    (Bug::IgnoreSnapshots, Technique::Random(5)),
    (Bug::SkipOverlay, Technique::Exhaustive),
    (Bug::StaleRead, Technique::Exhaustive),
];

/// Returns the seeds below `count`, in another order.
fn beginning_with(first: u64, count: u64) -> impl Iterator<Item = u64> {
    (first..count).chain(0..first)
}

/// Returns the first violation that the technique finds.
fn find(technique: Technique) -> Option<Violation> {
    let search = move || match technique {
        Technique::Exhaustive => exhaustive::run_all(Durability::Always, 2)
            .and_then(|_| exhaustive::run_all(Durability::Interval(Duration::from_secs(1)), 2))
            .err(),
        Technique::Random(first) => random::run_seeds(beginning_with(first, HISTORIES)).err(),
        Technique::Faults(first) => faults::run_all(beginning_with(first, SCRIPTS)).err(),
    };
    // An assertion that fails has found something too.
    catch_unwind(search).unwrap_or_else(|_| Some("it panicked".to_owned()))
}

#[test]
fn each_technique_catches_the_mistakes_it_is_for() {
    for (bug, technique) in CAUGHT {
        let _planted = plant(Some(*bug));
        let found = find(*technique);
        let found = found.unwrap_or_else(|| panic!("{technique:?} misses {bug:?}"));
        println!("{technique:?} catches {bug:?}: {found:.70}");
    }
}

#[test]
#[ignore = "prints which technique catches which mistake, which takes minutes"]
fn table_of_mistakes_and_techniques() {
    for (bug, _) in CAUGHT {
        let _planted = plant(Some(*bug));
        let found: Vec<_> =
            TECHNIQUES.into_iter().filter(|technique| find(*technique).is_some()).collect();
        println!("{bug:?}: {found:?}");
    }
}
