//! Runs an actor on a thread.

use std::time::Duration;

use super::mailbox::{Mailbox, Received};
use crate::sync::{JoinHandle, ThreadBuilder};

/// How long an actor's thread may wait for the next message.
pub(crate) enum Wait {
    /// Until one comes.
    Forever,
    /// This long, then [`Actor::idle`] is called.
    For(Duration),
    /// Not at all: there is other work, done in [`Actor::idle`].
    NotAtAll,
}

/// A struct that reacts to messages; all of its state is its own.
pub(crate) trait Actor: Send + 'static {
    /// What its mailbox carries.
    type Message: Send + 'static;

    /// The most messages one call of [`handle`](Self::handle) gets.
    const MESSAGES_MAX: usize;

    /// Reacts to the messages that were waiting, in order, and leaves the list empty.
    fn handle(&mut self, messages: &mut Vec<Self::Message>);

    /// How long to wait for the next message.
    fn wait(&self) -> Wait {
        Wait::Forever
    }

    /// Called when no message came within [`wait`](Self::wait), and so never beside a stream of
    /// messages: work that must not be held off belongs into [`handle`](Self::handle) too.
    fn idle(&mut self) {}

    /// Called once, after the mailbox was closed and emptied.
    fn stop(&mut self) {}
}

/// A running actor; dropping it waits for the thread, which ends once the mailbox is closed.
pub(crate) struct ActorThread(Option<JoinHandle<()>>);

impl ActorThread {
    /// Wraps a thread that ends by itself when its inbox closes.
    pub(crate) fn new(handle: JoinHandle<()>) -> Self {
        Self(Some(handle))
    }
}

impl Drop for ActorThread {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take()
            && handle.join().is_err()
        {
            log::error!("an actor thread panicked");
        }
    }
}

/// Starts a thread named `name` that runs the actor until its mailbox is closed and empty.
pub(crate) fn spawn<A: Actor>(
    name: &str,
    mut actor: A,
    mut mailbox: Mailbox<A::Message>,
) -> std::io::Result<ActorThread> {
    #[cfg(test)]
    let planted = crate::bugs::planted_here();
    let thread = ThreadBuilder::new().name(name.to_owned()).spawn(move || {
        #[cfg(test)]
        let _planted = crate::bugs::plant(planted);
        let mut messages = Vec::new();
        loop {
            let received = match actor.wait() {
                Wait::Forever => mailbox.receive(&mut messages, A::MESSAGES_MAX),
                Wait::For(time) => mailbox.receive_for(time, &mut messages, A::MESSAGES_MAX),
                Wait::NotAtAll => mailbox.receive_now(&mut messages, A::MESSAGES_MAX),
            };
            match received {
                Received::Messages => actor.handle(&mut messages),
                Received::Nothing => actor.idle(),
                Received::Closed => break,
            }
        }
        actor.stop();
    })?;
    Ok(ActorThread::new(thread))
}
