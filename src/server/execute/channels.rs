//! The channels of all clients: who subscribed to them, and how a message reaches these.
//!
//! A message is encoded once for each version of the protocol, and put into the
//! [feed](super::push_feed) of every subscriber, whose worker is called to take it from there. All
//! subscribers of a channel get its messages in one order. Messages are not kept: a client gets
//! those that are published while it is subscribed.

use std::collections::{BTreeMap, HashMap};

use super::glob::{self, Case};
use super::session::Session;
use super::subscriptions::SubscriptionKind;
use crate::protocol::resp::{Version, encode_push};
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, lock};

/// The subscribers of a channel, by the ids of their sessions.
type Subscribers = BTreeMap<u64, Arc<Session>>;

/// The names that have subscribers: channels, patterns, and channels of shards.
#[derive(Default)]
pub(crate) struct Channels {
    /// The number of lists of subscribers; while there are none, a message costs no lock.
    count: AtomicUsize,
    lists: Mutex<[SubscriberList; 3]>,
}

/// The subscribers of each name of a kind.
type SubscriberList = HashMap<Vec<u8>, Subscribers>;

/// A message in the forms in which clients get it.
struct EncodedMessage<'a> {
    parts: &'a [&'a [u8]],
    /// Encoded for RESP2 and for RESP3, once one is asked for.
    forms: [Option<Vec<u8>>; 2],
}

impl Channels {
    /// Subscribes a client to names, unless it is subscribed; returns the numbers that it is told
    /// with them. It gets what is published from now on, behind the reply to its request.
    pub(crate) fn subscribe(
        &self,
        session: &Arc<Session>,
        kind: SubscriptionKind,
        names: &[Vec<u8>],
    ) -> Vec<usize> {
        self.change(session, kind, names, |list, name| {
            if session.subscriptions.add(kind, name) {
                let subscribers = list.entry(name.to_vec()).or_default();
                subscribers.insert(session.id, Arc::clone(session));
            }
        })
    }

    /// Ends subscriptions of a client, those that there are; returns the numbers that it is told
    /// with them. What was published before goes out before the reply to its request, and nothing
    /// that is published later.
    pub(crate) fn unsubscribe(
        &self,
        session: &Session,
        kind: SubscriptionKind,
        names: &[Vec<u8>],
    ) -> Vec<usize> {
        self.change(session, kind, names, |list, name| {
            if session.subscriptions.remove(kind, name)
                && let Some(subscribers) = list.get_mut(name)
            {
                subscribers.remove(&session.id);
                if subscribers.is_empty() {
                    list.remove(name);
                }
            }
        })
    }

    /// Changes the subscriptions of a client to names at one moment, and returns the numbers that
    /// it is told with them.
    fn change(
        &self,
        session: &Session,
        kind: SubscriptionKind,
        names: &[Vec<u8>],
        change: impl Fn(&mut SubscriberList, &[u8]),
    ) -> Vec<usize> {
        let mut lists = lock(&self.lists);
        session.feed.mark();
        let changed = |name: &Vec<u8>| {
            change(&mut lists[kind as usize], name);
            session.subscriptions.told_count(kind)
        };
        let counts = names.iter().map(changed).collect();
        self.count.store(lists.iter().map(HashMap::len).sum(), Ordering::Relaxed);
        counts
    }

    /// Ends all subscriptions of a client.
    pub(crate) fn unsubscribe_all(&self, session: &Session) {
        if !session.subscriptions.is_any() {
            return;
        }
        for kind in SubscriptionKind::ALL {
            self.unsubscribe(session, kind, &session.subscriptions.names(kind));
        }
    }

