//! Clients of a server, over loopback and with pipelining.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use kvs::KvsClient;

use super::keys::Picks;

/// The mix of requests of clients.
#[derive(Debug, Clone, Copy)]
pub enum Mix {
    /// Gets alone.
    Reads,
    /// Sets alone.
    Writes,
    /// Gets and sets in turn.
    Mixed,
}

impl Mix {
    /// Returns the name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reads => "get",
            Self::Writes => "set",
            Self::Mixed => "mixed",
        }
    }

    fn reads(self, request: usize) -> bool {
        match self {
            Self::Reads => true,
            Self::Writes => false,
            Self::Mixed => request.is_multiple_of(2),
        }
    }
}

struct Client {
    connection: KvsClient,
    picks: Picks,
}

/// Connected clients.
pub struct Load {
    clients: Vec<Client>,
    depth: usize,
    value: Vec<u8>,
}

impl Load {
    /// Connects a client for each way to pick keys; each sends `depth` requests before it waits.
    pub fn connect(
        address: SocketAddr,
        picks: Vec<Picks>,
        depth: usize,
        value_bytes: usize,
    ) -> Self {
        let connect = |picks| {
            let connection = KvsClient::connect(address).expect("the server listens");
            Client { connection, picks }
        };
        let clients = picks.into_iter().map(connect).collect();
        Self { clients, depth, value: vec![7; value_bytes] }
    }

    /// Lets every client send that many pipelines; the time until the last one has its replies.
    pub fn run(&mut self, mix: Mix, rounds: u64) -> Duration {
        let (depth, value) = (self.depth, &self.value);
        let begin = Instant::now();
        thread::scope(|scope| {
            for client in &mut self.clients {
                scope.spawn(move || {
                    for _ in 0..rounds {
                        client.round(mix, depth, value);
                    }
                });
            }
        });
        begin.elapsed()
    }
}

impl Client {
    fn round(&mut self, mix: Mix, depth: usize, value: &[u8]) {
        let mut pipeline = self.connection.pipeline();
        for request in 0..depth {
            let key = self.picks.key();
            match mix.reads(request) {
                true => pipeline.get(key),
                false => pipeline.set(key, value),
            };
        }
        for reply in pipeline.send().expect("the server answers") {
            reply.expect("the server does what it is asked");
        }
    }
}
