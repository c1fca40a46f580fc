//! A load generator for servers: one thread, many connections, two ways of arriving.
//!
//! *Closed*: each connection sends so many requests, waits for all their replies and sends again,
//! which finds the highest throughput. *Open*: requests arrive at random times that do not depend
//! on how fast the server answers, and each latency counts from the time of arrival, so that a
//! stall is felt by all who arrive meanwhile, as it is in life.

mod connection;
mod generator;
mod wire;

use hdrhistogram::Histogram;

pub use generator::Generator;
pub use wire::Protocol;

/// The operation of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Read a key.
    Get,
    /// Write a key.
    Set,
}

impl Operation {
    /// Returns its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Set => "SET",
        }
    }
}

/// When requests are sent.
#[derive(Debug, Clone, Copy)]
pub enum Arrivals {
    /// So many at once on each connection, when those before were answered.
    Closed {
        /// Their number.
        pipeline: usize,
    },
    /// At random times, so many a second on average.
    Open {
        /// Their number.
        per_second: f64,
    },
    /// Every key once in the order of their numbers, so many at once on each connection.
    Each {
        /// Their number.
        pipeline: usize,
    },
}

/// The requests for a server.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The operation of every request.
    pub operation: Operation,
    /// The number of connections.
    pub connections: usize,
    /// When requests are sent.
    pub arrivals: Arrivals,
    /// The length of values, at least 16 bytes; each length has keys of its own.
    pub value_bytes: usize,
    /// The number of keys.
    pub keys: u64,
    /// The time for which requests are sent; a load of each key does not use it.
    pub seconds: f64,
    /// The seed of the random numbers.
    pub seed: u64,
}

/// The result of a load.
#[derive(Debug)]
pub struct Report {
    /// The number of requests that were answered.
    pub operations: u64,
    /// The seconds that they took together.
    pub seconds: f64,
    /// The latency of each, in nanoseconds.
    pub latency: Histogram<u64>,
    /// The delay of each request in the generator, in nanoseconds: its own part of the latency.
    pub lateness: Histogram<u64>,
}
