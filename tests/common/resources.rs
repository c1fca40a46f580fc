//! The memory, threads, files and disk space of a process.

use std::fmt;
use std::fs;
use std::path::Path;

use super::directory_bytes;

/// The resources of a server at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// Memory that is in use.
    pub resident_bytes: u64,
    pub threads: u64,
    /// Open descriptors of anything but files of the store.
    pub descriptors: usize,
    /// Open files of the store.
    pub files: usize,
    /// Open files that have lost their names.
    pub removed_files: usize,
    /// Bytes of the store's files.
    pub disk_bytes: u64,
}

impl Resources {
    /// Measures a process that keeps its data in the directory.
    pub fn of(process: u32, directory: &Path) -> Self {
        Self::try_of(process, directory).unwrap_or_else(|| panic!("process {process} has ended"))
    }

    /// Measures a process that may have ended; nothing of one that has.
    pub fn try_of(process: u32, directory: &Path) -> Option<Self> {
        let mut resources = Self {
            resident_bytes: resident_bytes(process)?,
            threads: status_field(process, "Threads:")?,
            disk_bytes: directory_bytes(directory),
            ..Self::default()
        };
        for descriptor in fs::read_dir(format!("/proc/{process}/fd")).ok()? {
            // One that was closed meanwhile is not open.
            let Ok(target) = fs::read_link(descriptor.ok()?.path()) else { continue };
            if !target.starts_with(directory) {
                resources.descriptors += 1;
            } else if target.to_string_lossy().ends_with(" (deleted)") {
                resources.removed_files += 1;
            } else {
                resources.files += 1;
            }
        }
        Some(resources)
    }
}

/// Returns the memory that a process uses; none of one that has ended.
pub fn resident_bytes(process: u32) -> Option<u64> {
    Some(1024 * status_field(process, "VmRSS:")?)
}

/// Returns a number out of `/proc/PID/status`, which a process that has ended has not.
pub fn status_field(process: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

impl fmt::Display for Resources {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resident_bytes, threads, descriptors, files, removed_files, disk_bytes } = self;
        let (resident, disk) = (mebibytes(*resident_bytes), mebibytes(*disk_bytes));
        write!(
            formatter,
            "{resident:.1} MiB of memory, {threads} threads, {descriptors} descriptors and {files} \
             files \
             ({removed_files} without a name), {disk:.1} MiB of disk"
        )
    }
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
