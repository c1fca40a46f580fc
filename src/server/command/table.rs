//! The commands there are: to add a command is to add a row.

use super::call::CommandFunction;
use super::command_row::{CommandGroup, CommandRow, Flag, KeyArguments};
use super::command_table::{CommandTable, Places};
use super::{
    acl, bit, bit_field, bit_operation, channel, client, client_control, cluster,
    common_subsequence, config, connection, copying, counter, database, debug, dumping, expiry,
    info, introspection, iteration, key, latency, memory_usage, monitor, object, persistence,
    replication, server, slowlog, sorting, string, substring, transaction,
};

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

/// Every command, in the order of names.
const COMMANDS: &[CommandRow<CommandFunction>] = commands! {
    "acl"        -2 Server     None  [] "6.0.0" introspection::help, ACL, "A container for Access List Control commands ";
    "append"      3 String     One   [Write DenyOom Fast] "2.0.0" string::append, NONE, "Append a value to a key";
    "asking"      1 Cluster    None  [Fast AboutConnection] "3.0.0" cluster::disabled, NONE, "Sent by cluster clients after an -ASK redirect";
    "auth"       -2 Connection None  [NoScript Loading Stale Fast NoAuth AllowBusy] "1.0.0" connection::auth, NONE, "Authenticate to the server";
    "bgrewriteaof" 1 Server    None  [Admin NoScript NoAsyncLoading] "1.0.0" persistence::bgrewriteaof, NONE, "Asynchronously rewrite the append-only file";
    "bgsave"     -1 Server     None  [Admin NoScript NoAsyncLoading] "1.0.0" persistence::bgsave, NONE, "Asynchronously save the dataset to disk";
    "bitcount"   -2 Bitmap     One   [ReadOnly] "2.6.0" bit::bitcount, NONE, "Count set bits in a string";
    "bitfield"   -2 Bitmap     One   [Write DenyOom] "3.2.0" bit_field::bitfield, NONE, "Perform arbitrary bitfield integer operations on strings";
    "bitfield_ro" -2 Bitmap    One   [ReadOnly Fast] "6.0.0" bit_field::bitfield_ro, NONE, "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD";
    "bitop"      -4 Bitmap     FromSecond [Write DenyOom] "2.6.0" bit_operation::bitop, NONE, "Perform bitwise operations between strings";
    "bitpos"     -3 Bitmap     One   [ReadOnly] "2.8.7" bit::bitpos, NONE, "Find first bit set or clear in a string";
    "client"     -2 Connection None  [] "2.4.0" introspection::help, CLIENT, "A container for client connection commands";
    "cluster"    -2 Cluster    None  [] "3.0.0" introspection::help, CLUSTER, "A container for cluster commands";
    "command"    -1 Server     None  [Loading Stale AboutConnection] "2.8.13" introspection::all, COMMAND, "Get array of Redis command details";
    "config"     -2 Server     None  [] "2.0.0" introspection::help, CONFIG, "A container for server configuration commands";
    "copy"       -3 Generic    Two   [Write DenyOom] "6.2.0" copying::copy_key, NONE, "Copy a key";
    "dbsize"      1 Server     None  [ReadOnly Fast] "1.0.0" server::dbsize, NONE, "Return the number of keys in the selected database";
    "debug"      -2 Server     None  [Admin NoScript Loading Stale] "1.0.0" debug::debug, NONE, "A container for debugging commands";
    "decr"        2 String     One   [Write DenyOom Fast] "1.0.0" counter::decr, NONE, "Decrement the integer value of a key by one";
    "decrby"      3 String     One   [Write DenyOom Fast] "1.0.0" counter::decrby, NONE, "Decrement the integer value of a key by the given number";
    "del"        -2 Generic    All   [Write] "1.0.0" key::del, NONE, "Delete a key";
    "discard"     1 Transactions None [NoScript Loading Stale Fast AllowBusy Unqueued] "2.0.0" transaction::discard, NONE, "Discard all commands issued after MULTI";
    "dump"        2 Generic    One   [ReadOnly] "2.6.0" dumping::dump, NONE, "Return a serialized version of the value stored at the specified key.";
    "echo"        2 Connection None  [Loading Stale Fast] "1.0.0" connection::echo, NONE, "Echo the given string";
    "exec"        1 Transactions None [NoScript Loading Stale SkipSlowlog Unqueued] "1.2.0" transaction::exec, NONE, "Execute all commands issued after MULTI";
    "exists"     -2 Generic    All   [ReadOnly Fast] "1.0.0" key::exists, NONE, "Determine if a key exists";
    "expire"     -3 Generic    One   [Write Fast] "1.0.0" expiry::expire, NONE, "Set a key's time to live in seconds";
    "expireat"   -3 Generic    One   [Write Fast] "1.2.0" expiry::expireat, NONE, "Set the expiration for a key as a UNIX timestamp";
    "expiretime"  2 Generic    One   [ReadOnly Fast] "7.0.0" expiry::expiretime, NONE, "Get the expiration Unix timestamp for a key";
    "failover"   -1 Server     None  [Admin NoScript Stale] "6.2.0" replication::failover, NONE, "Start a coordinated failover between this server and one of its replicas.";
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
    "incrbyfloat" 3 String     One   [Write DenyOom Fast] "2.6.0" counter::incrbyfloat, NONE, "Increment the float value of a key by the given amount";
    "info"       -1 Server     None  [Loading Stale Dangerous] "1.0.0" info::info, NONE, "Get information and statistics about the server";
    "keys"        2 Generic    None  [ReadOnly Dangerous] "1.0.0" iteration::keys, NONE, "Find all keys matching the given pattern";
    "lastsave"    1 Server     None  [Loading Stale Fast Dangerous] "1.0.0" persistence::lastsave, NONE, "Get the UNIX time stamp of the last successful save to disk";
    "latency"    -2 Server     None  [] "2.8.13" introspection::help, LATENCY, "A container for latency diagnostics commands";
    "lcs"        -3 String     Two   [ReadOnly] "7.0.0" common_subsequence::lcs, NONE, "Find longest common substring";
    "memory"     -2 Server     None  [] "4.0.0" introspection::help, MEMORY, "A container for memory diagnostics commands";
    "mget"       -2 String     All   [ReadOnly Fast] "1.0.0" string::mget, NONE, "Get the values of all the given keys";
    "module"     -2 Server     None  [] "4.0.0" introspection::help, MODULE, "A container for module commands";
    "monitor"     1 Server     None  [Admin NoScript Loading Stale] "1.0.0" monitor::monitor, NONE, "Listen for all requests received by the server in real time";
    "move"        3 Generic    One   [Write Fast] "1.0.0" copying::move_key, NONE, "Move a key to another database";
    "mset"       -3 String     Pairs [Write DenyOom] "1.0.1" string::mset, NONE, "Set multiple keys to multiple values";
    "msetnx"     -3 String     Pairs [Write DenyOom] "1.0.1" string::msetnx, NONE, "Set multiple keys to multiple values, only if none of the keys exist";
    "multi"       1 Transactions None [NoScript Loading Stale Fast AllowBusy Unqueued] "1.2.0" transaction::multi, NONE, "Mark the start of a transaction block";
    "object"     -2 Generic    None  [] "2.2.3" introspection::help, OBJECT, "A container for object introspection commands";
    "persist"     2 Generic    One   [Write Fast] "2.2.0" expiry::persist, NONE, "Remove the expiration from a key";
    "pexpire"    -3 Generic    One   [Write Fast] "2.6.0" expiry::pexpire, NONE, "Set a key's time to live in milliseconds";
    "pexpireat"  -3 Generic    One   [Write Fast] "2.6.0" expiry::pexpireat, NONE, "Set the expiration for a key as a UNIX timestamp specified in milliseconds";
    "pexpiretime" 2 Generic    One   [ReadOnly Fast] "7.0.0" expiry::pexpiretime, NONE, "Get the expiration Unix timestamp for a key in milliseconds";
    "ping"       -1 Connection None  [Fast WhileSubscribed] "1.0.0" connection::ping, NONE, "Ping the server";
    "psetex"      4 String     One   [Write DenyOom] "2.6.0" string::psetex, NONE, "Set the value and expiration in milliseconds of a key";
    "psubscribe" -2 Pubsub    None  [Pubsub NoScript Loading Stale WhileSubscribed] "2.0.0" channel::psubscribe, NONE, "Listen for messages published to channels matching the given patterns";
    "pttl"        2 Generic    One   [ReadOnly Fast] "2.6.0" expiry::pttl, NONE, "Get the time to live for a key in milliseconds";
    "publish"     3 Pubsub     None  [Pubsub Loading Stale Fast] "2.0.0" channel::publish, NONE, "Post a message to a channel";
    "pubsub"     -2 Pubsub     None  [] "2.8.0" introspection::help, PUBSUB, "A container for Pub/Sub commands";
    "punsubscribe" -1 Pubsub   None  [Pubsub NoScript Loading Stale WhileSubscribed] "2.0.0" channel::punsubscribe, NONE, "Stop listening for messages posted to channels matching the given patterns";
    "quit"       -1 Connection None  [NoScript Loading Stale Fast NoAuth AllowBusy Unqueued WhileSubscribed] "1.0.0" connection::quit, NONE, "Close the connection";
    "randomkey"   1 Generic    None  [ReadOnly] "1.0.0" key::randomkey, NONE, "Return a random key from the keyspace";
    "readonly"    1 Cluster    None  [Loading Stale Fast AboutConnection] "3.0.0" cluster::disabled, NONE, "Enables read queries for a connection to a cluster replica node";
    "readwrite"   1 Cluster    None  [Loading Stale Fast AboutConnection] "3.0.0" cluster::disabled, NONE, "Disables read queries for a connection to a cluster replica node";
    "rename"      3 Generic    Two   [Write] "1.0.0" copying::rename, NONE, "Rename a key";
    "renamenx"    3 Generic    Two   [Write Fast] "1.0.0" copying::renamenx, NONE, "Rename a key, only if the new key does not exist";
    "replicaof"   3 Server     None  [Admin NoScript Stale NoAsyncLoading] "5.0.0" replication::replicaof, NONE, "Make the server a replica of another instance, or promote it as master.";
    "reset"       1 Connection None  [NoScript Loading Stale Fast NoAuth AllowBusy Unqueued WhileSubscribed] "6.2.0" connection::reset, NONE, "Reset the connection";
    "restore"    -4 Generic    One   [Write DenyOom Dangerous] "2.6.0" dumping::restore, NONE, "Create a key using the provided serialized value, previously obtained using DUMP.";
    "role"        1 Server     None  [NoScript Loading Stale Fast Dangerous] "2.8.12" replication::role, NONE, "Return the role of the instance in the context of replication";
    "save"        1 Server     None  [Admin NoScript NoAsyncLoading NoMulti] "1.0.0" persistence::save, NONE, "Synchronously save the dataset to disk";
    "scan"       -2 Generic    None  [ReadOnly] "2.8.0" iteration::scan, NONE, "Incrementally iterate the keys space";
    "select"      2 Connection None  [Loading Stale Fast] "1.0.0" database::select, NONE, "Change the selected database for the current connection";
    "set"        -3 String     One   [Write DenyOom] "1.0.0" string::set, NONE, "Set the string value of a key";
    "setbit"      4 Bitmap     One   [Write DenyOom] "2.2.0" bit::setbit, NONE, "Sets or clears the bit at offset in the string value stored at key";
    "setex"       4 String     One   [Write DenyOom] "2.0.0" string::setex, NONE, "Set the value and expiration of a key";
    "setnx"       3 String     One   [Write DenyOom Fast] "1.0.0" string::setnx, NONE, "Set the value of a key, only if the key does not exist";
    "setrange"    4 String     One   [Write DenyOom] "2.2.0" substring::setrange, NONE, "Overwrite part of a string at key starting at the specified offset";
    "shutdown"   -1 Server     None  [Admin NoScript Loading Stale NoMulti AllowBusy] "1.0.0" persistence::shutdown, NONE, "Synchronously save the dataset to disk and then shut down the server";
    "slaveof"     3 Server     None  [Admin NoScript Stale NoAsyncLoading] "1.0.0" replication::replicaof, NONE, "Make the server a replica of another instance, or promote it as master.";
    "slowlog"    -2 Server     None  [] "2.2.12" introspection::help, SLOWLOG, "A container for slow log commands";
    "sort"       -2 Generic    One   [Write DenyOom Dangerous MovableKeys] "1.0.0" sorting::sort, NONE, "Sort the elements in a list, set or sorted set";
    "sort_ro"    -2 Generic    One   [ReadOnly Dangerous MovableKeys] "7.0.0" sorting::sort_ro, NONE, "Sort the elements in a list, set or sorted set. Read-only variant of SORT.";
    "spublish"    3 Pubsub     ShardChannel [Pubsub Loading Stale Fast] "7.0.0" channel::spublish, NONE, "Post a message to a shard channel";
    "ssubscribe" -2 Pubsub     ShardChannels [Pubsub NoScript Loading Stale WhileSubscribed] "7.0.0" channel::ssubscribe, NONE, "Listen for messages published to the given shard channels";
    "strlen"      2 String     One   [ReadOnly Fast] "2.2.0" string::strlen, NONE, "Get the length of the value stored in a key";
    "subscribe"  -2 Pubsub     None  [Pubsub NoScript Loading Stale WhileSubscribed] "2.0.0" channel::subscribe, NONE, "Listen for messages published to the given channels";
    "substr"      4 String     One   [ReadOnly] "1.0.0" substring::getrange, NONE, "Get a substring of the string stored at a key";
    "sunsubscribe" -1 Pubsub   ShardChannels [Pubsub NoScript Loading Stale WhileSubscribed] "7.0.0" channel::sunsubscribe, NONE, "Stop listening for messages posted to the given shard channels";
    "swapdb"      3 Server     None  [Write Fast Dangerous] "4.0.0" database::swapdb, NONE, "Swap two Redis databases";
    "time"        1 Server     None  [Loading Stale Fast] "2.6.0" server::time, NONE, "Return the current server time";
    "touch"      -2 Generic    All   [ReadOnly Fast] "3.2.1" key::touch, NONE, "Alters the last access time of a key(s). Returns the number of existing keys specified.";
    "ttl"         2 Generic    One   [ReadOnly Fast] "1.0.0" expiry::ttl, NONE, "Get the time to live for a key in seconds";
    "type"        2 Generic    One   [ReadOnly Fast] "1.0.0" key::kind, NONE, "Determine the type stored at key";
    "unlink"     -2 Generic    All   [Write Fast] "4.0.0" key::del, NONE, "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non blocking.";
    "unsubscribe" -1 Pubsub    None  [Pubsub NoScript Loading Stale WhileSubscribed] "2.0.0" channel::unsubscribe, NONE, "Stop listening for messages posted to the given channels";
    "unwatch"     1 Transactions None [NoScript Loading Stale Fast AllowBusy] "2.2.0" transaction::unwatch, NONE, "Forget about all watched keys";
    "wait"        3 Generic    None  [NoScript AboutConnection] "3.0.0" replication::wait, NONE, "Wait for the synchronous replication of all the write commands sent in the context of the current connection";
    "watch"      -2 Transactions All  [NoScript Loading Stale Fast AllowBusy Unqueued] "2.2.0" transaction::watch, NONE, "Watch the given keys to determine execution of the MULTI/EXEC block";
};

