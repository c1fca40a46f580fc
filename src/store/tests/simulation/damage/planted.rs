//! The mistakes that these harnesses catch.

use super::kinds::{self, KINDS};
use super::{live, repaired};
use crate::bugs::{Bug, plant};

/// Checks that damages of these kinds to closed stores find a planted bug.
fn is_caught_closed(bug: Bug, kinds: &[&str]) {
    let _planted = plant(Some(bug));
    for kind in kinds {
        let (_, run) = KINDS.iter().find(|(name, _)| name == kind).expect("a kind");
        let error = kinds::run(*run).expect_err("the planted bug is not caught");
        println!("{bug:?} is caught by {kind}: {error:.200}");
    }
}

#[test]
fn damage_that_is_cut_off_is_caught() {
    is_caught_closed(Bug::CutDamage, &["flipped bits", "truncations", "swapped sectors"]);
}

#[test]
fn a_record_that_is_not_checked_is_caught() {
    is_caught_closed(Bug::SkipRecordChecksum, &["flipped bits"]);
}

#[test]
#[ignore = "takes seconds, and tests the tests"]
fn a_frame_of_another_segment_is_caught() {
    is_caught_closed(Bug::SameSeed, &["stale frames"]);
}

#[test]
fn a_batch_that_counts_in_part_is_caught() {
    is_caught_closed(Bug::AcceptPartialBatch, &["flipped bits"]);
}

#[test]
fn a_clean_close_that_is_not_looked_at_is_caught() {
    is_caught_closed(Bug::IgnoreClosed, &["truncations", "missing files"]);
}

#[test]
fn a_refusal_that_changes_files_is_caught() {
    is_caught_closed(Bug::CleanUpFirst, &["truncations"]);
}

#[test]
#[ignore = "takes seconds, and tests the tests"]
fn a_repair_that_takes_a_part_of_a_batch_is_caught() {
    let _planted = plant(Some(Bug::SavePartialBatch));
    let (_, flips) = KINDS[0];
    println!("{}", kinds::run_as(flips, repaired::judge_repaired, 1).expect_err("not caught"));
}

#[test]
fn a_hint_that_is_not_checked_is_caught() {
    is_caught_closed(Bug::SkipHintChecksum, &["flipped bits"]);
}

#[test]
fn a_hint_of_another_segment_is_caught() {
    is_caught_closed(Bug::HintOfAnother, &["swapped and foreign files"]);
}

#[test]
fn a_read_error_that_counts_as_absence_is_caught() {
    let _planted = plant(Some(Bug::ReadErrorIsAbsence));
    println!("{}", live::flip_bits().expect_err("not caught"));
}

#[test]
fn a_compaction_that_takes_a_cut_segment_for_whole_is_caught() {
    let _planted = plant(Some(Bug::CompactCut));
    println!("{}", live::truncate().expect_err("not caught"));
}

#[test]
fn a_compaction_that_drops_tombstones_is_caught() {
    let _planted = plant(Some(Bug::DropTombstones));
    println!("{}", live::truncate().expect_err("not caught"));
}

#[test]
fn writes_behind_known_damage_are_caught() {
    let _planted = plant(Some(Bug::IgnoreDamage));
    println!("{}", live::flip_bits().expect_err("not caught"));
}
