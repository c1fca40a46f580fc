//! A server in a process of its own.

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
