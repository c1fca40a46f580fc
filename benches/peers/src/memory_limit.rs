//! A limit of memory for one child process, the page cache included: a control group.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// A control group that is removed with the value.
#[derive(Debug)]
pub struct MemoryLimit {
    directory: PathBuf,
}

impl MemoryLimit {
    /// Makes a group with this limit.
    ///
    /// # Errors
    /// An error if the system has no control groups for memory, or does not let this user make one.
    /// A limit of the address space would not limit the page cache, so there is no other way.
    pub fn new(bytes: u64) -> Outcome<Self> {
        let name = format!("kvs-peers-{}", std::process::id());
        let mut failures = Vec::new();
        for (parent, file) in [
            ("/sys/fs/cgroup", "memory.max"),
            ("/sys/fs/cgroup/unified", "memory.max"),
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ] {
            match Self::make(&Path::new(parent).join(&name), file, bytes) {
                Ok(limit) => return Ok(limit),
                Err(error) => failures.push(format!("{parent}: {error}")),
            }
        }
        Err(format!("no control group limits memory here ({})", failures.join("; ")).into())
    }

    fn make(directory: &Path, file: &str, bytes: u64) -> Outcome<Self> {
        fs::create_dir(directory)?;
        let limit = Self { directory: directory.to_path_buf() };
        let path = directory.join(file);
        if !path.exists() {
            return Err(format!("no {file}").into());
        }
        fs::write(path, bytes.to_string())?;
        Ok(limit)
    }

    /// Returns the directory of the group, for [`join`].
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        // What is left of an empty group costs nothing.
        let _ = fs::remove_dir(&self.directory);
    }
}

/// Moves this process into a group.
pub fn join(group: &Path) -> Outcome<()> {
    let file = group.join("cgroup.procs");
    fs::write(&file, "0").map_err(|error| format!("cannot join {}: {error}", file.display()))?;
    Ok(())
}
