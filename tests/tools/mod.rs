//! A real server process, and the tools that some tests need.

#![allow(clippy::unwrap_used, dead_code)]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

/// A running `kvs-server` on a port that the system chose; killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts the server on the directory and waits until it listens.
    pub fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::start_command(Command::new(env!("CARGO_BIN_EXE_kvs-server")), directory, arguments)
    }

    /// As [`start`](Self::start), for a command that runs the server in its own way.
    pub fn start_command(mut command: Command, directory: &Path, arguments: &[&str]) -> Self {
        command.args(["--addr", "127.0.0.1:0", "--dir"]).arg(directory).args(arguments);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut log = String::new();
        let address = loop {
            let start = log.len();
            assert_ne!(stderr.read_line(&mut log).unwrap(), 0, "the server did not start: {log}");
            if let Some((_, address)) = log[start..].split_once("listening on ") {
                break address.trim().parse().unwrap();
            }
        };
        // Reads on, so that the server never waits for room in the pipe.
        let log = std::thread::spawn(move || {
            let _ = stderr.read_to_string(&mut log);
            log
        });
        Self { child, address, log: Some(log) }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without warning.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for it to end by itself; how it ended, and what it logged.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the tool is installed; a test that needs it says so and ends if not, or fails where
/// `KVS_TEST_TOOLS=required` says that every tool has to be there.
pub fn has(tool: &str, arguments: &[&str]) -> bool {
    let found = Command::new(tool)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        let is_required = std::env::var("KVS_TEST_TOOLS").is_ok_and(|value| value == "required");
        assert!(!is_required, "{tool} is not installed, and KVS_TEST_TOOLS says it has to be");
        eprintln!("SKIPPED: {tool} is not installed");
    }
    found
}

/// Runs a command to its end; what it printed on standard output.
pub fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?} failed: {stdout}{stderr}");
    stdout
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
