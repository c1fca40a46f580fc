//! Pools of threads that run jobs: the classic alternative to actors.
//!
//! | pool | threads | a job that panics |
//! |---|---|---|
//! | [`NaiveThreadPool`] | a new one for each job, without a limit | ends with its thread |
//! | [`SharedQueueThreadPool`] | as many as it was made with, which take jobs from one queue | its thread goes on |
//! | `RayonThreadPool`, with the feature `rayon` | the same number of rayon's, which steal jobs from each other | its thread goes on |
//!
//! A server on a pool gives each connection a job and puts its data behind a lock, so that threads
//! wait for each other and for the disk, and a connection holds a thread as long as it lasts. The
//! server of this crate is made of actors instead and uses no pool: pools are here for programs
//! that embed a store, and as what the server is measured against (`cargo bench --bench pools`).

mod naive;
mod pending_jobs;
#[cfg(feature = "rayon")]
mod rayon;
mod shared_queue;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(feature = "rayon")]
pub use self::rayon::RayonThreadPool;
pub use naive::NaiveThreadPool;
pub use shared_queue::SharedQueueThreadPool;

use crate::{Error, Result};

/// Threads that run jobs.
///
/// Jobs run in no particular order. One that panics is logged, and neither the pool nor its other
/// jobs notice. Dropping a pool waits until every job it was given is done; so a job must not be
/// what drops its own pool, as it would wait for itself.
///
/// Jobs that have no thread yet wait in memory, without a limit: a bound would let jobs that spawn
/// jobs wait for each other for ever. A caller that is faster than its jobs has to bound them
/// itself.
///
/// ```
/// use kvs::thread_pool::{SharedQueueThreadPool, ThreadPool};
///
/// let pool = SharedQueueThreadPool::new(4)?;
/// let (sender, receiver) = std::sync::mpsc::channel();
/// for number in 0..10 {
///     let sender = sender.clone();
///     pool.spawn(move || sender.send(number * number).expect("the receiver is still there"));
/// }
/// drop((pool, sender));
/// assert_eq!(receiver.iter().sum::<i32>(), 285);
/// # Ok::<(), kvs::Error>(())
/// ```
pub trait ThreadPool {
    /// Returns a pool of that many threads.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for no threads; [`Error::NoThread`] if the system does not give as
    /// many, in which case those that were started are ended.
    fn new(threads: u32) -> Result<Self>
    where
        Self: Sized;

    /// Runs the job on one of the threads, as soon as one is free; does not wait for it.
    fn spawn<F>(&self, job: F)
    where
        F: FnOnce() + Send + 'static;
}

/// Refuses a pool that would never run a job.
fn check(threads: u32) -> Result<()> {
    if threads == 0 {
        return Err(Error::InvalidOption("a thread pool needs at least one thread".to_owned()));
    }
    Ok(())
}

/// Runs a job; a panic ends here.
fn run(job: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(job)) {
        log::error!("a job of a thread pool panicked: {}", message(&*payload));
        // What it panicked with may panic when it is dropped; what that leaves is dropped by
        // nobody.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(payload);
        }
    }
}

/// Returns the text of a panic, if it has one.
fn message(payload: &(dyn Any + Send)) -> &str {
    let literal = payload.downcast_ref::<&str>().copied();
    literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
