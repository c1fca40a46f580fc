//! Serves a store to native and Redis clients.

#[path = "common/allocator.rs"]
mod allocator;
#[path = "common/passwords.rs"]
mod passwords;

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use clap::builder::TypedValueParser;
use jiff::Timestamp;
use kvs::option_table::{
    ADDRESS, CACHE_BYTES, CONNECTIONS_MAX, DATABASES, EVICTION_SAMPLES,
    SNAPSHOT_TIMEOUT_MILLISECONDS, byte_size,
};
use kvs::{
    DebugCommand, Durability, Endpoint, EngineKind, Error, EvictionPolicy, KeyEventClasses,
    Listener, OpenProgress, Options, Passwords, ServerOptions, Store, memory_limit,
};
use log::LevelFilter;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

/// The environment variable that chooses which messages are logged.
const LOG_VARIABLE: &str = "KVS_LOG";

/// The time from one message about the progress of an opening to the next, and to the first one.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(3);

const ENGINE_HELP: &str = match cfg!(feature = "sled") {
    true => "kvs, sled or memory [default: the one the directory was made with, or else kvs]",
    false => "kvs or memory [default: the one the directory was made with, or else kvs]",
};

/// Serves a kvs store
#[derive(Parser)]
#[command(name = "kvs-server", version)]
struct CommandLine {
    /// Address to listen on, host:port or unix:path; may be given several times; port 0 chooses a
    /// free one
    #[arg(long, value_name = "ADDRESS", default_value = ADDRESS)]
    addr: Vec<Endpoint>,
    /// Unix socket to listen at, besides the addresses; only this user may connect
    #[arg(long, value_name = "PATH")]
    unix: Vec<PathBuf>,
    #[arg(long, value_name = "NAME", help = ENGINE_HELP)]
    engine: Option<EngineKind>,
    /// File of passwords, one a line, any of which lets a client in, as does KVS_PASSWORD in the
    /// environment
    #[arg(long, value_name = "PATH")]
    password_file: Option<PathBuf>,
    /// Listen without a password where others than this machine reach it
    #[arg(long)]
    insecure: bool,
    /// The directory of the store
    #[arg(long, value_name = "PATH", default_value = ".")]
    dir: PathBuf,
    /// Serve a directory of another user, or one that every user may change
    #[arg(long)]
    trust_dir: bool,
    /// When acknowledged writes survive power loss: always, interval, interval=MS or never
    #[arg(long, value_name = "MODE", default_value = "interval")]
    durability: Durability,
    /// Number of threads that share the connections [default: half the number of cores]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Number of threads that read from the disk [default: the number of cores]
    #[arg(long, value_name = "N")]
    readers: Option<usize>,
    /// Memory for records that were read before, in MiB; 0 for none [default: 256, but no more than
    /// a quarter of the memory of the machine or control group]
    #[arg(long, value_name = "N")]
    cache_mib: Option<usize>,
    /// Memory for keys, cache and clients together, such as 512mb; at it keys are evicted, or
    /// writes refused; 0 for no limit
    #[arg(long, value_name = "SIZE", default_value = "0", value_parser = byte_size)]
    maxmemory: usize,
    /// Keys that are evicted at that limit: noeviction, allkeys-lru, allkeys-lfu, allkeys-random,
    /// volatile-lru, volatile-lfu, volatile-random or volatile-ttl
    #[arg(long, value_name = "POLICY", default_value_t = EvictionPolicy::NoEviction)]
    maxmemory_policy: EvictionPolicy,
    /// Keys at random among which the one to evict is chosen
    #[arg(long, value_name = "N", default_value_t = EVICTION_SAMPLES)]
    maxmemory_samples: usize,
    /// The most clients at once; more are told so and closed
    #[arg(long, value_name = "N", default_value_t = CONNECTIONS_MAX)]
    connections_max: usize,
    /// Seconds after which a client that sends no request is closed; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    timeout: u64,
    /// Number of databases that SELECT may choose among: the keyspaces default, db1, db2 and so on
    #[arg(long, value_name = "N", default_value_t = DATABASES, value_parser = databases())]
    databases: u32,
    /// Seconds after which the snapshot of a client is let go; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = SNAPSHOT_TIMEOUT_MILLISECONDS / 1000)]
    snapshot_timeout: u64,
    /// Memory for requests and replies of all clients together, such as 256mb; above it those that
    /// hold most are closed [default: a quarter of the memory of the machine or control group]
    #[arg(long, value_name = "SIZE", value_parser = byte_size)]
    client_memory: Option<usize>,
    /// Directory in which clients may have backups made, each a directory of its own [default:
    /// none, and they are refused]
    #[arg(long, value_name = "PATH")]
    backup_dir: Option<PathBuf>,
    /// Events about keys that subscribers are told of: letters of Ag$lshzxetdKE, such as KEA
    /// [default: none]
    #[arg(long, value_name = "CLASSES", default_value = "", hide_default_value = true)]
    notify_keyspace_events: KeyEventClasses,
    /// Clients that may call DEBUG, for tests of clients: no, local or yes
    #[arg(long, value_name = "WHO", default_value = "no")]
    enable_debug_command: DebugCommand,
}

