//! The place of the actor that tells of events about keys, in the ring of changes.

use super::key_event_classes::KeyEventClasses;
use super::key_event_message::KeyEventMessage;
use super::key_events::KeyEvents;
use crate::actor::ReturnAddress;
use crate::bugs::{Bug, planted};
use crate::store::change::ChangeBatch;
use crate::store::change_cursor::{ChangeCursor, Polled};
use crate::store::wake_list::{Wake, WakeList};
use crate::sync::Arc;

/// The place from which on an actor tells of changes, while there are classes of events to tell.
pub(crate) struct KeyEventFollower {
    events: Arc<KeyEvents>,
    cursor: Option<ChangeCursor>,
    wake: Arc<dyn Wake>,
}

/// Wakes the actor.
struct KeyEventWake(ReturnAddress<KeyEventMessage>);

impl Wake for KeyEventWake {
    fn wake(&self, others: WakeList) {
        // The mailbox may be full: the actor looks for news after any message. Dropping the message
        // wakes the others.
        let _ = self.0.try_send(KeyEventMessage::News(others));
    }
}

impl KeyEventFollower {
    /// Returns the follower of the actor with this address, which follows nothing yet.
    pub(crate) fn new(events: Arc<KeyEvents>, actor: ReturnAddress<KeyEventMessage>) -> Self {
        Self { events, cursor: None, wake: Arc::new(KeyEventWake(actor)) }
    }

    /// Tells of what was committed, as far as there are classes to tell. The actor gets a message
    /// when there is more.
    pub(crate) fn follow(&mut self, mut tell: impl FnMut(&ChangeBatch, KeyEventClasses)) {
        loop {
            let polled = self.cursor.as_mut().map(ChangeCursor::poll);
            // Looked at behind the poll: the change may have been written while no event was asked
            // for, and then either none is asked for now, or there is a new place to begin at.
            let (classes, place) = self.events.take_place();
            if classes.is_silent() {
                self.cursor = None;
                return;
            }
            if place.is_some() && !planted(Bug::KeepOldPlace) {
                self.cursor = place;
                continue;
            }
            match polled {
                Some(Polled::Batch(batch)) => tell(&batch, classes),
                Some(Polled::Missed(first, last)) => log::warn!(
                    "events about keys were not told: the changes {} to {} came too fast",
                    first.0,
                    last.0
                ),
                Some(Polled::Nothing) => {
                    if self.cursor.as_ref().is_some_and(|cursor| cursor.register(&self.wake)) {
                        return;
                    }
                }
                Some(Polled::Closed) | None => {
                    self.cursor = None;
                    return;
                }
            }
        }
    }
}
