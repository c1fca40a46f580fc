//! The memory that is held for one connection, as it counts among that of all.

use super::session::Session;
use crate::sync::Arc;

/// The bytes to which charges are rounded, so that small requests change none.
const STEP_BYTES: usize = 1 << 10;

/// The bytes by which what is held has to become less before a charge does.
const SLACK_BYTES: usize = 8 << 10;

/// Bytes that are held for a connection, until this is dropped.
pub(crate) struct Charge {
    session: Arc<Session>,
    bytes: usize,
}

impl Charge {
    /// Returns a charge of no bytes.
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session, bytes: 0 }
    }

    /// Changes it to so many bytes, rounded up to a step, unless they are about as many as before.
    pub(crate) fn set(&mut self, bytes: usize) {
        if bytes > self.bytes || bytes + SLACK_BYTES < self.bytes {
            self.change(bytes.next_multiple_of(STEP_BYTES));
        }
    }

    /// Counts the memory that a buffer freed when it moved to larger memory.
    pub(crate) fn note_freed(&self, bytes: usize) {
        self.session.memory.note_freed(bytes);
    }

    fn change(&mut self, bytes: usize) {
        self.session.change_charge(self.bytes, bytes);
        self.session.memory.change(self.bytes, bytes);
        self.bytes = bytes;
    }

    /// Returns the bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.change(0);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::server::execute::client_memory::SMALL_BYTES;
    use crate::server::execute::context::Context;
    use crate::server::testing;

    /// Returns a context whose clients may hold so many bytes.
    fn context(client_memory: usize) -> Context {
        testing::context_of(|options| options.client_memory(client_memory))
    }

    fn charge(session: &Arc<Session>, bytes: usize) -> Charge {
        let mut charge = Charge::new(Arc::clone(session));
        charge.set(bytes);
        charge
    }

    #[test]
    fn what_is_held_is_the_sum_of_all_charges_and_small_changes_do_not_count() {
        let context = context(1 << 20);
        let memory = &context.clients.memory;
        let session = testing::session(&context);
        let mut first = charge(&session, 10_000);
        let second = charge(&session, 1);
        assert_eq!((first.bytes(), memory.held()), (10_240, 11_264));
        first.set(10_240 - SLACK_BYTES);
        assert_eq!(memory.held(), 11_264);
        first.set(100_000);
        first.set(1);
        assert_eq!((session.held().memory, memory.held()), (2048, 2048));
        assert_eq!(memory.freed_in_large(), 100_352 - 1024);
        drop((first, second));
        assert_eq!((session.held().memory, memory.held()), (0, 0));
    }

    #[test]
    fn those_that_hold_most_are_evicted_until_the_others_fit() {
        let context = context(1 << 20);
        let sessions: [_; 4] = std::array::from_fn(|_| testing::session(&context));
        let kib = [300, 500, 400, 10];
        let charges: Vec<_> =
            sessions.iter().zip(kib).map(|(session, kib)| charge(session, kib << 10)).collect();
        let evicted = || sessions.each_ref().map(|session| session.is_evicted());
        context.clients.relieve();
        assert_eq!(evicted(), [false, true, false, false]);
        // Leaving bytes are not counted twice.
        context.clients.relieve();
        assert_eq!(evicted(), [false, true, false, false]);
        let more = charge(&sessions[3], 400 << 10);
        context.clients.relieve();
        assert_eq!(evicted(), [false, true, false, true]);
        drop((charges, more));
        assert!(!context.clients.memory.is_over());
        let again = charge(&sessions[0], 1_100_000);
        context.clients.relieve();
        assert_eq!(evicted(), [true, true, false, true]);
        drop(again);
    }

    #[test]
    fn a_crowd_without_a_password_goes_before_a_client_that_holds_more_than_each_of_it() {
        let context = context(1 << 20);
        let (clients, strangers): ([_; 2], [_; 8]) = (
            std::array::from_fn(|_| testing::session(&context)),
            std::array::from_fn(|_| testing::session(&context)),
        );
        strangers.iter().for_each(|session| session.set_authenticated(false));
        let evicted = |sessions: &[Arc<Session>]| {
            sessions.iter().filter(|session| session.is_evicted()).count()
        };
        let crowd = strangers.each_ref().map(|session| charge(session, 100 << 10));
        let large = charge(&clients[0], 300 << 10);
        context.clients.relieve();
        assert_eq!((evicted(&clients), evicted(&strangers)), (0, 1));
        let larger = charge(&clients[1], 600 << 10);
        context.clients.relieve();
        // Two of them hold less than a quarter, so now the largest of all goes.
        assert_eq!((evicted(&clients), evicted(&strangers)), (1, 6));
        assert!(clients[1].is_evicted());
        drop((crowd, large, larger));
        assert!(!context.clients.memory.is_over());
    }

    #[test]
    fn memory_of_closed_connections_makes_large_ones_wait_and_evicts_nobody() {
        let context = context(1 << 20);
        let (closed, open) = (testing::session(&context), testing::session(&context));
        let at_a_reader = charge(&closed, 2 << 20);
        context.clients.close(&closed);
        let _small = charge(&open, SMALL_BYTES);
        context.clients.relieve();
        assert!(!open.is_evicted());
        assert!(context.clients.memory.has_to_wait(SMALL_BYTES + 1));
        assert!(!context.clients.memory.has_to_wait(SMALL_BYTES));
        drop(at_a_reader);
        assert!(!context.clients.memory.has_to_wait(usize::MAX));
    }

    #[test]
    fn a_long_read_waits_until_clients_hold_no_more_than_they_may() {
        let context = context(1 << 20);
        let (closed, open) = (testing::session(&context), testing::session(&context));
        let mut leaving = Some(charge(&closed, 2 << 20));
        context.clients.close(&closed);
        let small = charge(&open, 1 << 10);
        let looks = Cell::new(0);
        let leaving = RefCell::new(&mut leaving);
        context.clients.wait_for_room(|| {
            looks.set(looks.get() + 1);
            if looks.get() == 3 {
                leaving.borrow_mut().take();
            }
            false
        });
        assert_eq!(looks.get(), 3);
        assert!(!open.is_evicted());
        context.clients.wait_for_room(|| panic!("there is room"));
        drop(small);
        let _again = charge(&open, 2 << 20);
        context.clients.wait_for_room(|| open.is_evicted());
        assert!(open.is_evicted(), "whoever waits evicts those that hold most");
    }

    #[test]
    fn no_limit_is_too_large() {
        let context = context(usize::MAX);
        let session = testing::session(&context);
        let _charge = charge(&session, 1 << 40);
        context.clients.relieve();
        assert!(!session.is_evicted() && !context.clients.memory.has_to_wait(usize::MAX));
    }
}
