//! What is measured of a server: a star of points around one in the middle.

use super::server::Durability;
use crate::arguments::Scope;
use crate::load::Operation;

/// One point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// What the requests do.
    pub operation: Operation,
    /// How many connections.
    pub connections: usize,
    /// How many requests each sends at once.
    pub pipeline: usize,
    /// How long values are.
    pub value_bytes: usize,
}

impl Point {
    /// The row of its table.
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

    /// Whether it is one of those that run most often.
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

/// What is measured with other promises than the default: writes only, as reads do not differ.
const WRITES: [(usize, usize, usize); 3] = [(50, 1, 100), (50, 16, 100), (1, 1, 100)];

/// The points for a promise.
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

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// How many keys of 100 bytes there are; of longer values there are a tenth.
    pub keys: u64,
    /// How long each run takes.
    pub seconds: f64,
    /// How often the main points run.
    pub main_rounds: usize,
    /// How often the others do.
    pub rounds: usize,
    /// Requests a second where latency is measured.
    pub per_second: f64,
    /// How long a run of latency takes.
    pub latency_seconds: f64,
    /// Requests of one run of redis-benchmark at one request at once; eight times as many where it
    /// pipelines.
    pub benchmark_requests: u64,
}

impl Scale {
    /// As the command line says.
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

    /// How many keys there are with values of this length.
    pub fn keys(&self, value_bytes: usize) -> u64 {
        if value_bytes > 100 { (self.keys / 10).max(1) } else { self.keys }
    }

    /// In words.
    pub fn describe(&self) -> String {
        format!(
            "medians of {} runs of {} s for the main points (50 connections, up to 16 at once, 100 \
             B) and {} for the \
             others; {} keys, a tenth of them where values are longer than 100 B",
            self.main_rounds, self.seconds, self.rounds, self.keys
        )
    }
}
