//! `COMMAND`: the table of commands, told to clients.

use super::arguments::is;
use super::entry::{Command, Flag, Group};
use super::glob::{self, Case};
use super::refusal::{Refusal, SYNTAX};
use super::table::{self, COMMANDS};
use super::{Executed, bulk, done, length};
use crate::protocol::resp::Value;
use crate::server::execute::execution::Call;

/// `COMMAND`
pub(super) fn all(_: &Call<'_>) -> Executed {
    done(Value::Array(COMMANDS.iter().map(|entry| describe(entry.name, entry)).collect()))
}

/// `COMMAND COUNT`
pub(super) fn count(_: &Call<'_>) -> Executed {
    done(length(COMMANDS.len()))
}

/// The most commands described in one reply, many times as many as there are.
const NAMES_MAX: usize = 1024;

/// The names of the commands to describe; a name may be repeated, and a description is long.
fn names<'a>(call: &Call<'a>) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>, Refusal> {
    let names = call.rest(2);
    if names.len() > NAMES_MAX {
        let text = format!("ERR more than {NAMES_MAX} commands are asked for at once");
        return Err(Refusal::new(text));
    }
    Ok(names)
}

/// `COMMAND INFO [name ...]`
pub(super) fn info(call: &Call<'_>) -> Executed {
    if call.arguments.count() == 2 {
        return all(call);
    }
    let described = names(call)?.map(|name| match find(name) {
        Some((name, entry)) => describe(&name, entry),
        None => Value::Null,
    });
    done(Value::Array(described.collect()))
}

/// `COMMAND LIST [FILTERBY MODULE module | ACLCAT category | PATTERN pattern]`
pub(super) fn list(call: &Call<'_>) -> Executed {
    let (filter, argument) = (call.argument(3), call.argument(4));
    let shows: &dyn Fn(&Command) -> bool = match call.arguments.count() {
        2 => &|_| true,
        5 if !is(call.argument(2), "FILTERBY") => return Err(Refusal::new(SYNTAX)),
        5 if is(filter, "MODULE") => &|_| false,
        5 if is(filter, "ACLCAT") => {
            &|entry| categories(entry).iter().any(|category| is(argument, category))
        }
        5 if is(filter, "PATTERN") => {
            &|entry| glob::matches(argument, entry.name.as_bytes(), Case::Ignored)
        }
        _ => return Err(Refusal::new(SYNTAX)),
    };
    let shown = COMMANDS.iter().filter(|entry| shows(entry));
    done(Value::Array(shown.map(|entry| bulk(entry.name)).collect()))
}

/// `COMMAND DOCS [name ...]`
pub(super) fn docs(call: &Call<'_>) -> Executed {
    let document = |(name, entry): (String, &Command)| (bulk(name), document(entry));
    done(Value::Map(if call.arguments.count() == 2 {
        let named = COMMANDS.iter().map(|entry| (entry.name.to_owned(), entry));
        named.map(document).collect()
    } else {
        names(call)?.filter_map(find).map(document).collect()
    }))
}

/// `COMMAND GETKEYS name [argument ...]`
pub(super) fn getkeys(call: &Call<'_>) -> Executed {
    let Some((_, entry)) = table::find(call.argument(2)) else {
        return Err(Refusal::new("ERR Invalid command specified"));
    };
    let keys: Vec<_> = entry.keys.choose(call.rest(3)).collect();
    if keys.is_empty() {
        return Err(Refusal::new("ERR The command has no key arguments"));
    }
    if !entry.takes(call.arguments.count() - 2) {
        let text = "ERR Invalid number of arguments specified for command";
        return Err(Refusal::new(text));
    }
    done(Value::Array(keys.into_iter().map(|key| Value::Bulk(key.to_vec())).collect()))
}

/// `HELP` of every command that is a container.
pub(super) fn help(call: &Call<'_>) -> Executed {
    let Some((_, container)) = table::find(call.arguments.name()) else {
        return done(Value::Array(vec![]));
    };
    let name = container.name.to_ascii_uppercase();
    let mut lines =
        vec![format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    for entry in container.subcommands {
        lines.push(entry.name.to_ascii_uppercase());
        lines.push(format!("    {}", entry.summary));
    }
    done(Value::Array(lines.into_iter().map(|line| Value::Simple(line.into())).collect()))
}

/// The command, or subcommand behind a bar, of that name, and the name in full.
fn find(name: &[u8]) -> Option<(String, &'static Command)> {
    let mut parts = name.splitn(2, |byte| *byte == b'|');
    let (_, entry) = table::find(parts.next()?)?;
    match parts.next() {
        None => Some((entry.name.to_owned(), entry)),
        Some(name) => {
            let subcommand = entry.subcommand(name)?;
            Some((format!("{}|{}", entry.name, subcommand.name), subcommand))
        }
    }
}

/// A command as `COMMAND INFO` has it.
fn describe(name: &str, entry: &Command) -> Value {
    let (first, last, step) = entry.keys.positions();
    let flags = entry.flags.iter().filter_map(|flag| flag_name(*flag));
    let categories = categories(entry).into_iter();
    let subcommands =
        entry.subcommands.iter().map(|sub| describe(&format!("{name}|{}", sub.name), sub));
    Value::Array(vec![
        bulk(name),
        Value::Integer(entry.arity.into()),
        Value::Set(flags.map(simple).collect()),
        Value::Integer(first),
        Value::Integer(last),
        Value::Integer(step),
        Value::Set(categories.map(|name| simple(&format!("@{name}"))).collect()),
        Value::Set(vec![]),
        Value::Set(key_specification(entry).into_iter().collect()),
        Value::Array(subcommands.collect()),
    ])
}

fn simple(text: &str) -> Value {
    Value::Simple(text.to_owned().into())
}

fn map<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Map(pairs.map(|(name, value)| (bulk(name), value)).into())
}

/// Where the keys are, in the newer form: positions count from the first key.
fn key_specification(entry: &Command) -> Option<Value> {
    let (first, last, step) = entry.keys.positions();
    if first == 0 {
        return None;
    }
    let uses = match entry.has(Flag::Write) {
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

/// A command as `COMMAND DOCS` has it.
fn document(entry: &Command) -> Value {
    let mut pairs = vec![
        (bulk("summary"), bulk(entry.summary)),
        (bulk("since"), bulk(entry.since)),
        (bulk("group"), bulk(entry.group.name())),
    ];
    if !entry.subcommands.is_empty() {
        let subcommands = entry
            .subcommands
            .iter()
            .map(|sub| (bulk(format!("{}|{}", entry.name, sub.name)), document(sub)));
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

/// The categories of access control it belongs to, which follow from its flags and group.
fn categories(entry: &Command) -> Vec<&'static str> {
    let changes_keys = entry.has(Flag::Write) || entry.has(Flag::ReadOnly);
    let candidates = [
        ("keyspace", changes_keys && entry.group != Group::String),
        ("read", entry.has(Flag::ReadOnly)),
        ("write", entry.has(Flag::Write)),
        ("string", entry.group == Group::String),
        ("admin", entry.has(Flag::Admin)),
        ("fast", entry.has(Flag::Fast)),
        ("slow", !entry.has(Flag::Fast)),
        ("dangerous", entry.has(Flag::Admin) || entry.has(Flag::Dangerous)),
        ("connection", entry.group == Group::Connection),
        ("transaction", entry.group == Group::Transactions),
    ];
    let belongs = candidates.into_iter().filter(|(_, belongs)| *belongs);
    belongs.map(|(category, _)| category).collect()
}
