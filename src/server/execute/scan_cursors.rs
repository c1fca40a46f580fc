//! The cursors of unfinished iterations.
//!
//! A cursor is a number that stands for a position in a scan, which the table here keeps. Iterating
//! in key order from there, a client meets every key that is present all the time: keys neither
//! move nor hide each other, and what is inserted or removed meanwhile may or may not be met, as in
//! Redis.
//!
//! - A number cannot hold a key, and anything shorter cannot tell keys with a common beginning
//!   apart. A count of keys seen so far would skip keys when earlier ones are removed. Hence a
//!   table.
//! - What a cursor stands for never changes, so a client may send one again, as after a lost reply.
//! - Using a cursor proves that the reply with it arrived, so the cursor before it is forgotten. An
//!   iteration thus takes two places, and only iterations that were abandoned pile up.
//! - Where the table is full ([`CURSORS_MAX`], [`BYTES_MAX`]), a cursor that was given out
//!   [`ABANDONED_AFTER`] ago makes room. If there is none, the iteration goes on to the next
//!   *landmark*: a position that any number of iterations share, and that is kept when one of them
//!   passes it. Landmarks lie at most one long page of keys apart, so there are few of them and
//!   every iteration makes progress, whatever their number.
//! - A cursor nobody knows begins the iteration anew: one that was forgotten, or one from before a
//!   restart. Keys are then met twice, which the promise allows; ending or going on from elsewhere
//!   would miss keys in silence, and an error would break iterations that Redis carries on with.
//! - Numbers are given out one after the other from a random start, so that a cursor from before a
//!   restart does not happen to be known. They stay below 2^53, as some clients keep them in a
//!   double.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::store::scan::ScanPosition;
use crate::sync::{Mutex, lock};

/// The most cursors that are no landmarks: twice the connections a server takes by default, and
/// more.
const CURSORS_MAX: usize = 1 << 15;

/// The most bytes of their positions.
const BYTES_MAX: usize = 32 << 20;

/// The age at which a cursor makes room for another if the table is full.
const ABANDONED_AFTER: Duration = Duration::from_secs(600);

/// The most landmarks, and the most bytes of their positions. At the limits the oldest is
/// forgotten: a store has more than 160 million keys then, or more than gigabytes of them.
const LANDMARKS_MAX: usize = 1 << 14;
const LANDMARK_BYTES_MAX: usize = 32 << 20;

/// Half of the numbers that a double holds exactly, so that the other half is left to count up.
const START_MAX: u64 = 1 << 52;

/// The cursors of all clients.
pub(crate) struct ScanCursors(Mutex<CursorTable>);

struct CursorTable {
    next: u64,
    bytes: usize,
    positions: BTreeMap<u64, Cursor>,
    landmarks: Landmarks,
}

/// The meaning of a cursor.
struct Cursor {
    position: ScanPosition,
    /// The cursor from which it was reached.
    previous: u64,
    given_at: Instant,
}

/// Positions that iterations share, and their cursors.
#[derive(Default)]
struct Landmarks {
    bytes: usize,
    by_cursor: BTreeMap<u64, ScanPosition>,
    by_position: BTreeMap<ScanPosition, u64>,
}

impl ScanCursors {
    /// Returns an empty table, whose first cursor depends on the seed.
    pub(crate) fn starting_at(seed: u64) -> Self {
        Self(Mutex::new(CursorTable {
            next: seed % START_MAX + 1,
            bytes: 0,
            positions: BTreeMap::new(),
            landmarks: Landmarks::default(),
        }))
    }

    /// Returns the position of a cursor, or `None` for the beginning.
    pub(crate) fn position(&self, cursor: u64) -> Option<ScanPosition> {
        let table = lock(&self.0);
        let own = table.positions.get(&cursor).map(|cursor| &cursor.position);
        own.or_else(|| table.landmarks.by_cursor.get(&cursor)).cloned()
    }

    /// Returns a cursor for a position that an iteration reached from the cursor `previous`, or
    /// `None` if the table is full: the iteration then goes on to a landmark.
    pub(crate) fn advance(
        &self,
        previous: u64,
        position: &ScanPosition,
        now: Instant,
    ) -> Option<u64> {
        let mut table = lock(&self.0);
        table.arrived(previous);
        while table.positions.len() >= CURSORS_MAX || table.bytes + position.bytes() > BYTES_MAX {
            let oldest = table.positions.first_entry()?;
            if now.saturating_duration_since(oldest.get().given_at) < ABANDONED_AFTER {
                return None;
            }
            let bytes = oldest.remove().position.bytes();
            table.bytes -= bytes;
        }
        let cursor = table.take_number();
        table.bytes += position.bytes();
        let position = position.clone();
        table.positions.insert(cursor, Cursor { position, previous, given_at: now });
        Some(cursor)
    }

    /// Returns the first landmark at a position or behind it, with its cursor.
    pub(crate) fn landmark_from(&self, position: &ScanPosition) -> Option<(ScanPosition, u64)> {
        let table = lock(&self.0);
        let (position, cursor) = table.landmarks.by_position.range(position..).next()?;
        Some((position.clone(), *cursor))
    }

    /// Makes a position a landmark. Returns its cursor.
    pub(crate) fn add_landmark(&self, position: ScanPosition) -> u64 {
        let mut table = lock(&self.0);
        let cursor = table.take_number();
        table.landmarks.add(position, cursor)
    }

    /// Records that an iteration ended with this cursor.
    pub(crate) fn finish(&self, last: u64) {
        lock(&self.0).arrived(last);
    }
}

