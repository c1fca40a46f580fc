//! Events about keys: the changes of the store as messages of channels, which Redis calls keyspace
//! notifications.
//!
//! ```text
//! Writer ─► ring of changes ─► KeyEventActor ─► Channels ─► feeds of subscribers
//! ```
//!
//! The store names the origin of each change, so that an event can say how a key became what it is.
//! The actor follows the changes while any class of events is asked for.

mod key_event;
mod key_event_actor;
mod key_event_classes;
pub(super) mod key_event_follower;
pub(super) mod key_event_message;
mod key_events;

pub(crate) use key_event_actor::KeyEventActor;
pub use key_event_classes::KeyEventClasses;
pub(crate) use key_events::KeyEvents;
