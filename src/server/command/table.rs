//! The commands there are: to add a command is to add a row here, and a line to
//! `command_documents.json`.

use super::call::CommandFunction;
use super::command_row::{CommandRow, Flag, KeyArguments};
use super::command_table::{CommandTable, Places};
use super::{
    acl, bit, bit_field, bit_operation, channel, client, client_control, cluster,
    common_subsequence, config, connection, copying, counter, database, debug, dumping, expiry,
    info, introspection, iteration, key, latency, memory_usage, monitor, object, persistence,
    replication, server, slowlog, sorting, string, substring, transaction,
};

/// Makes rows of: name, arity, keys, flags, function, subcommands.
macro_rules! commands {
    ($($name:literal $arity:literal $keys:ident [$($flag:ident)*] $function:path,
        $subcommands:expr;)*) => {
        &[$(CommandRow {
            name: $name,
            arity: $arity,
            flags: &[$(Flag::$flag),*],
            keys: KeyArguments::$keys,
            function: $function,
            subcommands: $subcommands,
        }),*]
    };
}

const NONE: &[CommandRow<CommandFunction>] = &[];

/// Every command, in the order of names.
const COMMANDS: &[CommandRow<CommandFunction>] = commands! {
    "acl"          -2 None          [] introspection::help, ACL;
    "append"        3 One           [Write DenyOom Fast] string::append, NONE;
    "asking"        1 None          [Fast] cluster::disabled, NONE;
    "auth"         -2 None          [NoScript Loading Stale Fast NoAuth AllowBusy] connection::auth, NONE;
    "bgrewriteaof"  1 None          [Admin NoScript NoAsyncLoading] persistence::bgrewriteaof, NONE;
    "bgsave"       -1 None          [Admin NoScript NoAsyncLoading] persistence::bgsave, NONE;
    "bitcount"     -2 One           [ReadOnly] bit::bitcount, NONE;
    "bitfield"     -2 One           [Write DenyOom] bit_field::bitfield, NONE;
    "bitfield_ro"  -2 One           [ReadOnly Fast] bit_field::bitfield_ro, NONE;
    "bitop"        -4 FromSecond    [Write DenyOom] bit_operation::bitop, NONE;
    "bitpos"       -3 One           [ReadOnly] bit::bitpos, NONE;
    "client"       -2 None          [] introspection::help, CLIENT;
    "cluster"      -2 None          [] introspection::help, CLUSTER;
    "command"      -1 None          [Loading Stale] introspection::all, COMMAND;
    "config"       -2 None          [] introspection::help, CONFIG;
    "copy"         -3 Two           [Write DenyOom] copying::copy_key, NONE;
    "dbsize"        1 None          [ReadOnly Fast] server::dbsize, NONE;
    "debug"        -2 None          [Admin NoScript Loading Stale] debug::debug, NONE;
    "decr"          2 One           [Write DenyOom Fast] counter::decr, NONE;
    "decrby"        3 One           [Write DenyOom Fast] counter::decrby, NONE;
    "del"          -2 All           [Write] key::del, NONE;
    "discard"       1 None          [NoScript Loading Stale Fast AllowBusy Unqueued] transaction::discard, NONE;
    "dump"          2 One           [ReadOnly] dumping::dump, NONE;
    "echo"          2 None          [Loading Stale Fast] connection::echo, NONE;
    "exec"          1 None          [NoScript Loading Stale SkipSlowlog Unqueued] transaction::exec, NONE;
    "exists"       -2 All           [ReadOnly Fast] key::exists, NONE;
    "expire"       -3 One           [Write Fast] expiry::expire, NONE;
    "expireat"     -3 One           [Write Fast] expiry::expireat, NONE;
    "expiretime"    2 One           [ReadOnly Fast] expiry::expiretime, NONE;
    "failover"     -1 None          [Admin NoScript Stale] replication::failover, NONE;
    "flushall"     -1 None          [Write] server::flushall, NONE;
    "flushdb"      -1 None          [Write] server::flushdb, NONE;
    "get"           2 One           [ReadOnly Fast] string::get, NONE;
    "getbit"        3 One           [ReadOnly Fast] bit::getbit, NONE;
    "getdel"        2 One           [Write Fast] string::getdel, NONE;
    "getex"        -2 One           [Write Fast] string::getex, NONE;
    "getrange"      4 One           [ReadOnly] substring::getrange, NONE;
    "getset"        3 One           [Write DenyOom Fast] string::getset, NONE;
    "hello"        -1 None          [NoScript Loading Stale Fast NoAuth AllowBusy] connection::hello, NONE;
    "incr"          2 One           [Write DenyOom Fast] counter::incr, NONE;
    "incrby"        3 One           [Write DenyOom Fast] counter::incrby, NONE;
    "incrbyfloat"   3 One           [Write DenyOom Fast] counter::incrbyfloat, NONE;
    "info"         -1 None          [Loading Stale] info::info, NONE;
    "keys"          2 None          [ReadOnly] iteration::keys, NONE;
    "lastsave"      1 None          [Loading Stale Fast] persistence::lastsave, NONE;
    "latency"      -2 None          [] introspection::help, LATENCY;
    "lcs"          -3 Two           [ReadOnly] common_subsequence::lcs, NONE;
    "memory"       -2 None          [] introspection::help, MEMORY;
    "mget"         -2 All           [ReadOnly Fast] string::mget, NONE;
    "module"       -2 None          [] introspection::help, MODULE;
    "monitor"       1 None          [Admin NoScript Loading Stale] monitor::monitor, NONE;
    "move"          3 One           [Write Fast] copying::move_key, NONE;
    "mset"         -3 Pairs         [Write DenyOom] string::mset, NONE;
    "msetnx"       -3 Pairs         [Write DenyOom] string::msetnx, NONE;
    "multi"         1 None          [NoScript Loading Stale Fast AllowBusy Unqueued] transaction::multi, NONE;
    "object"       -2 None          [] introspection::help, OBJECT;
    "persist"       2 One           [Write Fast] expiry::persist, NONE;
    "pexpire"      -3 One           [Write Fast] expiry::pexpire, NONE;
    "pexpireat"    -3 One           [Write Fast] expiry::pexpireat, NONE;
    "pexpiretime"   2 One           [ReadOnly Fast] expiry::pexpiretime, NONE;
    "ping"         -1 None          [Fast WhileSubscribed] connection::ping, NONE;
    "psetex"        4 One           [Write DenyOom] string::psetex, NONE;
    "psubscribe"   -2 None          [Pubsub NoScript Loading Stale WhileSubscribed] channel::psubscribe, NONE;
    "pttl"          2 One           [ReadOnly Fast] expiry::pttl, NONE;
    "publish"       3 None          [Pubsub Loading Stale Fast] channel::publish, NONE;
    "pubsub"       -2 None          [] introspection::help, PUBSUB;
    "punsubscribe" -1 None          [Pubsub NoScript Loading Stale WhileSubscribed] channel::punsubscribe, NONE;
    "quit"         -1 None          [NoScript Loading Stale Fast NoAuth AllowBusy Unqueued WhileSubscribed] connection::quit, NONE;
    "randomkey"     1 None          [ReadOnly] key::randomkey, NONE;
    "readonly"      1 None          [Loading Stale Fast] cluster::disabled, NONE;
    "readwrite"     1 None          [Loading Stale Fast] cluster::disabled, NONE;
    "rename"        3 Two           [Write] copying::rename, NONE;
    "renamenx"      3 Two           [Write Fast] copying::renamenx, NONE;
    "replicaof"     3 None          [Admin NoScript Stale NoAsyncLoading] replication::replicaof, NONE;
    "reset"         1 None          [NoScript Loading Stale Fast NoAuth AllowBusy Unqueued WhileSubscribed] connection::reset, NONE;
    "restore"      -4 One           [Write DenyOom] dumping::restore, NONE;
    "role"          1 None          [NoScript Loading Stale Fast] replication::role, NONE;
    "save"          1 None          [Admin NoScript NoAsyncLoading NoMulti] persistence::save, NONE;
    "scan"         -2 None          [ReadOnly] iteration::scan, NONE;
    "select"        2 None          [Loading Stale Fast] database::select, NONE;
    "set"          -3 One           [Write DenyOom] string::set, NONE;
    "setbit"        4 One           [Write DenyOom] bit::setbit, NONE;
    "setex"         4 One           [Write DenyOom] string::setex, NONE;
    "setnx"         3 One           [Write DenyOom Fast] string::setnx, NONE;
    "setrange"      4 One           [Write DenyOom] substring::setrange, NONE;
    "shutdown"     -1 None          [Admin NoScript Loading Stale NoMulti AllowBusy] persistence::shutdown, NONE;
    "slaveof"       3 None          [Admin NoScript Stale NoAsyncLoading] replication::replicaof, NONE;
    "slowlog"      -2 None          [] introspection::help, SLOWLOG;
    "sort"         -2 One           [Write DenyOom MovableKeys] sorting::sort, NONE;
    "sort_ro"      -2 One           [ReadOnly MovableKeys] sorting::sort_ro, NONE;
    "spublish"      3 ShardChannel  [Pubsub Loading Stale Fast] channel::spublish, NONE;
    "ssubscribe"   -2 ShardChannels [Pubsub NoScript Loading Stale WhileSubscribed] channel::ssubscribe, NONE;
    "strlen"        2 One           [ReadOnly Fast] string::strlen, NONE;
    "subscribe"    -2 None          [Pubsub NoScript Loading Stale WhileSubscribed] channel::subscribe, NONE;
    "substr"        4 One           [ReadOnly] substring::getrange, NONE;
    "sunsubscribe" -1 ShardChannels [Pubsub NoScript Loading Stale WhileSubscribed] channel::sunsubscribe, NONE;
    "swapdb"        3 None          [Write Fast] database::swapdb, NONE;
    "time"          1 None          [Loading Stale Fast] server::time, NONE;
    "touch"        -2 All           [ReadOnly Fast] key::touch, NONE;
    "ttl"           2 One           [ReadOnly Fast] expiry::ttl, NONE;
    "type"          2 One           [ReadOnly Fast] key::kind, NONE;
    "unlink"       -2 All           [Write Fast] key::del, NONE;
    "unsubscribe"  -1 None          [Pubsub NoScript Loading Stale WhileSubscribed] channel::unsubscribe, NONE;
    "unwatch"       1 None          [NoScript Loading Stale Fast AllowBusy] transaction::unwatch, NONE;
    "wait"          3 None          [NoScript] replication::wait, NONE;
    "watch"        -2 All           [NoScript Loading Stale Fast AllowBusy Unqueued] transaction::watch, NONE;
};

