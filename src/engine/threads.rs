//! Runs tasks that do not depend on each other on several threads.

use std::ops::ControlFlow;
use std::panic::resume_unwind;

use crate::Result;
use crate::storage::recovery::tasks::{OneByOne, Tasks};
use crate::sync::{Arc, JoinHandle, Receiver, ThreadBuilder, bounded, processors};

/// The most threads that are used: the one that takes the results could not keep up with more.
const THREADS_MAX: usize = 8;

/// The most results of a thread that wait to be taken.
const WAITING_MAX: usize = 2;

/// Threads that last as long as their tasks.
pub(super) struct Threads {
    /// Returns their number. It is called only where there are tasks for them: the system reads
    /// files to count its processors, which takes longer than opening a small store.
    count: fn() -> usize,
}

impl Threads {
    /// Returns as many as there are processors.
    pub(super) fn new() -> Self {
        Self { count: || processors().min(THREADS_MAX) }
    }
}

impl Tasks for Threads {
    fn run<T: Send + 'static>(
        &self,
        count: usize,
        task: impl Fn(usize) -> T + Send + Sync + 'static,
        mut take: impl FnMut(T) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let task = Arc::new(task);
        let steps = (self.count)().min(count);
        let start = |first| start((first..count).step_by(steps), Arc::clone(&task));
        let threads: Vec<_> = (0..steps).map_while(start).collect();
        if threads.len() < steps {
            // The system has no thread left. Those that there are end with their receivers.
            drop(threads);
            return OneByOne.run(count, move |number| task(number), take);
        }
        let mut taken = Ok(ControlFlow::Continue(()));
        for (results, _) in threads.iter().cycle().take(count) {
            let Ok(result) = results.recv() else {
                break;
            };
            taken = take(result);
            if !matches!(taken, Ok(ControlFlow::Continue(()))) {
                break;
            }
        }
        for (results, thread) in threads {
            // Its next result fails to be sent, which ends it.
            drop(results);
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
        taken.map(drop)
    }
}

/// Starts a thread that runs the tasks of these numbers; returns `None` if the system has none
/// left.
fn start<T: Send + 'static>(
    numbers: impl Iterator<Item = usize> + Send + 'static,
    task: Arc<impl Fn(usize) -> T + Send + Sync + 'static>,
) -> Option<(Receiver<T>, JoinHandle<()>)> {
    let (results, taken) = bounded(WAITING_MAX);
    #[cfg(test)]
    let planted = crate::bugs::planted_here();
    let run = move || {
        #[cfg(test)]
        let _planted = crate::bugs::plant(planted);
        for number in numbers {
            if results.send(task(number)).is_err() {
                break;
            }
        }
    };
    let thread = ThreadBuilder::new().name("kvs-open".to_owned()).spawn(run).ok()?;
    Some((taken, thread))
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::Error;

    fn collect(tasks: &impl Tasks, count: usize) -> Vec<usize> {
        let mut taken = Vec::new();
        let square = |number: usize| {
            // The first ones take longest.
            (0..1000 / (number + 1)).for_each(|_| crate::sync::sleep(std::time::Duration::ZERO));
            number * number
        };
        let take = |square| {
            taken.push(square);
            Ok(if taken.len() == 90 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        tasks.run(count, square, take).unwrap();
        taken
    }

    #[test]
    fn results_are_taken_in_order_until_no_more_are_wanted() {
        for count in [0, 1, 2, 50, 100] {
            let expected = collect(&OneByOne, count);
            assert_eq!(expected.len(), count.min(90));
            for threads in [|| 1, || 2, || 7] {
                assert_eq!(collect(&Threads { count: threads }, count), expected);
            }
        }
    }

    #[test]
    fn an_error_ends_it() {
        let fail =
            |number| if number == 3 { Err(Error::Closed) } else { Ok(ControlFlow::Continue(())) };
        assert!(Threads { count: || 2 }.run(100, |number| number, fail).is_err());
    }

    #[test]
    fn a_task_that_panics_ends_it() {
        let task = |number| assert!(number != 3, "as planned");
        let run = || Threads { count: || 2 }.run(100, task, |()| Ok(ControlFlow::Continue(())));
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    }
}