static ACL: &[CommandRow<CommandFunction>] = commands! {
    "cat"      -2 Server None [NoScript Loading Stale] "6.0.0" acl::cat, NONE, "List the ACL categories or the commands inside a category";
    "deluser"  -3 Server None [Admin NoScript Loading Stale] "6.0.0" acl::deluser, NONE, "Remove the specified ACL users and the associated rules";
    "dryrun"   -4 Server None [Admin NoScript Loading Stale] "7.0.0" acl::dryrun, NONE, "Returns whether the user can execute the given command without executing the command.";
    "getuser"   3 Server None [Admin NoScript Loading Stale] "6.0.0" acl::getuser, NONE, "Get the rules for a specific ACL user";
    "help"      2 Server None [Loading Stale] "6.0.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "list"      2 Server None [Admin NoScript Loading Stale] "6.0.0" acl::list, NONE, "List the current ACL rules in ACL config file format";
    "load"      2 Server None [Admin NoScript Loading Stale] "6.0.0" acl::file, NONE, "Reload the ACLs from the configured ACL file";
    "log"      -2 Server None [Admin NoScript Loading Stale] "6.0.0" acl::log, NONE, "List latest events denied because of ACLs in place";
    "save"      2 Server None [Admin NoScript Loading Stale] "6.0.0" acl::file, NONE, "Save the current ACL rules in the configured ACL file";
    "setuser"  -3 Server None [Admin NoScript Loading Stale] "6.0.0" acl::setuser, NONE, "Modify or create the rules for a specific ACL user";
    "users"     2 Server None [Admin NoScript Loading Stale] "6.0.0" acl::users, NONE, "List the username of all the configured ACL rules";
    "whoami"    2 Server None [NoScript Loading Stale] "6.0.0" acl::whoami, NONE, "Return the name of the user associated to the current connection";
};

