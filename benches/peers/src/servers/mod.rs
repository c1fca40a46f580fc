//! The stores that are servers, with the same promise each, all taking turns.

mod latency;
mod points;
mod redis_benchmark;
mod server;
mod valkey;

use std::collections::BTreeSet;
use std::time::Instant;

use crate::arguments::Scope;
use crate::load::{Arrivals, Generator, Load, Operation, Protocol, Report};
use crate::record::{Measurement, Recorder, Setup, Subject, Unit};
use crate::{Outcome, machine, process, say};
use points::{Point, Scale};
use server::{Durability, KINDS, Kind, Server};

/// A column of the tables: a server in one of the protocols that it speaks.
#[derive(Clone, Copy)]
struct Contender<'a> {
    server: &'a Server,
    protocol: Protocol,
}

impl Contender<'_> {
    fn name(&self) -> &'static str {
        match self.protocol {
            Protocol::Resp => self.server.kind.name(),
            Protocol::Native => "kvs, native protocol",
        }
    }
}

/// A run of all of it.
struct Run {
    scope: Scope,
    scale: Scale,
    kinds: Vec<Kind>,
    recorder: Recorder,
    setup: Setup,
}

/// Measures what the scope asks for.
pub fn run(scope: &Scope) -> Outcome<()> {
    let start = Instant::now();
    let scale = Scale::new(scope);
    let recorder = Recorder::create(&scope.paths.servers())?;
    let mut facts = machine::facts(&scope.paths.results);
    facts.push(("runs".to_owned(), scale.describe()));
    let setup = Setup { facts, ..Setup::default() };
    let mut run = Run { scope: scope.clone(), scale, kinds: Vec::new(), recorder, setup };
    run.choose_kinds()?;
    for durability in [Durability::Interval, Durability::Always, Durability::Never] {
        run.durability(durability)?;
    }
    run.setup.seconds = start.elapsed().as_secs();
    run.recorder.describe(&run.setup)?;
    say(&format!("servers: {} s", run.setup.seconds));
    Ok(())
}

impl Run {
    fn choose_kinds(&mut self) -> Outcome<()> {
        for kind in KINDS {
            if !self.scope.includes(kind.name()) {
                continue;
            }
            match kind.program(&self.scope.paths.results) {
                Ok(program) => {
                    self.kinds.push(kind);
                    self.setup.subjects.push(Subject {
                        name: kind.name().to_owned(),
                        version: kind.version(&program),
                        settings: kind.settings().to_owned(),
                        deferred: String::new(),
                    });
                }
                Err(error) => self.omit(format!("{}: {error}", kind.name())),
            }
        }
        if self.kinds.is_empty() { Err("no server is there to measure".into()) } else { Ok(()) }
    }

    fn durability(&mut self, durability: Durability) -> Outcome<()> {
        say(&format!("servers, durability {}", durability.name()));
        let start = |kind| Server::start(kind, &self.scope.paths.results, durability);
        let servers = self.kinds.iter().map(|kind| start(*kind)).collect::<Outcome<Vec<_>>>()?;
        let mut contenders = Vec::new();
        for server in &servers {
            contenders.push(Contender { server, protocol: Protocol::Resp });
            if server.kind == Kind::Kvs {
                contenders.push(Contender { server, protocol: Protocol::Native });
            }
        }
        for server in &servers {
            self.fill(server, 100)?;
            if durability == Durability::Interval {
                self.memory(server, &format!("with {} keys of 100 B", self.scale.keys))?;
                self.fill(server, 16)?;
                self.fill(server, 4096)?;
            }
        }
        self.throughput(durability, &contenders)?;
        if durability == Durability::Interval {
            self.latency(&contenders)?;
            self.rewriting(&servers)?;
        }
        self.redis_benchmark(durability, &servers)?;
        if durability == Durability::Interval {
            servers.iter().try_for_each(|server| self.memory(server, "at the end of all runs"))?;
        }
        Ok(())
    }

    /// Writes every key with a value of this length.
    fn fill(&self, server: &Server, value_bytes: usize) -> Outcome<()> {
        self.each(server, Operation::Set, value_bytes)
    }

