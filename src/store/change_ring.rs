//! The latest committed changes in memory, in the order of their versions.
//!
//! ```text
//! Writer ── ChangeRecorder ──► ChangeRing ◄── ChangeCursor ── Watch
//!                                  │ WakeList      ▲
//!                                  └───────────────┘
//! ```
//!
//! The writer appends the batches of a group after they are visible to readers, and before anybody
//! is answered. A cursor takes some of them at a time and looks for what concerns it on its own
//! thread. The oldest ones leave where the bytes are too many, be there a cursor that has not seen
//! them or not, and it is told which versions it missed.

use std::collections::{BTreeMap, VecDeque};

use smallvec::SmallVec;

use super::change::ChangeBatch;
use super::wake_list::{Wake, WakeList};
use crate::WatchStats;
use crate::bugs::{Bug, planted, unless_planted};
use crate::engine::{KeyspaceId, Sequence};
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, lock};

/// The most batches that a cursor takes at once, and the bytes from which on it takes no more.
const TAKEN_BATCHES_MAX: usize = 64;
const TAKEN_BYTES: usize = 64 << 10;

/// The tip of a ring that is closed.
const CLOSED: u64 = u64::MAX;

/// The ring, shared by the writer and the cursors.
pub(crate) struct ChangeRing {
    /// The version behind the newest one that was appended, or [`CLOSED`].
    tip: AtomicU64,
    state: Mutex<RingState>,
}

struct RingState {
    batches: VecDeque<Arc<ChangeBatch>>,
    /// The memory of the batches.
    bytes: usize,
    bytes_max: usize,
    /// The version from which on nothing has left.
    complete_from: Sequence,
    /// The version behind the newest one that was appended.
    next: Sequence,
    is_closed: bool,
    /// Those who wait, by the numbers of their cursors.
    waiting: Vec<(u64, Arc<dyn Wake>)>,
    /// The number of cursors that there ever were, and of those that there are.
    cursors: u64,
    open: u64,
    /// The keyspaces that were dropped, with the versions that dropped them.
    dropped: BTreeMap<KeyspaceId, Sequence>,
}

/// The batches of a group on their way to the ring.
pub(crate) struct RecordedGroup {
    /// The version of the first batch.
    pub(super) first: Sequence,
    /// A batch that is larger than the ring is `None`.
    pub(super) batches: SmallVec<[Option<Arc<ChangeBatch>>; 1]>,
    /// The keyspaces that it drops, with the versions that drop them.
    pub(super) dropped: Vec<(KeyspaceId, Sequence)>,
}

/// The answer to a cursor that asks for what comes next.
pub(super) enum Taken {
    /// Batches were taken.
    Batches,
    /// Everything before this version has left the ring.
    MissedUntil(Sequence),
    /// There is nothing yet.
    Nothing,
    /// There is nothing, and nothing will come.
    Closed,
}

impl ChangeRing {
    /// Returns an empty ring that gets every change from this version on.
    pub(super) fn new(bytes_max: usize, next: Sequence) -> Self {
        let state = RingState {
            batches: VecDeque::new(),
            bytes: 0,
            bytes_max,
            complete_from: next,
            next,
            is_closed: false,
            waiting: Vec::new(),
            cursors: 0,
            open: 0,
            dropped: BTreeMap::new(),
        };
        Self { tip: AtomicU64::new(next.0), state: Mutex::new(state) }
    }

    /// Appends a group that is visible to readers, and wakes those who wait.
    pub(super) fn append(&self, group: RecordedGroup) {
        let mut state = lock(&self.state);
        // Dropped when nobody waits for the lock any more.
        let left = state.append(group);
        self.tip.store(state.next.0, Ordering::Release);
        let waiting = state.take_waiting();
        drop(state);
        waiting.hand_on();
        drop(left);
    }

    /// Notes that nothing comes any more, and wakes those who wait.
    pub(super) fn close(&self) {
        unless_planted!(LeaveRingOpen => {
            let mut state = lock(&self.state);
            state.is_closed = true;
            self.tip.store(CLOSED, Ordering::Release);
            let waiting = state.take_waiting();
            drop(state);
            waiting.hand_on();
        });
    }

    /// Returns a number for a cursor, and the version that comes next.
    pub(super) fn enter(&self) -> (u64, Sequence) {
        let mut state = lock(&self.state);
        state.cursors += 1;
        state.open += 1;
        (state.cursors, state.next)
    }

