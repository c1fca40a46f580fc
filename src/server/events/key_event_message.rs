//! The messages to the actor that tells of events about keys.

use crate::store::wake_list::WakeList;

/// A message to the [actor](super::key_event_actor) that tells of events about keys.
pub(crate) enum KeyEventMessage {
    /// There is a place behind which it has to tell of everything.
    Follow,
    /// Something was committed; the others wait for the same.
    News(WakeList),
}
