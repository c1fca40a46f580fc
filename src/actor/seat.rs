//! The seat of an actor, from which one thread at a time takes its turn.
//!
//! An actor need not have its thread to itself. Whoever brings a message while nothing waits in the
//! actor's mailbox may take the turn with it, at once if nobody has the seat, and spares itself two
//! hand-overs to another thread, a reply and a place in the mailbox.
//!
//! The order of messages stays that of the mailbox. The actor's own thread waits until there is a
//! message *without taking it*, then takes the seat, and only then the messages:
//!
//! ```text
//! the actor's thread                      a caller
//!   wait: is there a message?               is the mailbox empty? else use it
//!   take the seat                           take the seat
//!   take the messages, handle them          hand the message over, get its outcome
//!   leave the seat                          leave the seat
//! ```
//!
//! So a message that a caller finds taken out of the mailbox is handled once the caller has the
//! seat, and what a thread sends comes before what it brings itself later. Messages that come while
//! a caller has the seat wait for the actor's thread, and so do the callers behind them: no stream
//! of turns holds them off. Nobody has to be woken when the seat is left: whoever put a message
//! into the mailbox woke the thread, which waits for the seat. Of very many callers at once a few
//! wait for the seat, and the rest use the mailbox.
//!
//! A panic in a turn ends the actor, whoever took it: the state goes, every message is dropped, and
//! all who wait are told. A caller's own panic is caught and told in the same way. The loom models
//! `turns`, `turn_order`, `turn_panic` and `turn_shutdown` check all this.

use super::mailbox::{Address, Mailbox, Received};
use super::reply::Gone;
use super::spawn::{Actor, ActorThread, Wait};
use crate::bugs::{Bug, planted};
use crate::sync::{
    Arc, Mutex, MutexGuard, ThreadBuilder, UnscheduledCount, catch_panic, lock, try_lock,
};

/// The most threads that wait for a turn. Each wakes any other, so that with more of them some
/// would wait long; the actor's own thread takes the messages of the rest as one.
const WAITING_MAX: usize = 16;

/// The place of an actor's state, which is gone once the actor ended.
pub(crate) struct Seat<A> {
    state: Arc<State<A>>,
    /// The threads that wait for their turn, the actor's own not among them.
    waiting: UnscheduledCount,
}

/// The state of an actor, until it ends.
type State<A> = Mutex<Option<Box<A>>>;

impl<A: Actor> Seat<A> {
    /// Returns a turn to the thread that asks, if nothing waits in the mailbox; blocks while
    /// another thread has the seat, unless many threads do. `address` is the actor's.
    pub(crate) fn take<'a>(&'a self, address: &'a Address<A::Message>) -> Option<Turn<'a, A>> {
        self.turn(address, |state| {
            let _waiting = self.waiting.enter(WAITING_MAX)?;
            Some(lock(state))
        })
    }

    /// Returns a turn if the actor is at rest.
    pub(crate) fn try_take<'a>(&'a self, address: &'a Address<A::Message>) -> Option<Turn<'a, A>> {
        self.turn(address, try_lock)
    }

    fn turn<'a>(
        &'a self,
        address: &'a Address<A::Message>,
        lock: impl FnOnce(&'a State<A>) -> Option<MutexGuard<'a, Option<Box<A>>>>,
    ) -> Option<Turn<'a, A>> {
        if !address.is_empty() && !planted(Bug::OvertakeMailbox) {
            return None;
        }
        let state = lock(&self.state)?;
        state.is_some().then_some(Turn { state, address })
    }
}

/// A turn of an actor on the thread of a caller; its end leaves the seat.
pub(crate) struct Turn<'a, A: Actor> {
    /// Never `None` until the turn ends.
    state: MutexGuard<'a, Option<Box<A>>>,
    address: &'a Address<A::Message>,
}

impl<A: Actor> Turn<'_, A> {
    /// Returns true if the actor says so.
    pub(crate) fn is(&self, question: impl FnOnce(&A) -> bool) -> bool {
        self.state.as_deref().is_some_and(question)
    }

    /// Does the work of the turn. If that panics, the actor ends.
    pub(crate) fn take<T>(mut self, work: impl FnOnce(&mut A) -> T) -> Result<T, Gone> {
        let actor = self.state.as_deref_mut().ok_or(Gone)?;
        catch_panic(|| work(actor)).map_err(|_| {
            log::error!("an actor panicked in a turn of a caller");
            if !planted(Bug::SurvivePanic) {
                // Its thread ends when the last address goes.
                *self.state = None;
                self.address.abandon();
            }
            Gone
        })
    }
}

