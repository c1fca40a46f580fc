//! A running `redis-server`.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::tool::{is_able, output};
use super::wait::wait_until;

/// A `redis-server` on a Unix socket, with nothing on the disk; killed when dropped.
pub struct RedisProcess {
    child: Child,
    directory: TempDir,
    password: Option<&'static str>,
}

/// Returns true if a Redis of the version is installed whose replies the commands give. Others
/// answer, and dump, in other ways.
pub fn has_redis() -> bool {
    is_able("redis-server 7.0 with redis-cli is not installed", || {
        ["redis-server", "redis-cli"].iter().all(|tool| {
            let found = Command::new(tool).arg("--version").output();
            found.is_ok_and(|found| String::from_utf8_lossy(&found.stdout).contains("7.0."))
        })
    })
}

impl RedisProcess {
    /// Starts one, which asks for a password if there is one.
    pub fn start(password: Option<&'static str>) -> Self {
        let directory = TempDir::new().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]);
        command.arg(directory.path().join("redis.sock")).arg("--dir").arg(directory.path());
        if let Some(password) = password {
            command.args(["--requirepass", password]);
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let redis = Self { child, directory, password };
        let socket = redis.socket();
        wait_until("Redis listens", || UnixStream::connect(&socket).is_ok());
        redis
    }

    /// Returns the path of its socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    /// Returns a `redis-cli` that talks to it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("redis-cli");
        command.arg("-s").arg(self.socket());
        if let Some(password) = self.password {
            command.args(["--no-auth-warning", "-a", password]);
        }
        command.args(arguments);
        command
    }

    /// Returns what `redis-cli` prints.
    pub fn cli(&self, arguments: &[&str]) -> String {
        output(&mut self.command(arguments))
    }
}

impl Drop for RedisProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
