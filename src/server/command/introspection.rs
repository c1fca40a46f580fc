//! `COMMAND`: the table of commands, for clients.

use super::call::{Call, CommandFunction, Executed};
use super::command_category::{categories, flag_name};
use super::command_error::{CommandError, SYNTAX};
use super::command_row::CommandRow;
use super::command_table::CommandTable;
use super::command_tips::tips;
use super::iteration::pattern;
use super::key_specification::{
    DESTINATION_FLAGS, destination_of_call, key_flags_of_call, key_specification,
};
use super::reply_value::{bulk, done, length, refuse, simple};
use super::word::is;
use crate::protocol::resp::Value;
use crate::server::execute::glob::{self, Case};

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
    let shows: &dyn Fn(&CommandRow<CommandFunction>, &str) -> bool = match call.arguments.count() {
        2 => &|_, _| true,
        5 if !is(call.argument(2), "FILTERBY") => return refuse(SYNTAX),
        5 if is(filter, "MODULE") => &|_, _| false,
        5 if is(filter, "ACLCAT") => {
            &|row, _| categories(row).iter().any(|category| is(argument, category))
        }
        5 if is(filter, "PATTERN") => {
            pattern(argument)?;
            &|_, name| glob::matches(argument, name.as_bytes(), Case::Ignored)
        }
        _ => return refuse(SYNTAX),
    };
    let mut shown = Vec::new();
    for row in call.table.rows() {
        let subcommands =
            row.subcommands.iter().map(|sub| (sub, format!("{}|{}", row.name, sub.name)));
        let all = std::iter::once((row, row.name.to_owned())).chain(subcommands);
        shown.extend(all.filter(|(row, name)| shows(row, name)).map(|(_, name)| bulk(name)));
    }
    done(Value::Array(shown))
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
    let (row, keys) = keys_of_call(call)?;
    let keys = keys.chain(destination_of_call(row, call.rest(3)));
    done(Value::Array(keys.map(|key| Value::Bulk(key.to_vec())).collect()))
}

/// `COMMAND GETKEYSANDFLAGS name [argument ...]`
pub(super) fn getkeysandflags(call: &Call<'_>) -> Executed {
    let (row, keys) = keys_of_call(call)?;
    let flags = key_flags_of_call(row, call.rest(5));
    let described = |key: &[u8], flags: &[&'static str]| {
        let flags = flags.iter().map(|flag| simple(flag)).collect();
        Value::Array(vec![Value::Bulk(key.to_vec()), Value::Set(flags)])
    };
    let destination = destination_of_call(row, call.rest(3));
    let destination = destination.map(|key| described(key, DESTINATION_FLAGS));
    done(Value::Array(keys.map(|key| described(key, flags)).chain(destination).collect()))
}

/// Returns the command that a call describes, and its keys, of which there is at least one.
fn keys_of_call<'a>(
    call: &Call<'a>,
) -> Result<
    (&'static CommandRow<CommandFunction>, impl Iterator<Item = &'a [u8]> + use<'a>),
    CommandError,
> {
    let Some((_, row)) = call.table.find(call.argument(2)) else {
        return Err(CommandError::new("ERR Invalid command specified"));
    };
    let row = row.subcommand(call.argument(3)).unwrap_or(row);
    if row.keys.choose(call.rest(3)).next().is_none() {
        return Err(CommandError::new("ERR The command has no key arguments"));
    }
    if !row.takes(call.arguments.count() - 2) {
        return Err(CommandError::new("ERR Invalid number of arguments specified for command"));
    }
    Ok((row, row.keys.choose(call.rest(3))))
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
        Value::Set(tips(name).iter().map(|tip| simple(tip)).collect()),
        Value::Set(key_specification(row).into_iter().collect()),
        Value::Array(subcommands.collect()),
    ])
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
