//! A client that means harm: it sends any bytes, and reads or does not.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use kvs::protocol::native::{
    ClientHello, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, Failure, ResponseMessage, ServerHello,
    Success, decode_frame,
};

use crate::common::connection::redis::{RedisConnection, Reply};
use crate::common::wait::PATIENCE;

/// The time after which a socket that takes no bytes counts as full for good.
const STALL: Duration = Duration::from_secs(1);

/// The beginning of the error for a client that is closed because it holds too much memory.
pub const EVICTION: &str = "-OOM the memory for clients is used up";

/// The server as its clients see it.
pub struct Target {
    pub address: SocketAddr,
    /// Its Unix socket.
    pub socket: PathBuf,
}

/// A connection of a client that means harm.
pub struct Attacker(TcpStream);

impl Target {
    /// Returns a connection.
    pub fn attacker(&self) -> Attacker {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_write_timeout(Some(STALL)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Attacker(stream)
    }

    /// Returns so many connections.
    pub fn attackers(&self, count: usize) -> Vec<Attacker> {
        (0..count).map(|_| self.attacker()).collect()
    }

    /// Opens so many connections and lets each do this on a thread of its own; returns them.
    pub fn crowd(&self, count: usize, work: impl Fn(&mut Attacker) + Sync) -> Vec<Attacker> {
        in_parallel(self.attackers(count), |mut attacker| {
            work(&mut attacker);
            attacker
        })
    }

    /// Executes one command over a connection of its own.
    pub fn call(&self, command: Vec<Vec<u8>>) -> Reply {
        let mut connection = RedisConnection::open(self.address).unwrap();
        connection.call(&[command]).unwrap().remove(0)
    }

    /// Stores a value of so many bytes.
    pub fn store(&self, key: &str, bytes: usize) {
        let reply = self.call(vec![b"SET".to_vec(), key.into(), vec![b'v'; bytes]]);
        assert_eq!(reply, Reply::Simple("OK".to_owned()));
    }
}

impl Attacker {
    /// Sends bytes; returns false if the server takes no more of them, or closed the connection.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Sends no more.
    pub fn end_output(&mut self) {
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// Opens the native protocol.
    pub fn greet(&mut self) {
        let (mut ours, mut theirs) = (Vec::new(), [0; 16]);
        ClientHello::OURS.encode(&mut ours);
        assert!(self.send(&ours));
        self.0.read_exact(&mut theirs).unwrap();
        assert!(ServerHello::decode(&theirs).unwrap().is_some());
    }

    /// Returns so many bytes, or an error if the connection ends before.
    pub fn receive(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Returns a line, or an error if the connection ends before its end.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(self.receive(1)?);
        }
        Ok(line.escape_ascii().to_string())
    }

    /// Returns the failure that comes next in the native protocol, or an error if the connection
    /// ends before.
    pub fn failure(&mut self) -> io::Result<Failure> {
        match self.response()? {
            Err(failure) => Ok(failure),
            Ok(success) => panic!("{success:?} is no failure"),
        }
    }

    /// Returns the answer that comes next in the native protocol, or an error if the connection
    /// ends before.
    pub fn success(&mut self) -> io::Result<Success<'static>> {
        self.response().map(|result| result.unwrap_or_else(|failure| panic!("{failure}")))
    }

    fn response(&mut self) -> io::Result<Result<Success<'static>, Failure>> {
        let mut frame = self.receive(FRAME_HEADER_BYTES)?;
        let length = u32::from_le_bytes(frame[..].try_into().unwrap());
        frame.extend(self.receive(usize::try_from(length).unwrap())?);
        let frame: &'static [u8] = frame.leak();
        let (body, _) = decode_frame(frame, FRAME_BYTES_MAX).unwrap().unwrap();
        Ok(ResponseMessage::decode(body).unwrap().result)
    }

    /// Returns the bytes that come until the server closes the connection, which it has to.
    pub fn last_bytes(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Err(error) if is_timeout(&error) => panic!("the server keeps a connection open"),
            // Closing a socket with unread bytes resets it.
            Ok(_) | Err(_) => bytes,
        }
    }

    /// Returns true once the server has closed the connection of a client that gets no replies.
    pub fn is_closed(&mut self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let read = self.0.read(&mut [0; 64]);
        self.0.set_nonblocking(false).unwrap();
        !matches!(&read, Err(error) if is_timeout(error))
    }

    /// Checks that a client that gets no replies got nothing, or an error because it holds too much
    /// memory.
    pub fn check_end(&mut self) {
        let mut bytes = Vec::new();
        self.0.set_nonblocking(true).unwrap();
        let _ = self.0.read_to_end(&mut bytes);
        self.0.set_nonblocking(false).unwrap();
        let text = bytes.escape_ascii().to_string();
        assert!(text.is_empty() || text.starts_with(EVICTION), "{text}");
    }

    /// Closes the connection without its usual end, whatever was not sent or read.
    pub fn reset(self) {
        rustix::net::sockopt::set_socket_linger(&self.0, Some(Duration::ZERO)).unwrap();
    }
}

/// Does this with each of the items at the same time, on a thread for each; the results.
pub fn in_parallel<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let items = items.into_iter();
        let threads: Vec<_> = items.map(|item| scope.spawn(move || work(item))).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|p| resume_unwind(p))).collect()
    })
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