impl Landmarks {
    /// Adds a landmark unless the position is one. Returns its cursor.
    fn add(&mut self, position: ScanPosition, cursor: u64) -> u64 {
        if let Some(cursor) = self.by_position.get(&position) {
            return *cursor;
        }
        self.bytes += position.bytes();
        self.by_cursor.insert(cursor, position.clone());
        self.by_position.insert(position, cursor);
        while self.by_cursor.len() > LANDMARKS_MAX || self.bytes > LANDMARK_BYTES_MAX {
            let Some((_, oldest)) = self.by_cursor.pop_first() else {
                break;
            };
            self.bytes -= oldest.bytes();
            self.by_position.remove(&oldest);
        }
        cursor
    }
}

impl CursorTable {
    fn take_number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Forgets the cursor before one that its client has used.
    fn arrived(&mut self, cursor: u64) {
        let Some(Cursor { previous, .. }) = self.positions.get(&cursor) else {
            return;
        };
        if let Some(forgotten) = self.positions.remove(&previous.clone()) {
            self.bytes -= forgotten.position.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(key: &[u8]) -> ScanPosition {
        ScanPosition::behind(key)
    }

    fn count(cursors: &ScanCursors) -> (usize, usize) {
        let table = lock(&cursors.0);
        let bytes = table.positions.values().map(|cursor| cursor.position.bytes());
        assert_eq!(table.bytes, bytes.sum::<usize>());
        (table.positions.len(), table.bytes)
    }

    fn advance(cursors: &ScanCursors, previous: u64, key: &[u8]) -> u64 {
        cursors.advance(previous, &behind(key), Instant::now()).unwrap()
    }

    #[test]
    fn a_cursor_may_be_used_again_until_the_next_one_is() {
        let cursors = ScanCursors::starting_at(7);
        let first = advance(&cursors, 0, b"a");
        let second = advance(&cursors, first, b"b");
        let again = advance(&cursors, first, b"c");
        assert_eq!(cursors.position(first).unwrap(), behind(b"a"));
        assert_eq!(cursors.position(second).unwrap(), behind(b"b"));
        assert_eq!(cursors.position(again).unwrap(), behind(b"c"));
        advance(&cursors, second, b"d");
        assert_eq!(cursors.position(first), None);
        assert_eq!(cursors.position(second).unwrap(), behind(b"b"));
        assert_eq!(cursors.position(0), None);
    }

    #[test]
    fn an_iteration_takes_two_places_however_long_it_is() {
        let cursors = ScanCursors::starting_at(0);
        let mut cursor = 0;
        for _ in 0..100 {
            cursor = advance(&cursors, cursor, b"key");
        }
        assert_eq!(count(&cursors), (2, 6));
        cursors.finish(cursor);
        assert_eq!(count(&cursors), (1, 3));
    }

    #[test]
    fn only_cursors_of_long_ago_make_room() {
        let cursors = ScanCursors::starting_at(u64::MAX);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let first = cursors.advance(0, &behind(b"k"), start).unwrap();
        let second = cursors.advance(0, &behind(b"k"), at(1)).unwrap();
        for _ in 2..CURSORS_MAX {
            assert!(cursors.advance(0, &behind(b"k"), at(1)).is_some());
        }
        assert_eq!(cursors.advance(0, &behind(b"k"), at(599)), None);
        assert!(cursors.position(first).is_some());
        assert!(cursors.advance(0, &behind(b"k"), at(600)).is_some());
        assert_eq!(cursors.position(first), None);
        assert!(cursors.position(second).is_some());
        assert_eq!(count(&cursors), (CURSORS_MAX, CURSORS_MAX));
        let long = 64 << 10;
        let last = (0..1000)
            .map(|n| cursors.advance(0, &behind(&vec![0; long]), at(700 + 600 * n)).unwrap())
            .last();
        assert_eq!(count(&cursors), (BYTES_MAX / long, BYTES_MAX));
        assert!(cursors.position(last.unwrap()).is_some());
        assert!(last.unwrap() < 1 << 53, "a double holds it");
    }

    #[test]
    fn landmarks_are_shared_and_the_oldest_make_room() {
        let cursors = ScanCursors::starting_at(0);
        let landmark = cursors.add_landmark(behind(b"m"));
        assert_eq!(cursors.add_landmark(behind(b"m")), landmark);
        assert_eq!(cursors.position(landmark), Some(behind(b"m")));
        for key in [b"a", b"m"] {
            assert_eq!(cursors.landmark_from(&behind(key)), Some((behind(b"m"), landmark)));
        }
        assert_eq!(cursors.landmark_from(&behind(b"n")), None);
        // Going on from one does not take it from others.
        let next = advance(&cursors, landmark, b"n");
        cursors.finish(next);
        assert_eq!(cursors.position(landmark), Some(behind(b"m")));
        for number in 0..LANDMARKS_MAX {
            cursors.add_landmark(behind(&number.to_be_bytes()));
        }
        assert_eq!(cursors.position(landmark), None);
        assert_eq!(cursors.landmark_from(&behind(b"m")), None);
        let long = 64 << 10;
        for number in 0..2 * LANDMARK_BYTES_MAX / long {
            let key = [&number.to_be_bytes()[..], &vec![0; long - 8]].concat();
            cursors.add_landmark(behind(&key));
        }
        let table = lock(&cursors.0);
        assert_eq!(table.landmarks.bytes, LANDMARK_BYTES_MAX);
        assert_eq!(table.landmarks.by_cursor.len(), table.landmarks.by_position.len());
    }
}
