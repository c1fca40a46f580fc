//! Decides whether a history of concurrent operations is linearizable: whether there is one order
//! of them in which each gives the answer that was seen, and which respects time.
//!
//! This is the search of Wing and Gong with the memory of Lowe: an order is built call by call, and
//! a set of calls that led to the same state before is not followed again. A call without an answer
//! may have happened or not, so of two such sets the one with fewer of those calls covers the
//! other.

pub mod specification;
pub mod workload;

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::hash::Hash;

/// The sequential behaviour of an operation: its effect and answer when it runs alone.
pub trait Specification: Debug {
    type State: Clone + Default + Eq + Hash;
    type Answer: PartialEq + Debug;

    /// Changes the state and says what a caller has to be answered.
    fn apply(&self, state: &mut Self::State) -> Self::Answer;
}

/// The knowledge of a caller about its operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<A> {
    /// It was done, with this answer.
    Known(A),
    /// It was done or not, nobody was told.
    Unknown,
    /// It was certainly not done.
    Failed,
}

/// Stands for the time at which an unknown operation is certainly over, where that never comes.
pub const NEVER: u64 = u64::MAX;

/// One operation with its place in time.
#[derive(Debug, Clone)]
pub struct Call<O: Specification> {
    /// The caller; the calls of one client take effect in the order of their beginnings, even where
    /// it did not wait for the answers.
    pub client: usize,
    pub invoked: u64,
    /// When the answer came; of an unknown outcome, from when on it can no longer take effect.
    pub returned: u64,
    pub operation: O,
    pub outcome: Outcome<O::Answer>,
}

impl<O: Specification> Call<O> {
    fn is_known(&self) -> bool {
        matches!(self.outcome, Outcome::Known(_))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Linearizable,
    Illegal,
    /// The search was given up; it proves nothing.
    Undecided,
}

/// A set of calls by their positions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Set(Box<[u64]>);

impl Set {
    fn with_room_for(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)].into())
    }

    fn contains(&self, position: usize) -> bool {
        self.0[position / 64] >> (position % 64) & 1 == 1
    }

    fn with(&self, position: usize) -> Self {
        let mut words = self.0.clone();
        words[position / 64] |= 1 << (position % 64);
        Self(words)
    }

    fn is_within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(here, there)| here & !there == 0)
    }
}

/// The beginning of an order: which calls are in it, and what they lead to.
struct Beginning<S> {
    known: Set,
    unknown: Set,
    /// The number of calls in it whose outcome is known.
    known_count: usize,
    state: S,
    /// No call before this position can be next.
    first: usize,
    /// One more than the highest position in it.
    end: usize,
}

struct Search<'a, O: Specification> {
    /// In the order of their beginnings.
    calls: Vec<&'a Call<O>>,
    /// By known calls and state: the sets of unknown calls that it was reached with.
    seen: HashMap<(Set, O::State), Vec<Set>>,
}

/// Searches an order for the history, of at most so many steps.
pub fn check<O: Specification>(history: &[Call<O>], steps_max: usize) -> Verdict {
    let mut calls: Vec<_> =
        history.iter().filter(|call| !matches!(call.outcome, Outcome::Failed)).collect();
    calls.sort_by_key(|call| call.invoked);
    let known_count = calls.iter().filter(|call| call.is_known()).count();
    let nothing = Set::with_room_for(calls.len());
    let mut open = vec![Beginning {
        known: nothing.clone(),
        unknown: nothing,
        known_count: 0,
        state: O::State::default(),
        first: 0,
        end: 0,
    }];
    let mut search = Search { calls, seen: HashMap::new() };
    let mut steps = 0;
    while let Some(beginning) = open.pop() {
        if beginning.known_count == known_count {
            return Verdict::Linearizable;
        }
        steps += 1;
        if steps > steps_max {
            return Verdict::Undecided;
        }
        search.extend(beginning, &mut open);
    }
    Verdict::Illegal
}

impl<O: Specification> Search<'_, O> {
    /// Adds every beginning that is longer by one call; the last one added is the most promising.
    fn extend(&mut self, mut beginning: Beginning<O::State>, open: &mut Vec<Beginning<O::State>>) {
        while self.is_settled(beginning.first, &beginning) {
            beginning.first += 1;
        }
        let mut next = self.possible(&beginning);
        // What returned first most likely happened first; what nobody was told most likely did not.
        next.sort_by_key(|&position| {
            let call = self.calls[position];
            (call.is_known(), std::cmp::Reverse(call.returned))
        });
        for position in next {
            let call = self.calls[position];
            let mut state = beginning.state.clone();
            let answer = call.operation.apply(&mut state);
            let (mut known, mut unknown) = (beginning.known.clone(), beginning.unknown.clone());
            match &call.outcome {
                Outcome::Known(seen) if *seen != answer => continue,
                Outcome::Known(_) => known = known.with(position),
                Outcome::Unknown | Outcome::Failed => unknown = unknown.with(position),
            }
            let reached = self.seen.entry((known.clone(), state.clone())).or_default();
            if reached.iter().any(|fewer| fewer.is_within(&unknown)) {
                continue;
            }
            reached.push(unknown.clone());
            open.push(Beginning {
                known,
                unknown,
                known_count: beginning.known_count + usize::from(call.is_known()),
                state,
                first: beginning.first,
                end: beginning.end.max(position + 1),
            });
        }
    }

    /// Returns true if the call is in the beginning already, or can no longer come.
    fn is_settled(&self, position: usize, beginning: &Beginning<O::State>) -> bool {
        let Some(call) = self.calls.get(position) else { return false };
        if call.is_known() {
            return beginning.known.contains(position);
        }
        let latest = beginning.end.checked_sub(1).map_or(0, |last| self.calls[last].invoked);
        beginning.unknown.contains(position) || call.returned < latest
    }

    /// Returns the calls that may be next: none that is not in the beginning ended before they
    /// began.
    fn possible(&self, beginning: &Beginning<O::State>) -> Vec<usize> {
        let mut possible = Vec::new();
        let mut waiting = Vec::new();
        let mut first_return = NEVER;
        for (position, call) in self.calls.iter().enumerate().skip(beginning.first) {
            if call.invoked > first_return {
                break;
            }
            if self.is_settled(position, beginning) {
                continue;
            }
            if !waiting.contains(&call.client) && !self.is_overtaken(position, beginning) {
                possible.push(position);
            }
            if call.is_known() {
                first_return = first_return.min(call.returned);
                waiting.push(call.client);
            }
        }
        possible.retain(|&position| self.calls[position].invoked < first_return);
        possible
    }

    /// Returns true if a later call of the same client is in the beginning.
    fn is_overtaken(&self, position: usize, beginning: &Beginning<O::State>) -> bool {
        let client = self.calls[position].client;
        (position + 1..beginning.end).any(|later| {
            self.calls[later].client == client
                && (beginning.known.contains(later) || beginning.unknown.contains(later))
        })
    }
}

/// Returns the history for a human reader, a line for each call.
pub fn describe<O: Specification>(history: &[Call<O>]) -> String {
    let mut calls: Vec<_> = history.iter().collect();
    calls.sort_by_key(|call| call.invoked);
    let mut text = String::new();
    for Call { client, invoked, returned, operation, outcome } in calls {
        let end = if *returned == NEVER { "never".to_owned() } else { returned.to_string() };
        writeln!(text, "client {client}, {invoked} to {end}: {operation:?} -> {outcome:?}")
            .expect("text takes what is written");
    }
    text
}
