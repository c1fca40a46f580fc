//! The classes of events about keys that a server tells of, and the way to who tells them.

use super::key_event_classes::KeyEventClasses;
use super::key_event_message::KeyEventMessage;
use crate::actor::ReturnAddress;
use crate::sync::{AtomicUsize, Mutex, OnceLock, Ordering, lock};
use crate::{Result, Store};

/// The events about keys of one server.
#[derive(Default)]
pub(crate) struct KeyEvents {
    classes: AtomicUsize,
    actor: OnceLock<ReturnAddress<KeyEventMessage>>,
    /// True while the actor follows the changes of the store.
    is_followed: Mutex<bool>,
}

impl KeyEvents {
    /// Takes the address of the actor that tells them.
    pub(super) fn connect(&self, actor: ReturnAddress<KeyEventMessage>) {
        // Nobody else sets it: a server runs once.
        let _ = self.actor.set(actor);
    }

    /// Returns the classes of events that are told.
    pub(crate) fn classes(&self) -> KeyEventClasses {
        KeyEventClasses::of_bits(self.classes.load(Ordering::Relaxed))
    }

    /// Has events of these classes told, of every write that is begun when this has returned. Waits
    /// for the writes in progress if none were told before.
    pub(crate) fn tell(&self, classes: KeyEventClasses, store: &Store) -> Result<()> {
        let mut is_followed = lock(&self.is_followed);
        if !classes.is_silent() && !*is_followed {
            let cursor = store.change_cursor()?;
            // There is room: it takes one cursor at a time. A server that stops tells nothing.
            let sent = self.actor.get().map(|actor| actor.send(KeyEventMessage::Follow(cursor)));
            *is_followed = matches!(sent, Some(Ok(())));
        }
        self.classes.store(classes.bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Returns true if there is nothing to tell, so that nobody has to follow the changes; they are
    /// followed again once there is.
    pub(super) fn may_leave(&self) -> bool {
        if !self.classes().is_silent() {
            return false;
        }
        let mut is_followed = lock(&self.is_followed);
        *is_followed = !self.classes().is_silent();
        !*is_followed
    }
}
