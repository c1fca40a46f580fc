//! Actors, and the threads that run them.

use std::time::Duration;

use super::mailbox::{Mailbox, Received};
use crate::sync::{JoinHandle, ThreadBuilder};

/// The time that an actor's thread may wait for the next message.
pub(crate) enum Wait {
    /// Wait until one comes.
    Forever,
    /// Wait this long, then call [`Actor::idle`].
    For(Duration),
    /// Do not wait: [`Actor::idle`] has other work to do.
    NotAtAll,
}

/// A struct that reacts to messages. It shares its state with nobody.
pub(crate) trait Actor: Send + 'static {
    /// A message in its mailbox.
    type Message: Send + 'static;

    /// The most messages that one call of [`handle`](Self::handle) gets.
    const MESSAGES_MAX: usize;

    /// Reacts to messages in order, and leaves the list empty.
    fn handle(&mut self, messages: &mut Vec<Self::Message>);

    /// Returns the time to wait for the next message.
    fn wait(&self) -> Wait {
        Wait::Forever
    }

    /// Does work of its own. Called when no message came within [`wait`](Self::wait), and so never
    /// during a stream of messages: work that must not be held off belongs into
    /// [`handle`](Self::handle) too.
    fn idle(&mut self) {}

    /// Ends the actor. Called once, after the mailbox was closed and emptied.
    fn stop(&mut self) {}
}

/// The thread of a running actor. Dropping it blocks until the thread ends, once the mailbox is
/// closed.
pub(crate) struct ActorThread(Option<JoinHandle<()>>);

impl ActorThread {
    /// Takes over a thread that ends by itself when its mailbox closes.
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
