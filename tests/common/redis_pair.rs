//! A Redis server and a server of this kind that get the same requests.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use kvs::ServerOptions;

use super::lines::connect;
use super::redis_process::{RedisProcess, has_redis};
use super::running::Running;
use super::wait::PATIENCE;

/// The number of requests that a failure shows.
const SHOWN: usize = 40;

/// Both servers, and a connection to each.
pub struct RedisPair {
    redis: UnixStream,
    kvs: TcpStream,
    requests: usize,
    /// The replies that are values: neither errors nor nothing.
    pub values: usize,
    /// The latest requests, as text.
    recent: VecDeque<String>,
    _redis_server: RedisProcess,
    _kvs_server: Running,
}

impl RedisPair {
    /// Starts both, unless there is no Redis here.
    pub fn start() -> Option<Self> {
        if !has_redis() {
            return None;
        }
        let redis_server = RedisProcess::start(None);
        let redis = UnixStream::connect(redis_server.socket()).unwrap();
        redis.set_read_timeout(Some(PATIENCE)).unwrap();
        redis.set_write_timeout(Some(PATIENCE)).unwrap();
        let kvs_server = Running::start(ServerOptions::default().workers(1).readers(1));
        Some(Self {
            redis,
            kvs: connect(kvs_server.address),
            requests: 0,
            values: 0,
            recent: VecDeque::new(),
            _redis_server: redis_server,
            _kvs_server: kvs_server,
        })
    }

    /// Sends a request to both, and returns the replies, those of Redis first.
    pub fn replies(&mut self, request: &[&[u8]]) -> [Vec<u8>; 2] {
        self.requests += 1;
        let number = self.requests;
        [reply(&mut self.redis, request, number), reply(&mut self.kvs, request, number)]
    }

    /// Compares the replies to a request, which has to be one that both know.
    pub fn compare(&mut self, request: &[&[u8]]) {
        let words: Vec<_> = request.iter().map(|word| word.escape_ascii().to_string()).collect();
        if self.recent.len() == SHOWN {
            self.recent.pop_front();
        }
        self.recent.push_back(words.join(" "));
        let [redis, kvs] = self.replies(request);
        let is_same = redis == kvs && !redis.starts_with(b"-ERR unknown command");
        let [redis_shown, kvs_shown] = [&redis, &kvs].map(|reply| reply.escape_ascii());
        assert!(
            is_same,
            "{}\n  Redis: {redis_shown}\n  kvs:   {kvs_shown}",
            self.recent.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
        );
        let is_value = !["-", "$-1", "+QUEUED"].iter().any(|it| redis.starts_with(it.as_bytes()));
        self.values += usize::from(is_value);
    }

    /// Compares the replies to requests, one a line; `\0` in a word is a zero byte.
    pub fn compare_lines(&mut self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<_> =
                line.split(' ').map(|word| word.replace("\\0", "\0").into_bytes()).collect();
            self.compare(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }

    /// Returns the number of requests that were compared.
    pub fn requests(&self) -> usize {
        self.requests
    }
}

/// Sends a request, and one behind it whose reply has an end that is known and occurs once; returns
/// what came before that. The second one is a `PING`, which subscribers may send, too.
fn reply(stream: &mut (impl Read + Write), request: &[&[u8]], number: usize) -> Vec<u8> {
    let mark = format!("$10\r\n{number:010}\r\n").into_bytes();
    let mut bytes = format!("*{}\r\n", request.len()).into_bytes();
    for word in request {
        write!(bytes, "${}\r\n", word.len()).unwrap();
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"*2\r\n$4\r\nPING\r\n");
    bytes.extend_from_slice(&mark);
    stream.write_all(&bytes).unwrap();
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    let is_queued = |received: &[u8]| {
        // Between MULTI and EXEC both replies are of one line.
        let lines = received.windows(2).filter(|end| *end == b"\r\n").count();
        lines == 2 && received.ends_with(b"+QUEUED\r\n")
    };
    while !received.ends_with(&mark) && !is_queued(&received) {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the connection ends");
        received.extend_from_slice(&buffer[..count]);
    }
    if received.ends_with(&mark) {
        received.truncate(received.len() - mark.len());
    }
    received
}
