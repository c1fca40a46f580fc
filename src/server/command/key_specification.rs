//! The flags of the keys of commands, as Redis 7.0 specifies them.

use super::call::CommandFunction;
use super::command_row::{CommandRow, Flag, KeyArguments};
use super::reply_value::{bulk, map, simple};
use super::word::is;
use crate::protocol::resp::Value;

/// The flags of the keys of commands to which those that follow from reading or writing do not
/// fit, in the order of the names.
const UNLIKE_THE_OTHERS: &[(&str, &[&str])] = &[
    ("append", &["RW", "insert"]),
    ("bitfield", &["RW", "access", "update", "variable_flags"]),
    ("decr", &["RW", "access", "update"]),
    ("decrby", &["RW", "access", "update"]),
    ("del", &["RM", "delete"]),
    ("exists", &["RO"]),
    ("getdel", &["RW", "access", "delete"]),
    ("getex", &["RW", "access", "update"]),
    ("getset", &["RW", "access", "update"]),
    ("incr", &["RW", "access", "update"]),
    ("incrby", &["RW", "access", "update"]),
    ("incrbyfloat", &["RW", "access", "update"]),
    ("move", &["RW", "access", "update"]),
    ("mset", &["OW", "update"]),
    ("msetnx", &["OW", "insert"]),
    ("object|encoding", &["RO"]),
    ("object|freq", &["RO"]),
    ("object|idletime", &["RO"]),
    ("object|refcount", &["RO"]),
    ("psetex", &["OW", "update"]),
    ("restore", &["OW", "update"]),
    ("set", &["RW", "access", "update", "variable_flags"]),
    ("setbit", &["RW", "access", "update"]),
    ("setex", &["OW", "update"]),
    ("setnx", &["OW", "insert"]),
    ("sort", &["RO", "access"]),
    ("strlen", &["RO"]),
    ("touch", &["RO"]),
    ("type", &["RO"]),
    ("unlink", &["RM", "delete"]),
    ("watch", &["RO"]),
];

/// Remarks of Redis on the keys of commands.
const NOTES: &[(&str, &str)] = &[
    ("getex", "RW and UPDATE because it changes the TTL"),
    ("set", "RW and ACCESS due to the optional `GET` argument"),
    ("bitfield", "This command allows both access and modification of the key"),
];

/// Returns the flags of the keys of a command.
fn key_flags(row: &CommandRow<CommandFunction>) -> &'static [&'static str] {
    let found = UNLIKE_THE_OTHERS.iter().find(|(name, _)| *name == row.name);
    match found {
        Some((_, flags)) => flags,
        None if row.keys.are_shard_channels() => &["not_key"],
        None if row.has(Flag::Write) => &["RW", "update"],
        None => &["RO", "access"],
    }
}

/// Returns the flags of the keys of a call, whose arguments may say more than its command does.
pub(super) fn key_flags_of_call<'a>(
    row: &CommandRow<CommandFunction>,
    mut arguments: impl Iterator<Item = &'a [u8]>,
) -> &'static [&'static str] {
    match row.name {
        "set" if arguments.any(|option| is(option, "GET")) => &["RW", "access", "update"],
        "set" => &["OW", "update"],
        _ => key_flags(row),
    }
}

/// The flags of a key that [`destination_of_call`] finds.
pub(super) const DESTINATION_FLAGS: &[&str] = &["OW", "update"];

/// Returns the key behind the last `STORE` among the arguments of a call of `SORT`.
pub(super) fn destination_of_call<'a>(
    row: &CommandRow<CommandFunction>,
    arguments: impl Iterator<Item = &'a [u8]>,
) -> Option<&'a [u8]> {
    if row.name != "sort" {
        return None;
    }
    let mut arguments = arguments.skip(1).peekable();
    let mut destination = None;
    while let Some(option) = arguments.next() {
        if is(option, "STORE") {
            destination = arguments.peek().copied().or(destination);
        }
        // Their values are no options.
        if is(option, "LIMIT") {
            arguments.nth(1);
        } else if is(option, "GET") || is(option, "BY") {
            arguments.next();
        }
    }
    destination
}

/// Returns the positions of the keys in the newer form, which counts from the first key.
pub(super) fn key_specification(row: &CommandRow<CommandFunction>) -> Option<Value> {
    let (first, last, step) = row.keys.positions();
    if row.keys == KeyArguments::None {
        return None;
    }
    let note = NOTES.iter().find(|(name, _)| *name == row.name);
    let note = note.map(|(_, note)| (bulk("notes"), bulk(*note)));
    let flags = key_flags(row).iter().map(|flag| simple(flag)).collect();
    let begin = [("type", bulk("index")), ("spec", map([("index", Value::Integer(first))]))];
    let relative_last = if last > 0 { last - first } else { last };
    let find = map([
        ("lastkey", Value::Integer(relative_last)),
        ("keystep", Value::Integer(step)),
        ("limit", Value::Integer(0)),
    ]);
    let specification = [
        (bulk("flags"), Value::Set(flags)),
        (bulk("begin_search"), map(begin)),
        (bulk("find_keys"), map([("type", bulk("range")), ("spec", find)])),
    ];
    Some(Value::Map(note.into_iter().chain(specification).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order() {
        assert!(UNLIKE_THE_OTHERS.is_sorted_by(|first, second| first.0 < second.0));
    }
}
