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

/// What the requests do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Read a key.
    Get,
    /// Write a key.
    Set,
}

impl Operation {
    /// As tables call it.
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
        /// How many.
        pipeline: usize,
    },
    /// At random times, so many a second on average.
    Open {
        /// How many.
        per_second: f64,
    },
    /// Every key once in the order of their numbers, so many at once on each connection.
    Each {
        /// How many.
        pipeline: usize,
    },
}

/// What is asked of a server.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// What the requests do.
    pub operation: Operation,
    /// How many connections.
    pub connections: usize,
    /// When requests are sent.
    pub arrivals: Arrivals,
    /// How long values are, at least 16 bytes; each length has keys of its own.
    pub value_bytes: usize,
    /// How many keys there are.
    pub keys: u64,
    /// How long requests are sent; nothing to a load of each key.
    pub seconds: f64,
    /// Which random numbers.
    pub seed: u64,
}

/// What came of a load.
#[derive(Debug)]
pub struct Report {
    /// How many requests were answered.
    pub operations: u64,
    /// In how many seconds.
    pub seconds: f64,
    /// How long each took, in nanoseconds.
    pub latency: Histogram<u64>,
    /// How late requests were sent, in nanoseconds: the generator's own part of the latency.
    pub lateness: Histogram<u64>,
}
