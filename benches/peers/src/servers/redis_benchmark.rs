//! The load that everybody knows: redis-benchmark.

use std::process::Command;

use super::Run;
use super::server::{Durability, Server, in_path};
use crate::Outcome;
use crate::record::Unit;

impl Run {
    /// Runs redis-benchmark with and without pipelining against every server.
    pub(super) fn redis_benchmark(
        &mut self,
        durability: Durability,
        servers: &[Server],
    ) -> Outcome<()> {
        if let Err(error) = in_path("redis-benchmark") {
            self.omit(format!("redis-benchmark: {error}"));
            return Ok(());
        }
        let table = format!("redis-benchmark, durability {}", durability.name());
        let tests = if durability == Durability::Interval { "set,get" } else { "set" };
        for round in 0..self.scale.rounds.max(3).min(self.scale.main_rounds) {
            for pipeline in [1, 16] {
                for position in 0..servers.len() {
                    let server = &servers[(position + round) % servers.len()];
                    for (test, rate) in self.run_benchmark(server, tests, pipeline)? {
                        let row = format!("{test}, 50 connections, {pipeline} at once, 100 B");
                        let name = server.kind.name();
                        self.record(&table, &row, name, Unit::Rate, rate / 1e3)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Names of tests and requests per second.
    fn run_benchmark(
        &self,
        server: &Server,
        tests: &str,
        pipeline: u64,
    ) -> Outcome<Vec<(String, f64)>> {
        let requests = self.scale.benchmark_requests * if pipeline > 1 { 8 } else { 1 };
        let output = Command::new("redis-benchmark")
            .args(["-p", &server.address.port().to_string(), "-t", tests, "--csv"])
            .args(["-n", &requests.to_string(), "-P", &pipeline.to_string()])
            .args(["-r", &self.scale.keys.to_string(), "-c", "50", "-d", "100"])
            .output()?;
        if !output.status.success() {
            return Err("redis-benchmark failed".into());
        }
        let text = String::from_utf8(output.stdout)?;
        let mut results = Vec::new();
        for line in text.lines() {
            let mut fields = line.split(',').map(|field| field.trim_matches('"'));
            if let (Some(test), Some(Ok(rate))) =
                (fields.next(), fields.next().map(str::parse::<f64>))
            {
                results.push((test.to_owned(), rate));
            }
        }
        Ok(results)
    }
}
