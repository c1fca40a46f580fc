//! The options of a store and of a server as data: one row each.
//!
//! The defaults of [`Options`](crate::Options) and [`ServerOptions`](crate::ServerOptions), the
//! flags of `kvs-server`, `CONFIG GET` and the table in `docs/server.md` are all made of, or
//! compared with, these rows, so that each name and number stands in one place.

use std::fmt;

pub use super::byte_size::byte_size;

/// The default of `addr`, which only this machine reaches.
pub const ADDRESS: &str = "127.0.0.1:4000";

/// The mode of the file of a Unix socket: only its owner may connect.
pub const UNIX_SOCKET_MODE: u32 = 0o700;

/// The default of `durability`: what a power loss may take, in milliseconds.
pub const DURABILITY_INTERVAL_MILLISECONDS: u64 = 1000;

/// The default of `lock_wait`, in milliseconds.
pub const LOCK_WAIT_MILLISECONDS: u64 = 1000;

/// The default of `key_bytes_max`, which is also its upper limit.
pub const KEY_BYTES_MAX: usize = 64 << 10;

/// The default of `value_bytes_max`.
pub const VALUE_BYTES_MAX: usize = 64 << 20;

/// The default of `batch_operations_max`: the writer applies so many in about 0.15 s, for which all
/// other writes wait.
pub const BATCH_OPERATIONS_MAX: usize = 65_536;

/// The default of `transaction_reads_max`.
pub const TRANSACTION_READS_MAX: usize = 10_000;

/// The default of `segment_bytes_max`.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// The default of `compaction_bytes_min`.
pub const COMPACTION_BYTES_MIN: u64 = 4 << 20;

/// The default of `cache_bytes`.
pub const CACHE_BYTES: usize = 256 << 20;

/// The default of `eviction_samples`, which is that of Redis.
pub const EVICTION_SAMPLES: usize = 5;

/// The default of `watch_bytes`.
pub const WATCH_BYTES: usize = 16 << 20;

/// The default of `connections_max`.
pub const CONNECTIONS_MAX: usize = 10_000;

/// The default of `snapshot_timeout`, in milliseconds.
pub const SNAPSHOT_TIMEOUT_MILLISECONDS: u64 = 60_000;

/// The default of `databases`.
pub const DATABASES: u32 = 16;

/// The value of an option that was not stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionDefault {
    /// A number of bytes.
    Bytes(u64),
    /// A number of things.
    Count(u64),
    /// A time in milliseconds.
    Milliseconds(u64),
    /// Yes or no.
    Switch(bool),
    /// A text, or a description of the default.
    Text(&'static str),
}

impl fmt::Display for OptionDefault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Bytes(bytes) if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => {
                write!(formatter, "{} MiB", bytes >> 20)
            }
            Self::Bytes(bytes) => write!(formatter, "{} KiB", bytes >> 10),
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Milliseconds(time) => write!(formatter, "{time} ms"),
            Self::Switch(switch) => formatter.write_str(if switch { "yes" } else { "no" }),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

/// The times at which an option may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionChange {
    /// When the directory is made, and never after.
    AtCreation,
    /// Whenever the store or the server is started.
    AtStart,
}

impl fmt::Display for OptionChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AtCreation => "when the directory is made",
            Self::AtStart => "at every start",
        })
    }
}

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct OptionRow {
    /// The name of the method of [`Options`](crate::Options) or
    /// [`ServerOptions`](crate::ServerOptions) that sets it, or of the argument of the function.
    pub name: &'static str,
    /// The flag of `kvs-server`.
    pub flag: Option<&'static str>,
    /// The names under which `CONFIG GET` has it, which are those of Redis.
    pub config: &'static [&'static str],
    /// The default.
    pub default: OptionDefault,
    /// The times at which it may be changed.
    pub change: OptionChange,
}

const fn row(
    name: &'static str,
    flag: Option<&'static str>,
    config: &'static [&'static str],
    default: OptionDefault,
) -> OptionRow {
    OptionRow { name, flag, config, default, change: OptionChange::AtStart }
}

/// Every option.
pub const OPTIONS: &[OptionRow] = {
    use OptionDefault::{Bytes, Count, Milliseconds, Switch, Text};
    let engine = Text("the engine of the directory, else `kvs`");
    let durability = Text("`interval=1000`");
    &[
        row("address", Some("--addr"), &["bind", "port"], Text(ADDRESS)),
        row("unix", Some("--unix"), &["unixsocket", "unixsocketperm"], Text("none")),
        row("passwords", Some("--password-file"), &["requirepass"], Text("none")),
        row("insecure", Some("--insecure"), &[], Switch(false)),
        row("directory", Some("--dir"), &["dir"], Text("the current directory")),
        OptionRow {
            change: OptionChange::AtCreation,
            ..row("engine", Some("--engine"), &["appendonly"], engine)
        },
        row("durability", Some("--durability"), &["appendfsync"], durability),
        row("trust_directory", Some("--trust-dir"), &[], Switch(false)),
        row("create", None, &[], Switch(true)),
        row("read_only", None, &[], Switch(false)),
        row("on_open_progress", None, &[], Text("none")),
        row("lock_wait", None, &[], Milliseconds(LOCK_WAIT_MILLISECONDS)),
        row("key_bytes_max", None, &[], Bytes(KEY_BYTES_MAX as u64)),
        row("value_bytes_max", None, &[], Bytes(VALUE_BYTES_MAX as u64)),
        row("batch_operations_max", None, &[], Count(BATCH_OPERATIONS_MAX as u64)),
        row("transaction_reads_max", None, &[], Count(TRANSACTION_READS_MAX as u64)),
        row("segment_bytes_max", None, &[], Bytes(SEGMENT_BYTES_MAX)),
        row("compaction_bytes_min", None, &[], Bytes(COMPACTION_BYTES_MIN)),
        row("cache_bytes", Some("--cache-mib"), &[], Bytes(CACHE_BYTES as u64)),
        row("memory_max", Some("--maxmemory"), &["maxmemory"], Text("none")),
        row("eviction", Some("--maxmemory-policy"), &["maxmemory-policy"], Text("`noeviction`")),
        row(
            "eviction_samples",
            Some("--maxmemory-samples"),
            &["maxmemory-samples"],
            Count(EVICTION_SAMPLES as u64),
        ),
        row("watch_bytes", None, &[], Bytes(WATCH_BYTES as u64)),
        row("workers", Some("--workers"), &["io-threads"], Text("half the number of cores")),
        row("readers", Some("--readers"), &[], Text("the number of cores")),
        row(
            "connections_max",
            Some("--connections-max"),
            &["maxclients"],
            Count(CONNECTIONS_MAX as u64),
        ),
        row("timeout", Some("--timeout"), &["timeout"], Text("none")),
        row(
            "snapshot_timeout",
            Some("--snapshot-timeout"),
            &[],
            Milliseconds(SNAPSHOT_TIMEOUT_MILLISECONDS),
        ),
        row(
            "client_memory",
            Some("--client-memory"),
            &["maxmemory-clients"],
            Text("a quarter of the memory"),
        ),
        row("databases", Some("--databases"), &["databases"], Count(DATABASES as u64)),
        row("backup_directory", Some("--backup-dir"), &[], Text("none")),
        row(
            "key_events",
            Some("--notify-keyspace-events"),
            &["notify-keyspace-events"],
            Text("none"),
        ),
        row("debug_command", Some("--enable-debug-command"), &["enable-debug-command"], Text("no")),
        row("give_memory_back", None, &[], Text("none")),
    ]
};
