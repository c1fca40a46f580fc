//! Runs tasks that do not depend on each other on several threads.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::storage::recovery::tasks::{OneByOne, Tasks, Wanted};
use crate::sync::{Arc, JoinHandle, Receiver, Sender, ThreadBuilder, bounded};
use crate::{Error, Result};

/// More threads are not used: the one that takes the results could not keep up with them.
const THREADS_MAX: usize = 8;

/// How many results of each thread wait at most.
const AHEAD_PER_THREAD: usize = 2;

/// Threads that last as long as their tasks.
pub(super) struct Threads {
    count: usize,
}

/// What a task returned or panicked with, and its number.
type Outcome<T> = (usize, std::result::Result<T, Box<dyn Any + Send>>);

impl Threads {
    /// As many as there are processors.
    pub(super) fn new() -> Self {
        Self { count: num_cpus::get().clamp(1, THREADS_MAX) }
    }
}

impl Tasks for Threads {
    fn run<T: Send + 'static>(
        &self,
        count: usize,
        task: impl Fn(usize) -> T + Send + Sync + 'static,
        take: impl FnMut(T) -> Result<Wanted>,
    ) -> Result<()> {
        let ahead = self.count * AHEAD_PER_THREAD;
        let (numbers, next) = bounded(ahead);
        let (outcomes, done) = bounded(ahead);
        let task = Arc::new(task);
        let start = |_| start(Arc::clone(&task), next.clone(), outcomes.clone());
        let threads: Vec<_> = (0..self.count.min(count)).map_while(start).collect();
        if threads.is_empty() {
            // Without a thread it only takes longer.
            return OneByOne.run(count, move |number| task(number), take);
        }
        let taken = take_in_order(count.min(ahead)..count, numbers, &done, take);
        // What panicked was a task, and its outcome said so.
        threads.into_iter().for_each(|thread| drop(thread.join()));
        taken
    }
}

/// Starts a thread that runs tasks until no number comes; `None` if the system has none left.
fn start<T: Send + 'static>(
    task: Arc<impl Fn(usize) -> T + Send + Sync + 'static>,
    next: Receiver<usize>,
    outcomes: Sender<Outcome<T>>,
) -> Option<JoinHandle<()>> {
    #[cfg(test)]
    let planted = crate::bugs::planted_here();
    let run = move || {
        #[cfg(test)]
        let _planted = crate::bugs::plant(planted);
        while let Ok(number) = next.recv() {
            let outcome = catch_unwind(AssertUnwindSafe(|| task(number)));
            if outcomes.send((number, outcome)).is_err() {
                break;
            }
        }
    };
    ThreadBuilder::new().name("kvs-open".to_owned()).spawn(run).ok()
}

/// Hands out the numbers before `later`, then one of those for each result that was taken.
fn take_in_order<T>(
    later: std::ops::Range<usize>,
    numbers: Sender<usize>,
    done: &Receiver<Outcome<T>>,
    mut take: impl FnMut(T) -> Result<Wanted>,
) -> Result<()> {
    let count = later.end;
    let mut later = later;
    let mut early = BTreeMap::new();
    // The threads take numbers for as long as the sender is here, so no send fails.
    for number in 0..later.start {
        let _ = numbers.send(number);
    }
    for wanted in 0..count {
        let outcome = loop {
            if let Some(outcome) = early.remove(&wanted) {
                break outcome;
            }
            match done.recv() {
                Ok((number, outcome)) => drop(early.insert(number, outcome)),
                // Impossible while a number is out: a thread answers each, also where its task panics.
                Err(_) => return Err(Error::Closed),
            }
        };
        let result = outcome.unwrap_or_else(|panic| resume_unwind(panic));
        if let Some(number) = later.next() {
            let _ = numbers.send(number);
        }
        if take(result)? == Wanted::NoMore {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(tasks: &impl Tasks, count: usize) -> Vec<usize> {
        let mut taken = Vec::new();
        let square = |number: usize| {
            // The first ones take longest.
            (0..1000 / (number + 1)).for_each(|_| crate::sync::sleep(std::time::Duration::ZERO));
            number * number
        };
        let take = |square| {
            taken.push(square);
            Ok(if taken.len() == 90 { Wanted::NoMore } else { Wanted::More })
        };
        tasks.run(count, square, take).unwrap();
        taken
    }

    #[test]
    fn results_are_taken_in_order_until_no_more_are_wanted() {
        for count in [0, 1, 2, 50, 100] {
            let expected = collect(&OneByOne, count);
            assert_eq!(expected.len(), count.min(90));
            for threads in [1, 2, 7] {
                assert_eq!(collect(&Threads { count: threads }, count), expected);
            }
        }
    }

    #[test]
    fn an_error_ends_it() {
        let fail = |number| if number == 3 { Err(Error::Closed) } else { Ok(Wanted::More) };
        assert!(Threads { count: 2 }.run(100, |number| number, fail).is_err());
    }

    #[test]
    fn a_task_that_panics_ends_it() {
        let task = |number| assert!(number != 3, "as planned");
        let run = || Threads { count: 2 }.run(100, task, |()| Ok(Wanted::More));
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    }
}
