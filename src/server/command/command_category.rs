//! The flags and the categories of access control of commands, as Redis names them.

use super::command_document::CommandDocument;
use super::command_row::Flag;

/// Every category, in the order of Redis; those of other types have no command here.
pub(super) const CATEGORIES: [&str; 21] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// Returns the name of a flag, unless it is not shown.
pub(super) fn flag_name(flag: Flag) -> Option<&'static str> {
    match flag {
        Flag::Admin => Some("admin"),
        Flag::AllowBusy => Some("allow_busy"),
        Flag::Unqueued | Flag::WhileSubscribed => None,
        Flag::DenyOom => Some("denyoom"),
        Flag::Fast => Some("fast"),
        Flag::Loading => Some("loading"),
        Flag::MovableKeys => Some("movablekeys"),
        Flag::NoAsyncLoading => Some("no_async_loading"),
        Flag::NoAuth => Some("no_auth"),
        Flag::NoMulti => Some("no_multi"),
        Flag::NoScript => Some("noscript"),
        Flag::Pubsub => Some("pubsub"),
        Flag::ReadOnly => Some("readonly"),
        Flag::SkipSlowlog => Some("skip_slowlog"),
        Flag::Stale => Some("stale"),
        Flag::Write => Some("write"),
    }
}

/// Returns the categories of access control of the command of this name.
pub(super) fn categories(name: &str) -> &'static [String] {
    CommandDocument::of(name).map_or(&[], |document| &document.categories)
}
