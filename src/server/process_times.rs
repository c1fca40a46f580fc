//! The processor time that this process has taken.

use std::fs;
use std::time::Duration;

/// The unit of the times that the kernel tells, which is the same on every machine of today.
const TICK: Duration = Duration::from_millis(10);

/// The processor time of a process: its own, and that of processes that it started and that have
/// ended. The times are 0 where the kernel does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ProcessTimes {
    /// The time for the process itself.
    pub(crate) user: Duration,
    /// The time in the kernel.
    pub(crate) system: Duration,
    /// The same for the processes that it started.
    pub(crate) user_children: Duration,
    /// The same for the processes that it started, in the kernel.
    pub(crate) system_children: Duration,
}

impl ProcessTimes {
    /// Returns those of this process, which takes some microseconds.
    pub(crate) fn now() -> Self {
        Self::of(&fs::read_to_string("/proc/self/stat").unwrap_or_default()).unwrap_or_default()
    }

    /// Returns those in a [stat](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
    fn of(stat: &str) -> Option<Self> {
        // The name of the program may have any characters; the third field is behind it.
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut times = fields.split(' ').skip(11).map(|field| {
            let ticks = field.trim().parse::<u32>().ok()?;
            Some(TICK.saturating_mul(ticks))
        });
        let mut next = || times.next().flatten();
        Some(Self {
            user: next()?,
            system: next()?,
            user_children: next()?,
            system_children: next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_those_of_the_kernel_whatever_the_program_is_called() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 123 45 6 7 20 0 1 0 99\n";
        let times = ProcessTimes {
            user: Duration::from_millis(1230),
            system: Duration::from_millis(450),
            user_children: Duration::from_millis(60),
            system_children: Duration::from_millis(70),
        };
        assert_eq!(ProcessTimes::of(stat), Some(times));
        assert_eq!(ProcessTimes::of("7 (a) S 1"), None);
    }
}