static ACL: &[CommandRow<CommandFunction>] = commands! {
    "cat"          -2 None          [NoScript Loading Stale] acl::cat, NONE;
    "deluser"      -3 None          [Admin NoScript Loading Stale] acl::deluser, NONE;
    "dryrun"       -4 None          [Admin NoScript Loading Stale] acl::dryrun, NONE;
    "genpass"      -2 None          [NoScript Loading Stale] acl::genpass, NONE;
    "getuser"       3 None          [Admin NoScript Loading Stale] acl::getuser, NONE;
    "help"          2 None          [Loading Stale] introspection::help, NONE;
    "list"          2 None          [Admin NoScript Loading Stale] acl::list, NONE;
    "load"          2 None          [Admin NoScript Loading Stale] acl::file, NONE;
    "log"          -2 None          [Admin NoScript Loading Stale] acl::log, NONE;
    "save"          2 None          [Admin NoScript Loading Stale] acl::file, NONE;
    "setuser"      -3 None          [Admin NoScript Loading Stale] acl::setuser, NONE;
    "users"         2 None          [Admin NoScript Loading Stale] acl::users, NONE;
    "whoami"        2 None          [NoScript Loading Stale] acl::whoami, NONE;
};

static CLIENT: &[CommandRow<CommandFunction>] = commands! {
    "caching"       3 None          [NoScript Loading Stale] client_control::caching, NONE;
    "getname"       2 None          [NoScript Loading Stale] client::getname, NONE;
    "getredir"      2 None          [NoScript Loading Stale] client_control::getredir, NONE;
    "help"          2 None          [Loading Stale] introspection::help, NONE;
    "id"            2 None          [NoScript Loading Stale] client::id, NONE;
    "info"          2 None          [NoScript Loading Stale] client::info, NONE;
    "kill"         -3 None          [Admin NoScript Loading Stale] client::kill, NONE;
    "list"         -2 None          [Admin NoScript Loading Stale] client::list, NONE;
    "no-evict"      3 None          [Admin NoScript Loading Stale] client::switch, NONE;
    "no-touch"      3 None          [NoScript Loading Stale] client::switch, NONE;
    "pause"        -3 None          [Admin NoScript Loading Stale] client_control::pause, NONE;
    "reply"         3 None          [NoScript Loading Stale] client_control::reply, NONE;
    "setinfo"       4 None          [NoScript Loading Stale] client::setinfo, NONE;
    "setname"       3 None          [NoScript Loading Stale] client::setname, NONE;
    "tracking"     -3 None          [NoScript Loading Stale] client_control::tracking, NONE;
    "trackinginfo"  2 None          [NoScript Loading Stale] client_control::trackinginfo, NONE;
    "unblock"      -3 None          [Admin NoScript Loading Stale] client_control::unblock, NONE;
    "unpause"       2 None          [Admin NoScript Loading Stale] client_control::unpause, NONE;
};

