//! `ACL`: there is one user, `default`, who may do everything.

use super::call::{Call, Executed};
use super::command_category::{CATEGORIES, categories};
use super::command_error::{CommandError, shown};
use super::reply_value::{bulk, done, length, map, ok, refuse};
use super::word::is;
use crate::protocol::resp::Value;
use crate::server::execute::authentication::USER;
use crate::server::system_random::random_bytes;

/// `ACL WHOAMI`
pub(super) fn whoami(_: &Call<'_>) -> Executed {
    done(Value::Bulk(USER.to_vec()))
}

/// `ACL USERS`
pub(super) fn users(_: &Call<'_>) -> Executed {
    done(Value::Array(vec![Value::Bulk(USER.to_vec())]))
}

/// `ACL LIST`; no hashes of passwords are shown.
pub(super) fn list(call: &Call<'_>) -> Executed {
    let password = if call.context.options.is_open() { " nopass" } else { "" };
    done(Value::Array(vec![bulk(format!("user default on{password} ~* &* +@all"))]))
}

/// `ACL GETUSER name`
pub(super) fn getuser(call: &Call<'_>) -> Executed {
    if call.argument(2) != USER {
        return done(Value::Null);
    }
    let password = call.context.options.is_open().then_some("nopass");
    let flags = ["on"].into_iter().chain(password).map(bulk).collect();
    done(map([
        ("flags", Value::Set(flags)),
        ("passwords", Value::Array(vec![])),
        ("commands", bulk("+@all")),
        ("keys", bulk("~*")),
        ("channels", bulk("&*")),
        ("selectors", Value::Array(vec![])),
    ]))
}

/// `ACL CAT [category]`
pub(super) fn cat(call: &Call<'_>) -> Executed {
    let wanted = match call.arguments.count() {
        2 => return done(Value::Array(CATEGORIES.map(bulk).into())),
        3 => call.argument(2),
        _ => return Err(CommandError::wrong_form(&call.arguments).into()),
    };
    if !CATEGORIES.iter().any(|category| is(wanted, category)) {
        let wanted = shown(wanted);
        return refuse(format!("ERR Unknown category '{wanted}'"));
    }
    let belongs = |name: &str| categories(name).iter().any(|category| is(wanted, category));
    let mut names = Vec::new();
    for row in call.table.rows() {
        // A container is only as its subcommands are.
        if row.subcommands.is_empty() && belongs(row.name) {
            names.push(bulk(row.name));
        }
        let subcommands = row.subcommands.iter().map(|sub| row.full_name(sub));
        names.extend(subcommands.filter(|name| belongs(name)).map(bulk));
    }
    done(Value::Array(names))
}

/// `ACL DRYRUN user command [argument ...]`
pub(super) fn dryrun(call: &Call<'_>) -> Executed {
    if call.argument(2) != USER {
        let user = shown(call.argument(2));
        return refuse(format!("ERR User '{user}' not found"));
    }
    let Some((_, row)) = call.table.find(call.argument(3)) else {
        let name = shown(call.argument(3));
        return refuse(format!("ERR Command '{name}' not found"));
    };
    match row.takes(call.arguments.count() - 3) {
        true => done(ok()),
        false => refuse(format!("ERR wrong number of arguments for '{}' command", row.name)),
    }
}

/// `ACL LOG [count | RESET]`: nobody is denied a command but for a password.
pub(super) fn log(call: &Call<'_>) -> Executed {
    match call.arguments.count() {
        2 => done(Value::Array(vec![])),
        3 if is(call.argument(2), "RESET") => done(ok()),
        3 => {
            call.integer(2)?;
            done(Value::Array(vec![]))
        }
        _ => Err(CommandError::wrong_form(&call.arguments).into()),
    }
}

/// The most bits of a generated password.
const PASSWORD_BITS_MAX: usize = 4096;

/// The bits of a generated password, unless the call says so.
const PASSWORD_BITS: i64 = 256;

/// `ACL GENPASS [bits]`
pub(super) fn genpass(call: &Call<'_>) -> Executed {
    let bits = match call.arguments.count() {
        2 => PASSWORD_BITS,
        3 => call.integer(2)?,
        _ => return Err(CommandError::wrong_form(&call.arguments).into()),
    };
    let Some(bits) =
        usize::try_from(bits).ok().filter(|bits| (1..=PASSWORD_BITS_MAX).contains(bits))
    else {
        return refuse(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a \
             positive number up to {PASSWORD_BITS_MAX}"
        ));
    };
    let digits = bits.div_ceil(4);
    let Some(random) = random_bytes(digits.div_ceil(2)) else {
        return refuse("ERR the system has no random numbers");
    };
    let mut password: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    password.truncate(digits);
    done(bulk(password))
}

/// `ACL LOAD` and `ACL SAVE`
pub(super) fn file(_: &Call<'_>) -> Executed {
    refuse(
        "ERR This Redis instance is not configured to use an ACL file. You may want to specify \
         users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a \
         Redis configuration file set) in order to store users in the Redis configuration.",
    )
}

/// `ACL SETUSER name [rule ...]`
pub(super) fn setuser(_: &Call<'_>) -> Executed {
    refuse("ERR this server has the one user 'default', whose passwords are set when it starts")
}

/// `ACL DELUSER name [name ...]`
pub(super) fn deluser(call: &Call<'_>) -> Executed {
    match call.rest(2).any(|name| name == USER) {
        true => refuse("ERR The 'default' user cannot be removed"),
        false => done(length(0)),
    }
}
