//! The session of a connection, and the list of all open ones.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::client_memory::ClientMemory;
use super::held_snapshot::HeldSnapshot;
use super::keyspace_cache::KeyspaceCache;
use super::push_feed::{Added, FEED_BYTES_MAX, PushFeed};
use super::queued_transaction::QueuedTransaction;
use super::reply_mode::ReplySwitch;
use super::subscriptions::Subscriptions;
use crate::Endpoint;
use crate::protocol::resp::Version;
use crate::server::measure::call_counters::CommandPosition;
use crate::server::statistics::Statistics;
use crate::sync::{
    Arc, AtomicBool, AtomicU64, AtomicUsize, Mutex, OnceLock, Ordering, lock, now, sleep,
};

/// The state of one connection that commands read and change, also from other connections.
pub(crate) struct Session {
    /// The id, larger than that of every earlier connection; never used twice.
    pub(crate) id: u64,
    /// The address of the client.
    pub(crate) address: Endpoint,
    /// The address of the server that the client connected to.
    pub(crate) local_address: Endpoint,
    /// The time of the connect.
    pub(crate) since: Instant,
    /// True if the client gave a password, or needs none.
    authenticated: AtomicBool,
    /// The wrong passwords that the client gave.
    wrong_passwords: AtomicU64,
    /// True if replies are encoded as RESP3.
    resp3: AtomicBool,
    /// The database that the client of Redis selected.
    database: AtomicUsize,
    /// The transaction of a client of Redis.
    pub(crate) transaction: QueuedTransaction,
    /// The replies that the client wants.
    pub(crate) replies: ReplySwitch,
    /// True if the client is shown every command.
    is_monitor: AtomicBool,
    /// The channels that the client subscribed to.
    pub(crate) subscriptions: Subscriptions,
    /// The lines and messages that wait for the client.
    pub(crate) feed: PushFeed,
    /// Has the connection served because of its feed; set by its worker.
    call: OnceLock<Box<dyn Fn() + Send + Sync>>,
    killed: AtomicBool,
    /// True once the connection is to be closed because it holds too much.
    evicted: AtomicBool,
    /// The number of the position of the last command; zero for none.
    last_command: AtomicUsize,
    /// The time of the last byte from or to the client, in milliseconds after its connect.
    last_byte: AtomicU64,
    /// The fields of its [`HeldBytes`].
    input: AtomicUsize,
    output: AtomicUsize,
    charged: AtomicUsize,
    /// The bytes of its labels.
    label_bytes: AtomicUsize,
    /// The account of all connections.
    pub(super) memory: Arc<ClientMemory>,
    /// The counters of the server.
    pub(crate) statistics: Arc<Statistics>,
    labels: Mutex<Labels>,
    /// The keyspaces that its requests named.
    pub(crate) keyspaces: KeyspaceCache,
    /// The snapshot that its requests read.
    pub(crate) snapshot: HeldSnapshot,
    /// Makes all workers check their sessions: nobody knows which one has the connection.
    wake: Box<dyn Fn() + Send + Sync>,
}

/// The names that a client gave itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Labels {
    /// The name of `CLIENT SETNAME` and `HELLO ... SETNAME`.
    pub(crate) name: String,
    /// The name of `CLIENT SETINFO LIB-NAME`.
    pub(crate) library_name: String,
    /// The version of `CLIENT SETINFO LIB-VER`.
    pub(crate) library_version: String,
}

/// The bytes that the server holds for a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HeldBytes {
    /// Received bytes of requests that are not executed.
    pub(crate) input: usize,
    /// Bytes of replies that the client did not take.
    pub(crate) output: usize,
    /// All memory of the connection, about.
    pub(crate) memory: usize,
}

impl Labels {
    fn bytes(&self) -> usize {
        self.name.len() + self.library_name.len() + self.library_version.len()
    }
}