/// Returns the parser of a number of databases.
fn databases() -> impl TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=65_536)
}

fn main() -> ExitCode {
    match run(CommandLine::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without standard error there is nobody to tell.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: CommandLine) -> Result<(), Error> {
    start_log()?;
    let connections_max = connections_max(arguments.connections_max, raise_file_limit());
    survive_file_size_limit();
    let mut options = Options::new(arguments.dir).durability(arguments.durability);
    let cache_bytes = match arguments.cache_mib {
        Some(mib) => mib.saturating_mul(1 << 20),
        None => CACHE_BYTES.min(memory_limit() / 4),
    };
    options = options
        .trust_directory(arguments.trust_dir)
        .cache_bytes(cache_bytes)
        .memory_max(arguments.maxmemory as u64)
        .eviction(arguments.maxmemory_policy)
        .eviction_samples(arguments.maxmemory_samples);
    if let Some(engine) = arguments.engine {
        options = options.engine(engine);
    }
    let mut server_options = ServerOptions::default()
        .connections_max(connections_max)
        .databases(arguments.databases)
        .timeout(Duration::from_secs(arguments.timeout))
        .snapshot_timeout(Duration::from_secs(arguments.snapshot_timeout))
        .debug_command(arguments.enable_debug_command)
        .key_events(arguments.notify_keyspace_events)
        .give_memory_back(allocator::give_memory_back);
    let passwords =
        passwords::given(arguments.password_file.as_deref()).map_err(Error::InvalidOption)?;
    let is_open = passwords.is_empty();
    if !is_open {
        server_options = server_options.passwords(Passwords::new(passwords)?);
    }
    if let Some(workers) = arguments.workers {
        server_options = server_options.workers(workers);
    }
    if let Some(readers) = arguments.readers {
        server_options = server_options.readers(readers);
    }
    if let Some(bytes) = arguments.client_memory {
        server_options = server_options.client_memory(bytes);
    }
    if let Some(directory) = arguments.backup_dir {
        server_options = server_options.backup_directory(existing_directory(directory)?);
    }
    // A server that cannot be reached must not make a store, nor wait for one to be opened.
    let sockets = arguments.unix.into_iter().map(Endpoint::Unix);
    let endpoints: Vec<_> = arguments.addr.into_iter().chain(sockets).collect();
    let listener = Listener::bind_all(&endpoints)?;
    if is_open && !arguments.insecure {
        check_that_no_stranger_reaches(listener.local_addresses())?;
    }
    listener.stop_on_signals()?;
    let store = Store::open(options.on_open_progress(log_progress()))?;
    // Recovery used more than the store keeps.
    allocator::give_memory_back();
    let server = listener.serve(store.clone(), server_options);
    log::info!("kvs-server {}", env!("CARGO_PKG_VERSION"));
    log::info!(
        "engine {}, directory {}, durability {}",
        store.engine(),
        store.directory().display(),
        store.durability()
    );
    for address in server.local_addresses() {
        log::info!("listening on {address}");
    }
    server.run()?;
    // Also tells of a failure that made the store refuse writes meanwhile.
    store.sync()?;
    drop(store);
    log::info!("stopped");
    Ok(())
}

/// Returns the absolute path of the directory of the backups, which has to be there.
fn existing_directory(path: PathBuf) -> Result<PathBuf, Error> {
    let found = path.canonicalize().and_then(|path| match path.is_dir() {
        true => Ok(path),
        false => Err(ErrorKind::NotADirectory.into()),
    });
    found.map_err(|error: io::Error| {
        let path = path.display();
        Error::InvalidOption(format!("--backup-dir {path}: {error}; make that directory first"))
    })
}

/// Returns a function that logs the progress of an opening that takes long.
fn log_progress() -> impl Fn(OpenProgress) + Send + Sync {
    let last = Mutex::new(Instant::now());
    move |progress| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() < PROGRESS_INTERVAL {
            return;
        }
        *last = Instant::now();
        let OpenProgress { phase, bytes_read, bytes_total, records_indexed, records_found, .. } =
            progress;
        let (read, total) = (bytes_read >> 20, bytes_total >> 20);
        log::info!(
            "opening the store ({phase}): {read} of {total} MiB read, {records_indexed} of \
             {records_found} records indexed"
        );
    }
}

