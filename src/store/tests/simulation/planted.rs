//! Known mistakes, and the techniques that catch them.

use std::panic::catch_unwind;
use std::time::Duration;

use self::Technique::{Exhaustive, Faults, Random, Sequence};
use super::checker::Violation;
use super::exhaustive::Action;
use super::{exhaustive, faults, random};
use crate::Durability;
use crate::bugs::{Bug, plant};

/// Ways to look for mistakes, each stopping at the first it finds.
#[derive(Debug, Clone, Copy)]
enum Technique {
    /// Every short sequence, crashed everywhere.
    Exhaustive,
    /// This one of the longer sequences, crashed everywhere.
    Sequence(&'static [Action]),
    /// Long random histories, this seed first.
    Random(u64),
    /// Every call of a script fails, the script of this seed first.
    Faults(u64),
}

const TECHNIQUES: [Technique; 3] = [Exhaustive, Random(0), Faults(0)];

/// The number of random histories that look for a mistake.
const HISTORIES: u64 = 60;

/// The number of scripts that look for a mistake.
const SCRIPTS: u64 = 4;

/// Makes a test of each mistake, in which the technique is to catch it; others may, too.
///
/// If the seeds before the one that finds a mistake take seconds, that one is tried first. The
/// test prints the seed that found it, which changes with the events and with the store.
///
/// They test the techniques and not the store, and take longer than all that does: `cargo test
/// --lib planted -- --include-ignored` runs them.
macro_rules! caught {
    ($($test:ident: $bug:ident by $technique:expr,)*) => {
        const MISTAKES: &[Bug] = &[$(Bug::$bug),*];

        $(
            #[test]
            #[ignore = "a planted mistake, which tests the tests"]
            fn $test() {
                is_caught(Bug::$bug, $technique);
            }
        )*
    };
}

caught! {
    acknowledge_before_sync: AcknowledgeBeforeSync by Exhaustive,
    publish_before_sync: PublishBeforeSync by Faults(3),
    acknowledge_failure: AcknowledgeFailure by Faults(0),
    retry_sync: RetrySync by Faults(0),
    sync_only_newest: SyncOnlyNewest by Random(6),
    skip_directory_sync: SkipDirectorySync by Exhaustive,
    skip_header_sync: SkipHeaderSync by Exhaustive,
    prepare_unsynced: PrepareUnsynced by Random(0),
    use_late_prepared: UseLatePrepared by Random(0),
    claim_durable: ClaimDurable by Exhaustive,
    close_before_sync: CloseBeforeSync by Exhaustive,
    skip_undo: SkipUndo by Faults(0),
    append_to_torn: AppendToTorn by Exhaustive,
    accept_partial_batch: AcceptPartialBatch by Exhaustive,
    skip_record_checksum: SkipRecordChecksum by Exhaustive,
    read_error_is_absence: ReadErrorIsAbsence by Faults(0),
    skip_output_sync: SkipOutputSync by Exhaustive,
    skip_rename_sync: SkipRenameSync by Exhaustive,
    remove_inputs_first: RemoveInputsFirst by Exhaustive,
    skip_log_sync: SkipLogSync by Random(3),
    drop_tombstones: DropTombstones by Random(6),
    drop_range_removals: DropRangeRemovals by Random(27),
    forget_covered: ForgetCovered by Random(4),
    include_range_end: IncludeRangeEnd by Random(0),
    remove_own_batch: RemoveOwnBatch by Random(2),
    drop_name_only: DropNameOnly by Random(2),
    drain_seen: DrainSeen by Random(19),
    repoint_overwritten: RepointOverwritten by Random(2),
    drop_inputs_early: DropInputsEarly by Sequence(COMPACTION),
    hint_before_sync: HintBeforeSync by Sequence(HINT),
    ignore_snapshots: IgnoreSnapshots by Random(5),
    skip_overlay: SkipOverlay by Exhaustive,
    stale_read: StaleRead by Exhaustive,
}

/// A compaction of the oldest segments, with a read after each of its steps.
const COMPACTION: &[Action] = &[
    Action::PutB,
    Action::FillA,
    Action::PutA,
    Action::Step,
    Action::Step,
    Action::Step,
    Action::Step,
    Action::Step,
    Action::Step,
];

/// The hint of a segment of two sectors, of which nothing was synced.
const HINT: &[Action] = &[Action::LongA, Action::PutB, Action::Maintain];

/// Returns the seeds below `count`, in another order.
fn beginning_with(first: u64, count: u64) -> impl Iterator<Item = u64> {
    (first..count).chain(0..first)
}

/// Returns the first violation that the technique finds.
fn find(technique: Technique) -> Option<Violation> {
    const INTERVAL: Durability = Durability::Interval(Duration::from_secs(1));
    let search = move || match technique {
        Exhaustive => exhaustive::run_all(Durability::Always, 2)
            .and_then(|_| exhaustive::run_all(INTERVAL, 2))
            .err(),
        Sequence(sequence) => exhaustive::run_one(INTERVAL, sequence).err(),
        Random(first) => random::run_seeds(beginning_with(first, HISTORIES)).err(),
        Faults(first) => faults::find(beginning_with(first, SCRIPTS)),
    };
    // An assertion that fails has found something too.
    catch_unwind(search).unwrap_or_else(|_| Some("it panicked".to_owned()))
}

fn is_caught(bug: Bug, technique: Technique) {
    let _planted = plant(Some(bug));
    let found = find(technique).unwrap_or_else(|| panic!("{technique:?} misses {bug:?}"));
    println!("{technique:?} catches {bug:?}: {found:.70}");
}

#[test]
#[ignore = "prints which technique catches which mistake, which takes minutes"]
fn table_of_mistakes_and_techniques() {
    for bug in MISTAKES {
        let _planted = plant(Some(*bug));
        let found: Vec<_> =
            TECHNIQUES.into_iter().filter(|technique| find(*technique).is_some()).collect();
        println!("{bug:?}: {found:?}");
    }
}