static CLIENT: &[CommandRow<CommandFunction>] = commands! {
    "caching"   3 Connection None [NoScript Loading Stale] "6.0.0" client_control::caching, NONE, "Instruct the server about tracking or not keys in the next request";
    "getname"   2 Connection None [NoScript Loading Stale] "2.6.9" client::getname, NONE, "Get the current connection name";
    "getredir"  2 Connection None [NoScript Loading Stale] "6.0.0" client_control::getredir, NONE, "Get tracking notifications redirection client ID if any";
    "help"      2 Connection None [Loading Stale] "5.0.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "id"        2 Connection None [NoScript Loading Stale] "5.0.0" client::id, NONE, "Returns the client ID for the current connection";
    "info"      2 Connection None [NoScript Loading Stale] "6.2.0" client::info, NONE, "Returns information about the current client connection.";
    "kill"     -3 Connection None [Admin NoScript Loading Stale] "2.4.0" client::kill, NONE, "Kill the connection of a client";
    "list"     -2 Connection None [Admin NoScript Loading Stale] "2.4.0" client::list, NONE, "Get the list of client connections";
    "no-evict"  3 Connection None [Admin NoScript Loading Stale] "7.0.0" client::switch, NONE, "Set client eviction mode for the current connection";
    "no-touch"  3 Connection None [NoScript Loading Stale] "7.2.0" client::switch, NONE, "Control whether commands sent by the client will alter the LRU of the keys they access";
    "pause"    -3 Connection None [Admin NoScript Loading Stale] "2.9.50" client_control::pause, NONE, "Stop processing commands from clients for some time";
    "reply"     3 Connection None [NoScript Loading Stale] "3.2.0" client_control::reply, NONE, "Instruct the server whether to reply to commands";
    "setinfo"   4 Connection None [NoScript Loading Stale] "7.2.0" client::setinfo, NONE, "Set client or connection specific info";
    "setname"   3 Connection None [NoScript Loading Stale] "2.6.9" client::setname, NONE, "Set the current connection name";
    "tracking" -3 Connection None [NoScript Loading Stale] "6.0.0" client_control::tracking, NONE, "Enable or disable server assisted client side caching support";
    "trackinginfo" 2 Connection None [NoScript Loading Stale] "6.2.0" client_control::trackinginfo, NONE, "Return information about server assisted client side caching for the current connection";
    "unblock"  -3 Connection None [Admin NoScript Loading Stale] "5.0.0" client_control::unblock, NONE, "Unblock a client blocked in a blocking command from a different connection";
    "unpause"   2 Connection None [Admin NoScript Loading Stale] "6.2.0" client_control::unpause, NONE, "Resume processing of clients that were paused";
};

