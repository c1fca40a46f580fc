//! The server that is attacked.

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use kvs::{ClientOptions, Endpoint, KvsClient};
use tempfile::TempDir;

use crate::attack::Attack;
use crate::attacker::Target;
use crate::common::process::Server;
use crate::common::resources::Resources;
use crate::common::wait::{PATIENCE, wait_until};
use crate::control_group::ControlGroup;

const SERVER: &str = env!("CARGO_BIN_EXE_kvs-server");

/// A way to run the server, and the attacks that it meets then, one after the other.
pub struct Setting {
    pub name: &'static str,
    pub arguments: &'static [&'static str],
    pub password: Option<&'static str>,
    /// The memory of the control group that it runs in, where there is to be one.
    pub group_bytes: Option<u64>,
    pub attacks: &'static [Attack],
}

/// A running server of a setting, and the operator who looks after it.
pub struct Arena {
    pub setting: &'static Setting,
    /// Declared before the group, which goes when no process is left in it.
    pub server: Server,
    group: Option<ControlGroup>,
    operator: KvsClient,
    store: TempDir,
    sockets: TempDir,
}

impl Arena {
    /// Starts the server on an empty store.
    pub fn start(setting: &'static Setting) -> Self {
        let group = setting.group_bytes.and_then(ControlGroup::of_memory);
        let (store, sockets) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (server, operator) = run(setting, group.as_ref(), &store, &sockets);
        Self { setting, server, group, operator, store, sockets }
    }

    /// Starts the server again on the same store, which the one before has to have left.
    pub fn restart(&mut self) {
        if self.server.is_running() {
            self.server.signal("KILL");
            wait_until("the server's end", || !self.server.is_running());
        }
        let (group, store) = (self.group.as_ref(), &self.store);
        (self.server, self.operator) = run(self.setting, group, store, &self.sockets);
    }

    /// Returns the directory of the store.
    pub fn directory(&self) -> PathBuf {
        self.store.path().canonicalize().unwrap()
    }

    pub fn target(&self) -> Target {
        Target { address: self.server.address, socket: socket(&self.sockets) }
    }

    /// Returns the number of open connections, that of the operator among them; none if the server
    /// does not tell it.
    pub fn connections(&mut self) -> Option<usize> {
        let info = self.operator.info().ok()?;
        let count = info.lines().find_map(|line| line.strip_prefix("connections: "))?;
        count.parse().ok()
    }

    /// Waits until the operator has the only connection; the resources of the server then, or why
    /// it does not come to rest.
    pub fn rest(&mut self) -> Result<Resources, String> {
        let start = Instant::now();
        loop {
            let count = self.connections();
            if !self.server.is_running() {
                let kills = self.group.as_ref().map_or(0, ControlGroup::kills);
                return Err(format!("the server died; its group killed {kills} so far"));
            }
            let Some(count) = count else { return Err("the operator got no answer".to_owned()) };
            if count == 1
                && let Some(resources) = Resources::try_of(self.server.id(), &self.directory())
            {
                return Ok(resources);
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("{count} connections are still open"));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Starts a server of the setting; an operator's connection over its Unix socket.
fn run(
    setting: &Setting,
    group: Option<&ControlGroup>,
    store: &TempDir,
    sockets: &TempDir,
) -> (Server, KvsClient) {
    let mut command = group.map_or_else(|| Command::new(SERVER), |group| group.command(SERVER));
    let mut options = ClientOptions::default().timeout(PATIENCE);
    if let Some(password) = setting.password {
        command.env("KVS_PASSWORD", password);
        options = options.password(password);
    }
    let socket = socket(sockets);
    let arguments = [setting.arguments, &["--unix", socket.to_str().unwrap()]].concat();
    let server = Server::start_command(command, store.path(), &arguments);
    let operator = KvsClient::connect_with(Endpoint::Unix(socket), &options).unwrap();
    (server, operator)
}

fn socket(sockets: &TempDir) -> PathBuf {
    sockets.path().join("kvs.sock")
}