impl Session {
    /// Returns the version of the protocol in which replies are encoded.
    pub(crate) fn version(&self) -> Version {
        if self.resp3.load(Ordering::Relaxed) { Version::Resp3 } else { Version::Resp2 }
    }

    /// Sets the version of the protocol for replies, the present one included.
    pub(crate) fn set_version(&self, version: Version) {
        self.resp3.store(version == Version::Resp3, Ordering::Relaxed);
    }

    /// Returns the database that the client selected.
    pub(crate) fn database(&self) -> u32 {
        // It was one when it was selected.
        u32::try_from(self.database.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Selects a database.
    pub(crate) fn select_database(&self, database: u32) {
        self.database.store(database as usize, Ordering::Relaxed);
    }

    /// Returns true if the client may do more than give a password.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Relaxed)
    }

    /// Sets whether the client may do more than give a password.
    pub(crate) fn set_authenticated(&self, authenticated: bool) {
        self.authenticated.store(authenticated, Ordering::Relaxed);
    }

    /// Counts a wrong password; returns how many the client has given by now.
    pub(crate) fn add_wrong_password(&self) -> u64 {
        self.wrong_passwords.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns the names that the client gave itself.
    pub(crate) fn labels(&self) -> Labels {
        lock(&self.labels).clone()
    }

    /// Changes the names that the client gave itself.
    pub(crate) fn set_labels(&self, change: impl FnOnce(&mut Labels)) {
        let mut labels = lock(&self.labels);
        change(&mut labels);
        self.label_bytes.store(labels.bytes(), Ordering::Relaxed);
    }

    /// Returns the bytes of the names that the client gave itself.
    pub(crate) fn label_bytes(&self) -> usize {
        self.label_bytes.load(Ordering::Relaxed)
    }

    /// Notes the position of a command in the table, as the last one that was executed.
    pub(crate) fn note_command(&self, position: CommandPosition) {
        self.last_command.store(position.number(), Ordering::Relaxed);
    }

    /// Returns the position in the table of the last command.
    pub(crate) fn last_command(&self) -> Option<CommandPosition> {
        CommandPosition::of(self.last_command.load(Ordering::Relaxed))
    }

    /// Notes the bytes of input and of output that the server holds for the connection, and the
    /// time of the last byte from or to the client.
    pub(crate) fn note_held(&self, input: usize, output: usize, last_byte: Instant) {
        let time = last_byte.saturating_duration_since(self.since).as_millis();
        self.last_byte.store(u64::try_from(time).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.input.store(input, Ordering::Relaxed);
        self.output.store(output, Ordering::Relaxed);
    }

    /// Changes the bytes of one of its charges.
    pub(super) fn change_charge(&self, from: usize, to: usize) {
        // Wrapping, so it may also become less.
        self.charged.fetch_add(to.wrapping_sub(from), Ordering::Relaxed);
    }

    /// Returns what the server holds for the connection.
    pub(crate) fn held(&self) -> HeldBytes {
        HeldBytes {
            input: self.input.load(Ordering::Relaxed),
            output: self.output.load(Ordering::Relaxed),
            memory: self.charged.load(Ordering::Relaxed),
        }
    }

    /// Returns the time since the last byte from or to the client.
    pub(crate) fn idle(&self) -> Duration {
        let last_byte = Duration::from_millis(self.last_byte.load(Ordering::Relaxed));
        self.since.elapsed().saturating_sub(last_byte)
    }

    /// Asks the connection's worker to close it.
    pub(crate) fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        (self.wake)();
    }

    /// Makes all workers check their sessions.
    pub(crate) fn wake_workers(&self) {
        (self.wake)();
    }

    /// Sets whether the client is shown every command; returns what was so before.
    pub(crate) fn set_monitor(&self, is_monitor: bool) -> bool {
        self.is_monitor.swap(is_monitor, Ordering::Relaxed)
    }

    /// Returns true if the client is shown every command.
    pub(crate) fn is_monitor(&self) -> bool {
        self.is_monitor.load(Ordering::Relaxed)
    }

    /// Sets how the connection is called, to be served because of its feed.
    pub(crate) fn set_call(&self, call: impl Fn() + Send + Sync + 'static) {
        // There is one worker, which sets it once.
        let _ = self.call.set(Box::new(call));
    }

    /// Adds whole replies or lines to the feed, and has the connection served. A client that does
    /// not take what is pushed is closed.
    pub(super) fn push(&self, bytes: &[u8]) {
        // Before they are there to be taken: no account is ever below what it holds.
        self.charge_feed(0, bytes.len());
        match self.feed.add(bytes) {
            Added::First => {
                if let Some(call) = self.call.get() {
                    call();
                }
            }
            Added::Behind => {}
            Added::TooMany(waited) => {
                self.charge_feed(waited + bytes.len(), 0);
                log::warn!(
                    "closing the connection of {}: more than {FEED_BYTES_MAX} bytes of messages \
                     wait for it",
                    self.address
                );
                self.kill();
            }
            Added::Closed => self.charge_feed(bytes.len(), 0),
        }
    }

    /// Takes what was pushed.
    pub(crate) fn take_pushed(&self) -> Vec<u8> {
        let bytes = self.feed.take();
        self.charge_feed(bytes.len(), 0);
        bytes
    }

    /// Takes what was pushed, in two parts: what goes out before the next reply, and the rest.
    pub(crate) fn take_pushed_around_reply(&self) -> (Vec<u8>, Vec<u8>) {
        let (before, behind) = self.feed.take_around_reply();
        self.charge_feed(before.len() + behind.len(), 0);
        (before, behind)
    }

    fn charge_feed(&self, from: usize, to: usize) {
        self.change_charge(from, to);
        self.memory.change(from, to);
    }

    /// Returns true if the connection is to be closed.
    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    /// Asks the connection's worker to close it and to free what it holds.
    fn evict(&self) {
        self.evicted.store(true, Ordering::Release);
        (self.wake)();
    }

    /// Returns true if the connection is to be closed because it holds too much.
    pub(crate) fn is_evicted(&self) -> bool {
        self.evicted.load(Ordering::Acquire)
    }
}

/// Clients without a password may together hold one part out of so many of the limit before they
/// are evicted ahead of those that gave one: the places of a server are enough for a crowd of them
/// to use up all of it, each with little.
const STRANGERS_SHARE: usize = 4;

/// The longest wait of a long read for evicted connections to be closed.
const ROOM_PATIENCE: Duration = Duration::from_secs(5);

/// The pause between two looks at what is held, as nobody announces that it became less.
const ROOM_RETRY: Duration = Duration::from_millis(1);

/// Sessions by the bytes that they hold.
#[derive(Default)]
struct Ranking<'a> {
    sessions: Vec<(usize, &'a Session)>,
    /// The bytes that all of them hold.
    bytes: usize,
}

impl<'a> Ranking<'a> {
    fn add(&mut self, session: &'a Session) {
        let bytes = session.held().memory;
        self.sessions.push((bytes, session));
        self.bytes += bytes;
    }

    fn sort(&mut self) {
        self.sessions.sort_unstable_by_key(|(bytes, _)| *bytes);
    }

    fn largest_bytes(&self) -> usize {
        self.sessions.last().map_or(0, |(bytes, _)| *bytes)
    }

    fn take_largest(&mut self) -> Option<&'a Session> {
        let (bytes, session) = self.sessions.pop()?;
        self.bytes -= bytes;
        Some(session)
    }
}

/// The sessions of all open connections.
pub(crate) struct Clients {
    next_id: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<Session>>>,
    /// The memory that they hold together.
    pub(crate) memory: Arc<ClientMemory>,
    /// The counters of the server.
    statistics: Arc<Statistics>,
}

impl Clients {
    /// Returns an empty list of connections that together hold no more than so many bytes for long.
    pub(crate) fn new(memory_bytes_max: usize, statistics: Arc<Statistics>) -> Self {
        let memory = Arc::new(ClientMemory::new(memory_bytes_max));
        Self { next_id: AtomicU64::new(0), open: Mutex::default(), memory, statistics }
    }

