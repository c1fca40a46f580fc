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
//!   iteration thus takes two places, and only iterations that were abandoned pile up, until the
//!   oldest cursors make room ([`CURSORS_MAX`], [`BYTES_MAX`]).
//! - A cursor nobody knows begins the iteration anew: one that was forgotten, or one from before a
//!   restart. Keys are then met twice, which the promise allows; ending or going on from elsewhere
//!   would miss keys in silence, and an error would break iterations that Redis carries on with.
//! - Numbers are given out one after the other from a random start, so that a cursor from before a
//!   restart does not happen to be known. They stay below 2^53, as some clients keep them in a
//!   double.

use std::collections::BTreeMap;

use crate::store::scan::ScanPosition;
use crate::sync::{Mutex, lock};

/// The most cursors at once; at the limit the oldest is forgotten and its iteration begins anew.
///
/// Twice the connections a server takes by default, and more.
const CURSORS_MAX: usize = 1 << 15;

/// The most bytes of positions; at the limit as above.
const BYTES_MAX: usize = 32 << 20;

/// Half of the numbers that a double holds exactly, so that the other half is left to count up.
const START_MAX: u64 = 1 << 52;

/// The cursors of all clients.
pub(crate) struct ScanCursors(Mutex<CursorTable>);

struct CursorTable {
    next: u64,
    bytes: usize,
    positions: BTreeMap<u64, Cursor>,
}

/// The meaning of a cursor.
struct Cursor {
    position: ScanPosition,
    /// The cursor from which it was reached.
    previous: u64,
}

impl ScanCursors {
    /// Returns an empty table, whose first cursor depends on the seed.
    pub(crate) fn starting_at(seed: u64) -> Self {
        Self(Mutex::new(CursorTable {
            next: seed % START_MAX + 1,
            bytes: 0,
            positions: BTreeMap::new(),
        }))
    }

    /// Returns the position of a cursor, or `None` for the beginning.
    pub(crate) fn position(&self, cursor: u64) -> Option<ScanPosition> {
        let table = lock(&self.0);
        Some(table.positions.get(&cursor)?.position.clone())
    }

    /// Returns a cursor for a position that an iteration reached from the cursor `previous`.
    pub(crate) fn advance(&self, previous: u64, position: ScanPosition) -> u64 {
        let mut table = lock(&self.0);
        table.arrived(previous);
        let cursor = table.next;
        table.next += 1;
        table.bytes += position.bytes();
        table.positions.insert(cursor, Cursor { position, previous });
        while table.positions.len() > CURSORS_MAX || table.bytes > BYTES_MAX {
            let Some((_, oldest)) = table.positions.pop_first() else {
                break;
            };
            table.bytes -= oldest.position.bytes();
        }
        cursor
    }

    /// Records that an iteration ended with this cursor.
    pub(crate) fn finish(&self, last: u64) {
        lock(&self.0).arrived(last);
    }
}

impl CursorTable {
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

    #[test]
    fn a_cursor_may_be_used_again_until_the_next_one_is() {
        let cursors = ScanCursors::starting_at(7);
        let first = cursors.advance(0, behind(b"a"));
        let second = cursors.advance(first, behind(b"b"));
        let again = cursors.advance(first, behind(b"c"));
        assert_eq!(cursors.position(first).unwrap(), behind(b"a"));
        assert_eq!(cursors.position(second).unwrap(), behind(b"b"));
        assert_eq!(cursors.position(again).unwrap(), behind(b"c"));
        cursors.advance(second, behind(b"d"));
        assert_eq!(cursors.position(first), None);
        assert_eq!(cursors.position(second).unwrap(), behind(b"b"));
        assert_eq!(cursors.position(0), None);
    }

    #[test]
    fn an_iteration_takes_two_places_however_long_it_is() {
        let cursors = ScanCursors::starting_at(0);
        let mut cursor = 0;
        for _ in 0..100 {
            cursor = cursors.advance(cursor, behind(b"key"));
        }
        assert_eq!(count(&cursors), (2, 6));
        cursors.finish(cursor);
        assert_eq!(count(&cursors), (1, 3));
    }

    #[test]
    fn abandoned_cursors_make_room_oldest_first() {
        let cursors = ScanCursors::starting_at(u64::MAX);
        let first = cursors.advance(0, behind(b"k"));
        let second = cursors.advance(0, behind(b"k"));
        for _ in 2..=CURSORS_MAX {
            cursors.advance(0, behind(b"k"));
        }
        assert_eq!(cursors.position(first), None);
        assert!(cursors.position(second).is_some());
        assert_eq!(count(&cursors), (CURSORS_MAX, CURSORS_MAX));
        let long = 64 << 10;
        let last = (0..1000).map(|_| cursors.advance(0, behind(&vec![0; long]))).last();
        assert_eq!(count(&cursors), (BYTES_MAX / long, BYTES_MAX));
        assert!(cursors.position(last.unwrap()).is_some());
        assert!(last.unwrap() < 1 << 53, "a double holds it");
    }
}
