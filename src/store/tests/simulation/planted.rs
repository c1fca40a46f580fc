//! Known mistakes, and the techniques that catch them.

use std::panic::catch_unwind;
use std::time::Duration;

use super::{exhaustive, faults, random};
use crate::Durability;
use crate::bugs::{Bug, plant};

/// Ways to look for mistakes, each stopping at the first it finds.
#[derive(Debug, Clone, Copy)]
enum Technique {
    /// Every short sequence, crashed everywhere.
    Exhaustive,
    /// Long random histories.
    Random,
    /// Every call of a script fails.
    Faults,
}

const TECHNIQUES: [Technique; 3] = [Technique::Exhaustive, Technique::Random, Technique::Faults];

/// Mistakes and the first technique that is to catch them; others may too.
const CAUGHT: &[(Bug, Technique)] = &[
    (Bug::AcknowledgeBeforeSync, Technique::Exhaustive),
    (Bug::PublishBeforeSync, Technique::Faults),
    (Bug::AcknowledgeFailure, Technique::Faults),
    (Bug::RetrySync, Technique::Faults),
    (Bug::SyncOnlyNewest, Technique::Random),
    (Bug::SkipDirectorySync, Technique::Exhaustive),
    (Bug::SkipHeaderSync, Technique::Exhaustive),
    (Bug::PrepareUnsynced, Technique::Random),
    (Bug::UseLatePrepared, Technique::Random),
    (Bug::ClaimDurable, Technique::Exhaustive),
    (Bug::CloseBeforeSync, Technique::Exhaustive),
    (Bug::SkipUndo, Technique::Faults),
    (Bug::AppendToTorn, Technique::Exhaustive),
    (Bug::AcceptPartialBatch, Technique::Exhaustive),
    (Bug::SkipRecordChecksum, Technique::Exhaustive),
    (Bug::ReadErrorIsAbsence, Technique::Faults),
    (Bug::SkipOutputSync, Technique::Exhaustive),
    (Bug::SkipRenameSync, Technique::Exhaustive),
    (Bug::RemoveInputsFirst, Technique::Exhaustive),
    (Bug::SkipLogSync, Technique::Random),
    (Bug::DropTombstones, Technique::Random),
    (Bug::DropClear, Technique::Random),
    (Bug::RepointOverwritten, Technique::Random),
    (Bug::DropInputsEarly, Technique::Random),
    (Bug::HintBeforeSync, Technique::Random),
    (Bug::IgnoreSnapshots, Technique::Random),
    (Bug::SkipOverlay, Technique::Exhaustive),
    (Bug::StaleRead, Technique::Exhaustive),
];

/// Whether the technique finds something wrong.
fn finds(technique: Technique) -> bool {
    let search = move || match technique {
        Technique::Exhaustive => exhaustive::run_all(Durability::Always, 2)
            .and_then(|_| exhaustive::run_all(Durability::Interval(Duration::from_secs(1)), 2))
            .is_err(),
        Technique::Random => random::run_seeds(0..60).is_err(),
        Technique::Faults => faults::run_all(0..4).is_err(),
    };
    // An assertion that fails has found something too.
    catch_unwind(search).unwrap_or(true)
}

#[test]
fn each_technique_catches_the_mistakes_it_is_for() {
    for (bug, technique) in CAUGHT {
        let _planted = plant(Some(*bug));
        assert!(finds(*technique), "{technique:?} misses {bug:?}");
    }
}

#[test]
#[ignore = "prints which technique catches which mistake, which takes minutes"]
fn table_of_mistakes_and_techniques() {
    for (bug, _) in CAUGHT {
        let _planted = plant(Some(*bug));
        let found: Vec<_> = TECHNIQUES.into_iter().filter(|technique| finds(*technique)).collect();
        println!("{bug:?}: {found:?}");
    }
}
