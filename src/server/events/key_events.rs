//! The classes of events about keys that a server tells of, and the way to who tells them.

use super::key_event_classes::KeyEventClasses;
use super::key_event_message::KeyEventMessage;
use crate::Result;
use crate::actor::ReturnAddress;
use crate::store::change_cursor::ChangeCursor;
use crate::sync::{AtomicUsize, Mutex, OnceLock, Ordering, lock};

/// The events about keys of one server.
#[derive(Default)]
pub(crate) struct KeyEvents {
    /// The classes, as bits; they change while the place is locked.
    classes: AtomicUsize,
    /// A new place in the ring of changes to tell events from, until the actor takes it.
    place: Mutex<Option<ChangeCursor>>,
    actor: OnceLock<ReturnAddress<KeyEventMessage>>,
}

impl KeyEvents {
    /// Takes the address of the actor that tells them.
    pub(crate) fn connect(&self, actor: ReturnAddress<KeyEventMessage>) {
        // Nobody else sets it: a server runs once.
        let _ = self.actor.set(actor);
    }

    /// Returns the classes of events that are told.
    pub(crate) fn classes(&self) -> KeyEventClasses {
        KeyEventClasses::of_bits(self.classes.load(Ordering::Relaxed))
    }

    /// Has events of these classes told, of every write that is begun when this has returned. If
    /// none were told before, `newest` returns a place behind the newest change, and may wait.
    pub(crate) fn tell(
        &self,
        classes: KeyEventClasses,
        newest: impl FnOnce() -> Result<ChangeCursor>,
    ) -> Result<()> {
        let mut place = lock(&self.place);
        let begins = self.classes().is_silent() && !classes.is_silent();
        if begins {
            *place = Some(newest()?);
        }
        self.classes.store(classes.bits(), Ordering::Relaxed);
        if let Some(actor) = self.actor.get().filter(|_| begins) {
            // The mailbox may be full: the actor looks for the place after any message. A server
            // that stops tells nothing.
            let _ = actor.try_send(KeyEventMessage::Follow);
        }
        Ok(())
    }

    /// Returns the classes of events to tell, and takes the place to begin at, if there is a new
    /// one.
    pub(super) fn take_place(&self) -> (KeyEventClasses, Option<ChangeCursor>) {
        let mut place = lock(&self.place);
        (self.classes(), place.take())
    }
}
