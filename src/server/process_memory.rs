//! The memory that this process takes.

use std::fs;

/// The bytes of memory of a process, as the kernel counts them: all of it, be it for the store, for
/// clients, or for anything else in the process. They are 0 where the kernel does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessMemory {
    /// The bytes that are resident now.
    pub(crate) resident: u64,
    /// The most that were.
    pub(crate) peak: u64,
}

impl ProcessMemory {
    /// Returns those of this process, which takes some microseconds.
    pub(crate) fn now() -> Self {
        Self::of(&fs::read_to_string("/proc/self/status").unwrap_or_default())
    }

    /// Returns those in a [status](https://man7.org/linux/man-pages/man5/proc_pid_status.5.html).
    fn of(status: &str) -> Self {
        let bytes = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1 << 10)
        };
        let bytes = |name| bytes(name).unwrap_or(0);
        Self { resident: bytes("VmRSS:"), peak: bytes("VmHWM:") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_status_says_and_zero_without_one() {
        let status = "Name:\tkvs\nVmHWM:\t    3000 kB\nVmRSS:\t    2000 kB\nThreads:\t1\n";
        let memory = ProcessMemory::of(status);
        assert_eq!(memory, ProcessMemory { resident: 2_048_000, peak: 3_072_000 });
        assert_eq!(ProcessMemory::of("VmRSS: x kB"), ProcessMemory { resident: 0, peak: 0 });
    }
}