static CLUSTER: &[CommandRow<CommandFunction>] = commands! {
    "addslots" -3 Cluster None [Admin Stale NoAsyncLoading] "3.0.0" cluster::disabled, NONE, "Assign new hash slots to receiving node";
    "addslotsrange" -4 Cluster None [Admin Stale NoAsyncLoading] "7.0.0" cluster::disabled, NONE, "Assign new hash slots to receiving node";
    "bumpepoch" 2 Cluster None [Admin Stale NoAsyncLoading] "3.0.0" cluster::disabled, NONE, "Advance the cluster config epoch";
    "count-failure-reports" 3 Cluster None [Admin Stale] "3.0.0" cluster::disabled, NONE, "Return the number of failure reports active for a given node";
    "countkeysinslot" 3 Cluster None [Stale] "3.0.0" cluster::disabled, NONE, "Return the number of local keys in the specified hash slot";
    "delslots" -3 Cluster None [Admin Stale NoAsyncLoading] "3.0.0" cluster::disabled, NONE, "Set hash slots as unbound in receiving node";
    "delslotsrange" -4 Cluster None [Admin Stale NoAsyncLoading] "7.0.0" cluster::disabled, NONE, "Set hash slots as unbound in receiving node";
    "failover" -2 Cluster None [Admin Stale NoAsyncLoading] "3.0.0" cluster::disabled, NONE, "Forces a replica to perform a manual failover of its master.";
    "flushslots" 2 Cluster None [Admin Stale NoAsyncLoading] "3.0.0" cluster::disabled, NONE, "Delete a node's own slots information";
    "forget" 3 Cluster None [Admin Stale NoAsyncLoading] "3.0.0" cluster::disabled, NONE, "Remove a node from the nodes table";
    "getkeysinslot" 4 Cluster None [Stale] "3.0.0" cluster::disabled, NONE, "Return local key names in the specified hash slot";
    "help" 2 Cluster None [Loading Stale] "5.0.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "info" 2 Cluster None [Stale] "3.0.0" cluster::disabled, NONE, "Provides info about Redis Cluster node state";
    "keyslot" 3 Cluster None [Stale] "3.0.0" cluster::disabled, NONE, "Returns the hash slot of the specified key";
    "links" 2 Cluster None [Stale] "7.0.0" cluster::disabled, NONE, "Returns a list of all TCP links to and from peer nodes in cluster";
    "meet" -4 Cluster None [Admin Stale NoAsyncLoading] "3.0.0" cluster::disabled, NONE, "Force a node cluster to handshake with another node";
    "myid" 2 Cluster None [Stale] "3.0.0" cluster::disabled, NONE, "Return the node id";
    "nodes" 2 Cluster None [Stale] "3.0.0" cluster::disabled, NONE, "Get Cluster config for the node";
    "replicas" 3 Cluster None [Admin Stale] "5.0.0" cluster::disabled, NONE, "List replica nodes of the specified master node";
    "replicate" 3 Cluster None [Admin Stale NoAsyncLoading] "3.0.0" cluster::disabled, NONE, "Reconfigure a node as a replica of the specified master node";
    "reset" -2 Cluster None [Admin NoScript Stale] "3.0.0" cluster::disabled, NONE, "Reset a Redis Cluster node";
    "saveconfig" 2 Cluster None [Admin Stale NoAsyncLoading] "3.0.0" cluster::disabled, NONE, "Forces the node to save cluster state on disk";
    "set-config-epoch" 3 Cluster None [Admin Stale NoAsyncLoading] "3.0.0" cluster::disabled, NONE, "Set the configuration epoch in a new node";
    "setslot" -4 Cluster None [Admin Stale NoAsyncLoading] "3.0.0" cluster::disabled, NONE, "Bind a hash slot to a specific node";
    "shards" 2 Cluster None [Stale] "7.0.0" cluster::disabled, NONE, "Get array of cluster slots to node mappings";
    "slaves" 3 Cluster None [Admin Stale] "3.0.0" cluster::disabled, NONE, "List replica nodes of the specified master node";
    "slots" 2 Cluster None [Stale] "3.0.0" cluster::disabled, NONE, "Get array of Cluster slot to node mappings";
};

