//! Every call that a server's actors make on its files fails once, or is the last one before it
//! dies.
//!
//! `strace` watches one thread of the real server and lets the Nth call of a kind fail, or kills
//! the server there, for N from one until a run of the same session does not get that far.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use common::fault::Effect::{self, Error, Kill};
use common::fault::{FAILURES, FAILURES_AND_EINTR, Fault, SYNC_FAILURES, attach, can_inject};
use common::form::by_form;
use common::journal::{Journal, Outcome};
use common::journaled::Connection;
use common::process::{Server, is_compacting, wait};
use kvs::{Options, Store};
use tempfile::TempDir;

/// So large that a few of them are worth a compaction.
const VALUE_BYTES: usize = 1 << 20;

/// Enough for two compactions.
const STEPS: usize = 24;

/// More calls of one kind than the session leads to.
const CALLS_MAX: usize = 500;

/// The actor that owns the log.
const WRITER: &str = "kvs-writer";

/// The actor that compacts.
const MAINTENANCE: &str = "kvs-maintenance";

/// The outcome of a run of the session under a fault.
struct Run {
    journal: Journal,
    outcomes: Vec<Outcome>,
    status: ExitStatus,
    log: String,
    trace: String,
}

impl Run {
    fn is_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    /// Returns true if the fault happened.
    fn is_met(&self, fault: &Fault) -> bool {
        let is_injected = |line: &str| line.starts_with(fault.call) && line.contains("(INJECTED)");
        self.is_killed() || self.trace.lines().any(is_injected)
    }
}

