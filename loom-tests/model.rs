//! Runs a model under loom and counts its executions.

use std::cell::Cell;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Instant;

use crate::sync::twins::thread::is_on_purpose;
use crate::sync::twins::time;

/// A program of a few threads that panics or hangs where a promise is broken.
pub(crate) struct Model {
    /// Runs once per execution, on a fresh in-memory disk.
    pub(crate) run: fn(),
    /// The number of waits of an execution that end because their time has passed.
    pub(crate) timeouts: usize,
    /// Executions say whether they reached what the model is about, and one has to.
    pub(crate) witnesses: bool,
    /// The bound that every change has to pass.
    pub(crate) quick: Bound,
    /// The bound that is tried now and then.
    pub(crate) deep: Bound,
}

/// The part of a model that is explored.
pub(crate) struct Bound {
    /// The number of times that a thread may lose the processor where it could go on.
    pub(crate) preemptions: usize,
    /// A model with fewer executions has stopped exploring.
    pub(crate) executions_min: usize,
}

thread_local! {
    static WITNESSED: Cell<usize> = const { Cell::new(0) };
}

/// Says that this execution reached what the model is about, where not every one does.
pub(crate) fn witness() {
    WITNESSED.set(WITNESSED.get() + 1);
}

/// More operations than an execution of any model has.
const BRANCHES_MAX: usize = 100_000;

/// loom's own limit, the main thread among them.
const THREADS_MAX: usize = 5;

/// Leaves the panics that a model means out of what its test prints: there is one in each
/// execution.
fn say_nothing_of_planned_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let say = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !is_on_purpose(panic.payload()) {
                say(panic);
            }
        }));
    });
}

impl Model {
    /// Explores the model and says how it went.
    pub(crate) fn prove(&self, name: &str, bound: &Bound) {
        say_nothing_of_planned_panics();
        let start = Instant::now();
        let executions = self.explore(bound.preemptions);
        let (preemptions, least) = (bound.preemptions, bound.executions_min);
        let seconds = start.elapsed().as_secs_f64();
        let witnessed = WITNESSED.get();
        assert!(witnessed > 0 || !self.witnesses, "none of {executions} executions got there");
        println!("{name}: {executions} executions, preemption bound {preemptions}, {seconds:.1} s");
        assert!(executions >= least, "{executions} executions are fewer than {least}");
    }

    /// Explores the model; how many executions there are.
    pub(crate) fn explore(&self, preemptions: usize) -> usize {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder.max_branches = BRANCHES_MAX;
        builder.max_threads = THREADS_MAX;
        let executions = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&executions);
        let (run, timeouts) = (self.run, self.timeouts);
        builder.check(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            time::begin(timeouts);
            run();
        });
        executions.load(Ordering::Relaxed)
    }
}