static COMMAND: &[CommandRow<CommandFunction>] = commands! {
    "count"    2 Server None [Loading Stale AboutConnection] "2.8.13" introspection::count, NONE, "Get total number of Redis commands";
    "docs"    -2 Server None [Loading Stale AboutConnection] "7.0.0" introspection::docs, NONE, "Get array of specific Redis command documentation";
    "getkeys" -4 Server None [Loading Stale AboutConnection] "2.8.13" introspection::getkeys, NONE, "Extract keys given a full Redis command";
    "getkeysandflags" -4 Server None [Loading Stale AboutConnection] "7.0.0" introspection::getkeysandflags, NONE, "Extract keys and access flags given a full Redis command";
    "help"     2 Server None [Loading Stale AboutConnection] "5.0.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "info"    -2 Server None [Loading Stale AboutConnection] "2.8.13" introspection::info, NONE, "Get array of specific Redis command details, or all when no argument is given.";
    "list"    -2 Server None [Loading Stale AboutConnection] "7.0.0" introspection::list, NONE, "Get an array of Redis command names";
};

static CONFIG: &[CommandRow<CommandFunction>] = commands! {
    "get"      -3 Server None [Admin NoScript Loading Stale] "2.0.0" config::get, NONE, "Get the values of configuration parameters";
    "help"      2 Server None [Loading Stale] "5.0.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "resetstat" 2 Server None [Admin NoScript Loading Stale] "2.0.0" config::resetstat, NONE, "Reset the stats returned by INFO";
    "rewrite"   2 Server None [Admin NoScript Loading Stale] "2.8.0" config::rewrite, NONE, "Rewrite the configuration file with the in memory configuration";
    "set"      -4 Server None [Admin NoScript Loading Stale] "2.0.0" config::set, NONE, "Set configuration parameters to the given values";
};

