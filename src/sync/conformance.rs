//! The contract of threads, channels and published values that the crate relies on, on every face.
//!
//! In production each test runs many times on real threads; under a checker, in every interleaving
//! or in many random ones.

use std::sync::atomic::AtomicUsize as Count;
use std::time::Duration;

use super::*;

#[cfg(not(any(kvs_loom, kvs_shuttle)))]
fn explore(test: impl Fn() + Send + Sync + 'static) {
    (0..500).for_each(|_| test());
}

#[cfg(kvs_loom)]
fn explore(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    (builder.preemption_bound, builder.max_branches) = (Some(3), 100_000);
    builder.check(test);
}

#[cfg(kvs_shuttle)]
fn explore(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(test, 2000);
}

fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    ThreadBuilder::new().name("conformance".to_owned()).spawn(run).unwrap()
}

/// Raises a flag when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn messages_of_one_sender_arrive_in_order_and_none_twice() {
    explore(|| {
        let (sender, receiver) = bounded(2);
        let other = sender.clone();
        let first = spawn(move || [1, 2].map(|n| sender.send(n).unwrap()));
        let second = spawn(move || other.send(3).unwrap());
        let taken: Vec<i32> = (0..3).map(|_| receiver.recv().unwrap()).collect();
        assert!(receiver.recv().is_err(), "every sender is gone");
        let place = |n| taken.iter().position(|taken| *taken == n).unwrap();
        assert!(place(1) < place(2) && place(3) < 3, "{taken:?}");
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn a_full_channel_gives_the_message_back_or_lets_the_sender_wait_for_room() {
    explore(|| {
        let (sender, receiver) = bounded(1);
        sender.try_send(1).unwrap();
        assert!(matches!(sender.try_send(2), Err(TrySendError::Full(2))));
        let waiting = spawn(move || sender.send(2).unwrap());
        assert_eq!(receiver.recv().unwrap(), 1);
        assert_eq!(receiver.recv().unwrap(), 2);
        waiting.join().unwrap();
        assert!(matches!(receiver.try_recv(), Err(TryRecvError::Disconnected)));
    });
}

#[test]
fn a_channel_is_never_fuller_than_its_capacity() {
    explore(|| {
        let (sender, receiver) = bounded(1);
        let other = sender.clone();
        let sent = spawn(move || other.try_send(1).is_ok());
        let also = sender.try_send(2).is_ok();
        let sent = sent.join().unwrap();
        assert!(sent != also, "there is one place");
        drop(sender);
        assert!(receiver.recv().is_ok() && receiver.recv().is_err());
    });
}

#[test]
fn a_receiver_that_goes_wakes_the_senders_that_wait_for_room() {
    explore(|| {
        let (sender, receiver) = bounded(1);
        sender.send(1).unwrap();
        let senders = [sender.clone(), sender];
        let waiting = senders.map(|sender| spawn(move || sender.send(2).map_err(|error| error.0)));
        drop(receiver);
        for sender in waiting {
            assert_eq!(sender.join().unwrap(), Err(2), "the message comes back");
        }
    });
}

#[test]
fn the_last_sender_that_goes_wakes_the_receiver() {
    explore(|| {
        let (sender, receiver) = bounded::<u8>(1);
        let other = sender.clone();
        let threads = [spawn(move || drop(sender)), spawn(move || drop(other))];
        assert!(receiver.recv().is_err());
        assert!(matches!(
            receiver.recv_timeout(Duration::ZERO),
            Err(RecvTimeoutError::Disconnected)
        ));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn queued_messages_are_dropped_with_the_last_end_of_the_channel() {
    explore(|| {
        let dropped = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = bounded(1);
        assert!(sender.send(Dropped(Arc::clone(&dropped))).is_ok());
        drop(receiver);
        drop(sender);
        assert!(dropped.load(Ordering::SeqCst));
    });
}

#[test]
fn a_message_carries_what_its_sender_did_before() {
    explore(|| {
        let (sender, receiver) = bounded(1);
        let seen = Arc::new(AtomicU64::new(0));
        let written = Arc::clone(&seen);
        let thread = spawn(move || {
            written.store(7, Ordering::Relaxed);
            sender.send(()).unwrap();
        });
        receiver.recv().unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), 7);
        thread.join().unwrap();
    });
}

#[test]
fn a_message_that_is_waited_for_stays_where_it_is() {
    explore(|| {
        let (sender, receiver) = bounded(2);
        let sending = spawn(move || [1, 2].map(|n| sender.send(n).unwrap()));
        // It may end too soon, but not for ever.
        while receiver.is_empty() {
            await_message(&receiver);
        }
        assert!(await_message_for(&receiver, Duration::ZERO), "it is there");
        assert_eq!(receiver.try_recv(), Ok(1));
        sending.join().unwrap();
        assert_eq!(receiver.try_recv(), Ok(2));
        assert!(receiver.is_empty());
        await_message(&receiver);
        assert!(await_message_for(&receiver, Duration::MAX), "every sender is gone");
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    });
}

#[test]
fn a_mutex_that_is_held_is_not_taken_and_one_that_was_left_shows_what_was_done() {
    explore(|| {
        let mutex = Arc::new(Mutex::new((0, 0)));
        let other = Arc::clone(&mutex);
        let change = move || {
            let Some(mut pair) = try_lock(&other) else { return false };
            pair.0 += 1;
            assert!(try_lock(&other).is_none(), "it is held");
            pair.1 += 1;
            true
        };
        let thread = spawn(change.clone());
        let here = change();
        let pair = *lock(&mutex);
        assert_eq!(pair.0, pair.1, "a holder is not interrupted");
        let there = thread.join().unwrap();
        assert!(here || there, "one of them found it free");
        let count = i32::from(here) + i32::from(there);
        assert_eq!(try_lock(&mutex).as_deref(), Some(&(count, count)));
    });
}

#[test]
fn a_panic_that_is_caught_leaves_a_lock_that_was_taken_before_to_its_holder() {
    explore(|| {
        let mutex = Arc::new(Mutex::new(1));
        let other = Arc::clone(&mutex);
        let thread = spawn(move || {
            let mut held = lock(&other);
            assert!(catch_panic(|| panic!("on purpose")).is_err());
            *held += 1;
            assert_eq!(catch_panic(|| *held).ok(), Some(2));
        });
        let seen = *lock(&mutex);
        assert!(seen == 1 || seen == 2);
        thread.join().unwrap();
        assert_eq!(try_lock(&mutex).as_deref(), Some(&2));
    });
}

#[test]
fn a_published_value_is_whole_and_never_goes_back() {
    explore(|| {
        let cell = Arc::new(Swap::new(Arc::new([0, 0])));
        let writer = Arc::clone(&cell);
        let thread = spawn(move || {
            writer.store(Arc::new([1, 1]));
            assert_eq!(*writer.swap(Arc::new([2, 2])), [1, 1], "there is one writer");
        });
        let held = cell.load();
        let (first, second) = (**held, *cell.load_full());
        assert_eq!(first[0], first[1]);
        assert_eq!(second[0], second[1]);
        assert!(first[0] <= second[0]);
        thread.join().unwrap();
        assert_eq!(**cell.load(), [2, 2]);
        assert_eq!(**held, first, "what is held stays as it is");
    });
}

#[test]
fn a_value_is_set_once() {
    explore(|| {
        let cell = Arc::new(OnceLock::default());
        let other = Arc::clone(&cell);
        let thread = spawn(move || (other.set(1).is_ok(), other.get().copied()));
        let made = *cell.get_or_init(|| 2);
        let (was_first, seen) = thread.join().unwrap();
        assert_eq!(was_first, made == 1);
        assert_eq!(seen, Some(made));
        assert_eq!(cell.get(), Some(&made));
        assert_eq!(cell.set(3), Err(3));
    });
}

#[test]
fn joining_a_thread_that_panicked_is_an_error() {
    let joined = Arc::new(Count::new(0));
    let counted = Arc::clone(&joined);
    explore(move || {
        let dropped = Arc::new(AtomicBool::new(false));
        let held = Dropped(Arc::clone(&dropped));
        let thread = spawn(move || {
            let _held = held;
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert!(dropped.load(Ordering::SeqCst), "it was unwound");
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(joined.load(std::sync::atomic::Ordering::Relaxed) > 0);
}
