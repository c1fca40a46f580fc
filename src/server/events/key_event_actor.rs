//! The actor that tells of events about keys.
//!
//! | channel | from | carries | bound and what happens at it |
//! |---|---|---|---|
//! | mailbox | who asks for events where none were told | [`KeyEventMessage::Follow`] | two messages of either kind; another is let go |
//! | mailbox | who appends to the ring of changes | [`KeyEventMessage::News`], the others that wait for changes | the same; the others are woken by who lets it go |
//! | channels | to subscribers | messages | their feeds, at whose bound they are closed |

use std::collections::BTreeMap;
use std::io;

use super::key_event::{KeyEvent, events};
use super::key_event_classes::KeyEventClasses;
use super::key_event_follower::KeyEventFollower;
use super::key_event_message::KeyEventMessage;
use super::key_events::KeyEvents;
use crate::Store;
use crate::actor::{Actor, ActorThread, Address, mailbox, spawn};
use crate::server::execute::channels::Channels;
use crate::server::execute::subscriptions::SubscriptionKind;
use crate::store::KeyspaceId;
use crate::store::change::ChangeBatch;
use crate::sync::Arc;

/// The most messages that wait: the actor looks for everything because of any of them.
const MESSAGES_MAX: usize = 2;

/// The actor that tells of events about keys.
pub(crate) struct KeyEventActor {
    follower: KeyEventFollower,
    teller: KeyEventTeller,
}

/// The way of events to subscribers.
struct KeyEventTeller {
    channels: Arc<Channels>,
    databases: KeyspaceDatabases,
}

/// A running [`KeyEventActor`], which ends when this is dropped.
pub(crate) struct RunningKeyEventActor {
    /// Before the thread, which ends when it is gone.
    _address: Address<KeyEventMessage>,
    _thread: ActorThread,
}

impl KeyEventActor {
    /// Starts the actor that tells subscribers of the changes of a store with so many databases.
    pub(crate) fn start(
        events: &Arc<KeyEvents>,
        channels: &Arc<Channels>,
        store: &Store,
        databases: u32,
    ) -> io::Result<RunningKeyEventActor> {
        let (address, inbox) = mailbox(MESSAGES_MAX);
        let follower = KeyEventFollower::new(Arc::clone(events), address.downgrade());
        let databases = KeyspaceDatabases::new(store.clone(), databases);
        let teller = KeyEventTeller { channels: Arc::clone(channels), databases };
        let actor = Self { follower, teller };
        let thread = spawn("kvs-events", actor, inbox)?;
        events.connect(address.downgrade());
        Ok(RunningKeyEventActor { _address: address, _thread: thread })
    }
}

impl KeyEventTeller {
    fn tell(&mut self, batch: &ChangeBatch, classes: KeyEventClasses) {
        if !self.channels.has_subscribers() {
            return;
        }
        for ((keyspace, change), origin) in batch.changes().zip(batch.origins()) {
            let Some((key, events)) = events(&change, origin.kind) else { continue };
            let told = events.filter(|event| classes.tells(event.class));
            for KeyEvent { name, .. } in told {
                let database = origin.database.or_else(|| self.databases.of(keyspace));
                let Some(database) = database else { break };
                if classes.tells_by_key() {
                    let channel = [format!("__keyspace@{database}__:").as_bytes(), key].concat();
                    self.channels.publish(SubscriptionKind::Channel, &channel, name.as_bytes());
                }
                if classes.tells_by_event() {
                    let channel = format!("__keyevent@{database}__:{name}");
                    self.channels.publish(SubscriptionKind::Channel, channel.as_bytes(), key);
                }
            }
        }
    }
}

impl Actor for KeyEventActor {
    type Message = KeyEventMessage;
    const MESSAGES_MAX: usize = MESSAGES_MAX;

    fn handle(&mut self, messages: &mut Vec<KeyEventMessage>) {
        for message in messages.drain(..) {
            match message {
                KeyEventMessage::Follow => {}
                // The others are woken before anything is done here.
                KeyEventMessage::News(others) => drop(others),
            }
        }
        self.follower.follow(|batch, classes| self.teller.tell(batch, classes));
    }
}

/// The databases of keyspaces, for changes whose operation named none: keys that expire or are
/// evicted, and writes of other clients.
struct KeyspaceDatabases {
    store: Store,
    count: u32,
    /// The databases, and the version of the catalogue for which they hold.
    known: Option<(u64, BTreeMap<KeyspaceId, u32>)>,
}

impl KeyspaceDatabases {
    /// Returns those of a store of which so many databases are served.
    fn new(store: Store, count: u32) -> Self {
        Self { store, count, known: None }
    }

    /// Returns the database that stands for a keyspace now, if one does.
    fn of(&mut self, keyspace: KeyspaceId) -> Option<u32> {
        // Before the look-up: a change behind this number leads to another one.
        let version = self.store.catalogue_version();
        if self.known.as_ref().is_none_or(|(known, _)| *known != version) {
            match self.store.databases_of_keyspaces(self.count) {
                Ok(databases) => self.known = Some((version, databases)),
                Err(error) => {
                    log::warn!("events about keys were not told: {error}");
                    return None;
                }
            }
        }
        self.known.as_ref()?.1.get(&keyspace).copied()
    }
}
