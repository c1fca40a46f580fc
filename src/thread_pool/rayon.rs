//! The pool of the `rayon` crate.

use std::{fmt, io};

use super::pending_jobs::PendingJobs;
use super::{ThreadPool, check, run};
use crate::{Error, Result};

/// Rayon's work-stealing pool; only with the cargo feature `rayon`.
///
/// Each thread has a queue of its own and takes from the others' when that is empty, which pays for
/// many short jobs that spawn jobs. A job that waits holds its thread, as in
/// [`SharedQueueThreadPool`](super::SharedQueueThreadPool).
pub struct RayonThreadPool {
    /// Dropped, and so waited for, while the threads are there.
    pending: PendingJobs,
    pool: rayon::ThreadPool,
}

impl fmt::Debug for RayonThreadPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.pool.current_num_threads();
        formatter.debug_struct("RayonThreadPool").field("threads", &threads).finish()
    }
}

impl ThreadPool for RayonThreadPool {
    fn new(threads: u32) -> Result<Self> {
        check(threads)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(usize::try_from(threads).unwrap_or(usize::MAX))
            .thread_name(|number| format!("kvs-rayon-{number}"))
            .build()
            .map_err(|error| Error::no_thread(io::Error::other(error)))?;
        Ok(Self { pending: PendingJobs::new(), pool })
    }

    fn spawn<F>(&self, job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        let token = self.pending.token();
        // A panic that came through to rayon would end the process.
        self.pool.spawn(move || {
            run(job);
            drop(token);
        });
    }
}
