//! Figures of the system about a process: its memory, its processor time, its reads of the disk.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;

/// Resident memory in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// Of the process itself.
    pub own_bytes: u64,
    /// Pages of files, such as a mapped database.
    pub file_bytes: u64,
}

/// Returns the memory of a process; `self` is this one.
pub fn memory(process: &str) -> Outcome<Memory> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kibibytes = |name: &str| -> Outcome<u64> {
        let field = status.lines().find_map(|line| line.strip_prefix(name));
        let number = field.and_then(|field| field.split_whitespace().next());
        Ok(number.ok_or_else(|| format!("no {name} in the status of a process"))?.parse::<u64>()?)
    };
    Ok(Memory {
        own_bytes: (kibibytes("RssAnon:")? + kibibytes("RssShmem:")?) << 10,
        file_bytes: kibibytes("RssFile:")? << 10,
    })
}

/// Returns the time that all threads of a process have run, in the system and outside it, to 10 ms.
pub fn processor_time(process: u32) -> Outcome<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold spaces.
    let (_, fields) = text.rsplit_once(')').ok_or("a process has no name")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks =
        || -> Outcome<u64> { Ok(fields.next().ok_or("a process has no times")?.parse()?) };
    let total = ticks()? + ticks()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_millis(total * 1000 / per_second.max(1)))
}

/// Returns the number of bytes that this process made the system read from a disk.
pub fn disk_read_bytes() -> Outcome<u64> {
    let text = fs::read_to_string("/proc/self/io")?;
    let field = text.lines().find_map(|line| line.strip_prefix("read_bytes: "));
    Ok(field.ok_or("the system does not count what a process reads")?.parse()?)
}

/// Returns the bytes that all files below a directory take on the disk.
pub fn disk_usage(directory: &Path) -> Outcome<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for file in files(directory)? {
        bytes += fs::metadata(file)?.blocks() * 512;
    }
    Ok(bytes)
}

/// Drops what the system holds of the files below a directory, so that the next read goes to the
/// disk.
pub fn drop_cached(directory: &Path) -> Outcome<()> {
    for file in files(directory)? {
        let file = fs::File::open(file)?;
        // What is not written back cannot be dropped.
        file.sync_all()?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}

/// Returns every file below a directory.
pub fn files(directory: &Path) -> Outcome<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    Ok(files)
}

/// The time for which something that is about to succeed is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tries again until it works or ten seconds are over.
pub fn retry<T, E>(mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(_) if start.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(5)),
            result => return result,
        }
    }
}
