//! The latest calls that took long.

use std::collections::VecDeque;

use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, lock};

/// The most bytes of all entries; the oldest give way, however many the length allows.
const BYTES_MAX: usize = 16 << 20;

/// The memory of an entry or an argument beside its bytes, about.
const ITEM_BYTES: usize = 48;

/// A call that took long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SlowCall {
    /// The time at which it was done, in seconds since the Unix epoch.
    pub(crate) at_seconds: u64,
    /// The microseconds that it took.
    pub(crate) microseconds: u64,
    /// The name of the command and its arguments, shortened.
    pub(crate) arguments: Vec<Vec<u8>>,
    /// The address of the client.
    pub(crate) address: String,
    /// The name of the client.
    pub(crate) name: String,
}

impl SlowCall {
    fn bytes(&self) -> usize {
        let arguments = self.arguments.iter().map(|argument| argument.len() + ITEM_BYTES);
        arguments.sum::<usize>() + self.address.len() + self.name.len() + 2 * ITEM_BYTES
    }
}

/// The latest calls that took long, with their numbers.
#[derive(Default)]
pub(crate) struct SlowLog {
    state: Mutex<SlowLogState>,
    /// The number of entries, for those who only want to know that.
    length: AtomicUsize,
}

#[derive(Default)]
struct SlowLogState {
    /// The number of the next entry; never used twice.
    next: u64,
    /// The entries, newest first.
    entries: VecDeque<(u64, Arc<SlowCall>)>,
    /// The bytes of all entries.
    bytes: usize,
}

impl SlowLog {
    /// Adds a call, and removes the oldest while there are more than `length_max`.
    pub(crate) fn add(&self, call: SlowCall, length_max: usize) {
        let mut state = lock(&self.state);
        let number = state.next;
        state.next += 1;
        state.bytes += call.bytes();
        state.entries.push_front((number, Arc::new(call)));
        state.shorten(length_max);
        self.length.store(state.entries.len(), Ordering::Relaxed);
    }

    /// Returns the number of entries.
    pub(crate) fn length(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// Returns the newest entries, at most so many, with their numbers.
    pub(crate) fn newest(&self, count: usize) -> Vec<(u64, Arc<SlowCall>)> {
        lock(&self.state).entries.iter().take(count).cloned().collect()
    }

    /// Removes all entries.
    pub(crate) fn clear(&self) {
        let mut state = lock(&self.state);
        state.shorten(0);
        self.length.store(0, Ordering::Relaxed);
    }
}

impl SlowLogState {
    fn shorten(&mut self, length_max: usize) {
        while self.entries.len() > length_max || self.bytes > BYTES_MAX {
            let Some((_, call)) = self.entries.pop_back() else { break };
            self.bytes -= call.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(bytes: usize) -> SlowCall {
        SlowCall {
            at_seconds: 1,
            microseconds: 2,
            arguments: vec![vec![b'x'; bytes]],
            address: "127.0.0.1:1".to_owned(),
            name: String::new(),
        }
    }

    #[test]
    fn the_newest_calls_stay_and_keep_their_numbers() {
        let log = SlowLog::default();
        (1..=5).for_each(|bytes| log.add(call(bytes), 3));
        let numbers =
            |count| log.newest(count).iter().map(|(number, _)| *number).collect::<Vec<_>>();
        assert_eq!((numbers(10), numbers(1), log.length()), (vec![4, 3, 2], vec![4], 3));
        log.add(call(1), 1);
        assert_eq!(numbers(10), [5]);
        log.clear();
        assert_eq!((numbers(10).len(), log.length()), (0, 0));
        log.add(call(1), 10);
        assert_eq!(numbers(10), [6]);
        log.add(call(1), 0);
        assert_eq!(log.length(), 0);
    }

    #[test]
    fn no_length_makes_it_hold_much() {
        let log = SlowLog::default();
        (0..100).for_each(|_| log.add(call(1 << 20), usize::MAX));
        assert_eq!(log.length(), 15);
        assert!(lock(&log.state).bytes <= BYTES_MAX);
    }
}
