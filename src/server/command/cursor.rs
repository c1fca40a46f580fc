//! Where unfinished iterations are.
//!
//! A cursor is a number that stands for "behind this key"; the table here says which key. Iterating in
//! key order from there, a client meets every key that is present all the time: keys neither move nor
//! hide each other, and what is inserted or removed meanwhile may or may not be met, as in Redis.
//!
//! - A number cannot hold a key, and anything shorter cannot tell keys with a common beginning apart. A
//!   count of keys seen so far would skip keys when earlier ones are removed. Hence a table.
//! - What a cursor stands for never changes, so a client may send one again, as after a lost reply.
//! - Using a cursor proves that the reply with it arrived, so the cursor before it is forgotten. An
//!   iteration thus takes two places, and only iterations that were abandoned pile up, until the
//!   oldest cursors make room ([`CURSORS_MAX`], [`BYTES_MAX`]).
//! - A cursor nobody knows begins the iteration anew: one that was forgotten, or one from before a
//!   restart. Keys are then met twice, which the promise allows; ending or going on from elsewhere would
//!   miss keys in silence, and an error would break iterations that Redis carries on with.
//! - Numbers are given out one after the other from a random start, so that a cursor from before a
//!   restart does not happen to be known. They stay below 2^53, as some clients keep them in a double.

use std::collections::BTreeMap;

use crate::sync::{Mutex, lock};

/// The most cursors at once; at the limit the oldest is forgotten and its iteration begins anew.
///
/// Twice the connections a server takes by default, and more.
const CURSORS_MAX: usize = 1 << 15;

/// The most bytes of keys that cursors stand for; at the limit as above.
const BYTES_MAX: usize = 32 << 20;

/// Half of the numbers that a double holds exactly, so that the other half is left to count up.
const START_MAX: u64 = 1 << 52;

/// The cursors of all clients.
pub(crate) struct Cursors(Mutex<Table>);

struct Table {
    next: u64,
    bytes: usize,
    positions: BTreeMap<u64, Position>,
}

/// What a cursor stands for.
struct Position {
    resume_after: Vec<u8>,
    /// The cursor it was reached from.
    previous: u64,
}

impl Cursors {
    /// No cursors; the first one depends on the seed.
    pub(super) fn starting_at(seed: u64) -> Self {
        Self(Mutex::new(Table { next: seed % START_MAX + 1, bytes: 0, positions: BTreeMap::new() }))
    }

    /// The key behind which the iteration goes on; `None` where it begins.
    pub(super) fn position(&self, cursor: u64) -> Option<Vec<u8>> {
        let table = lock(&self.0);
        let position = table.positions.get(&cursor)?;
        Some(position.resume_after.clone())
    }

    /// A cursor for going on behind this key, in an iteration that `previous` brought here.
    pub(super) fn advance(&self, previous: u64, resume_after: Vec<u8>) -> u64 {
        let mut table = lock(&self.0);
        table.arrived(previous);
        let cursor = table.next;
        table.next += 1;
        table.bytes += resume_after.len();
        let position = Position { resume_after, previous };
        table.positions.insert(cursor, position);
        while table.positions.len() > CURSORS_MAX || table.bytes > BYTES_MAX {
            let Some((_, oldest)) = table.positions.pop_first() else {
                break;
            };
            table.bytes -= oldest.resume_after.len();
        }
        cursor
    }

    /// Notes that an iteration ended with this cursor.
    pub(super) fn finish(&self, last: u64) {
        lock(&self.0).arrived(last);
    }
}

impl Table {
    /// Forgets the cursor before one that its client has used.
    fn arrived(&mut self, cursor: u64) {
        let Some(Position { previous, .. }) = self.positions.get(&cursor) else {
            return;
        };
        if let Some(forgotten) = self.positions.remove(&previous.clone()) {
            self.bytes -= forgotten.resume_after.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(cursors: &Cursors) -> (usize, usize) {
        let table = lock(&cursors.0);
        let bytes = table.positions.values().map(|p| p.resume_after.len());
        assert_eq!(table.bytes, bytes.sum::<usize>());
        (table.positions.len(), table.bytes)
    }

    #[test]
    fn a_cursor_may_be_used_again_until_the_next_one_is() {
        let cursors = Cursors::starting_at(7);
        let first = cursors.advance(0, b"a".to_vec());
        let second = cursors.advance(first, b"b".to_vec());
        let again = cursors.advance(first, b"c".to_vec());
        assert_eq!(cursors.position(first).unwrap(), b"a");
        assert_eq!(cursors.position(second).unwrap(), b"b");
        assert_eq!(cursors.position(again).unwrap(), b"c");
        cursors.advance(second, b"d".to_vec());
        assert_eq!(cursors.position(first), None);
        assert_eq!(cursors.position(second).unwrap(), b"b");
        assert_eq!(cursors.position(0), None);
    }

    #[test]
    fn an_iteration_takes_two_places_however_long_it_is() {
        let cursors = Cursors::starting_at(0);
        let mut cursor = 0;
        for _ in 0..100 {
            cursor = cursors.advance(cursor, b"key".to_vec());
        }
        assert_eq!(count(&cursors), (2, 6));
        cursors.finish(cursor);
        assert_eq!(count(&cursors), (1, 3));
    }

    #[test]
    fn abandoned_cursors_make_room_oldest_first() {
        let cursors = Cursors::starting_at(u64::MAX);
        let first = cursors.advance(0, b"k".to_vec());
        let second = cursors.advance(0, b"k".to_vec());
        for _ in 2..=CURSORS_MAX {
            cursors.advance(0, b"k".to_vec());
        }
        assert_eq!(cursors.position(first), None);
        assert!(cursors.position(second).is_some());
        assert_eq!(count(&cursors), (CURSORS_MAX, CURSORS_MAX));
        let long = 64 << 10;
        let last = (0..1000).map(|_| cursors.advance(0, vec![0; long])).last();
        assert_eq!(count(&cursors), (BYTES_MAX / long, BYTES_MAX));
        assert!(cursors.position(last.unwrap()).is_some());
        assert!(last.unwrap() < 1 << 53, "a double holds it");
    }
}
