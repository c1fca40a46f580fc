//! Every call that opening a directory makes on its files fails once, or is the last one before the
//! server dies.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use common::fault::Effect::{self, Error, Kill};
use common::fault::{FAILURES, FAILURES_AND_EINTR, Fault, SYNC_FAILURES, attach, can_inject};
use common::form::by_form;
use common::journal::{Journal, Outcome};
use common::journaled::Connection;
use common::process::{Server, wait};
use kvs::{Options, Store};
use tempfile::TempDir;

/// The system calls of opening a store, each with the ways in which it may fail.
const CALLS: &[(&str, &[Effect])] = &[
    ("mkdir", FAILURES),
    ("openat", FAILURES),
    ("flock", &[Error("EIO"), Kill]),
    ("statx", &[Error("EIO"), Kill]),
    ("getdents64", &[Error("EIO"), Kill]),
    ("pread64", FAILURES_AND_EINTR),
    ("pwrite64", FAILURES_AND_EINTR),
    ("ftruncate", FAILURES_AND_EINTR),
    ("fdatasync", SYNC_FAILURES),
    ("fsync", SYNC_FAILURES),
    ("renameat", FAILURES),
    ("unlinkat", FAILURES),
];

/// Starts the server with `strace` on its first thread, which opens the store, and ends it if it
/// runs.
fn open_with(directory: &Path, fault: &Fault, trace: &Path) -> (ExitStatus, String) {
    let mut command = Command::new("strace");
    command.arg("-D").args(fault.options(trace)).arg(env!("CARGO_BIN_EXE_kvs-server"));
    match Server::try_start(command, directory, &["--durability", "always"]) {
        Err(ended) => ended,
        Ok(server) => {
            server.signal("TERM");
            server.wait()
        }
    }
}

/// Returns the trace, once strace, which runs beside the server, has written its end.
fn read_trace(path: &Path) -> String {
    let start = Instant::now();
    loop {
        let trace = fs::read_to_string(path).unwrap_or_default();
        if trace.contains("+++ ") {
            return trace;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "strace did not end: {trace}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Returns the calls of one kind that concern the directory: those of the program's loader do not.
fn indices(prepare: &impl Fn(&Path) -> Journal, call: &'static str) -> Vec<usize> {
    let (base, traces) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let directory = base.path().join("new");
    prepare(&directory);
    let trace = traces.path().join("trace");
    let never = Fault { call, effect: Error("EIO"), index: 60_000, also: None };
    let (status, log) = open_with(&directory, &never, &trace);
    assert!(status.success(), "{log}");
    let trace = read_trace(&trace);
    let calls = trace.lines().filter(|line| line.starts_with(call)).enumerate();
    let is_ours = |line: &str| line.contains(base.path().to_str().unwrap());
    calls.filter(|(_, line)| is_ours(line)).map(|(position, _)| position + 1).collect()
}

fn try_fault(prepare: &impl Fn(&Path) -> Journal, fault: &Fault) {
    let (base, traces) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let directory = base.path().join("new");
    let mut journal = prepare(&directory);
    let trace = traces.path().join("trace");
    let (status, log) = open_with(&directory, fault, &trace);
    let trace = match fault.effect {
        Kill => fs::read_to_string(&trace).unwrap(),
        Error(_) => read_trace(&trace),
    };
    let what = format!("{fault:?}: {status}\n{log}\n{trace}");
    assert!(fault.effect == Kill || trace.contains("(INJECTED)"), "{what}");
    assert!(!log.contains("panicked"), "{what}");
    match fault.effect {
        Kill => assert_eq!(status.signal(), Some(9), "{what}"),
        Error("EINTR") => assert!(status.success(), "{what}"),
        // It says which file it is about.
        Error(_) => {
            assert!(status.success() || status.code() == Some(1) && log.contains("/new"), "{what}")
        }
    }
    for round in 0..2 {
        let store = Store::open(Options::new(&directory))
            .unwrap_or_else(|error| panic!("{what}\nafterwards: {error}"));
        let settled = journal.settle(|key| store.get(key).unwrap());
        settled.unwrap_or_else(|violation| panic!("{what}\nafterwards: {violation:?}"));
        let write = journal.set(&["after"], 100 + round);
        store.set("after", write.value("after").unwrap()).unwrap();
        journal.conclude(&write, &Outcome::Acknowledged);
    }
}

fn exhaust(prepare: impl Fn(&Path) -> Journal) -> usize {
    let mut faults = 0;
    for (call, effects) in CALLS {
        let indices = indices(&prepare, call);
        for effect in *effects {
            for index in indices.iter().step_by(by_form([9, 1, 1])) {
                try_fault(&prepare, &Fault { call, effect: *effect, index: *index, also: None });
                faults += 1;
            }
        }
        println!("{call}: {} calls", indices.len());
    }
    faults
}

/// The origin in the header of a segment that the writer appends to.
const WRITTEN: [u8; 4] = [1, 0, 0, 0];

/// Kills a server while it compacts, with its output named and no input removed.
fn crash(directory: &Path) -> Journal {
    let server = Server::start(directory, &["--durability", "always"]);
    let mut connection = Connection::redis(server.address);
    let mut journal = Journal::default();
    let traces = TempDir::new().unwrap();
    let fault = Fault { call: "unlinkat", effect: Kill, index: 1, also: None };
    let mut strace =
        attach(&server, "kvs-maintenance", &fault.options(&traces.path().join("trace")));
    let start = Instant::now();
    for step in 0.. {
        assert!(start.elapsed() < Duration::from_secs(60), "no compaction");
        let write = match step % 4 {
            3 => journal.set(&["x", "y"], 100),
            _ => journal.set(&["a"], 200 << 10),
        };
        if connection.send(&mut journal, &write) == Outcome::Unanswered {
            break;
        }
    }
    assert_eq!(server.wait().0.signal(), Some(9));
    wait(&mut strace);
    journal
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn every_call_fails_while_a_directory_is_made() {
    if can_inject() {
        let faults = exhaust(|_| Journal::default());
        println!("{faults} faults");
        assert!(faults > by_form([10, 50, 50]));
    }
}

#[test]
fn every_call_fails_while_a_crashed_directory_is_recovered() {
    if !can_inject() {
        return;
    }
    let crashed = TempDir::new().unwrap();
    let journal = crash(crashed.path());
    // Besides what the crash left: a torn end and an unfinished output.
    let mut paths: Vec<_> =
        fs::read_dir(crashed.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    // A compaction's output may have the highest number, and so may a segment that was made ahead.
    paths.retain(|path| fs::read(path).unwrap()[12..16] == WRITTEN);
    let newest = paths.iter().max().unwrap();
    OpenOptions::new().append(true).open(newest).unwrap().write_all(&[1; 100]).unwrap();
    fs::write(crashed.path().join(format!("{:020}.tmp", 99)), "unfinished").unwrap();
    let faults = exhaust(|directory| {
        copy(crashed.path(), directory);
        journal.clone()
    });
    println!("{faults} faults");
    assert!(faults > by_form([10, 50, 50]));
}