/// Returns an error if other machines may reach one of the addresses.
fn check_that_no_stranger_reaches(addresses: &[Endpoint]) -> Result<(), Error> {
    let is_remote = |address: &&Endpoint| {
        address.socket_address().is_some_and(|address| !address.ip().to_canonical().is_loopback())
    };
    match addresses.iter().find(is_remote) {
        None => Ok(()),
        Some(address) => Err(Error::InvalidOption(format!(
            "will not listen on {address} without a password, because other machines may reach it: \
             set --password-file or KVS_PASSWORD, or insist with --insecure"
        ))),
    }
}

/// Allows as many open files as the system does; how many that is, where there is a limit.
fn raise_file_limit() -> Option<u64> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit { current: maximum, maximum };
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        log::warn!("cannot raise the limit of open files: {error}");
    }
    getrlimit(Resource::Nofile).current
}

/// Lets a write that exceeds the limit on the size of files fail, where it would end the process.
fn survive_file_size_limit() {
    // With a handler the signal is harmless, and the write returns its error, as on a full disk.
    if let Err(error) = flag::register(SIGXFSZ, Arc::default()) {
        log::warn!("cannot outlive the limit on the size of files: {error}");
    }
}

/// Returns the number of connections to allow, of those that are wanted: half of the open files is
/// left to the store, which cannot write where it gets none.
fn connections_max(wanted: usize, files: Option<u64>) -> usize {
    let half = files.and_then(|files| usize::try_from(files / 2).ok()).unwrap_or(wanted);
    if half < wanted {
        log::warn!("serving at most {half} connections, because so few files may be open");
    }
    half.min(wanted)
}

fn start_log() -> Result<(), Error> {
    let level = match std::env::var(LOG_VARIABLE) {
        Err(_) => LevelFilter::Info,
        Ok(name) => name.parse().map_err(|_| {
            Error::InvalidOption(format!(
                "unknown level {name:?} in {LOG_VARIABLE}: choose off, error, warn, info, debug or \
                 trace"
            ))
        })?,
    };
    let logger = fern::Dispatch::new()
        .level(level)
        .format(|out, message, record| {
            let (time, level) = (Timestamp::now(), record.level());
            out.finish(format_args!("{time:.3} {level:5} {message}"));
        })
        .chain(fern::Output::call(|record| {
            // fern panics where it cannot write, and a full disk under the log must not end the
            // server.
            let _ = writeln!(io::stderr(), "{}", record.args());
        }));
    logger.apply().map_err(|error| Error::InvalidOption(format!("cannot start the log: {error}")))
}
