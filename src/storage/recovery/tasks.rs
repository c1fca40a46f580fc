//! Work that falls into parts which do not depend on each other.

use std::ops::ControlFlow;

use crate::Result;

/// Runs tasks, one after the other or beside each other.
pub(crate) trait Tasks {
    /// Calls `task` with the numbers below `count`, and `take` with each result on the calling
    /// thread, lowest number first, so that the outcome is the same however tasks are run.
    ///
    /// A bounded number of results waits to be taken. Where `take` breaks, no further result is
    /// taken, and tasks that were begun ahead are thrown away.
    fn run<T: Send + 'static>(
        &self,
        count: usize,
        task: impl Fn(usize) -> T + Send + Sync + 'static,
        take: impl FnMut(T) -> Result<ControlFlow<()>>,
    ) -> Result<()>;
}

/// Runs each task when its result is to be taken.
pub(crate) struct OneByOne;

impl Tasks for OneByOne {
    fn run<T: Send + 'static>(
        &self,
        count: usize,
        task: impl Fn(usize) -> T + Send + Sync + 'static,
        mut take: impl FnMut(T) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        for number in 0..count {
            if take(task(number))? == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }
}
