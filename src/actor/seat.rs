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
//! into the mailbox woke the thread, which waits for the seat.
//!
//! A panic in a turn ends the actor, whoever took it: the state goes, every message is dropped, and
//! all who wait are told. A caller's own panic is caught and told in the same way. The loom models
//! `turns`, `turn_order`, `turn_panic` and `turn_shutdown` check all this.

use super::mailbox::{Address, Mailbox, Received};
use super::reply::Gone;
use super::spawn::{Actor, ActorThread, Wait};
use crate::bugs::{Bug, planted};
use crate::sync::{Arc, Mutex, MutexGuard, ThreadBuilder, catch_panic, lock, try_lock};

/// The place of an actor's state, which is gone once the actor ended.
pub(crate) struct Seat<A>(Arc<State<A>>);

/// The state of an actor, until it ends.
type State<A> = Mutex<Option<Box<A>>>;

impl<A: Actor> Seat<A> {
    /// Returns a turn to the thread that asks, if nothing waits in the mailbox; blocks while
    /// another thread has the seat. `address` is the actor's.
    pub(crate) fn take<'a>(&'a self, address: &'a Address<A::Message>) -> Option<Turn<'a, A>> {
        self.turn(address, |state| Some(lock(state)))
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
        let state = lock(&self.0)?;
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
    let seat = Seat(Arc::clone(&state));
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
