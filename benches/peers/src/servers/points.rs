//! The points at which a server is measured: a star around one in the middle.

use super::server::Durability;
use crate::arguments::Scope;
use crate::load::Operation;

/// One point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// The operation of every request.
    pub operation: Operation,
    /// The number of connections.
    pub connections: usize,
    /// The number of requests that each sends at once.
    pub pipeline: usize,
    /// The length of values.
    pub value_bytes: usize,
}

impl Point {
    /// Returns the row of its table.
    pub fn row(&self) -> String {
        let connections = match self.connections {
            1 => "1 connection".to_owned(),
            connections => format!("{connections} connections"),
        };
        let value = match self.value_bytes {
            4096 => "4 KiB".to_owned(),
            bytes => format!("{bytes} B"),
        };
        format!("{}, {connections}, {} at once, {value}", self.operation.name(), self.pipeline)
    }

    /// Returns true if it is one of those that run most often.
    pub fn is_main(&self) -> bool {
        self.connections == 50 && self.value_bytes == 100 && self.pipeline < 64
    }
}

/// Connections, requests at once, bytes of a value; the middle comes first.
const STAR: [(usize, usize, usize); 7] = [
    (50, 1, 100),
    (50, 16, 100),
    (50, 64, 100),
    (1, 1, 100),
    (1000, 1, 100),
    (50, 1, 16),
    (50, 1, 4096),
];

/// The points with another durability than the default: writes only, as reads do not differ.
const WRITES: [(usize, usize, usize); 3] = [(50, 1, 100), (50, 16, 100), (1, 1, 100)];

/// Returns the points for a promise.
pub fn points(durability: Durability) -> Vec<Point> {
    let of = |operation| {
        move |(connections, pipeline, value_bytes)| Point {
            operation,
            connections,
            pipeline,
            value_bytes,
        }
    };
    match durability {
        Durability::Interval => {
            let gets = STAR.into_iter().map(of(Operation::Get));
            gets.chain(STAR.into_iter().map(of(Operation::Set))).collect()
        }
        Durability::Always | Durability::Never => {
            WRITES.into_iter().map(of(Operation::Set)).collect()
        }
    }
}

/// The amount to measure.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// The number of keys with values of 100 bytes; of longer values there are a tenth.
    pub keys: u64,
    /// The seconds that each run takes.
    pub seconds: f64,
    /// The number of runs of the main points.
    pub main_rounds: usize,
    /// The number of runs of the others.
    pub rounds: usize,
    /// Requests a second where latency is measured.
    pub per_second: f64,
    /// The seconds that a run of latency takes.
    pub latency_seconds: f64,
    /// Requests of one run of redis-benchmark at one request at once; eight times as many where it
    /// pipelines.
    pub benchmark_requests: u64,
}

impl Scale {
    /// Returns the scale that the command line asks for.
    pub fn new(scope: &Scope) -> Self {
        let scale = match (scope.smoke, scope.quick) {
            (true, _) => Self {
                keys: 1000,
                seconds: 0.05,
                main_rounds: 1,
                rounds: 1,
                per_second: 1000.0,
                latency_seconds: 0.2,
                benchmark_requests: 1000,
            },
            (_, true) => Self {
                keys: 200_000,
                seconds: 0.6,
                main_rounds: 5,
                rounds: 2,
                per_second: 20_000.0,
                latency_seconds: 1.5,
                benchmark_requests: 40_000,
            },
            _ => Self {
                keys: 1_000_000,
                seconds: 2.0,
                main_rounds: 7,
                rounds: 5,
                per_second: 20_000.0,
                latency_seconds: 5.0,
                benchmark_requests: 150_000,
            },
        };
        let rounds = scope.rounds.unwrap_or(scale.main_rounds);
        Self { main_rounds: rounds, rounds: scale.rounds.min(rounds), ..scale }
    }

    /// Returns the number of keys with values of this length.
    pub fn keys(&self, value_bytes: usize) -> u64 {
        if value_bytes > 100 { (self.keys / 10).max(1) } else { self.keys }
    }

    /// Describes it in words.
    pub fn describe(&self) -> String {
        format!(
            "medians of {} runs of {} s for the main points (50 connections, up to 16 at once, 100 \
             B) and {} for the \
             others; {} keys, a tenth of them where values are longer than 100 B",
            self.main_rounds, self.seconds, self.rounds, self.keys
        )
    }
}
