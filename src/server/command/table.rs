//! The commands there are: to add a command is to add a row.

use super::call::CommandFunction;
use super::command_row::{CommandGroup, CommandRow, Flag, KeyArguments};
use super::command_table::CommandTable;
use super::{
    bit, client, config, connection, counter, database, expiry, introspection, iteration, key,
    server,
};
use super::{info, persistence, string, substring, transaction};

/// Makes rows of: name, arity, group, keys, flags, version of Redis, function, subcommands,
/// summary.
macro_rules! commands {
    ($($name:literal $arity:literal $group:ident $keys:ident [$($flag:ident)*] $since:literal
        $function:path, $subcommands:expr, $summary:literal;)*) => {
        &[$(CommandRow {
            name: $name,
            arity: $arity,
            group: CommandGroup::$group,
            flags: &[$(Flag::$flag),*],
            keys: KeyArguments::$keys,
            since: $since,
            summary: $summary,
            function: $function,
            subcommands: $subcommands,
        }),*]
    };
}

const NONE: &[CommandRow<CommandFunction>] = &[];

/// Every command, in the order of names because they are searched by halves.
static COMMANDS: &[CommandRow<CommandFunction>] = commands! {
    "append"      3 String     One   [Write DenyOom Fast] "2.0.0" string::append, NONE, "Append a value to a key";
    "auth"       -2 Connection None  [NoScript Loading Stale Fast NoAuth AllowBusy] "1.0.0" connection::auth, NONE, "Authenticate to the server";
    "bgsave"     -1 Server     None  [Admin NoScript] "1.0.0" persistence::bgsave, NONE, "Asynchronously save the database(s) to disk";
    "bitcount"   -2 Bitmap     One   [ReadOnly] "2.6.0" bit::bitcount, NONE, "Count set bits in a string";
    "bitpos"     -3 Bitmap     One   [ReadOnly] "2.8.7" bit::bitpos, NONE, "Find first bit set or clear in a string";
    "client"     -2 Connection None  [] "2.4.0" introspection::help, CLIENT, "A container for client connection commands";
    "command"    -1 Server     None  [Loading Stale] "2.8.13" introspection::all, COMMAND, "Get array of Redis command details";
    "config"     -2 Server     None  [] "2.0.0" introspection::help, CONFIG, "A container for server configuration commands";
    "dbsize"      1 Server     None  [ReadOnly Fast] "1.0.0" server::dbsize, NONE, "Return the number of keys in the selected database";
    "decr"        2 String     One   [Write DenyOom Fast] "1.0.0" counter::decr, NONE, "Decrement the integer value of a key by one";
    "decrby"      3 String     One   [Write DenyOom Fast] "1.0.0" counter::decrby, NONE, "Decrement the integer value of a key by the given number";
    "del"        -2 Generic    All   [Write] "1.0.0" key::del, NONE, "Delete a key";
    "discard"     1 Transactions None [NoScript Loading Stale Fast AllowBusy Unqueued] "2.0.0" transaction::discard, NONE, "Discard all commands issued after MULTI";
    "echo"        2 Connection None  [Loading Stale Fast] "1.0.0" connection::echo, NONE, "Echo the given string";
    "exec"        1 Transactions None [NoScript Loading Stale Unqueued] "1.2.0" transaction::exec, NONE, "Execute all commands issued after MULTI";
    "exists"     -2 Generic    All   [ReadOnly Fast] "1.0.0" key::exists, NONE, "Determine if a key exists";
    "expire"     -3 Generic    One   [Write Fast] "1.0.0" expiry::expire, NONE, "Set a key's time to live in seconds";
    "expireat"   -3 Generic    One   [Write Fast] "1.2.0" expiry::expireat, NONE, "Set the expiration for a key as a UNIX timestamp";
    "expiretime"  2 Generic    One   [ReadOnly Fast] "7.0.0" expiry::expiretime, NONE, "Get the expiration Unix timestamp for a key";
    "flushall"   -1 Server     None  [Write Dangerous] "1.0.0" server::flushall, NONE, "Remove all keys from all databases";
    "flushdb"    -1 Server     None  [Write Dangerous] "1.0.0" server::flushdb, NONE, "Remove all keys from the current database";
    "get"         2 String     One   [ReadOnly Fast] "1.0.0" string::get, NONE, "Get the value of a key";
    "getbit"      3 Bitmap     One   [ReadOnly Fast] "2.2.0" bit::getbit, NONE, "Returns the bit value at offset in the string value stored at key";
    "getdel"      2 String     One   [Write Fast] "6.2.0" string::getdel, NONE, "Get the value of a key and delete the key";
    "getex"      -2 String     One   [Write Fast] "6.2.0" string::getex, NONE, "Get the value of a key and optionally set its expiration";
    "getrange"    4 String     One   [ReadOnly] "2.4.0" substring::getrange, NONE, "Get a substring of the string stored at a key";
    "getset"      3 String     One   [Write DenyOom Fast] "1.0.0" string::getset, NONE, "Set the string value of a key and return its old value";
    "hello"      -1 Connection None  [NoScript Loading Stale Fast NoAuth AllowBusy] "6.0.0" connection::hello, NONE, "Handshake with Redis";
    "incr"        2 String     One   [Write DenyOom Fast] "1.0.0" counter::incr, NONE, "Increment the integer value of a key by one";
    "incrby"      3 String     One   [Write DenyOom Fast] "1.0.0" counter::incrby, NONE, "Increment the integer value of a key by the given amount";
    "info"       -1 Server     None  [Loading Stale Dangerous] "1.0.0" info::info, NONE, "Get information and statistics about the server";
    "keys"        2 Generic    None  [ReadOnly Dangerous] "1.0.0" iteration::keys, NONE, "Find all keys matching the given pattern";
    "lastsave"    1 Server     None  [Loading Stale Fast Dangerous] "1.0.0" persistence::lastsave, NONE, "Get the Unix timestamp of the last successful save to disk";
    "mget"       -2 String     All   [ReadOnly Fast] "1.0.0" string::mget, NONE, "Get the values of all the given keys";
    "mset"       -3 String     Pairs [Write DenyOom] "1.0.1" string::mset, NONE, "Set multiple keys to multiple values";
    "msetnx"     -3 String     Pairs [Write DenyOom] "1.0.1" string::msetnx, NONE, "Set multiple keys to multiple values, only if none of the keys exist";
    "multi"       1 Transactions None [NoScript Loading Stale Fast AllowBusy Unqueued] "1.2.0" transaction::multi, NONE, "Mark the start of a transaction block";
    "persist"     2 Generic    One   [Write Fast] "2.2.0" expiry::persist, NONE, "Remove the expiration from a key";
    "pexpire"    -3 Generic    One   [Write Fast] "2.6.0" expiry::pexpire, NONE, "Set a key's time to live in milliseconds";
    "pexpireat"  -3 Generic    One   [Write Fast] "2.6.0" expiry::pexpireat, NONE, "Set the expiration for a key as a UNIX timestamp specified in milliseconds";
    "pexpiretime" 2 Generic    One   [ReadOnly Fast] "7.0.0" expiry::pexpiretime, NONE, "Get the expiration Unix timestamp for a key in milliseconds";
    "ping"       -1 Connection None  [Fast] "1.0.0" connection::ping, NONE, "Ping the server";
    "psetex"      4 String     One   [Write DenyOom] "2.6.0" string::psetex, NONE, "Set the value and expiration in milliseconds of a key";
    "pttl"        2 Generic    One   [ReadOnly Fast] "2.6.0" expiry::pttl, NONE, "Get the time to live for a key in milliseconds";
    "quit"       -1 Connection None  [NoScript Loading Stale Fast NoAuth AllowBusy Unqueued] "1.0.0" connection::quit, NONE, "Close the connection";
    "reset"       1 Connection None  [NoScript Loading Stale Fast NoAuth AllowBusy Unqueued] "6.2.0" connection::reset, NONE, "Reset the connection";
    "role"        1 Server     None  [NoScript Loading Stale Fast Dangerous] "2.8.12" server::role, NONE, "Return the role of the instance in the context of replication";
    "scan"       -2 Generic    None  [ReadOnly] "2.8.0" iteration::scan, NONE, "Incrementally iterate the keys space";
    "select"      2 Connection None  [Loading Stale Fast] "1.0.0" database::select, NONE, "Change the selected database for the current connection";
    "set"        -3 String     One   [Write DenyOom] "1.0.0" string::set, NONE, "Set the string value of a key";
    "setbit"      4 Bitmap     One   [Write DenyOom] "2.2.0" bit::setbit, NONE, "Sets or clears the bit at offset in the string value stored at key";
    "setex"       4 String     One   [Write DenyOom] "2.0.0" string::setex, NONE, "Set the value and expiration of a key";
    "setnx"       3 String     One   [Write DenyOom Fast] "1.0.0" string::setnx, NONE, "Set the value of a key, only if the key does not exist";
    "setrange"    4 String     One   [Write DenyOom] "2.2.0" substring::setrange, NONE, "Overwrite part of a string at key starting at the specified offset";
    "strlen"      2 String     One   [ReadOnly Fast] "2.2.0" string::strlen, NONE, "Get the length of the value stored in a key";
    "substr"      4 String     One   [ReadOnly] "1.0.0" substring::getrange, NONE, "Get a substring of the string stored at a key";
    "swapdb"      3 Server     None  [Write Fast Dangerous] "4.0.0" database::swapdb, NONE, "Swap two Redis databases";
    "time"        1 Server     None  [Loading Stale Fast] "2.6.0" server::time, NONE, "Return the current server time";
    "touch"      -2 Generic    All   [ReadOnly Fast] "3.2.1" key::exists, NONE, "Alters the last access time of a key(s). Returns the number of existing keys specified.";
    "ttl"         2 Generic    One   [ReadOnly Fast] "1.0.0" expiry::ttl, NONE, "Get the time to live for a key in seconds";
    "type"        2 Generic    One   [ReadOnly Fast] "1.0.0" key::kind, NONE, "Determine the type stored at key";
    "unlink"     -2 Generic    All   [Write Fast] "4.0.0" key::del, NONE, "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non blocking.";
    "unwatch"     1 Transactions None [NoScript Loading Stale Fast AllowBusy] "2.2.0" transaction::unwatch, NONE, "Forget about all watched keys";
    "watch"      -2 Transactions All  [NoScript Loading Stale Fast AllowBusy Unqueued] "2.2.0" transaction::watch, NONE, "Watch the given keys to determine execution of the MULTI/EXEC block";
};