    fn each(&self, server: &Server, operation: Operation, value_bytes: usize) -> Outcome<()> {
        let load = Load {
            operation,
            connections: 8,
            arrivals: Arrivals::Each { pipeline: 64 },
            value_bytes,
            keys: self.scale.keys(value_bytes),
            seconds: 0.0,
            seed: 0,
        };
        Generator::connect(server.address, Protocol::Resp, load)?.run()?;
        Ok(())
    }

    fn throughput(&mut self, durability: Durability, contenders: &[Contender<'_>]) -> Outcome<()> {
        let points = points::points(durability);
        for round in 0..self.scale.main_rounds {
            self.read_all(&points, contenders)?;
            for point in &points {
                if !point.is_main() && round >= self.scale.rounds {
                    continue;
                }
                for position in 0..contenders.len() {
                    // Each round begins with another one.
                    let contender = contenders[(position + round) % contenders.len()];
                    self.throughput_of(durability, point, contender, round)?;
                }
            }
        }
        Ok(())
    }

    /// Reads every key that will be read, once: a server that keeps what was read has not kept what
    /// the writes of the last round left.
    fn read_all(&self, points: &[Point], contenders: &[Contender<'_>]) -> Outcome<()> {
        let gets = points.iter().filter(|point| point.operation == Operation::Get);
        let lengths: BTreeSet<_> = gets.map(|point| point.value_bytes).collect();
        for value_bytes in lengths {
            for contender in contenders.iter().filter(|one| one.protocol == Protocol::Resp) {
                self.each(contender.server, Operation::Get, value_bytes)?;
            }
        }
        Ok(())
    }

    fn throughput_of(
        &mut self,
        durability: Durability,
        point: &Point,
        contender: Contender<'_>,
        round: usize,
    ) -> Outcome<()> {
        let load = Load {
            operation: point.operation,
            connections: point.connections,
            arrivals: Arrivals::Closed { pipeline: point.pipeline },
            value_bytes: point.value_bytes,
            keys: self.scale.keys(point.value_bytes),
            seconds: self.scale.seconds,
            seed: u64::try_from(round)? + 1,
        };
        let (report, processor_seconds) = run_load(contender, load)?;
        let millions = thousands(report.operations) / 1e3;
        let row = point.row();
        let subject = contender.name();
        let table = |what| format!("{what}, durability {}", durability.name());
        self.record(
            &table("Throughput"),
            &row,
            subject,
            Unit::Rate,
            millions * 1e3 / report.seconds,
        )?;
        self.record(
            &table("Processor time"),
            &row,
            subject,
            Unit::ProcessorSeconds,
            processor_seconds / millions,
        )
    }

    fn memory(&mut self, server: &Server, row: &str) -> Outcome<()> {
        let memory = process::memory(&server.process().to_string())?;
        let mebibytes = thousands(memory.own_bytes + memory.file_bytes) * 1e3 / f64::from(1 << 20);
        self.record("Memory of the servers", row, server.kind.name(), Unit::Mebibytes, mebibytes)
    }

    fn record(
        &mut self,
        table: &str,
        row: &str,
        subject: &str,
        unit: Unit,
        value: f64,
    ) -> Outcome<()> {
        self.recorder.add(Measurement {
            table: table.to_owned(),
            row: row.to_owned(),
            subject: subject.to_owned(),
            unit,
            value,
        })
    }

    /// Notes what could not be measured, and goes on.
    fn omit(&mut self, reason: String) {
        say(&format!("left out: {reason}"));
        self.setup.omissions.push(reason);
    }
}

/// Runs a load, and tells how many seconds the server's threads ran meanwhile.
fn run_load(contender: Contender<'_>, load: Load) -> Outcome<(Report, f64)> {
    let generator = Generator::connect(contender.server.address, contender.protocol, load)?;
    let before = process::processor_time(contender.server.process())?;
    let report = generator.run()?;
    let after = process::processor_time(contender.server.process())?;
    Ok((report, after.saturating_sub(before).as_secs_f64()))
}

/// Returns a count in thousands.
#[allow(clippy::cast_precision_loss, reason = "a count of operations is far below 2^53")]
fn thousands(count: u64) -> f64 {
    count as f64 / 1000.0
}
