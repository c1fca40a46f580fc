//! A server in a process of its own.

use std::fs::{self, DirEntry};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than any server takes to end, so that a hang fails a test instead of stopping it.
const PATIENCE: Duration = Duration::from_secs(60);

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

    /// Does as [`start`](Self::start), for a command that runs the server in its own way.
    pub fn start_command(command: Command, directory: &Path, arguments: &[&str]) -> Self {
        Self::try_start(command, directory, arguments)
            .unwrap_or_else(|(status, log)| panic!("the server did not start: {status}: {log}"))
    }

    /// Does as [`start_command`](Self::start_command), where the server may end instead of
    /// listening.
    pub fn try_start(
        mut command: Command,
        directory: &Path,
        arguments: &[&str],
    ) -> Result<Self, (ExitStatus, String)> {
        // The environment of the tests may hold a password for another server.
        if !command.get_envs().any(|(name, _)| name == "KVS_PASSWORD") {
            command.env_remove("KVS_PASSWORD");
        }
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
            if stderr.read_line(&mut log).unwrap() == 0 {
                return Err((wait(&mut child), log));
            }
            if let Some((_, address)) = log[start..].split_once("listening on ") {
                break address.trim().parse().unwrap();
            }
        };
        // Reads on, so that the server never waits for room in the pipe.
        let log = thread::spawn(move || {
            let _ = stderr.read_to_string(&mut log);
            log
        });
        Ok(Self { child, address, log: Some(log) })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the id of its thread of this name.
    pub fn thread(&self, name: &str) -> u32 {
        let tasks = format!("/proc/{}/task", self.id());
        let is_named = |task: &DirEntry| {
            let found = fs::read_to_string(task.path().join("comm"));
            found.is_ok_and(|found| found.trim_end() == name)
        };
        let start = Instant::now();
        loop {
            let mut tasks = fs::read_dir(&tasks).unwrap().map(|task| task.unwrap());
            if let Some(task) = tasks.find(is_named) {
                return task.file_name().to_str().unwrap().parse().unwrap();
            }
            // A thread gives itself its name when it begins to run.
            assert!(start.elapsed() < PATIENCE, "the server has no thread {name}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Returns true unless it has ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Kills it without warning; returns what it logged.
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log.take().unwrap().join().unwrap()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for it to end by itself; how it ended, and what it logged.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = wait(&mut self.child);
        (status, self.log.take().unwrap().join().unwrap())
    }
}

/// Returns true if the directory holds the output of a compaction that is not finished.
pub fn is_compacting(directory: &Path) -> bool {
    let mut names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    names.any(|path| path.extension().is_some_and(|extension| extension == "tmp"))
}

/// Waits for the end of a process, but not forever.
pub fn wait(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("process {} did not end within {PATIENCE:?}", child.id());
        }
        thread::sleep(Duration::from_millis(1));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