static CLUSTER: &[CommandRow<CommandFunction>] = commands! {
    "addslots"     -3 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "addslotsrange" -4 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "bumpepoch"     2 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "count-failure-reports"  3 None          [Admin Stale] cluster::disabled, NONE;
    "countkeysinslot"  3 None          [Stale] cluster::disabled, NONE;
    "delslots"     -3 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "delslotsrange" -4 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "failover"     -2 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "flushslots"    2 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "forget"        3 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "getkeysinslot"  4 None          [Stale] cluster::disabled, NONE;
    "help"          2 None          [Loading Stale] introspection::help, NONE;
    "info"          2 None          [Stale] cluster::disabled, NONE;
    "keyslot"       3 None          [Stale] cluster::disabled, NONE;
    "links"         2 None          [Stale] cluster::disabled, NONE;
    "meet"         -4 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "myid"          2 None          [Stale] cluster::disabled, NONE;
    "nodes"         2 None          [Stale] cluster::disabled, NONE;
    "replicas"      3 None          [Admin Stale] cluster::disabled, NONE;
    "replicate"     3 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "reset"        -2 None          [Admin NoScript Stale] cluster::disabled, NONE;
    "saveconfig"    2 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "set-config-epoch"  3 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "setslot"      -4 None          [Admin Stale NoAsyncLoading] cluster::disabled, NONE;
    "shards"        2 None          [Stale] cluster::disabled, NONE;
    "slaves"        3 None          [Admin Stale] cluster::disabled, NONE;
    "slots"         2 None          [Stale] cluster::disabled, NONE;
};

