//! The registry of statistics: one row for each figure that a server reports.
//!
//! `INFO`, the operation `Info` of the native protocol and [`StatsHandle`] read these rows.

use std::fmt;
use std::time::Instant;

use super::context::Context;
use crate::sync::{Arc, Weak};
use crate::{Error, Result};

/// The behaviour of a figure over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatisticKind {
    /// It only grows, from zero at the start or the last `CONFIG RESETSTAT`.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatisticUnit {
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// A number of things per second.
    PerSecond,
}

/// One figure that a server reports.
#[derive(Clone, Copy)]
pub struct Statistic {
    /// The name.
    pub name: &'static str,
    /// The behaviour over time.
    pub kind: StatisticKind,
    /// The unit.
    pub unit: StatisticUnit,
    /// A description in one sentence.
    pub help: &'static str,
    /// The name in `INFO`.
    pub(crate) info_name: &'static str,
    value: fn(&Context) -> Result<u64>,
}

impl fmt::Debug for Statistic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Statistic")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("unit", &self.unit)
            .finish_non_exhaustive()
    }
}

impl Statistic {
    const fn counter(
        (name, info_name): (&'static str, &'static str),
        unit: StatisticUnit,
        help: &'static str,
        value: fn(&Context) -> Result<u64>,
    ) -> Self {
        Self { name, kind: StatisticKind::Counter, unit, help, info_name, value }
    }

    const fn gauge(
        (name, info_name): (&'static str, &'static str),
        unit: StatisticUnit,
        help: &'static str,
        value: fn(&Context) -> Result<u64>,
    ) -> Self {
        Self { name, kind: StatisticKind::Gauge, unit, help, info_name, value }
    }

    /// Returns the figure as it is now.
    pub(crate) fn read(&self, context: &Context) -> Result<u64> {
        (self.value)(context)
    }
}

pub(crate) static UPTIME: Statistic = Statistic::gauge(
    ("uptime_seconds", "uptime_in_seconds"),
    StatisticUnit::Seconds,
    "The time since the start of the server.",
    |context| Ok(context.started.elapsed().as_secs()),
);

pub(crate) static CONNECTIONS: Statistic = Statistic::gauge(
    ("connections", "connected_clients"),
    StatisticUnit::Count,
    "Open connections.",
    |context| Ok(context.clients.count() as u64),
);

pub(crate) static REQUESTS: Statistic = Statistic::counter(
    ("requests", "total_commands_processed"),
    StatisticUnit::Count,
    "Executed requests.",
    |context| Ok(context.statistics.requests.get()),
);

pub(crate) static KEYS: Statistic = Statistic::gauge(
    ("keys", "keys"),
    StatisticUnit::Count,
    "Keys in the store; expired ones count until they are removed.",
    |context| context.store.len(),
);

pub(crate) static KEYS_EXPIRING: Statistic = Statistic::gauge(
    ("keys_expiring", "expires"),
    StatisticUnit::Count,
    "Keys that have an expiry.",
    |context| context.store.count_expiring(),
);

/// The figures of the section `Clients` of `INFO`.
pub(crate) static CLIENTS: [&Statistic; 4] = [
    &CONNECTIONS,
    &Statistic::gauge(
        ("connections_max", "maxclients"),
        StatisticUnit::Count,
        "The most connections that may be open.",
        |context| Ok(context.options.connections_max as u64),
    ),
    &Statistic::gauge(
        ("client_memory_bytes", "mem_clients_normal"),
        StatisticUnit::Bytes,
        "Memory that is held for all clients.",
        |context| Ok(context.clients.memory.held() as u64),
    ),
    &Statistic::gauge(
        ("client_memory_max_bytes", "maxmemory_clients"),
        StatisticUnit::Bytes,
        "The most memory that is held for all clients.",
        |context| Ok(context.clients.memory.limit() as u64),
    ),
];

