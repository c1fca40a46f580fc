//! `COMMAND`: the table of commands, for clients.

use super::call::{Call, CommandFunction, Executed};
use super::command_error::{CommandError, SYNTAX};
use super::command_row::{CommandGroup, CommandRow, Flag};
use super::command_table::CommandTable;
use super::glob::{self, Case};
use super::reply_value::{bulk, done, length, refuse};
use super::word::is;
use crate::protocol::resp::Value;

/// `COMMAND`
pub(super) fn all(call: &Call<'_>) -> Executed {
    done(Value::Array(call.table.rows().iter().map(|row| describe(row.name, row)).collect()))
}

/// `COMMAND COUNT`
pub(super) fn count(call: &Call<'_>) -> Executed {
    done(length(call.table.rows().len()))
}

/// The most commands described in one reply, many times as many as there are.
const NAMES_MAX: usize = 1024;

/// Returns the names of the commands to describe, which may repeat; a description is long.
fn names<'a>(call: &Call<'a>) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>, CommandError> {
    let names = call.rest(2);
    if names.len() > NAMES_MAX {
        let text = format!("ERR more than {NAMES_MAX} commands are asked for at once");
        return Err(CommandError::new(text));
    }
    Ok(names)
}

/// `COMMAND INFO [name ...]`
pub(super) fn info(call: &Call<'_>) -> Executed {
    if call.arguments.count() == 2 {
        return all(call);
    }
    let described = names(call)?.map(|name| match find(call.table, name) {
        Some((name, row)) => describe(&name, row),
        None => Value::Null,
    });
    done(Value::Array(described.collect()))
}

/// `COMMAND LIST [FILTERBY MODULE module | ACLCAT category | PATTERN pattern]`
pub(super) fn list(call: &Call<'_>) -> Executed {
    let (filter, argument) = (call.argument(3), call.argument(4));
    let shows: &dyn Fn(&CommandRow<CommandFunction>) -> bool = match call.arguments.count() {
        2 => &|_| true,
        5 if !is(call.argument(2), "FILTERBY") => return refuse(SYNTAX),
        5 if is(filter, "MODULE") => &|_| false,
        5 if is(filter, "ACLCAT") => {
            &|row| categories(row).iter().any(|category| is(argument, category))
        }
        5 if is(filter, "PATTERN") => {
            &|row| glob::matches(argument, row.name.as_bytes(), Case::Ignored)
        }
        _ => return refuse(SYNTAX),
    };
    let shown = call.table.rows().iter().filter(|row| shows(row));
    done(Value::Array(shown.map(|row| bulk(row.name)).collect()))
}

/// `COMMAND DOCS [name ...]`
pub(super) fn docs(call: &Call<'_>) -> Executed {
    let document =
        |(name, row): (String, &CommandRow<CommandFunction>)| (bulk(name), document(row));
    done(Value::Map(if call.arguments.count() == 2 {
        let named = call.table.rows().iter().map(|row| (row.name.to_owned(), row));
        named.map(document).collect()
    } else {
        names(call)?.filter_map(|name| find(call.table, name)).map(document).collect()
    }))
}

/// `COMMAND GETKEYS name [argument ...]`
pub(super) fn getkeys(call: &Call<'_>) -> Executed {
    let Some((_, row)) = call.table.find(call.argument(2)) else {
        return refuse("ERR Invalid command specified");
    };
    let keys: Vec<_> = row.keys.choose(call.rest(3)).collect();
    if keys.is_empty() {
        return refuse("ERR The command has no key arguments");
    }
    if !row.takes(call.arguments.count() - 2) {
        return refuse("ERR Invalid number of arguments specified for command");
    }
    done(Value::Array(keys.into_iter().map(|key| Value::Bulk(key.to_vec())).collect()))
}