static LATENCY: &[CommandRow<CommandFunction>] = commands! {
    "doctor"     2 Server None [Admin NoScript Loading Stale] "2.8.13" latency::doctor, NONE, "Return a human readable latency analysis report.";
    "graph"      3 Server None [Admin NoScript Loading Stale] "2.8.13" latency::graph, NONE, "Return a latency graph for the event.";
    "help"       2 Server None [Loading Stale] "2.8.13" introspection::help, NONE, "Show helpful text about the different subcommands.";
    "histogram" -2 Server None [Admin NoScript Loading Stale] "7.0.0" latency::histogram, NONE, "Return the cumulative distribution of latencies of a subset of commands or all.";
    "history"    3 Server None [Admin NoScript Loading Stale] "2.8.13" latency::history, NONE, "Return timestamp-latency samples for the event.";
    "latest"     2 Server None [Admin NoScript Loading Stale] "2.8.13" latency::latest, NONE, "Return the latest latency samples for all events.";
    "reset"     -2 Server None [Admin NoScript Loading Stale] "2.8.13" latency::reset, NONE, "Reset latency data for one or more events.";
};

static MODULE: &[CommandRow<CommandFunction>] = commands! {
    "help" 2 Server None [Loading Stale] "5.0.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "list" 2 Server None [Admin NoScript] "4.0.0" cluster::modules, NONE, "List all modules loaded by the server";
    "load" -3 Server None [Admin NoScript NoAsyncLoading] "4.0.0" cluster::no_modules, NONE, "Load a module";
    "loadex" -3 Server None [Admin NoScript NoAsyncLoading] "7.0.0" cluster::no_modules, NONE, "Load a module with extended parameters";
    "unload" 3 Server None [Admin NoScript NoAsyncLoading] "4.0.0" cluster::no_modules, NONE, "Unload a module";
};