    /// Takes a cursor out, wherever it waits.
    pub(super) fn leave(&self, cursor: u64) {
        let mut state = lock(&self.state);
        state.waiting.retain(|(waiting, _)| *waiting != cursor);
        state.open -= 1;
    }

    /// Returns the figures.
    pub(super) fn stats(&self) -> WatchStats {
        let state = lock(&self.state);
        WatchStats { watches: state.open, bytes: state.bytes as u64 }
    }

    /// Returns the version behind the newest one; of a closed ring the highest number.
    pub(super) fn end(&self) -> Sequence {
        Sequence(self.tip.load(Ordering::Acquire))
    }

    /// Returns the version behind the newest one.
    pub(super) fn next(&self) -> Sequence {
        lock(&self.state).next
    }

    /// Returns true unless everything before this version is all that there is so far.
    pub(super) fn has_news(&self, next: Sequence) -> bool {
        self.end() > next
    }

    /// Takes some batches from this version on.
    pub(super) fn take(&self, next: Sequence, taken: &mut VecDeque<Arc<ChangeBatch>>) -> Taken {
        lock(&self.state).take(next, taken)
    }

    /// Has the cursor with this number woken once there is news; false if there is some.
    pub(super) fn register(&self, cursor: u64, next: Sequence, wake: &Arc<dyn Wake>) -> bool {
        let mut state = lock(&self.state);
        let has_news = state.is_closed || state.next > next;
        if has_news && !planted(Bug::WaitUnchecked) {
            return false;
        }
        let wake = Arc::clone(wake);
        match state.waiting.iter_mut().find(|(waiting, _)| *waiting == cursor) {
            Some((_, before)) => *before = wake,
            None => state.waiting.push((cursor, wake)),
        }
        true
    }

    /// Takes the cursor with this number out of those that wait; false if it is not among them.
    pub(super) fn cancel(&self, cursor: u64) -> bool {
        let waiting = &mut lock(&self.state).waiting;
        let position = waiting.iter().position(|(waiting, _)| *waiting == cursor);
        position.map(|position| waiting.swap_remove(position)).is_some()
    }

    /// Returns the version that dropped a keyspace, if one did.
    pub(super) fn dropped(&self, keyspace: KeyspaceId) -> Option<Sequence> {
        lock(&self.state).dropped.get(&keyspace).copied()
    }
}

impl RingState {
    /// Appends a group; returns the batches that had to leave.
    fn append(&mut self, group: RecordedGroup) -> SmallVec<[Arc<ChangeBatch>; 2]> {
        let (mut left, mut version) = (SmallVec::new(), group.first);
        for batch in group.batches {
            match batch {
                Some(batch) => {
                    self.bytes += batch.memory();
                    self.batches.push_back(batch);
                }
                None => {
                    left.extend(self.batches.drain(..));
                    (self.bytes, self.complete_from) = (0, version.next());
                }
            }
            version = version.next();
        }
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.batches.pop_front()
        {
            self.bytes -= oldest.memory();
            self.complete_from = oldest.version().next();
            left.push(oldest);
        }
        self.dropped.extend(group.dropped);
        self.next = version;
        left
    }

    fn take_waiting(&mut self) -> WakeList {
        // The place of the list is kept: they will be back.
        WakeList::new(self.waiting.drain(..).map(|(_, wake)| wake).collect())
    }

    fn take(&self, next: Sequence, taken: &mut VecDeque<Arc<ChangeBatch>>) -> Taken {
        if next < self.complete_from {
            return Taken::MissedUntil(self.complete_from);
        }
        let mut bytes = 0;
        for batch in self.batches.range(self.position(next)..).take(TAKEN_BATCHES_MAX) {
            bytes += batch.memory();
            if bytes > TAKEN_BYTES && !taken.is_empty() {
                break;
            }
            taken.push_back(Arc::clone(batch));
        }
        match taken.is_empty() {
            false => Taken::Batches,
            true if self.is_closed => Taken::Closed,
            true => Taken::Nothing,
        }
    }

    /// Returns the position of the first batch that has this version or a later one.
    fn position(&self, version: Sequence) -> usize {
        // Few versions are of groups that failed, and are missing.
        let guess = self.batches.front().and_then(|oldest| version.since(oldest.version()));
        match guess.and_then(|guess| Some((guess, self.batches.get(guess)?))) {
            Some((guess, batch)) if batch.version() == version => guess,
            _ => self.batches.partition_point(|batch| batch.version() < version),
        }
    }
}

#[cfg(test)]
mod tests;
