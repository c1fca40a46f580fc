//! Servers as processes: how each is started with the same promise, and stopped.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::valkey;
use crate::Outcome;
use crate::load::{Arrivals, Generator, Load, Operation, Protocol};
use crate::{machine, process};

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// This project's.
    Kvs,
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
}

/// All kinds, in the order of the tables.
pub const KINDS: [Kind; 3] = [Kind::Kvs, Kind::Redis, Kind::Valkey];

/// When an acknowledged write survives power loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// About a second later.
    Interval,
    /// Before it is acknowledged.
    Always,
    /// When the system writes it back.
    Never,
}

impl Durability {
    /// Returns its name in tables and in the options of kvs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::Always => "always",
            Self::Never => "never",
        }
    }

    /// Returns its name in the settings of Redis.
    fn appendfsync(self) -> &'static str {
        match self {
            Self::Interval => "everysec",
            Self::Always => "always",
            Self::Never => "no",
        }
    }
}

impl Kind {
    /// Returns its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvs => "kvs",
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
        }
    }

    /// Returns the description of its settings.
    pub fn settings(self) -> &'static str {
        match self {
            Self::Kvs => {
                "`--durability interval`, `always` or `never`; the rest as by default: one worker \
                 per two cores, a cache \
                 of 256 MiB"
            }
            Self::Redis | Self::Valkey => {
                "`--appendonly yes --save \"\"`, `--appendfsync everysec`, `always` or `no`; the \
                 rest as by default: one thread that serves"
            }
        }
    }

    /// Returns the program.
    ///
    /// # Errors
    /// If it is not there.
    pub fn program(self, results: &Path) -> Outcome<PathBuf> {
        match self {
            Self::Kvs => {
                let program = std::env::current_exe()?.with_file_name("kvs-server");
                match program.exists() {
                    true => Ok(program),
                    false => {
                        Err(format!("{} is missing: build kvs first", program.display()).into())
                    }
                }
            }
            Self::Redis => in_path("redis-server"),
            Self::Valkey => in_path("valkey-server").or_else(|_| valkey::fetch(results)),
        }
    }

    /// Returns the version that the program prints.
    pub fn version(self, program: &Path) -> String {
        let text = machine::output(&program.display().to_string(), &["--version"]);
        let version = text.split_whitespace().find_map(|word| word.strip_prefix("v="));
        version.map_or_else(|| text.replace("kvs-server ", ""), str::to_owned)
    }
}

/// Returns the path at which the shell would find a program.
pub fn in_path(name: &str) -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
    places.find(|place| place.exists()).ok_or_else(|| format!("{name} is not installed").into())
}

/// A server that runs until the value goes.
pub struct Server {
    /// The kind of the server.
    pub kind: Kind,
    /// The address that it listens at.
    pub address: SocketAddr,
    /// The directory of its data.
    pub directory: PathBuf,
    child: Child,
}

impl Server {
    /// Starts a server on an empty directory, and waits until it answers.
    pub fn start(kind: Kind, results: &Path, durability: Durability) -> Outcome<Self> {
        let program = kind.program(results)?;
        let directory = results.join("data").join(format!("server-{}", kind.name()));
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(&directory)?;
        let directory = directory.canonicalize()?;
        let log = File::create(results.join(format!("{}.log", kind.name())))?;
        // Free when asked, and nobody else on this machine is likely to take it in between.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(program);
        match kind {
            Kind::Kvs => command
                .arg(format!("--addr={address}"))
                .arg(format!("--dir={}", directory.display()))
                .arg(format!("--durability={}", durability.name())),
            Kind::Redis | Kind::Valkey => command
                .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
                .args(["--port", &address.port().to_string()])
                .args(["--dir", &directory.display().to_string()])
                .args(["--appendfsync", durability.appendfsync()]),
        };
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let server = Self { kind, address, directory, child };
        process::retry(|| server.ask_once())?;
        Ok(server)
    }

    /// Connects and waits for the greeting.
    fn ask_once(&self) -> Outcome<()> {
        let load = Load {
            operation: Operation::Get,
            connections: 1,
            arrivals: Arrivals::Closed { pipeline: 1 },
            value_bytes: 16,
            keys: 1,
            seconds: 0.0,
            seed: 0,
        };
        Generator::connect(self.address, Protocol::Resp, load).map(|_| ())
    }

    /// Returns the id of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Returns the names of the files of its data.
    pub fn file_names(&self) -> Outcome<Vec<PathBuf>> {
        process::files(&self.directory)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let asked = process.is_some_and(|process| kill_process(process, Signal::TERM).is_ok());
        if !asked {
            // Then it ended by itself.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        // What stays is removed by the next start.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
