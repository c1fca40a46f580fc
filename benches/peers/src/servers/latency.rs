//! Latency under a load that does not wait for the server, and while the log is rewritten.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use super::server::{Kind, Server};
use super::{Contender, Run, run_load};
use crate::Outcome;
use crate::load::{Arrivals, Generator, Load, Operation, Protocol, Report};
use crate::record::Unit;

/// The quantiles of the latencies that are shown.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];

/// The length of the values that make the log worth rewriting.
const REWRITTEN_BYTES: usize = 1024;

impl Run {
    /// Measures latency from the time of arrival, with many connections.
    pub(super) fn latency(&mut self, contenders: &[Contender<'_>]) -> Outcome<()> {
        for round in 0..self.scale.rounds.max(3).min(self.scale.main_rounds) {
            for operation in [Operation::Get, Operation::Set] {
                for contender in contenders {
                    let load = self.open_load(operation, 100, u64::try_from(round)?);
                    let (report, _) = run_load(*contender, load)?;
                    let name =
                        format!("{} at {} a second", operation.name(), self.scale.per_second);
                    self.quantiles("Latency", &name, contender.name(), &report)?;
                }
            }
        }
        Ok(())
    }

    fn open_load(&self, operation: Operation, value_bytes: usize, seed: u64) -> Load {
        Load {
            operation,
            connections: 50,
            arrivals: Arrivals::Open { per_second: self.scale.per_second },
            value_bytes,
            keys: self.scale.keys(value_bytes),
            seconds: self.scale.latency_seconds,
            seed,
        }
    }

    fn quantiles(
        &mut self,
        table: &str,
        name: &str,
        subject: &str,
        report: &Report,
    ) -> Outcome<()> {
        for (label, quantile) in QUANTILES {
            let microseconds = super::thousands(report.latency.value_at_quantile(quantile));
            self.record(
                table,
                &format!("{name}, {label}"),
                subject,
                Unit::Microseconds,
                microseconds,
            )?;
        }
        let late = super::thousands(report.lateness.value_at_quantile(0.99));
        let row = format!("{name}, sent late by the generator, p99");
        self.record(table, &row, subject, Unit::Lateness, late)
    }

    /// Measures the latency of reads alone, beside writes, and beside writes while the log is
    /// rewritten.
    pub(super) fn rewriting(&mut self, servers: &[Server]) -> Outcome<()> {
        for server in servers {
            self.fill(server, REWRITTEN_BYTES)?;
            let reads = Load {
                arrivals: Arrivals::Open { per_second: self.scale.per_second / 2.0 },
                ..self.open_load(Operation::Get, 100, 1)
            };
            let contender = Contender { server, protocol: Protocol::Resp };
            let (alone, _) = run_load(contender, reads)?;
            // Most of the log becomes garbage.
            for _ in 0..4 {
                self.fill(server, REWRITTEN_BYTES)?;
            }
            let files = server.file_names()?;
            ask_to_rewrite(server)?;
            let writes = Load {
                operation: Operation::Set,
                keys: self.scale.keys(REWRITTEN_BYTES),
                value_bytes: REWRITTEN_BYTES,
                ..reads
            };
            let beside = thread::scope(|scope| -> Outcome<Report> {
                let address = server.address;
                let writing =
                    scope.spawn(move || Generator::connect(address, Protocol::Resp, writes)?.run());
                let (report, _) = run_load(contender, reads)?;
                writing.join().map_err(|_| "the writing thread panicked")??;
                Ok(report)
            })?;
            let after = server.file_names()?;
            let name = server.kind.name();
            if files.iter().all(|file| after.contains(file)) {
                self.omit(format!("{name} did not rewrite its log while it was measured"));
            }
            let rate = self.scale.per_second / 2.0;
            let table = "Latency of reads while the log is rewritten";
            self.quantiles(table, &format!("GET at {rate} a second, alone"), name, &alone)?;
            let row = format!("GET at {rate} a second, beside as many SETs of 1 KiB and a rewrite");
            self.quantiles(table, &row, name, &beside)?;
        }
        Ok(())
    }
}

/// Redis rewrites its log when it is told to, unless it does already; kvs does by itself.
fn ask_to_rewrite(server: &Server) -> Outcome<()> {
    if server.kind == Kind::Kvs {
        return Ok(());
    }
    let mut socket = TcpStream::connect(server.address)?;
    socket.write_all(b"BGREWRITEAOF\r\n")?;
    // Only when it answers is it sure to have read the command.
    socket.read_exact(&mut [0])?;
    Ok(())
}