/// The figures of the section `Stats` of `INFO`.
pub(crate) static TRAFFIC: [&Statistic; 13] = [
    &Statistic::counter(
        ("connections_accepted", "total_connections_received"),
        StatisticUnit::Count,
        "Accepted connections.",
        |context| Ok(context.statistics.connections_accepted.get()),
    ),
    &REQUESTS,
    &Statistic::gauge(
        ("requests_per_second", "instantaneous_ops_per_sec"),
        StatisticUnit::PerSecond,
        "Requests per second between the last two queries of this figure, at least a second apart.",
        |context| {
            let requests = context.statistics.requests.get();
            Ok(context.statistics.request_rate.per_second(requests, Instant::now()))
        },
    ),
    &Statistic::counter(
        ("bytes_in", "total_net_input_bytes"),
        StatisticUnit::Bytes,
        "Bytes read from clients.",
        |context| Ok(context.statistics.bytes_in.get()),
    ),
    &Statistic::counter(
        ("bytes_out", "total_net_output_bytes"),
        StatisticUnit::Bytes,
        "Bytes written to clients.",
        |context| Ok(context.statistics.bytes_out.get()),
    ),
    &Statistic::counter(
        ("connections_rejected", "rejected_connections"),
        StatisticUnit::Count,
        "Connections that were refused at the limit.",
        |context| Ok(context.statistics.connections_rejected.get()),
    ),
    &Statistic::counter(
        ("evictions", "evicted_keys"),
        StatisticUnit::Count,
        "Keys that were evicted: none, because keys are never evicted.",
        |_| Ok(0),
    ),
    &Statistic::counter(
        ("hits", "keyspace_hits"),
        StatisticUnit::Count,
        "Reads that found their key.",
        |context| Ok(context.statistics.hits.get()),
    ),
    &Statistic::counter(
        ("misses", "keyspace_misses"),
        StatisticUnit::Count,
        "Reads that found no key.",
        |context| Ok(context.statistics.misses.get()),
    ),
    &Statistic::counter(
        ("protocol_errors", "kvs_protocol_errors"),
        StatisticUnit::Count,
        "Connections that were closed for bytes that follow no protocol.",
        |context| Ok(context.statistics.protocol_errors.get()),
    ),
    &Statistic::counter(
        ("connections_timed_out", "kvs_timed_out_connections"),
        StatisticUnit::Count,
        "Connections that were closed because their clients were late.",
        |context| Ok(context.statistics.connections_timed_out.get()),
    ),
    &Statistic::counter(
        ("connections_evicted", "evicted_clients"),
        StatisticUnit::Count,
        "Connections that were closed because clients held too much memory.",
        |context| Ok(context.statistics.connections_evicted.get()),
    ),
    &Statistic::counter(
        ("wrong_passwords", "acl_access_denied_auth"),
        StatisticUnit::Count,
        "Wrong users and passwords that clients gave.",
        |context| Ok(context.statistics.wrong_passwords.get()),
    ),
];

/// A handle on the figures of a server; cheap to clone and to send to other threads.
///
/// It keeps neither the server nor its store open.
#[derive(Clone)]
pub struct StatsHandle {
    context: Weak<Context>,
}

impl fmt::Debug for StatsHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StatsHandle").finish_non_exhaustive()
    }
}

impl StatsHandle {
    /// Returns a handle on the figures of a context.
    pub(crate) fn new(context: &Arc<Context>) -> Self {
        Self { context: Arc::downgrade(context) }
    }

    /// Returns every figure of the server as it is now.
    ///
    /// # Errors
    /// [`Error::Closed`] if the server ended; those of [`get`](crate::KeyspaceView::get) if the
    /// store cannot count its keys.
    pub fn stats(&self) -> Result<Vec<(Statistic, u64)>> {
        let context = self.context.upgrade().ok_or(Error::Closed)?;
        let all =
            [&UPTIME].into_iter().chain(CLIENTS).chain(TRAFFIC).chain([&KEYS, &KEYS_EXPIRING]);
        all.map(|statistic| Ok((*statistic, statistic.read(&context)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::server::testing;

    #[test]
    fn every_figure_has_a_name_of_its_own_and_ends_with_the_server() {
        let context = testing::context();
        let handle = StatsHandle::new(&context);
        context.statistics.hits.add(3);
        let stats = handle.stats().unwrap();
        let names: BTreeSet<_> = stats.iter().map(|(statistic, _)| statistic.name).collect();
        assert_eq!(names.len(), stats.len());
        assert!(stats.iter().any(|(statistic, value)| statistic.name == "hits" && *value == 3));
        drop(context);
        assert!(matches!(handle.stats(), Err(Error::Closed)));
    }
}
