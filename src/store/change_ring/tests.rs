//! The ring and its cursors on one thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::change::RemovalCause;
use super::super::change_cursor::{ChangeCursor, Polled};
use super::super::change_recorder::ChangeRecorder;
use super::*;
use crate::engine::{Group, Mutation};

fn put(bytes: usize) -> Mutation {
    Mutation::put(b"k".to_vec(), vec![b'v'; bytes], None)
}

/// Appends a group of batches whose values have so many bytes.
fn tell(recorder: &ChangeRecorder, first: u64, batches: &[usize]) {
    let mut group = Group::default();
    batches.iter().for_each(|bytes| group.push([put(*bytes)]));
    recorder.tell(recorder.copy(&group, Sequence(first), RemovalCause::Request));
}

/// Returns the memory of a batch whose value has so many bytes.
fn memory(bytes: usize) -> usize {
    let cause = RemovalCause::Request;
    ChangeBatch::copy(Sequence(1), &[put(bytes)], cause, usize::MAX).unwrap().memory()
}

/// Returns what there is for a cursor: versions that are told, and ranges that were missed.
fn all(cursor: &mut ChangeCursor) -> Vec<(u64, u64)> {
    let mut told = Vec::new();
    loop {
        match cursor.poll() {
            Polled::Batch(batch) => told.push((batch.version().0, batch.version().0)),
            Polled::Missed(first, last) => told.push((first.0, last.0)),
            Polled::Nothing => return told,
            Polled::Closed => {
                told.push((0, 0));
                return told;
            }
        }
    }
}

fn each(versions: impl IntoIterator<Item = u64>) -> Vec<(u64, u64)> {
    versions.into_iter().map(|version| (version, version)).collect()
}

#[test]
fn a_cursor_is_told_everything_from_its_place_on_once_and_the_end() {
    let recorder = ChangeRecorder::new(1 << 20, Sequence(5));
    let mut cursor = ChangeCursor::new(recorder.ring());
    assert_eq!((all(&mut cursor), cursor.told()), (vec![], Sequence(4)));
    tell(&recorder, 5, &[1, 2]);
    let mut late = ChangeCursor::new(recorder.ring());
    // The versions from 7 to 9 are of groups that failed.
    tell(&recorder, 10, &[3]);
    assert!(cursor.has_news() && late.has_news());
    assert_eq!(all(&mut cursor), each([5, 6, 10]));
    assert_eq!((all(&mut late), late.told()), (each([10]), Sequence(10)));
    assert!(!cursor.has_news() && all(&mut cursor).is_empty());
    for (version, expected) in [(5, vec![6, 10]), (7, vec![10]), (9, vec![10]), (10, vec![])] {
        late.move_behind(version);
        assert_eq!(all(&mut late), each(expected), "after {version}");
    }
    late.move_behind(u64::MAX);
    tell(&recorder, 11, &[4]);
    assert_eq!(all(&mut late), each([11]));
    drop(recorder);
    assert_eq!(all(&mut late), [(0, 0)]);
    assert_eq!(all(&mut cursor), [(11, 11), (0, 0)]);
}

