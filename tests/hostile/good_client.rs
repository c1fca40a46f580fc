//! A client that means no harm, and wants its replies whatever the others do.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::common::connection::redis::{RedisConnection, Reply};

/// The pause behind each request and its reply.
const PAUSE: Duration = Duration::from_millis(1);

/// The keys that it writes, in turn.
const KEYS: u64 = 100;

/// A running client.
pub struct GoodClient {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Duration>, String>>,
}

/// The times that replies took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Latencies {
    pub count: usize,
    pub median: Duration,
    pub percentile_99: Duration,
    pub max: Duration,
}

impl GoodClient {
    /// Starts a client. If others remove all keys, a value may be gone when it is read.
    pub fn start(address: SocketAddr, password: Option<&str>, may_be_gone: bool) -> Self {
        let mut connection = RedisConnection::open(address).unwrap();
        if let Some(password) = password {
            let reply = connection.call(&[vec!["AUTH", password]]).unwrap();
            assert_eq!(reply, [Reply::Simple("OK".to_owned())]);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || work(&mut connection, may_be_gone, &stopped));
        Self { stop, thread }
    }

    /// Stops it; the times that its replies took, or why it has to complain.
    pub fn stop(self) -> Result<Latencies, String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut times = self.thread.join().unwrap()?;
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
        Ok(Latencies { count: times.len(), median: at(50), percentile_99: at(99), max: at(100) })
    }
}

/// Writes and reads until it is stopped; the time that each reply took.
fn work(
    connection: &mut RedisConnection,
    may_be_gone: bool,
    stop: &AtomicBool,
) -> Result<Vec<Duration>, String> {
    let mut times = Vec::new();
    for number in 0.. {
        let key = format!("good:{}", number % KEYS);
        let value = number.to_string();
        let stored = Reply::Bulk(Some(value.clone().into_bytes()));
        let requests = [
            (vec!["SET", &key, &value], Reply::Simple("OK".to_owned())),
            (vec!["GET", &key], stored),
        ];
        for (request, expected) in requests {
            let start = Instant::now();
            let reply = ask(connection, &request).map_err(|e| format!("{request:?}: {e}"))?;
            times.push(start.elapsed());
            if reply != expected && !(may_be_gone && reply == Reply::Bulk(None)) {
                return Err(format!("{request:?} was answered {reply:?}"));
            }
            thread::sleep(PAUSE);
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(times)
}

fn ask(connection: &mut RedisConnection, request: &[&str]) -> io::Result<Reply> {
    Ok(connection.call(&[request.to_vec()])?.remove(0))
}