    /// Returns true if somebody has subscribed to anything.
    pub(crate) fn has_subscribers(&self) -> bool {
        // A subscriber that is told of its subscription has been counted.
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Sends a message to the subscribers of a channel, and returns how many there are. One that
    /// subscribed to the channel and to patterns that match it gets it for each of them.
    pub(crate) fn publish(&self, kind: SubscriptionKind, channel: &[u8], message: &[u8]) -> usize {
        if !self.has_subscribers() {
            return 0;
        }
        let lists = lock(&self.lists);
        let mut receivers = 0;
        if let Some(subscribers) = lists[kind as usize].get(channel) {
            let word: &[u8] = match kind {
                SubscriptionKind::Shard => b"smessage",
                SubscriptionKind::Channel | SubscriptionKind::Pattern => b"message",
            };
            receivers += push(subscribers, &[word, channel, message]);
        }
        if kind == SubscriptionKind::Channel {
            for (pattern, subscribers) in &lists[SubscriptionKind::Pattern as usize] {
                if glob::matches(pattern, channel, Case::Exact) {
                    receivers += push(subscribers, &[b"pmessage", pattern, channel, message]);
                }
            }
        }
        receivers
    }

    /// Returns the names of a kind that have subscribers, as far as they match a pattern.
    pub(crate) fn names(&self, kind: SubscriptionKind, pattern: &[u8]) -> Vec<Vec<u8>> {
        let lists = lock(&self.lists);
        let names = lists[kind as usize].keys();
        names.filter(|name| glob::matches(pattern, name, Case::Exact)).cloned().collect()
    }

    /// Returns the number of clients that subscribed to a name.
    pub(crate) fn subscribers(&self, kind: SubscriptionKind, name: &[u8]) -> usize {
        lock(&self.lists)[kind as usize].get(name).map_or(0, BTreeMap::len)
    }

    /// Returns the number of names of a kind that have subscribers.
    pub(crate) fn count(&self, kind: SubscriptionKind) -> usize {
        lock(&self.lists)[kind as usize].len()
    }
}

/// Puts a message into the feeds of subscribers, and returns how many there are.
fn push(subscribers: &Subscribers, parts: &[&[u8]]) -> usize {
    let mut message = EncodedMessage { parts, forms: [None, None] };
    for session in subscribers.values() {
        session.push(message.form(session.version()));
    }
    subscribers.len()
}

impl EncodedMessage<'_> {
    fn form(&mut self, version: Version) -> &[u8] {
        let Self { parts, forms } = self;
        forms[usize::from(version == Version::Resp3)].get_or_insert_with(|| {
            let mut bytes = Vec::new();
            encode_push(parts, version, &mut bytes);
            bytes
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing;

    #[test]
    fn subscribers_get_a_message_once_for_each_subscription_and_in_their_protocol() {
        use SubscriptionKind::{Channel, Pattern, Shard};
        let context = testing::context();
        let channels = &context.channels;
        let [first, second] = [(); 2].map(|()| testing::session(&context));
        second.set_version(Version::Resp3);
        assert_eq!(channels.publish(Channel, b"a", b"nobody"), 0);
        for (session, kind, name) in [
            (&first, Channel, &b"a"[..]),
            (&first, Channel, b"a"),
            (&first, Pattern, b"[ab]"),
            (&first, Pattern, b"*"),
            (&second, Channel, b"b"),
            (&second, Shard, b"a"),
        ] {
            channels.subscribe(session, kind, &[name.to_vec()]);
        }
        assert_eq!(first.subscriptions.told_count(Channel), 3);
        assert_eq!(channels.publish(Channel, b"b", b"1"), 3);
        assert_eq!(second.take_pushed(), b">3\r\n$7\r\nmessage\r\n$1\r\nb\r\n$1\r\n1\r\n");
        let pushed = first.take_pushed();
        assert_eq!(pushed.iter().filter(|byte| **byte == b'*').count(), 3, "{pushed:?}");
        assert_eq!(channels.publish(Shard, b"a", b"2"), 1);
        assert_eq!(second.take_pushed(), b">3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$1\r\n2\r\n");
        assert!(first.take_pushed().is_empty());
        assert_eq!(channels.names(Channel, b"[b-z]"), [b"b"]);
        let names = [&b"*"[..], b"none"].map(<[u8]>::to_vec);
        assert_eq!(channels.unsubscribe(&first, Pattern, &names), [2, 2]);
        assert_eq!((channels.count(Pattern), channels.subscribers(Channel, b"a")), (1, 1));
        context.clients.close(&first);
        channels.unsubscribe_all(&first);
        assert_eq!(channels.publish(Channel, b"a", b"3"), 0);
        channels.unsubscribe_all(&second);
        assert_eq!(SubscriptionKind::ALL.map(|kind| channels.count(kind)), [0; 3]);
        assert_eq!((second.subscriptions.memory(), second.subscriptions.is_any()), (0, false));
    }

    #[test]
    fn messages_go_out_on_their_side_of_the_reply_that_changes_subscriptions() {
        let context = testing::context();
        let (channels, session) = (&context.channels, testing::session(&context));
        let publish = |channel: &[u8]| channels.publish(SubscriptionKind::Channel, channel, b"m");
        let names = |bytes: &[u8]| {
            let lines = bytes.split(|byte| *byte == b'\n').skip(4).step_by(7);
            lines.map(|line| line[0]).collect::<Vec<u8>>()
        };
        let taken = || {
            let (before, behind) = session.take_pushed_around_reply();
            [names(&before), names(&behind)]
        };
        let [a, b] = [b"a", b"b"].map(|name| name.to_vec());
        channels.subscribe(&session, SubscriptionKind::Channel, std::slice::from_ref(&a));
        assert_eq!((publish(b"a"), session.feed.is_marked()), (1, true));
        assert_eq!(taken(), [&b""[..], b"a"], "the first message comes behind the confirmation");
        assert_eq!((publish(b"a"), session.feed.is_marked()), (1, false));
        channels.subscribe(&session, SubscriptionKind::Channel, std::slice::from_ref(&b));
        assert_eq!((publish(b"b"), publish(b"a")), (1, 1));
        assert_eq!(taken(), [&b"a"[..], b"ba"]);
        publish(b"a");
        channels.unsubscribe(&session, SubscriptionKind::Channel, &[a]);
        assert_eq!((publish(b"a"), publish(b"b")), (0, 1));
        assert_eq!(taken(), [&b"a"[..], b"b"]);
        channels.unsubscribe(&session, SubscriptionKind::Channel, &[b]);
        assert_eq!(taken(), [b"", b""]);
        channels.subscribe(&session, SubscriptionKind::Pattern, &[b"*".to_vec()]);
        publish(b"c");
        // It was cleared meanwhile, as that of a client that is too slow is.
        session.take_pushed();
        assert_eq!((taken(), session.feed.is_marked()), ([vec![], vec![]], false));
    }

    #[test]
    fn what_is_held_for_a_feed_is_never_less_than_nothing() {
        const PUSHES: usize = 2_000;
        let context = testing::context();
        let session = testing::session(&context);
        context.channels.subscribe(&session, SubscriptionKind::Channel, &[b"c".to_vec()]);
        let is_sane = || {
            let held = [session.held().memory, context.clients.memory.held()];
            held.iter().all(|bytes| *bytes < usize::MAX / 2)
        };
        std::thread::scope(|scope| {
            let publish = || {
                for _ in 0..PUSHES {
                    context.channels.publish(SubscriptionKind::Channel, b"c", &[b'x'; 200]);
                }
            };
            let publishers = [scope.spawn(publish), scope.spawn(publish)];
            while publishers.iter().any(|publisher| !publisher.is_finished()) {
                session.take_pushed();
                assert!(is_sane(), "more was given back than was held");
            }
        });
        session.take_pushed();
        assert_eq!((session.held().memory, context.clients.memory.held()), (0, 0));
    }
}
