//! Threads that take jobs from one queue.

use std::fmt;

use super::{ThreadPool, check, run};
use crate::actor::ActorThread;
use crate::sync::{Sender, ThreadBuilder, unbounded};
use crate::{Error, Result};

type BoxedJob = Box<dyn FnOnce() + Send>;

/// As many threads as it is made with, and one queue that all of them take their jobs from.
///
/// Jobs start in the order in which they were spawned. A job that waits holds its thread, so as
/// many jobs as there are threads can keep all others from starting. A panic ends the job and not
/// the thread: the pool has its full size as long as it lives.
pub struct SharedQueueThreadPool {
    /// Dropped before the threads are joined, which end when the queue is closed and empty.
    queue: Sender<BoxedJob>,
    threads: Vec<ActorThread>,
}

impl fmt::Debug for SharedQueueThreadPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.threads.len();
        formatter.debug_struct("SharedQueueThreadPool").field("threads", &threads).finish()
    }
}

impl ThreadPool for SharedQueueThreadPool {
    fn new(threads: u32) -> Result<Self> {
        check(threads)?;
        let (queue, jobs) = unbounded::<BoxedJob>();
        let mut pool = Self { queue, threads: Vec::new() };
        for number in 0..threads {
            let jobs = jobs.clone();
            let thread = ThreadBuilder::new()
                .name(format!("kvs-pool-{number}"))
                .spawn(move || jobs.iter().for_each(run))
                .map_err(Error::no_thread)?;
            pool.threads.push(ActorThread::new(thread));
        }
        Ok(pool)
    }

    fn spawn<F>(&self, job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        // The threads receive as long as there is a sender, so sending cannot fail.
        let sent = self.queue.send(Box::new(job));
        debug_assert!(sent.is_ok(), "a thread of the pool ended");
    }
}
