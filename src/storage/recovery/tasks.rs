//! Work that falls into parts which do not depend on each other.

use crate::Result;

/// Whether more results are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The next one.
    More,
    /// None; what was begun ahead is thrown away.
    NoMore,
}

/// Runs tasks, one after the other or beside each other.
pub(crate) trait Tasks {
    /// Calls `task` with the numbers below `count`, and `take` with what it returns on the calling thread,
    /// that of the lowest number first, so that the outcome is the same however tasks are run.
    ///
    /// A bounded number of results waits to be taken.
    fn run<T: Send + 'static>(
        &self,
        count: usize,
        task: impl Fn(usize) -> T + Send + Sync + 'static,
        take: impl FnMut(T) -> Result<Wanted>,
    ) -> Result<()>;
}

/// Runs each task when its result is to be taken.
pub(crate) struct OneByOne;

impl Tasks for OneByOne {
    fn run<T: Send + 'static>(
        &self,
        count: usize,
        task: impl Fn(usize) -> T + Send + Sync + 'static,
        mut take: impl FnMut(T) -> Result<Wanted>,
    ) -> Result<()> {
        for number in 0..count {
            if take(task(number))? == Wanted::NoMore {
                break;
            }
        }
        Ok(())
    }
}
