//! The messages to the actor that tells of events about keys.

use crate::store::change_cursor::ChangeCursor;
use crate::store::wake_list::WakeList;

/// A message to the [actor](super::key_event_actor) that tells of events about keys.
pub(crate) enum KeyEventMessage {
    /// It has to tell of what comes behind this place.
    Follow(ChangeCursor),
    /// Something was committed; the others wait for the same.
    News(WakeList),
}