static PUBSUB: &[CommandRow<CommandFunction>] = commands! {
    "channels"      -2 Pubsub None [Pubsub Loading Stale] "2.8.0" channel::channels, NONE, "List active channels";
    "help"           2 Pubsub None [Loading Stale] "6.2.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "numpat"         2 Pubsub None [Pubsub Loading Stale] "2.8.0" channel::numpat, NONE, "Get the count of unique patterns pattern subscriptions";
    "numsub"        -2 Pubsub None [Pubsub Loading Stale] "2.8.0" channel::numsub, NONE, "Get the count of subscribers for channels";
    "shardchannels" -2 Pubsub None [Pubsub Loading Stale] "7.0.0" channel::shard_channels, NONE, "List active shard channels";
    "shardnumsub"   -2 Pubsub None [Pubsub Loading Stale] "7.0.0" channel::shard_numsub, NONE, "Get the count of subscribers for shard channels";
};

static SLOWLOG: &[CommandRow<CommandFunction>] = commands! {
    "get"   -2 Server None [Admin Loading Stale] "2.2.12" slowlog::get, NONE, "Get the slow log's entries";
    "help"   2 Server None [Loading Stale] "6.2.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "len"    2 Server None [Admin Loading Stale] "2.2.12" slowlog::len, NONE, "Get the slow log's length";
    "reset"  2 Server None [Admin Loading Stale] "2.2.12" slowlog::reset, NONE, "Clear all entries from the slow log";
};