/// Starts a thread named `name` that runs the actor until its mailbox is closed and empty, from a
/// seat that others may take meanwhile.
pub(crate) fn spawn_seated<A: Actor>(
    name: &str,
    actor: A,
    mailbox: Mailbox<A::Message>,
) -> std::io::Result<(Seat<A>, ActorThread)> {
    let wait = actor.wait();
    let state = Arc::new(Mutex::new(Some(Box::new(actor))));
    let seat = Seat { state: Arc::clone(&state), waiting: UnscheduledCount::default() };
    #[cfg(test)]
    let planted = crate::bugs::planted_here();
    let thread = ThreadBuilder::new().name(name.to_owned()).spawn(move || {
        #[cfg(test)]
        let _planted = crate::bugs::plant(planted);
        run(&state, mailbox, wait);
    })?;
    Ok((seat, ActorThread::new(thread)))
}

fn run<A: Actor>(state: &State<A>, mut mailbox: Mailbox<A::Message>, mut wait: Wait) {
    let mut messages = Vec::new();
    loop {
        let is_in_time = match wait {
            Wait::Forever => {
                mailbox.await_message();
                true
            }
            Wait::For(time) => mailbox.await_message_for(time),
            Wait::NotAtAll => false,
        };
        let mut take = |messages: &mut Vec<_>| mailbox.receive_now(messages, A::MESSAGES_MAX);
        let early = planted(Bug::TakeBeforeSeat).then(|| take(&mut messages));
        let mut seat = lock(state);
        let Some(actor) = seat.as_deref_mut() else { return };
        let turn = catch_panic(|| {
            match early.unwrap_or_else(|| take(&mut messages)) {
                Received::Messages => actor.handle(&mut messages),
                Received::Nothing if is_in_time => {}
                Received::Nothing => actor.idle(),
                Received::Closed => {
                    actor.stop();
                    return None;
                }
            }
            Some(actor.wait())
        });
        match turn {
            Ok(Some(next)) => wait = next,
            ended => {
                // Its addresses of other actors go with it, so that they end, too.
                *seat = None;
                drop(seat);
                drop(mailbox);
                if let Err(panic) = ended {
                    std::panic::resume_unwind(panic);
                }
                return;
            }
        }
    }
}

#[cfg(all(test, not(any(kvs_loom, kvs_shuttle))))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::actor::mailbox;
    use crate::sync::{now, sleep};

    struct Idle;

    impl Actor for Idle {
        type Message = ();
        const MESSAGES_MAX: usize = 1;

        fn handle(&mut self, messages: &mut Vec<()>) {
            messages.clear();
        }
    }

    #[test]
    fn a_caller_behind_the_most_that_wait_gets_no_turn_and_does_not_wait() {
        let (address, inbox) = mailbox(1);
        let (seat, _thread) = spawn_seated("idle", Idle, inbox).unwrap();
        let seat = Arc::new(seat);
        let turn = seat.take(&address).expect("nobody waits");
        let wait = || {
            let (seat, address) = (Arc::clone(&seat), address.clone());
            ThreadBuilder::new().spawn(move || seat.take(&address).is_some()).unwrap()
        };
        let waiting: Vec<_> = (0..WAITING_MAX).map(|_| wait()).collect();
        let deadline = now() + Duration::from_secs(60);
        while seat.waiting.count() < WAITING_MAX {
            assert!(now() < deadline, "the callers do not come");
            sleep(Duration::from_millis(1));
        }
        assert!(seat.take(&address).is_none());
        drop(turn);
        assert!(waiting.into_iter().all(|caller| caller.join().unwrap()), "there was room");
        assert_eq!(seat.waiting.count(), 0, "who got a turn, or none, waits no more");
        assert!(seat.take(&address).is_some());
        // The last address ends the thread.
        drop(address);
    }
}
