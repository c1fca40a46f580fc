//! A Redis server and a server of this kind that get the same requests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use kvs::ServerOptions;
use tempfile::TempDir;

use super::running::Running;
use super::tool::has;
use super::wait::wait_until;

/// A running `redis-server` on a Unix socket, with nothing on the disk; killed when dropped.
struct RedisServer {
    child: Child,
    directory: TempDir,
}

impl RedisServer {
    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]);
        command.arg(directory.path().join("redis.sock")).arg("--dir").arg(directory.path());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, directory };
        let socket = server.directory.path().join("redis.sock");
        wait_until("Redis listens", || UnixStream::connect(&socket).is_ok());
        server
    }

    fn connect(&self) -> UnixStream {
        let path: &Path = self.directory.path();
        UnixStream::connect(path.join("redis.sock")).unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both servers, and a connection to each.
pub struct RedisPair {
    redis: UnixStream,
    kvs: TcpStream,
    requests: usize,
    _redis_server: RedisServer,
    _kvs_server: Running,
}

impl RedisPair {
    /// Starts both, unless there is no Redis here.
    pub fn start() -> Option<Self> {
        if !has("redis-server", &["--version"]) {
            return None;
        }
        let redis_server = RedisServer::start();
        let kvs_server = Running::start(ServerOptions::default().workers(1).readers(1));
        Some(Self {
            redis: redis_server.connect(),
            kvs: TcpStream::connect(kvs_server.address).unwrap(),
            requests: 0,
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

    pub fn compare(&mut self, request: &[&[u8]]) {
        let [redis, kvs] = self.replies(request).map(|reply| reply.escape_ascii().to_string());
        let shown: Vec<_> = request.iter().map(|word| word.escape_ascii().to_string()).collect();
        assert_eq!(kvs, redis, "{shown:?}");
    }

    /// Compares the replies to lines of words; a word in quotes is one of escaped bytes.
    pub fn compare_lines(&mut self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<_> = line.split(' ').map(word).collect();
            self.compare(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }
}

/// Returns the bytes of a word: `''` is none, `\0` a zero, `_` a blank.
fn word(text: &str) -> Vec<u8> {
    text.replace("''", "").replace("\\0", "\0").replace('_', " ").into_bytes()
}

/// Sends a request, and one behind it whose reply is known and occurs once; returns the reply to
/// the first.
fn reply(stream: &mut (impl Read + Write), request: &[&[u8]], number: usize) -> Vec<u8> {
    let mark = format!("$10\r\n{number:010}\r\n").into_bytes();
    let mut bytes = format!("*{}\r\n", request.len()).into_bytes();
    for word in request {
        write!(bytes, "${}\r\n", word.len()).unwrap();
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"*2\r\n$4\r\nECHO\r\n");
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
