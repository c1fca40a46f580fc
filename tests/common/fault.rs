//! A failing call, or a process that dies at one, by means of `strace`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::process::{Server, wait};
use super::tool::{has, is_able};
use Effect::{Error, Kill};

/// The effect of a fault on the calls that it hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Error(&'static str),
    Kill,
}

/// The call fails in every way that it can, but for being interrupted.
pub const FAILURES: &[Effect] = &[Error("EIO"), Error("ENOSPC"), Kill];

/// It may also be interrupted by a signal, which must make no difference.
pub const FAILURES_AND_EINTR: &[Effect] = &[Error("EIO"), Error("ENOSPC"), Error("EINTR"), Kill];

/// The effects that a sync may meet.
pub const SYNC_FAILURES: &[Effect] = &[Error("EIO"), Error("EINTR"), Kill];

/// The Nth call of a kind, and perhaps a call that always fails besides.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub call: &'static str,
    pub effect: Effect,
    pub index: usize,
    /// Fails whenever it is made: the clean-up after the first failure.
    pub also: Option<&'static str>,
}

impl Fault {
    /// Returns the options that make `strace` cause it.
    pub fn options(&self, trace: &Path) -> Vec<String> {
        let Self { call, effect, index, also } = self;
        let effect = match effect {
            Error(name) => format!("error={name}"),
            Kill => "signal=SIGKILL".to_owned(),
        };
        // A call that is not traced is not injected into.
        let calls = also.map_or((*call).to_owned(), |also| format!("{call},{also}"));
        let mut options = vec![
            format!("--output={}", trace.display()),
            format!("--trace={calls}"),
            format!("--inject={call}:{effect}:when={index}"),
        ];
        options.extend(also.map(|also| format!("--inject={also}:error=EIO:when=1+")));
        options.extend(["-y", "--signal=none", "--string-limit=0"].map(str::to_owned));
        options
    }
}

/// Starts `strace` on one thread of the server, and waits until it watches.
pub fn attach(server: &Server, thread: &str, options: &[String]) -> Child {
    let mut strace = Command::new("strace")
        .args(["-p", &server.thread(thread).to_string()])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(strace.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.ends_with("attached\n"), "strace did not attach: {line}");
    strace
}

/// Returns true if strace is installed and may watch a running process.
pub fn can_inject() -> bool {
    has("strace", &["-V"])
        && is_able("strace cannot attach to a process", || {
            let mut sleeper = Command::new("sleep").arg("60").spawn().unwrap();
            let mut strace = Command::new("strace");
            strace.args(["-qq", "-o", "/dev/null", "-p", &sleeper.id().to_string()]);
            let mut strace = strace.stderr(Stdio::null()).spawn().unwrap();
            thread::sleep(Duration::from_millis(300));
            let is_watching = strace.try_wait().unwrap().is_none();
            sleeper.kill().unwrap();
            wait(&mut sleeper);
            wait(&mut strace);
            is_watching
        })
}