/// `HELP` of every command that is a container.
pub(super) fn help(call: &Call<'_>) -> Executed {
    let Some((_, container)) = call.table.find(call.arguments.name()) else {
        return done(Value::Array(vec![]));
    };
    let name = container.name.to_ascii_uppercase();
    let mut lines =
        vec![format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    for row in container.subcommands {
        lines.push(row.name.to_ascii_uppercase());
        lines.push(format!("    {}", row.summary));
    }
    done(Value::Array(lines.into_iter().map(|line| Value::Simple(line.into())).collect()))
}

/// Returns the command, or the subcommand behind a bar, of that name, and the name in full.
fn find(
    table: &CommandTable<CommandFunction>,
    name: &[u8],
) -> Option<(String, &'static CommandRow<CommandFunction>)> {
    let mut parts = name.splitn(2, |byte| *byte == b'|');
    let (_, row) = table.find(parts.next()?)?;
    match parts.next() {
        None => Some((row.name.to_owned(), row)),
        Some(name) => {
            let subcommand = row.subcommand(name)?;
            Some((format!("{}|{}", row.name, subcommand.name), subcommand))
        }
    }
}

/// Returns a command as `COMMAND INFO` has it.
fn describe(name: &str, row: &CommandRow<CommandFunction>) -> Value {
    let (first, last, step) = row.keys.positions();
    let flags = row.flags.iter().filter_map(|flag| flag_name(*flag));
    let categories = categories(row).into_iter();
    let subcommands =
        row.subcommands.iter().map(|sub| describe(&format!("{name}|{}", sub.name), sub));
    Value::Array(vec![
        bulk(name),
        Value::Integer(row.arity.into()),
        Value::Set(flags.map(simple).collect()),
        Value::Integer(first),
        Value::Integer(last),
        Value::Integer(step),
        Value::Set(categories.map(|name| simple(&format!("@{name}"))).collect()),
        Value::Set(vec![]),
        Value::Set(key_specification(row).into_iter().collect()),
        Value::Array(subcommands.collect()),
    ])
}

fn simple(text: &str) -> Value {
    Value::Simple(text.to_owned().into())
}

fn map<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Map(pairs.map(|(name, value)| (bulk(name), value)).into())
}

/// Returns the positions of the keys in the newer form, which counts from the first key.
fn key_specification(row: &CommandRow<CommandFunction>) -> Option<Value> {
    let (first, last, step) = row.keys.positions();
    if first == 0 {
        return None;
    }
    let uses = match row.has(Flag::Write) {
        true => ["RW", "update"],
        false => ["RO", "access"],
    };
    let begin = [("type", bulk("index")), ("spec", map([("index", Value::Integer(first))]))];
    let relative_last = if last > 0 { last - first } else { last };
    let find = map([
        ("lastkey", Value::Integer(relative_last)),
        ("keystep", Value::Integer(step)),
        ("limit", Value::Integer(0)),
    ]);
    Some(map([
        ("flags", Value::Set(uses.map(simple).into())),
        ("begin_search", map(begin)),
        ("find_keys", map([("type", bulk("range")), ("spec", find)])),
    ]))
}

/// Returns a command as `COMMAND DOCS` has it.
fn document(row: &CommandRow<CommandFunction>) -> Value {
    let mut pairs = vec![
        (bulk("summary"), bulk(row.summary)),
        (bulk("since"), bulk(row.since)),
        (bulk("group"), bulk(row.group.name())),
    ];
    if !row.subcommands.is_empty() {
        let subcommands = row
            .subcommands
            .iter()
            .map(|sub| (bulk(format!("{}|{}", row.name, sub.name)), document(sub)));
        pairs.push((bulk("subcommands"), Value::Map(subcommands.collect())));
    }
    Value::Map(pairs)
}

fn flag_name(flag: Flag) -> Option<&'static str> {
    match flag {
        Flag::Admin => Some("admin"),
        Flag::AllowBusy => Some("allow_busy"),
        Flag::Dangerous | Flag::Unqueued => None,
        Flag::DenyOom => Some("denyoom"),
        Flag::Fast => Some("fast"),
        Flag::Loading => Some("loading"),
        Flag::NoAuth => Some("no_auth"),
        Flag::NoScript => Some("noscript"),
        Flag::ReadOnly => Some("readonly"),
        Flag::Stale => Some("stale"),
        Flag::Write => Some("write"),
    }
}

/// Returns the categories of access control of a command, which follow from its flags and group.
fn categories(row: &CommandRow<CommandFunction>) -> Vec<&'static str> {
    let changes_keys = row.has(Flag::Write) || row.has(Flag::ReadOnly);
    let is_about_values = matches!(row.group, CommandGroup::String | CommandGroup::Bitmap);
    let candidates = [
        ("keyspace", changes_keys && !is_about_values),
        ("read", row.has(Flag::ReadOnly)),
        ("write", row.has(Flag::Write)),
        ("string", row.group == CommandGroup::String),
        ("bitmap", row.group == CommandGroup::Bitmap),
        ("admin", row.has(Flag::Admin)),
        ("fast", row.has(Flag::Fast)),
        ("slow", !row.has(Flag::Fast)),
        ("dangerous", row.has(Flag::Admin) || row.has(Flag::Dangerous)),
        ("connection", row.group == CommandGroup::Connection),
        ("transaction", row.group == CommandGroup::Transactions),
    ];
    let belongs = candidates.into_iter().filter(|(_, belongs)| *belongs);
    belongs.map(|(category, _)| category).collect()
}
