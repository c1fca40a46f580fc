//! Each of these mistakes is caught by the model that is named here.
//!
//! A model that fails leaves threads of the checker behind half-way, so each mistake is made in a
//! process of its own, which ends at the first panic.

use std::env;
use std::panic;
use std::process::{Command, exit};
use std::time::Instant;

use super::MODELS;
use crate::bugs::{Bug, plant};
use crate::sync::twins::thread::is_on_purpose;

const MISTAKES: &[(Bug, &str)] = &[
    (Bug::AcknowledgeBeforeSync, "acknowledged"),
    (Bug::AcknowledgeBeforePublish, "acknowledged"),
    (Bug::ForgetUnsynced, "synced"),
    (Bug::PublishPiecemeal, "batches"),
    (Bug::RaiseLate, "peeked"),
    (Bug::StampUnseen, "cached"),
    (Bug::PublishBeforeSync, "failed_sync"),
    (Bug::AcknowledgeFailure, "failed_sync"),
    (Bug::RetrySync, "failed_sync"),
    (Bug::ForgetReply, "panic"),
    (Bug::SkipOwnerSweep, "full_mailbox"),
    (Bug::SkipSenderSweep, "full_mailbox"),
    (Bug::SkipRetry, "compaction"),
    (Bug::DropInputsEarly, "compaction"),
    (Bug::RepointOverwritten, "overwrite"),
    (Bug::SwapSegments, "rotation"),
    (Bug::StaleRead, "rotation"),
    (Bug::SkipClose, "shutdown"),
    (Bug::SkipOverlay, "increments"),
    (Bug::RegisterLate, "snapshots"),
    (Bug::SkipSecondLook, "overtaken"),
    (Bug::ReplaceUnannounced, "in_place"),
    (Bug::SkipRetain, "in_place"),
    (Bug::ForgetEarlier, "cleared"),
    (Bug::TrustDrained, "cleared"),
    (Bug::DrainSeen, "cleared"),
    (Bug::SkipCellCheck, "compaction"),
    (Bug::SleepUnchecked, "wake_up"),
    (Bug::OvertakeMailbox, "turn_order"),
    (Bug::TakeBeforeSeat, "turn_order"),
    (Bug::SurvivePanic, "turn_panic"),
    (Bug::SkipReadKeys, "transactions"),
    (Bug::SkipReadRanges, "transactions"),
    (Bug::RegisterWakerLate, "tickets"),
    (Bug::TellUnpublished, "watch"),
    (Bug::LeaveRingOpen, "watch"),
    (Bug::WaitUnchecked, "watchers"),
    (Bug::KeepWakeList, "watchers"),
    (Bug::KeepAlarmArmed, "alarm"),
    (Bug::ArmBehindNews, "alarm"),
    (Bug::HoldOthers, "alarm"),
    (Bug::KeepOldPlace, "event_classes"),
];

/// Says in the environment which of the mistakes is to be made.
const MISTAKE: &str = "KVS_MISTAKE";

/// The exit status of a process whose model panicked.
const CAUGHT: i32 = 42;

#[test]
fn each_mistake_is_caught_by_its_model() {
    let mut missed = Vec::new();
    for (number, (bug, model)) in MISTAKES.iter().enumerate() {
        let start = Instant::now();
        let process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "loom_tests::planted::one_mistake", "--ignored", "--nocapture"])
            .env(MISTAKE, number.to_string())
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&process.stdout);
        let how = said.lines().find_map(|line| line.strip_prefix("caught: "));
        match how {
            Some(how) if process.status.code() == Some(CAUGHT) => {
                let seconds = start.elapsed().as_secs_f64();
                println!("{bug:?} is caught by {model} in {seconds:.1} s: {how}");
            }
            _ => missed.push(format!("{bug:?} is not caught by {model}: {said}")),
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
#[ignore = "it is what the other test runs"]
fn one_mistake() {
    let Ok(number) = env::var(MISTAKE) else { return };
    let number: usize = number.parse().unwrap();
    let (bug, name) = MISTAKES[number];
    let (_, model) = MODELS.iter().find(|(other, _)| *other == name).unwrap();
    panic::set_hook(Box::new(|panic| {
        if !is_on_purpose(panic.payload()) {
            let text = panic.to_string().replace('\n', " ");
            println!("\ncaught: {text}");
            exit(CAUGHT);
        }
    }));
    let _planted = plant(Some(bug));
    let executions = model.explore(model.quick.preemptions);
    println!("\n{executions} executions, and none fails");
}
