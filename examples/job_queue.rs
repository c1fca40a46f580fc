//! Keeps a queue of jobs that several workers take from, and that a crash loses nothing of.
//!
//! A worker takes a job by a transaction that leases it: of two workers that find the same job, one
//! meets a conflict and looks again. A lease expires, so the job of a worker that crashed is taken
//! by another one. Whoever finds nothing to do watches for what comes in.
//!
//! `cargo run --example job_queue` prints:
//!
//! ```text
//! 20 jobs were done, each once
//! the job of the worker that crashed was done by another one
//! ```

use std::thread;
use std::time::Duration;

use kvs::{Expiry, Keyspace, Options, Store};

const JOBS: u64 = 20;
const LEASE: Duration = Duration::from_millis(200);

/// Jobs by number, with a lease for each that a worker is at.
struct Queue {
    waiting: Keyspace,
    leases: Keyspace,
    done: Keyspace,
}

impl Queue {
    fn open(store: &Store) -> kvs::Result<Self> {
        let (waiting, leases) = (store.keyspace("waiting")?, store.keyspace("leases")?);
        Ok(Self { waiting, leases, done: store.keyspace("done")? })
    }

    fn push(&self, number: u64, job: &str) -> kvs::Result<()> {
        // Keys are ordered by their bytes, which is the order of these numbers.
        self.waiting.set(number.to_be_bytes(), job)
    }

    /// Leases the oldest job that nobody is at.
    fn take(&self, worker: &str) -> kvs::Result<Option<(Vec<u8>, Vec<u8>)>> {
        self.waiting.transaction(|transaction| {
            let leases = transaction.of(&self.leases)?;
            for entry in transaction.scan(..) {
                let (number, job) = entry?;
                if !leases.contains(&number)? {
                    leases.set_expiring(&number[..], worker, Expiry::After(LEASE));
                    return Ok(Some((number, job)));
                }
            }
            Ok(None)
        })
    }

    /// Ends a job; returns false if the lease had expired, so that another worker may be at it.
    fn finish(&self, worker: &str, number: &[u8]) -> kvs::Result<bool> {
        self.waiting.transaction(|transaction| {
            let leases = transaction.of(&self.leases)?;
            if leases.get(number)?.as_deref() != Some(worker.as_bytes()) {
                return Ok(false);
            }
            transaction.remove(number);
            leases.remove(number);
            transaction.of(&self.done)?.set(number, worker);
            Ok(true)
        })
    }

    /// Works until every job is done; returns how many this worker did.
    fn work(&self, worker: &str) -> kvs::Result<u64> {
        let mut news = self.waiting.watch(..)?;
        let mut finished = 0;
        while self.done.len()? < JOBS {
            match self.take(worker)? {
                // Here the job would be done.
                Some((number, _job)) => finished += u64::from(self.finish(worker, &number)?),
                // A lease may end without news.
                None => drop(news.next_timeout(LEASE / 4)?),
            }
        }
        Ok(finished)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let store = Store::open(Options::new(directory.path()))?;
    let queue = Queue::open(&store)?;

    queue.push(0, "the first job")?;
    let (taken, _) = queue.take("crashed")?.ok_or("the first job is there")?;

    let finished = thread::scope(|scope| -> kvs::Result<u64> {
        let workers = ["one", "two", "three"].map(|name| scope.spawn(|| queue.work(name)));
        for number in 1..JOBS {
            queue.push(number, "another job")?;
        }
        let finished = workers.into_iter().map(|it| it.join().expect("a worker does not panic"));
        finished.sum()
    })?;
    assert_eq!(finished, queue.done.len()?);
    println!("{finished} jobs were done, each once");

    let worker = queue.done.get(&taken)?.ok_or("every job is done")?;
    assert_ne!(worker, b"crashed");
    println!("the job of the worker that crashed was done by another one");
    Ok(())
}