static MEMORY: &[CommandRow<CommandFunction>] = commands! {
    "doctor"       2 Server None   [] "4.0.0" memory_usage::doctor, NONE, "Outputs memory problems report";
    "help"         2 Server None   [Loading Stale] "4.0.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "malloc-stats" 2 Server None   [] "4.0.0" memory_usage::malloc_stats, NONE, "Show allocator internal stats";
    "purge"        2 Server None   [] "4.0.0" memory_usage::purge, NONE, "Ask the allocator to release memory";
    "stats"        2 Server None   [] "4.0.0" memory_usage::stats, NONE, "Show memory usage details";
    "usage"       -3 Server Second [ReadOnly] "4.0.0" memory_usage::usage, NONE, "Estimate the memory usage of a key";
};

static OBJECT: &[CommandRow<CommandFunction>] = commands! {
    "encoding" 3 Generic Second [ReadOnly] "2.2.3" object::encoding, NONE, "Inspect the internal encoding of a Redis object";
    "freq"     3 Generic Second [ReadOnly] "4.0.0" object::freq, NONE, "Get the logarithmic access frequency counter of a Redis object";
    "help"     2 Generic None   [Loading Stale] "6.2.0" introspection::help, NONE, "Show helpful text about the different subcommands";
    "idletime" 3 Generic Second [ReadOnly] "2.2.3" object::idletime, NONE, "Get the time since a Redis object was last accessed";
    "refcount" 3 Generic Second [ReadOnly] "2.2.3" object::refcount, NONE, "Get the number of references to the value of the key";
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
            if row.keys != KeyArguments::None && !row.keys.are_shard_channels() {
                assert!(row.arity.unsigned_abs() >= 2, "{} has no room for keys", row.name);
                let uses_keys = row.has(Flag::Write) || row.has(Flag::ReadOnly);
                assert!(uses_keys || row.group == CommandGroup::Transactions, "{}", row.name);
            }
        }
    }
}