    /// Evicts the connections that hold most, as long as all of them hold more than the limit:
    /// those without a password first, while these hold more than their share.
    pub(crate) fn relieve(&self) {
        if !self.memory.is_over() {
            return;
        }
        let open = lock(&self.open);
        let look = self.memory.look();
        let limit = self.memory.limit();
        let (mut clients, mut strangers) = (Ranking::default(), Ranking::default());
        for session in open.values().filter(|session| !session.is_evicted()) {
            match session.is_authenticated() {
                true => clients.add(session),
                false => strangers.add(session),
            }
        }
        clients.sort();
        strangers.sort();
        while clients.bytes + strangers.bytes > limit {
            let is_stranger = strangers.bytes > limit / STRANGERS_SHARE
                || strangers.largest_bytes() > clients.largest_bytes();
            let ranking = if is_stranger { &mut strangers } else { &mut clients };
            let Some(session) = ranking.take_largest() else { break };
            session.evict();
        }
        self.memory.note_staying(&look, clients.bytes + strangers.bytes);
    }

    /// Waits until clients hold no more than the limit, or it is time to give up; not for longer
    /// than [`ROOM_PATIENCE`].
    pub(crate) fn wait_for_room(&self, give_up: impl Fn() -> bool) {
        let start = now();
        while self.memory.held() > self.memory.limit()
            && !give_up()
            && now().saturating_duration_since(start) < ROOM_PATIENCE
        {
            self.relieve();
            sleep(ROOM_RETRY);
        }
    }