static CLIENT: &[CommandRow<CommandFunction>] = commands! {
    "getname"   2 Connection None [NoScript Loading Stale] "2.6.9" client::getname, NONE, "Get the current connection name";
    "help"      2 Connection None [Loading Stale] "5.0.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "id"        2 Connection None [NoScript Loading Stale] "5.0.0" client::id, NONE, "Returns the client ID for the current connection";
    "info"      2 Connection None [NoScript Loading Stale] "6.2.0" client::info, NONE, "Returns information about the current client connection.";
    "kill"     -3 Connection None [Admin NoScript Loading Stale] "2.4.0" client::kill, NONE, "Kill the connection of a client";
    "list"     -2 Connection None [Admin NoScript Loading Stale] "2.4.0" client::list, NONE, "Get the list of client connections";
    "no-evict"  3 Connection None [Admin NoScript Loading Stale] "7.0.0" client::switch, NONE, "Set client eviction mode for the current connection";
    "no-touch"  3 Connection None [NoScript Loading Stale] "7.2.0" client::switch, NONE, "Control whether commands sent by the client will alter the LRU of the keys they access";
    "setinfo"   4 Connection None [NoScript Loading Stale] "7.2.0" client::setinfo, NONE, "Set client or connection specific info";
    "setname"   3 Connection None [NoScript Loading Stale] "2.6.9" client::setname, NONE, "Set the current connection name";
};

