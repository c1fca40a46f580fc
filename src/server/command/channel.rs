//! Channels: subscribing to them, and publishing messages.

use super::call::{Call, Executed};
use super::command_error::CommandError;
use super::iteration::pattern;
use super::reply_value::{done, length, refuse};
use crate::protocol::resp::{Value, Version};
use crate::server::execute::channels::Channels;
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::execution::Execution;
use crate::server::execute::session::Session;
use crate::server::execute::subscriptions::SubscriptionKind;
use crate::store::Batch;
use crate::sync::Arc;

/// Returns true if the client gets nothing but messages, and replies in their form.
pub(super) fn is_limited(session: &Session) -> bool {
    session.subscriptions.is_any() && session.version() == Version::Resp2
}

/// `SUBSCRIBE channel [channel ...]`
pub(super) fn subscribe(call: &Call<'_>) -> Executed {
    begin(call, SubscriptionKind::Channel)
}

/// `PSUBSCRIBE pattern [pattern ...]`
pub(super) fn psubscribe(call: &Call<'_>) -> Executed {
    for argument in call.rest(1) {
        pattern(argument)?;
    }
    begin(call, SubscriptionKind::Pattern)
}

/// `SSUBSCRIBE channel [channel ...]`; refused in a transaction, as Redis does.
pub(super) fn ssubscribe(call: &Call<'_>) -> Executed {
    if call.is_queued {
        return refuse("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
    }
    begin(call, SubscriptionKind::Shard)
}

/// `UNSUBSCRIBE [channel ...]`
pub(super) fn unsubscribe(call: &Call<'_>) -> Executed {
    end(call, SubscriptionKind::Channel)
}

/// `PUNSUBSCRIBE [pattern ...]`
pub(super) fn punsubscribe(call: &Call<'_>) -> Executed {
    end(call, SubscriptionKind::Pattern)
}

/// `SUNSUBSCRIBE [channel ...]`
pub(super) fn sunsubscribe(call: &Call<'_>) -> Executed {
    end(call, SubscriptionKind::Shard)
}

fn begin(call: &Call<'_>, kind: SubscriptionKind) -> Executed {
    change(call, kind, Channels::subscribe)
}

fn end(call: &Call<'_>, kind: SubscriptionKind) -> Executed {
    change(call, kind, |channels, session, kind, names| channels.unsubscribe(session, kind, names))
}

/// A function that changes subscriptions of a kind; it returns the numbers that the client is told.
type SubscriptionChange = fn(&Channels, &Arc<Session>, SubscriptionKind, &[Vec<u8>]) -> Vec<usize>;

/// Changes the subscription to each name, or to all of the kind if none is given, and confirms
/// each; in a transaction with the reply to it, so that no message comes between the two.
fn change(call: &Call<'_>, kind: SubscriptionKind, change: SubscriptionChange) -> Executed {
    let channels = Arc::clone(&call.context.channels);
    let word = call.arguments.name().to_ascii_lowercase();
    let mut names: Vec<_> = call.rest(1).map(<[u8]>::to_vec).collect();
    let Some(session) = call.context.clients.find(call.session.id) else {
        // It is being closed, and gets no reply.
        return done(Value::Null);
    };
    let confirm = move || {
        if names.is_empty() {
            names = session.subscriptions.names(kind);
        }
        let counts = change(&channels, &session, kind, &names);
        let confirmation =
            |name, count| Value::Push(vec![Value::Bulk(word.clone()), name, length(count)]);
        if names.is_empty() {
            let count = session.subscriptions.told_count(kind);
            return Value::Replies(vec![confirmation(Value::Null, count)]);
        }
        let confirmed = names.into_iter().map(Value::Bulk).zip(counts);
        Value::Replies(confirmed.map(|(name, count)| confirmation(name, count)).collect())
    };
    in_turn(call, confirm)
}

/// Ends a call with the reply of this function. In a transaction it is called once everything is
/// done that the transaction writes, behind those of the calls before it, and not at all if the
/// transaction does nothing.
pub(super) fn in_turn(call: &Call<'_>, reply: impl FnOnce() -> Value + Send + 'static) -> Executed {
    if !call.is_queued {
        return done(reply());
    }
    let render = move |_| ClientReply::Resp(reply());
    Ok(Execution::Write(Batch::default(), Box::new(render)))
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
        return done(length(call.context.channels.publish(kind, channel, message)));
    }
    let (channel, message) = (channel.to_vec(), message.to_vec());
    let channels = Arc::clone(&call.context.channels);
    in_turn(call, move || length(channels.publish(kind, &channel, &message)))
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
    let pattern = pattern(call.arguments.get(2).unwrap_or(b"*"))?.to_vec();
    let channels = Arc::clone(&call.context.channels);
    in_turn(call, move || {
        Value::Array(channels.names(kind, &pattern).into_iter().map(Value::Bulk).collect())
    })
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
    let channels = Arc::clone(&call.context.channels);
    let names: Vec<_> = call.rest(2).map(<[u8]>::to_vec).collect();
    let pair = move |name: Vec<u8>| {
        let count = length(channels.subscribers(kind, &name));
        [Value::Bulk(name), count]
    };
    in_turn(call, || Value::Array(names.into_iter().flat_map(pair).collect()))
}

/// `PUBSUB NUMPAT`
pub(super) fn numpat(call: &Call<'_>) -> Executed {
    let channels = Arc::clone(&call.context.channels);
    in_turn(call, move || length(channels.count(SubscriptionKind::Pattern)))
}
