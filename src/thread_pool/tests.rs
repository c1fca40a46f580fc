//! Tests of the promises of every pool: each job runs, panics end no thread, and dropping waits.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::*;

const THREADS: u32 = 4;

/// The time that a test waits for what must happen before it fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

fn take<T>(receiver: &Receiver<T>, count: u32) -> Vec<T> {
    let take = |_| receiver.recv_timeout(PATIENCE).expect("a job did not come that far");
    (0..count).map(take).collect()
}

/// Spawns as many jobs as there are threads, each of which goes on only when all of them run.
fn run_at_once<P: ThreadPool>(pool: &P, end: fn()) {
    let (started_sender, started) = channel();
    let releases: Vec<_> = (0..THREADS)
        .map(|_| {
            let (release, released) = channel::<()>();
            let started = started_sender.clone();
            pool.spawn(move || {
                started.send(()).unwrap();
                released.recv().unwrap();
                end();
            });
            release
        })
        .collect();
    take(&started, THREADS);
    releases.iter().for_each(|release| release.send(()).unwrap());
}

fn every_job_runs_once<P: ThreadPool>() {
    let pool = P::new(THREADS).unwrap();
    let (sender, receiver) = channel();
    for number in 0..100 {
        let sender = sender.clone();
        pool.spawn(move || sender.send(number).unwrap());
    }
    let mut numbers = take(&receiver, 100);
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    drop((pool, sender));
    assert!(receiver.recv().is_err(), "no job runs twice, and none is kept");
}

/// Panics when it is dropped, but not when that would end the process.
struct Explosive;

impl Drop for Explosive {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            resume_unwind(Box::new(()));
        }
    }
}

fn panics_take_no_thread_away<P: ThreadPool>() {
    let pool = P::new(THREADS).unwrap();
    for _ in 0..3 {
        run_at_once(&pool, || resume_unwind(Box::new("on purpose")));
        run_at_once(&pool, || resume_unwind(Box::new(Explosive)));
        run_at_once(&pool, || ());
    }
}

fn dropping_waits_for_jobs_that_run_and_that_wait<P: ThreadPool>() {
    let pool = P::new(1).unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let (release, released) = channel::<()>();
    pool.spawn(move || released.recv().unwrap());
    for number in 0..100 {
        let done = Arc::clone(&done);
        pool.spawn(move || {
            done.fetch_add(1, Ordering::SeqCst);
            if number % 10 == 0 {
                resume_unwind(Box::new("on purpose"));
            }
        });
    }
    let releasing = std::thread::spawn(move || release.send(()).unwrap());
    drop(pool);
    assert_eq!(done.load(Ordering::SeqCst), 100);
    releasing.join().unwrap();
}

fn jobs_spawn_jobs<P: ThreadPool + Send + Sync + 'static>() {
    let pool = Arc::new(P::new(1).unwrap());
    let (sender, receiver) = channel();
    let again = Arc::clone(&pool);
    pool.spawn(move || {
        for number in 0..100 {
            let sender = sender.clone();
            again.spawn(move || sender.send(number).unwrap());
        }
        // The job gives its pool back, which it must not be the last to hold.
        sender.send(100).unwrap();
    });
    take(&receiver, 101);
    while Arc::strong_count(&pool) > 1 {
        std::thread::yield_now();
    }
}

fn no_threads_are_refused<P: ThreadPool>() {
    assert!(matches!(P::new(0), Err(Error::InvalidOption(_))));
}

macro_rules! promises_of {
    ($name:ident, $pool:ty) => {
        promises_of! { $name, $pool:
            every_job_runs_once
            panics_take_no_thread_away
            dropping_waits_for_jobs_that_run_and_that_wait
            jobs_spawn_jobs
            no_threads_are_refused
        }
    };
    ($name:ident, $pool:ty: $($promise:ident)*) => {
        mod $name {
            $(
                #[test]
                fn $promise() {
                    super::$promise::<$pool>();
                }
            )*
        }
    };
}

promises_of!(naive_pool, crate::thread_pool::NaiveThreadPool);
promises_of!(shared_queue_pool, crate::thread_pool::SharedQueueThreadPool);
#[cfg(feature = "rayon")]
promises_of!(rayon_pool, crate::thread_pool::RayonThreadPool);

#[test]
fn the_shared_queue_starts_jobs_in_order() {
    let pool = SharedQueueThreadPool::new(1).unwrap();
    let (sender, receiver) = channel();
    for number in 0..100 {
        let sender = sender.clone();
        pool.spawn(move || sender.send(number).unwrap());
    }
    assert_eq!(take(&receiver, 100), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_panic_is_told_by_its_message() {
    assert_eq!(message(&"literal"), "literal");
    assert_eq!(message(&"text".to_owned()), "text");
    assert_eq!(message(&7), "no message");
}
