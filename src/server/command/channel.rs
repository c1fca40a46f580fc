//! Channels: subscribing to them, and publishing messages.

use super::call::{Call, Executed};
use super::command_error::CommandError;
use super::reply_value::{done, length};
use crate::protocol::resp::{Value, Version};
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::Execution;
use crate::server::execute::session::Session;
use crate::server::execute::subscriptions::SubscriptionKind;
use crate::store::Batch;
use crate::sync::Arc;

/// The commands that a subscribed client of RESP2 may send: it could not tell the replies to others
/// from messages.
const WHILE_SUBSCRIBED: [&str; 9] = [
    "ping",
    "psubscribe",
    "punsubscribe",
    "quit",
    "reset",
    "ssubscribe",
    "subscribe",
    "sunsubscribe",
    "unsubscribe",
];

/// Returns the refusal of a command, or a subcommand of it, of a client that is subscribed and
/// speaks RESP2, if it may not send it.
pub(super) fn refusal_while_subscribed(
    session: &Session,
    name: &str,
    subcommand: Option<&str>,
) -> Option<String> {
    (is_limited(session) && !WHILE_SUBSCRIBED.contains(&name)).then(|| {
        let name = [name].into_iter().chain(subcommand).collect::<Vec<_>>().join("|");
        format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
             RESET are allowed in this context"
        )
    })
}

/// Returns true if the client gets nothing but messages, and replies in their form.
pub(super) fn is_limited(session: &Session) -> bool {
    session.subscriptions.is_any() && session.version() == Version::Resp2
}

/// `SUBSCRIBE channel [channel ...]`
pub(super) fn subscribe(call: &Call<'_>) -> Executed {
    begin(call, SubscriptionKind::Channel, "subscribe")
}

/// `PSUBSCRIBE pattern [pattern ...]`
pub(super) fn psubscribe(call: &Call<'_>) -> Executed {
    begin(call, SubscriptionKind::Pattern, "psubscribe")
}

/// `SSUBSCRIBE channel [channel ...]`
pub(super) fn ssubscribe(call: &Call<'_>) -> Executed {
    begin(call, SubscriptionKind::Shard, "ssubscribe")
}

/// `UNSUBSCRIBE [channel ...]`
pub(super) fn unsubscribe(call: &Call<'_>) -> Executed {
    end(call, SubscriptionKind::Channel, "unsubscribe")
}

/// `PUNSUBSCRIBE [pattern ...]`
pub(super) fn punsubscribe(call: &Call<'_>) -> Executed {
    end(call, SubscriptionKind::Pattern, "punsubscribe")
}

/// `SUNSUBSCRIBE [channel ...]`
pub(super) fn sunsubscribe(call: &Call<'_>) -> Executed {
    end(call, SubscriptionKind::Shard, "sunsubscribe")
}

/// Subscribes to each name.
fn begin(call: &Call<'_>, kind: SubscriptionKind, word: &str) -> Executed {
    let session = call.context.clients.find(call.session.id);
    let told = |name: &[u8]| {
        // A connection that is being closed is not there any more.
        if let Some(session) = &session {
            call.context.channels.subscribe(session, kind, name);
        }
        confirmation(call, kind, word, Some(name))
    };
    done(Value::Replies(call.rest(1).map(told).collect()))
}

/// Ends the subscription to each name, or to all of the kind if none is given.
fn end(call: &Call<'_>, kind: SubscriptionKind, word: &str) -> Executed {
    let mut names: Vec<Vec<u8>> = call.rest(1).map(<[u8]>::to_vec).collect();
    if names.is_empty() {
        names = call.session.subscriptions.names(kind);
    }
    let told = |name: &Vec<u8>| {
        call.context.channels.unsubscribe(call.session, kind, name);
        confirmation(call, kind, word, Some(name))
    };
    let told: Vec<_> = names.iter().map(told).collect();
    let is_nothing = told.is_empty();
    let nothing = is_nothing.then(|| confirmation(call, kind, word, None));
    done(Value::Replies(told.into_iter().chain(nothing).collect()))
}

fn confirmation(call: &Call<'_>, kind: SubscriptionKind, word: &str, name: Option<&[u8]>) -> Value {
    let name = name.map_or(Value::Null, |name| Value::Bulk(name.to_vec()));
    let count = call.session.subscriptions.told_count(kind);
    Value::Push(vec![Value::Bulk(word.into()), name, length(count)])
}

/// `PUBLISH channel message`
pub(super) fn publish(call: &Call<'_>) -> Executed {
    send(call, SubscriptionKind::Channel)
}

/// `SPUBLISH channel message`
pub(super) fn spublish(call: &Call<'_>) -> Executed {
    send(call, SubscriptionKind::Shard)
}

/// Sends a message; in a transaction once that is done, so that whoever gets the message finds what
/// was written.
fn send(call: &Call<'_>, kind: SubscriptionKind) -> Executed {
    let (channel, message) = (call.argument(1), call.argument(2));
    if !call.is_queued {
        let receivers = call.context.channels.publish(kind, channel, message);
        call.context.clients.relieve();
        return done(length(receivers));
    }
    let (channel, message) = (channel.to_vec(), message.to_vec());
    let channels = Arc::clone(&call.context.channels);
    let render = move |_| ClientReply::Resp(length(channels.publish(kind, &channel, &message)));
    Ok(Execution::Write(Batch::default(), Box::new(render)))
}

/// `PUBSUB CHANNELS [pattern]`
pub(super) fn channels(call: &Call<'_>) -> Executed {
    names(call, SubscriptionKind::Channel)
}

/// `PUBSUB SHARDCHANNELS [pattern]`
pub(super) fn shard_channels(call: &Call<'_>) -> Executed {
    names(call, SubscriptionKind::Shard)
}

fn names(call: &Call<'_>, kind: SubscriptionKind) -> Executed {
    if call.arguments.count() > 3 {
        return Err(CommandError::wrong_form(&call.arguments).into());
    }
    let pattern = call.arguments.get(2).unwrap_or(b"*");
    let names = call.context.channels.names(kind, pattern);
    done(Value::Array(names.into_iter().map(Value::Bulk).collect()))
}

/// `PUBSUB NUMSUB [channel ...]`
pub(super) fn numsub(call: &Call<'_>) -> Executed {
    counts(call, SubscriptionKind::Channel)
}

/// `PUBSUB SHARDNUMSUB [channel ...]`
pub(super) fn shard_numsub(call: &Call<'_>) -> Executed {
    counts(call, SubscriptionKind::Shard)
}

fn counts(call: &Call<'_>, kind: SubscriptionKind) -> Executed {
    let pair = |name: &[u8]| {
        let count = call.context.channels.subscribers(kind, name);
        [Value::Bulk(name.to_vec()), length(count)]
    };
    done(Value::Array(call.rest(2).flat_map(pair).collect()))
}

/// `PUBSUB NUMPAT`
pub(super) fn numpat(call: &Call<'_>) -> Executed {
    done(length(call.context.channels.count(SubscriptionKind::Pattern)))
}
