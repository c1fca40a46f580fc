//! An attack, and the round in which a server meets it.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use crate::arena::Arena;
use crate::attacker::{Attacker, Target};
use crate::common::form::by_form;
use crate::common::resources::{Resources, mebibytes};
use crate::good_client::{GoodClient, Latencies};
use crate::watch::{Peak, Watch};

/// The connections that the server has beside those of the attackers: the operator's, and that of
/// the good client.
const OTHER_CONNECTIONS: usize = 2;

/// A kind of harm that clients try to do.
pub struct Attack {
    pub name: &'static str,
    /// Does it; the connections that are left, which stay open for a while. Panics if the server
    /// does not answer as it should.
    pub run: fn(&Target) -> Vec<Attacker>,
    /// True if it removes the keys of others.
    pub clears: bool,
    /// The most memory that the server may take in beside what it had before, where there is such a
    /// bound.
    pub growth_bytes_max: Option<u64>,
}

impl Attack {
    /// Returns an attack without a bound.
    pub const fn new(name: &'static str, run: fn(&Target) -> Vec<Attacker>) -> Self {
        Self { name, run, clears: false, growth_bytes_max: None }
    }

    /// Returns the attack as one that removes all keys.
    pub const fn clears(self) -> Self {
        Self { clears: true, ..self }
    }

    /// Returns the attack with a bound of the memory that it makes the server take.
    pub const fn within(self, growth_bytes_max: u64) -> Self {
        Self { growth_bytes_max: Some(growth_bytes_max), ..self }
    }
}

/// The figures of a round, a row of the table.
#[derive(Debug, Clone, Default)]
pub struct Round {
    name: &'static str,
    before_bytes: u64,
    peak: Peak,
    after_bytes: u64,
    descriptors_before: usize,
    descriptors_after: usize,
    latencies: Latencies,
    closed: usize,
    left: usize,
    /// The faults of the server.
    pub faults: Vec<String>,
}

impl Round {
    /// The head of the table.
    pub const HEAD: &str = "\
        | attack | memory before, MiB | peak | after | descriptors before | peak | after \
        | requests of the good client | median, ms | 99 % | longest | closed by the server |\n\
        |---|---|---|---|---|---|---|---|---|---|---|---|";

    /// Lets a server meet an attack beside a good client.
    pub fn meet(arena: &mut Arena, attack: &Attack) -> Self {
        let before = arena.rest().unwrap_or_else(|fault| panic!("before {}: {fault}", attack.name));
        let target = arena.target();
        let client = GoodClient::start(target.address, arena.setting.password, attack.clears);
        let watch = Watch::start(arena.server.id(), &arena.directory());
        let attacked = catch_unwind(AssertUnwindSafe(|| (attack.run)(&target)));
        let mut round = Self {
            name: attack.name,
            before_bytes: before.resident_bytes,
            descriptors_before: before.descriptors,
            ..Self::default()
        };
        let attackers = attacked.unwrap_or_else(|panic| {
            round.faults.push(message(&*panic));
            vec![]
        });
        thread::sleep(by_form([
            Duration::from_millis(50),
            Duration::from_millis(1200),
            Duration::from_millis(1200),
        ]));
        round.left = attackers.len();
        if let Some(connected) = arena.connections() {
            let open = connected.saturating_sub(OTHER_CONNECTIONS);
            round.closed = attackers.len().saturating_sub(open);
        }
        round.peak = watch.stop();
        match client.stop() {
            Ok(latencies) => round.latencies = latencies,
            Err(complaint) => round.faults.push(format!("the good client: {complaint}")),
        }
        drop(attackers);
        thread::sleep(by_form([Duration::ZERO, Duration::from_secs(2), Duration::from_secs(2)]));
        match arena.rest() {
            Ok(after) => round.judge(attack, after),
            Err(fault) => {
                round.faults.push(fault);
                arena.restart();
            }
        }
        round
    }

    fn judge(&mut self, attack: &Attack, after: Resources) {
        (self.after_bytes, self.descriptors_after) = (after.resident_bytes, after.descriptors);
        let (before, after) = (self.descriptors_before, self.descriptors_after);
        if after > before {
            self.faults.push(format!("{after} descriptors are open, {before} were"));
        }
        let growth = self.peak.resident_bytes.saturating_sub(self.before_bytes);
        if let Some(max) = attack.growth_bytes_max.filter(|max| growth > *max) {
            let (growth, max) = (mebibytes(growth), mebibytes(max));
            self.faults.push(format!("{growth:.0} MiB were taken, the bound is {max:.0}"));
        }
    }
}

impl fmt::Display for Round {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let Latencies { count, median, percentile_99, max } = self.latencies;
        write!(
            formatter,
            "| {} | {:.0} | {:.0} | {:.0} | {} | {} | {} | {count} | {:.2} | {:.1} | {:.0} | {} of \
             {} |",
            self.name,
            mebibytes(self.before_bytes),
            mebibytes(self.peak.resident_bytes),
            mebibytes(self.after_bytes),
            self.descriptors_before,
            self.peak.descriptors,
            self.descriptors_after,
            milliseconds(median),
            milliseconds(percentile_99),
            milliseconds(max),
            self.closed,
            self.left,
        )
    }
}

/// Returns the message of a panic.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
