//! The flags and the categories of access control of commands, as Redis names them.

use super::call::CommandFunction;
use super::command_row::{CommandGroup, CommandRow, Flag};

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
        Flag::AboutConnection | Flag::Dangerous | Flag::Unqueued | Flag::WhileSubscribed => None,
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

/// Returns the categories of access control of a command, which follow from its flags and group.
pub(super) fn categories(row: &CommandRow<CommandFunction>) -> Vec<&'static str> {
    let changes_keys = row.has(Flag::Write) || row.has(Flag::ReadOnly);
    let is_about_values = matches!(row.group, CommandGroup::String | CommandGroup::Bitmap);
    let is_about_connections = row.has(Flag::AboutConnection)
        // The container itself does nothing.
        || row.group == CommandGroup::Connection && row.subcommands.is_empty();
    let is_for_admins = row.has(Flag::Admin) || ["lastsave", "role"].contains(&row.name);
    let candidates = [
        ("keyspace", changes_keys && !is_about_values),
        ("read", row.has(Flag::ReadOnly)),
        ("write", row.has(Flag::Write)),
        ("string", row.group == CommandGroup::String),
        ("bitmap", row.group == CommandGroup::Bitmap),
        ("pubsub", row.has(Flag::Pubsub)),
        ("admin", is_for_admins),
        ("fast", row.has(Flag::Fast)),
        ("slow", !row.has(Flag::Fast)),
        ("dangerous", row.has(Flag::Admin) || row.has(Flag::Dangerous)),
        ("connection", is_about_connections),
        ("transaction", row.group == CommandGroup::Transactions),
    ];
    let belongs = candidates.into_iter().filter(|(_, belongs)| *belongs);
    belongs.map(|(category, _)| category).collect()
}