/// Waits, though not for long, until no compaction is under way.
fn let_compaction_finish(directory: &Path) {
    let start = Instant::now();
    while is_compacting(directory) && start.elapsed() < Duration::from_millis(300) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Returns the session: large values that make garbage, a batch, a removal, and all of it read in
/// between.
fn session(
    server: &Server,
    directory: &Path,
    journal: &mut Journal,
    fault: &Fault,
) -> Vec<Outcome> {
    let mut native = Connection::native(server.address);
    let mut redis = Connection::redis(server.address);
    let mut outcomes = Vec::new();
    for step in 0..STEPS {
        let_compaction_finish(directory);
        let (connection, write) = match step % 6 {
            0 | 3 => (&mut native, journal.set(&["a"], VALUE_BYTES)),
            1 | 4 => (&mut redis, journal.set(&["b"], VALUE_BYTES)),
            2 => (&mut redis, journal.set(&["x", "y", "z"], 100)),
            _ if step % 4 == 1 => (&mut native, journal.remove("c")),
            _ => (&mut native, journal.set(&["c"], 1000)),
        };
        let outcome = connection.send(journal, &write);
        outcomes.push(outcome.clone());
        if outcome == Outcome::Unanswered {
            return outcomes;
        }
    }
    // Reads go on, whatever became of the writes; but work beside them may still meet its end.
    if fault.effect != Kill {
        journal.check(|key| native.get(key)).unwrap();
    }
    outcomes
}

/// Runs the session on a new directory, with a fault in one thread of the server.
fn run(thread: &str, directory: &Path, fault: &Fault) -> Run {
    let traces = TempDir::new().unwrap();
    let trace = traces.path().join("trace");
    let server = Server::start(directory, &["--durability", "always"]);
    let mut strace = attach(&server, thread, &fault.options(&trace));
    let mut journal = Journal::default();
    let outcomes = session(&server, directory, &mut journal, fault);
    server.signal("TERM");
    let (status, log) = server.wait();
    wait(&mut strace);
    Run { journal, outcomes, status, log, trace: fs::read_to_string(trace).unwrap() }
}

/// Checks that the directory opens, holds what it has to, takes writes, and holds them when it is
/// opened again.
fn check_reopened(directory: &Path, journal: &mut Journal) {
    for round in 0..2 {
        let store = Store::open(Options::new(directory)).unwrap();
        journal.settle(|key| store.get(key).unwrap()).unwrap();
        let write = journal.set(&["after"], 100 + round);
        store.set("after", write.value("after").unwrap()).unwrap();
        journal.conclude(&write, &Outcome::Acknowledged);
    }
}

/// Checks what has to hold whatever failed.
fn check_run(run: &Run) {
    let Run { outcomes, status, log, .. } = run;
    assert!(!log.contains("panicked"), "a panic");
    let is_doubtful = |outcome: &Outcome| matches!(outcome, Outcome::Doubtful(_));
    let doubtful = outcomes.iter().position(is_doubtful);
    let behind = doubtful.map_or(&[][..], |at| &outcomes[at..]);
    assert!(
        !behind.contains(&Outcome::Acknowledged),
        "something was acknowledged after a sync failed"
    );
    let is_stopped = log.contains("takes no more writes");
    if run.is_killed() {
        return;
    }
    assert!(!outcomes.contains(&Outcome::Unanswered), "a request was not answered");
    assert!(doubtful.is_none() || status.code() == Some(1), "a failed sync ends with {status}");
    assert!(status.success() || status.code() == Some(1) && is_stopped, "it ended with {status}");
    if outcomes.iter().any(|outcome| *outcome != Outcome::Acknowledged) {
        assert!(log.contains(" WARN ") || log.contains(" ERROR "), "a failure was not logged");
    }
}

/// Counts the outcomes that are like this.
fn count(outcomes: &[Outcome], is_like: impl Fn(&Outcome) -> bool) -> usize {
    outcomes.iter().filter(|outcome| is_like(outcome)).count()
}

/// Checks that a fault led to no more than one of its kind may.
fn check_damage(thread: &str, fault: &Fault, run: &Run) {
    let Run { outcomes, status, log, .. } = run;
    let failed = count(outcomes, |outcome| *outcome != Outcome::Acknowledged);
    let is_logged = log.contains(" WARN ") || log.contains(" ERROR ");
    let is_sync = matches!(fault.call, "fdatasync" | "fsync");
    match (fault.effect, thread) {
        (Kill, _) => {}
        (Error("EINTR"), _) => {
            assert!(failed == 0 && status.success(), "an interrupted call is made again");
            assert!(!is_logged, "and not worth a word");
        }
        // Nothing is sent while the store closes, so a failure is only logged then.
        (Error(_), WRITER) if is_sync || fault.also.is_some() => {
            assert!(failed > 0 || is_logged, "acknowledged in spite of a failure");
        }
        (Error(_), WRITER) => {
            let is_refused = |outcome: &Outcome| matches!(outcome, Outcome::Refused(_));
            assert!(failed <= 1, "one failure concerns one write");
            assert_eq!(failed, count(outcomes, is_refused), "its outcome is known");
        }
        (Error(_), _) if is_sync => {}
        (Error(_), _) => assert_eq!(failed, 0, "writes do not depend on compaction"),
    }
}

/// Runs the session under a fault and checks everything; whether the fault was met.
fn try_fault(thread: &str, fault: &Fault) -> bool {
    let directory = TempDir::new().unwrap();
    let mut run = run(thread, directory.path(), fault);
    let mut journal = std::mem::take(&mut run.journal);
    let checked = catch_unwind(AssertUnwindSafe(|| {
        check_run(&run);
        if run.is_met(fault) {
            check_damage(thread, fault, &run);
        }
        check_reopened(directory.path(), &mut journal);
    }));
    if checked.is_err() {
        let kept = directory.keep();
        let Run { outcomes, log, trace, .. } = &run;
        panic!(
            "{thread}: {fault:?}\n{outcomes:?}\n{log}\n{trace}the directory is {}",
            kept.display()
        );
    }
    run.is_met(fault)
}

/// Returns the distance between calls that fail: the short form of the tests passes over most.
fn step() -> usize {
    by_form([18, 2, 1])
}

/// The most runs of the session until it leads to a call that it leads to for certain: the moment
/// of a compaction depends on other threads, and so does the number of calls before it.
const ATTEMPTS: usize = 8;

/// Lets every call of this kind of a thread fail in every way. The session leads to the first
/// `certain` of them.
fn exhaust(
    thread: &str,
    call: &'static str,
    effects: &[Effect],
    also: Option<&'static str>,
    certain: usize,
) {
    let mut met = 0;
    // In the short form of the tests the calls fail in every second way.
    for effect in effects.iter().step_by(by_form([2, 1, 1])) {
        let mut missed = 0;
        for index in (1..CALLS_MAX).step_by(step()) {
            let fault = Fault { call, effect: *effect, index, also };
            let attempts = if index <= certain { ATTEMPTS } else { 1 };
            let is_met = (0..attempts).any(|_| try_fault(thread, &fault));
            assert!(is_met || index > certain, "{thread}: {fault:?} is not met");
            met += usize::from(is_met);
            // The number of calls differs a little from run to run, by less than a step of the
            // short form.
            missed = if is_met { 0 } else { missed + 1 };
            if missed == by_form([1, 2, 2]) {
                break;
            }
        }
    }
    println!("{thread}: {call}{}: {met} faults", also.map_or(String::new(), |a| format!("+{a}")));
}

#[test]
fn every_write_of_the_writer_fails() {
    if can_inject() {
        // At least each step writes once.
        exhaust(WRITER, "pwrite64", FAILURES_AND_EINTR, None, STEPS);
    }
}

#[test]
fn every_sync_of_the_writer_fails() {
    if can_inject() {
        exhaust(WRITER, "fdatasync", SYNC_FAILURES, None, STEPS);
        // The directory, for each new segment.
        exhaust(WRITER, "fsync", SYNC_FAILURES, None, 2);
    }
}

#[test]
fn every_other_call_of_the_writer_fails() {
    if can_inject() {
        // A new segment, and the output of a compaction.
        exhaust(WRITER, "openat", FAILURES_AND_EINTR, None, 2);
        exhaust(WRITER, "openat", &[Error("EMFILE")], None, 2);
    }
}

#[test]
fn every_clean_up_of_the_writer_fails_too() {
    if can_inject() {
        let once = &[Error("ENOSPC")];
        exhaust(WRITER, "pwrite64", once, Some("ftruncate"), STEPS);
        exhaust(WRITER, "fsync", once, Some("unlinkat"), 2);
        exhaust(WRITER, "pwrite64", once, Some("unlinkat"), STEPS);
    }
}

#[test]
fn every_read_and_write_of_a_compaction_fails() {
    if can_inject() {
        // One compaction at least.
        exhaust(MAINTENANCE, "pread64", FAILURES_AND_EINTR, None, 1);
        exhaust(MAINTENANCE, "pwrite64", FAILURES_AND_EINTR, None, 2);
        exhaust(MAINTENANCE, "fdatasync", SYNC_FAILURES, None, 1);
    }
}

#[test]
fn every_change_of_a_name_by_a_compaction_fails() {
    if can_inject() {
        exhaust(MAINTENANCE, "fsync", SYNC_FAILURES, None, 2);
        // Hints alone are opened: behind a rename, want of a descriptor would leave the name in
        // doubt.
        exhaust(MAINTENANCE, "openat", &[Error("EMFILE")], None, 0);
        exhaust(MAINTENANCE, "renameat", FAILURES, None, 1);
        exhaust(MAINTENANCE, "unlinkat", FAILURES, None, 1);
    }
}