static COMMAND: &[CommandRow<CommandFunction>] = commands! {
    "count"         2 None          [Loading Stale] introspection::count, NONE;
    "docs"         -2 None          [Loading Stale] introspection::docs, NONE;
    "getkeys"      -4 None          [Loading Stale] introspection::getkeys, NONE;
    "getkeysandflags" -4 None          [Loading Stale] introspection::getkeysandflags, NONE;
    "help"          2 None          [Loading Stale] introspection::help, NONE;
    "info"         -2 None          [Loading Stale] introspection::info, NONE;
    "list"         -2 None          [Loading Stale] introspection::list, NONE;
};

static CONFIG: &[CommandRow<CommandFunction>] = commands! {
    "get"          -3 None          [Admin NoScript Loading Stale] config::get, NONE;
    "help"          2 None          [Loading Stale] introspection::help, NONE;
    "resetstat"     2 None          [Admin NoScript Loading Stale] config::resetstat, NONE;
    "rewrite"       2 None          [Admin NoScript Loading Stale] config::rewrite, NONE;
    "set"          -4 None          [Admin NoScript Loading Stale] config::set, NONE;
};

static LATENCY: &[CommandRow<CommandFunction>] = commands! {
    "doctor"        2 None          [Admin NoScript Loading Stale] latency::doctor, NONE;
    "graph"         3 None          [Admin NoScript Loading Stale] latency::graph, NONE;
    "help"          2 None          [Loading Stale] introspection::help, NONE;
    "histogram"    -2 None          [Admin NoScript Loading Stale] latency::histogram, NONE;
    "history"       3 None          [Admin NoScript Loading Stale] latency::history, NONE;
    "latest"        2 None          [Admin NoScript Loading Stale] latency::latest, NONE;
    "reset"        -2 None          [Admin NoScript Loading Stale] latency::reset, NONE;
};

