//! One connection: requests out, replies in, and when each request arrived.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::wire::{Protocol, Reply, Wire};
use super::{Load, Operation};
use crate::Outcome;
use crate::data;

/// The most bytes that one read takes.
const READ_BYTES: usize = 64 << 10;

/// A request that has no reply yet.
struct Sent {
    arrived: Instant,
    number: u64,
}

/// A connection that is past its greeting and does not block.
pub struct Connection {
    socket: TcpStream,
    wire: Wire,
    output: Vec<u8>,
    input: Vec<u8>,
    unanswered: VecDeque<Sent>,
    /// True if somebody waits for room in the socket.
    pub wants_room: bool,
}

impl Connection {
    /// Connects and waits for the greeting.
    pub fn open(address: SocketAddr, protocol: Protocol) -> Outcome<Self> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        let wire = Wire::new(protocol);
        socket.write_all(&wire.greeting())?;
        let mut input = Vec::new();
        loop {
            let mut buffer = [0; 64];
            let count = socket.read(&mut buffer)?;
            if count == 0 {
                return Err("the server closed a connection".into());
            }
            input.extend_from_slice(&buffer[..count]);
            if let Some(bytes) = wire.greeted(&input)? {
                input.drain(..bytes);
                break;
            }
        }
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            wire,
            output: Vec::new(),
            input,
            unanswered: VecDeque::new(),
            wants_room: false,
        })
    }

    /// Returns the socket, to be told when it is ready.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Adds a request to what is to be sent.
    pub fn queue(
        &mut self,
        load: &Load,
        number: u64,
        value: &mut [u8],
        arrived: Instant,
    ) -> Outcome<()> {
        let key = key(load, number);
        if load.operation == Operation::Set {
            // Any number makes another value.
            let generation = u64::try_from(self.unanswered.len())?;
            data::fill(value, number, generation);
        }
        self.wire.request(load.operation, &key, value, &mut self.output)?;
        self.unanswered.push_back(Sent { arrived, number });
        Ok(())
    }

    /// Sends what the socket takes; true if nothing is left.
    pub fn flush(&mut self) -> Outcome<bool> {
        let mut written = 0;
        while written < self.output.len() {
            match self.socket.write(&self.output[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.output.drain(..written);
        Ok(self.output.is_empty())
    }

    /// Reads what is there, verifies it, and tells when each answered request arrived.
    pub fn receive(&mut self, load: &Load, mut answered: impl FnMut(Instant)) -> Outcome<()> {
        let length = self.input.len();
        self.input.resize(length + READ_BYTES, 0);
        let count = match self.socket.read(&mut self.input[length..]) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error.into()),
        };
        self.input.truncate(length + count);
        let mut consumed = 0;
        while let Some(sent) = self.unanswered.front() {
            let verify = |reply: Reply<'_>| match (load.operation, reply) {
                (Operation::Set, Reply::Done) => Ok(()),
                (Operation::Get, Reply::Value(Some(value)))
                    if data::is_value(value, sent.number, load.value_bytes) =>
                {
                    Ok(())
                }
                (_, reply) => Err(format!("key {}: wrong reply {reply:?}", sent.number).into()),
            };
            let Some(bytes) = self.wire.reply(&self.input[consumed..], verify)? else { break };
            consumed += bytes;
            answered(sent.arrived);
            self.unanswered.pop_front();
        }
        self.input.drain(..consumed);
        Ok(())
    }

    /// Returns true if every request was answered.
    pub fn is_idle(&self) -> bool {
        self.unanswered.is_empty()
    }
}

/// Returns the key with this number, as redis-benchmark writes it for values of 100 bytes; other
/// lengths have keys of their own, so that no load finds values of another length.
fn key(load: &Load, number: u64) -> Vec<u8> {
    match load.value_bytes {
        100 => format!("key:{number:012}").into_bytes(),
        bytes => format!("k{bytes:04}:{number:010}").into_bytes(),
    }
}
