//! The messages to the actor that tells of events about keys.

use crate::store::wake_list::WakeList;

/// A message to the [actor](super::key_event_actor) that tells of events about keys.
pub(crate) enum KeyEventMessage {
    /// Events were asked for, and there is a place in the ring of changes to begin at.
    Follow,
    /// Something was committed; the others wait for the same.
    News(WakeList),
}