static MODULE: &[CommandRow<CommandFunction>] = commands! {
    "help"          2 None          [Loading Stale] introspection::help, NONE;
    "list"          2 None          [Admin NoScript] cluster::modules, NONE;
    "load"         -3 None          [Admin NoScript NoAsyncLoading] cluster::no_modules, NONE;
    "loadex"       -3 None          [Admin NoScript NoAsyncLoading] cluster::no_modules, NONE;
    "unload"        3 None          [Admin NoScript NoAsyncLoading] cluster::no_modules, NONE;
};

static PUBSUB: &[CommandRow<CommandFunction>] = commands! {
    "channels"     -2 None          [Pubsub Loading Stale] channel::channels, NONE;
    "help"          2 None          [Loading Stale] introspection::help, NONE;
    "numpat"        2 None          [Pubsub Loading Stale] channel::numpat, NONE;
    "numsub"       -2 None          [Pubsub Loading Stale] channel::numsub, NONE;
    "shardchannels" -2 None          [Pubsub Loading Stale] channel::shard_channels, NONE;
    "shardnumsub"  -2 None          [Pubsub Loading Stale] channel::shard_numsub, NONE;
};

static SLOWLOG: &[CommandRow<CommandFunction>] = commands! {
    "get"          -2 None          [Admin Loading Stale] slowlog::get, NONE;
    "help"          2 None          [Loading Stale] introspection::help, NONE;
    "len"           2 None          [Admin Loading Stale] slowlog::len, NONE;
    "reset"         2 None          [Admin Loading Stale] slowlog::reset, NONE;
};

static MEMORY: &[CommandRow<CommandFunction>] = commands! {
    "doctor"        2 None          [] memory_usage::doctor, NONE;
    "help"          2 None          [Loading Stale] introspection::help, NONE;
    "malloc-stats"  2 None          [] memory_usage::malloc_stats, NONE;
    "purge"         2 None          [] memory_usage::purge, NONE;
    "stats"         2 None          [] memory_usage::stats, NONE;
    "usage"        -3 Second        [ReadOnly] memory_usage::usage, NONE;
};

static OBJECT: &[CommandRow<CommandFunction>] = commands! {
    "encoding"      3 Second        [ReadOnly] object::encoding, NONE;
    "freq"          3 Second        [ReadOnly] object::freq, NONE;
    "help"          2 None          [Loading Stale] introspection::help, NONE;
    "idletime"      3 Second        [ReadOnly] object::idletime, NONE;
    "refcount"      3 Second        [ReadOnly] object::refcount, NONE;
};

static PLACES: Places = CommandTable::places(COMMANDS);

/// The table of commands.
pub(super) static TABLE: CommandTable<CommandFunction> = CommandTable::new(COMMANDS, &PLACES);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_commands_say_so_and_keys_fit_the_arity() {
        for row in COMMANDS {
            let both = row.has(Flag::Write) && row.has(Flag::ReadOnly);
            assert!(!both, "{} cannot be both", row.name);
            if row.keys != KeyArguments::None && !row.has(Flag::Pubsub) {
                assert!(row.arity.unsigned_abs() >= 2, "{} has no room for keys", row.name);
                let uses_keys = row.has(Flag::Write) || row.has(Flag::ReadOnly);
                assert!(uses_keys || row.name == "watch", "{}", row.name);
            }
        }
    }
}
