//! A thread for each job.

use std::{fmt, io};

use super::pending_jobs::PendingJobs;
use super::{ThreadPool, check, run};
use crate::Result;
use crate::sync::{Arc, Mutex, ThreadBuilder, lock};

/// No pool at all: every job gets a new thread, which ends with it.
///
/// The number of threads it is made with limits nothing, and a hundred thousand jobs at once are as
/// many threads. Where the system has no thread left, the job runs on the thread that spawned it,
/// which is the only back pressure there is. Starting a thread costs some tens of microseconds per
/// job.
pub struct NaiveThreadPool {
    pending: PendingJobs,
}

impl fmt::Debug for NaiveThreadPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NaiveThreadPool").finish_non_exhaustive()
    }
}

impl ThreadPool for NaiveThreadPool {
    fn new(threads: u32) -> Result<Self> {
        check(threads)?;
        Ok(Self { pending: PendingJobs::new() })
    }

    fn spawn<F>(&self, job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        let token = self.pending.token();
        let job = move || {
            run(job);
            drop(token);
        };
        let start = |work| ThreadBuilder::new().name("kvs-job".to_owned()).spawn(work).map(drop);
        hand_over(job, start);
    }
}

/// Gives the job to a thread that `start` starts, or else runs it here.
fn hand_over(
    job: impl FnOnce() + Send + 'static,
    start: impl FnOnce(Box<dyn FnOnce() + Send>) -> io::Result<()>,
) {
    // A closure that no thread could be started for is dropped, and the job must not go with it.
    let here = Arc::new(Mutex::new(Some(job)));
    let there = Arc::clone(&here);
    let take = |place: &Mutex<Option<_>>| lock(place).take();
    let started = start(Box::new(move || {
        if let Some(job) = take(&there) {
            job();
        }
    }));
    if let Err(error) = started {
        log::warn!("cannot start a thread for a job, so its caller runs it: {error}");
        if let Some(job) = take(&here) {
            job();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_without_a_thread_runs_on_its_callers() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let job = move || sender.send(std::thread::current().id()).unwrap();
        hand_over(job, |_| Err(io::ErrorKind::WouldBlock.into()));
        assert_eq!(receiver.try_recv(), Ok(std::thread::current().id()));
    }
}