static COMMAND: &[CommandRow<CommandFunction>] = commands! {
    "count"    2 Server None [Loading Stale] "2.8.13" introspection::count, NONE, "Get total number of Redis commands";
    "docs"    -2 Server None [Loading Stale] "7.0.0" introspection::docs, NONE, "Get array of specific Redis command documentation";
    "getkeys" -4 Server None [Loading Stale] "2.8.13" introspection::getkeys, NONE, "Extract keys given a full Redis command";
    "help"     2 Server None [Loading Stale] "5.0.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "info"    -2 Server None [Loading Stale] "2.8.13" introspection::info, NONE, "Get array of specific Redis command details, or all when no argument is given.";
    "list"    -2 Server None [Loading Stale] "7.0.0" introspection::list, NONE, "Get an array of Redis command names";
};

static CONFIG: &[CommandRow<CommandFunction>] = commands! {
    "get"      -3 Server None [Admin NoScript Loading Stale] "2.0.0" config::get, NONE, "Get the values of configuration parameters";
    "help"      2 Server None [Loading Stale] "5.0.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "resetstat" 2 Server None [Admin NoScript Loading Stale] "2.0.0" config::resetstat, NONE, "Reset the stats returned by INFO";
    "rewrite"   2 Server None [Admin NoScript Loading Stale] "2.8.0" config::rewrite, NONE, "Rewrite the configuration file with the in memory configuration";
    "set"      -4 Server None [Admin NoScript Loading Stale] "2.0.0" config::set, NONE, "Set configuration parameters to the given values";
};

/// The table of commands.
pub(super) static TABLE: CommandTable<CommandFunction> = CommandTable(COMMANDS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_commands_say_so_and_keys_fit_the_arity() {
        for row in COMMANDS {
            let both = row.has(Flag::Write) && row.has(Flag::ReadOnly);
            assert!(!both, "{} cannot be both", row.name);
            if row.keys != KeyArguments::None {
                assert!(row.arity.unsigned_abs() >= 2, "{} has no room for keys", row.name);
                let uses_keys = row.has(Flag::Write) || row.has(Flag::ReadOnly);
                assert!(uses_keys || row.group == CommandGroup::Transactions, "{}", row.name);
            }
        }
    }
}
