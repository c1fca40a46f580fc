//! A control group of Linux with a limit of memory, beyond which the system kills.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::tool::skip;

/// A group; removed when dropped, by when its processes have to have ended.
pub struct ControlGroup {
    path: PathBuf,
    /// The file that counts the processes that were killed.
    kills: &'static str,
}

impl ControlGroup {
    /// Makes a group of so much memory, in either version of control groups.
    ///
    /// It takes root, and a file system that no package brings: where it cannot be made, a test
    /// fails only if `KVS_TEST_CGROUP=required` says that it can.
    pub fn of_memory(bytes: u64) -> Option<Self> {
        let group = Self::make("memory", "memory.limit_in_bytes", "memory.oom_control", bytes)
            .or_else(|| Self::make("", "memory.max", "memory.events", bytes));
        if group.is_none() {
            let is_required = std::env::var("KVS_TEST_CGROUP").is_ok_and(|v| v == "required");
            assert!(!is_required, "no control group, and KVS_TEST_CGROUP says that there are some");
            skip("no control group can be made: nothing limits the memory of the server");
        }
        group
    }

    fn make(root: &str, limit: &str, kills: &'static str, bytes: u64) -> Option<Self> {
        let root = Path::new("/sys/fs/cgroup").join(root);
        let path = root.join(format!("kvs-test-{}", std::process::id()));
        fs::create_dir(&path).ok()?;
        let group = Self { path, kills };
        let is_limited = group.path.join(limit).exists()
            && fs::write(group.path.join(limit), bytes.to_string()).is_ok();
        // What is swapped out counts as well, where there is swap.
        for (file, bytes) in [("memory.memsw.limit_in_bytes", bytes), ("memory.swap.max", 0)] {
            let _ = fs::write(group.path.join(file), bytes.to_string());
        }
        is_limited.then_some(group)
    }

    /// Returns a command that runs the program in the group.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("sh");
        let processes = self.path.join("cgroup.procs");
        command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(processes).arg(program);
        command
    }

    /// Returns the number of processes that were killed for want of memory.
    pub fn kills(&self) -> u64 {
        let text = fs::read_to_string(self.path.join(self.kills)).unwrap_or_default();
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.and_then(|count| count.parse().ok()).unwrap_or_default()
    }
}

impl Drop for ControlGroup {
    /// A process that was killed is gone from its group some moments later.
    fn drop(&mut self) {
        let start = Instant::now();
        while fs::remove_dir(&self.path).is_err() && start.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(10));
        }
    }
}