    /// Adds a session, authenticated if clients need no password; `wake` makes its worker check its
    /// sessions.
    pub(crate) fn open(
        &self,
        address: Endpoint,
        local_address: Endpoint,
        authenticated: bool,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Arc<Session> {
        let session = Arc::new(Session {
            id: self.next_id.fetch_add(1, Ordering::Relaxed) + 1,
            address,
            local_address,
            since: Instant::now(),
            authenticated: AtomicBool::new(authenticated),
            wrong_passwords: AtomicU64::new(0),
            resp3: AtomicBool::new(false),
            database: AtomicUsize::new(0),
            transaction: QueuedTransaction::default(),
            replies: ReplySwitch::default(),
            is_monitor: AtomicBool::new(false),
            subscriptions: Subscriptions::default(),
            feed: PushFeed::default(),
            call: OnceLock::new(),
            killed: AtomicBool::new(false),
            evicted: AtomicBool::new(false),
            last_command: AtomicUsize::new(0),
            last_byte: AtomicU64::new(0),
            input: AtomicUsize::new(0),
            output: AtomicUsize::new(0),
            charged: AtomicUsize::new(0),
            label_bytes: AtomicUsize::new(0),
            memory: Arc::clone(&self.memory),
            statistics: Arc::clone(&self.statistics),
            labels: Mutex::default(),
            keyspaces: KeyspaceCache::default(),
            snapshot: HeldSnapshot::default(),
            wake: Box::new(wake),
        });
        lock(&self.open).insert(session.id, Arc::clone(&session));
        session
    }

    /// Removes a session.
    pub(crate) fn close(&self, session: &Session) {
        lock(&self.open).remove(&session.id);
        session.snapshot.close();
        session.set_monitor(false);
        session.charge_feed(session.feed.close().len(), 0);
    }

    /// Returns the open session with this id.
    pub(crate) fn find(&self, id: u64) -> Option<Arc<Session>> {
        lock(&self.open).get(&id).cloned()
    }

    /// Returns the open sessions, oldest first.
    pub(crate) fn list(&self) -> Vec<Arc<Session>> {
        lock(&self.open).values().cloned().collect()
    }

    /// Returns the number of open sessions.
    pub(crate) fn count(&self) -> usize {
        lock(&self.open).len()
    }
}