#[test]
fn the_oldest_batches_leave_at_the_limit_and_are_missed() {
    let recorder = ChangeRecorder::new(3 * memory(10), Sequence(1));
    let (mut cursor, mut other) =
        (ChangeCursor::new(recorder.ring()), ChangeCursor::new(recorder.ring()));
    tell(&recorder, 1, &[10, 10, 10]);
    assert_eq!(lock(&recorder.ring().state).bytes, 3 * memory(10));
    // Nothing has left yet: the ring is just full.
    cursor.move_behind(0);
    assert_eq!(all(&mut cursor), each(1..=3));
    tell(&recorder, 4, &[10]);
    assert_eq!(all(&mut cursor), each([4]));
    assert_eq!(all(&mut other), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    // One byte more makes two of them leave.
    tell(&recorder, 5, &[11]);
    cursor.move_behind(0);
    assert_eq!(all(&mut cursor), [(1, 3), (4, 4), (5, 5)]);
    assert_eq!(lock(&recorder.ring().state).bytes, memory(10) + memory(11));
}

#[test]
fn a_batch_that_is_larger_than_the_ring_is_missed_with_those_before_it() {
    let recorder = ChangeRecorder::new(memory(10), Sequence(1));
    let mut cursor = ChangeCursor::new(recorder.ring());
    tell(&recorder, 1, &[10, 11]);
    assert_eq!(all(&mut cursor), [(1, 2)]);
    assert_eq!(lock(&recorder.ring().state).bytes, 0);
    tell(&recorder, 3, &[11, 10]);
    assert_eq!(all(&mut cursor), [(3, 3), (4, 4)]);
    let nothing = ChangeRecorder::new(0, Sequence(1));
    let mut cursor = ChangeCursor::new(nothing.ring());
    tell(&nothing, 1, &[1, 1]);
    assert_eq!(all(&mut cursor), [(1, 2)]);
}

#[test]
fn a_cursor_takes_a_bounded_part_of_the_ring() {
    let recorder = ChangeRecorder::new(1 << 20, Sequence(1));
    let ring = recorder.ring();
    tell(&recorder, 1, &[1; 100]);
    tell(&recorder, 101, &[TAKEN_BYTES, 1, TAKEN_BYTES / 2, TAKEN_BYTES / 4, TAKEN_BYTES / 4]);
    let taken = |from| {
        let mut taken = VecDeque::new();
        assert!(matches!(ring.take(Sequence(from), &mut taken), Taken::Batches));
        taken.len()
    };
    assert_eq!([1, 90, 101, 102].map(taken), [TAKEN_BATCHES_MAX, 11, 1, 3]);
}

#[test]
fn a_drop_is_known_after_it_has_left() {
    let recorder = ChangeRecorder::new(0, Sequence(1));
    let (cursor, id) = (ChangeCursor::new(recorder.ring()), KeyspaceId(2));
    let mut group = Group::default();
    group.push([put(1)]);
    group.push([Mutation::remove(b"n".to_vec()).of(KeyspaceId::CATALOGUE), Mutation::clear(id)]);
    recorder.tell(recorder.copy(&group, Sequence(1), RemovalCause::Request));
    assert!(cursor.is_dropped(id, Sequence(1), Sequence(2)));
    assert!(!cursor.is_dropped(id, Sequence(1), Sequence(1)));
    assert!(!cursor.is_dropped(KeyspaceId(3), Sequence(1), Sequence(2)));
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(&self, _others: WakeList) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn each_that_waits_is_woken_once_and_those_that_left_are_not() {
    let recorder = ChangeRecorder::new(1 << 20, Sequence(1));
    let woken: Vec<_> = (0..10).map(|_| Arc::new(Woken::default())).collect();
    let wakes: Vec<Arc<dyn Wake>> = woken.iter().map(|it| Arc::clone(it) as _).collect();
    let mut cursors: Vec<_> = woken.iter().map(|_| ChangeCursor::new(recorder.ring())).collect();
    for (cursor, wake) in cursors.iter().zip(&wakes) {
        // Asking twice makes no difference.
        assert!(cursor.register(wake) && cursor.register(wake));
    }
    assert!(cursors[0].cancel() && !cursors[0].cancel());
    drop(cursors.remove(1));
    let counts = || woken.iter().map(|it| it.0.load(Ordering::Relaxed)).collect::<Vec<_>>();
    tell(&recorder, 1, &[1]);
    let expected = [0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
    assert_eq!(counts(), expected);
    tell(&recorder, 2, &[1]);
    assert_eq!(counts(), expected, "they have not asked again");
    assert!(!cursors[0].register(&wakes[0]), "there is something new");
    all(&mut cursors[0]);
    assert!(cursors[0].register(&wakes[0]));
    drop(recorder);
    assert_eq!(counts()[0], 1, "it learns that the ring is closed");
    assert!(!cursors[0].register(&wakes[0]));
}
