//! The registry of statistics: one row for each figure that a server reports.
//!
//! `INFO`, the operation `Info` of the native protocol and [`StatsHandle`] read these rows, and
//! those of the store.

use std::fmt;
use std::time::{Duration, Instant};

use super::context::Context;
use crate::server::process_memory::ProcessMemory;
use crate::sync::{Arc, Weak};
use crate::{Error, Result, Statistic, StatisticKind, StatisticUnit};

/// The longest time for which figures wait for the writer of the store; without an answer those
/// that it has are left out.
const WRITER_WAIT: Duration = Duration::from_secs(1);

/// One figure that a server reports.
pub(crate) struct ServerStatistic {
    /// The description.
    statistic: Statistic,
    /// The name in `INFO`.
    pub(crate) info_name: &'static str,
    value: fn(&Context) -> Result<u64>,
}

impl ServerStatistic {
    const fn counter(
        (name, info_name): (&'static str, &'static str),
        unit: StatisticUnit,
        help: &'static str,
        value: fn(&Context) -> Result<u64>,
    ) -> Self {
        let statistic = Statistic { name, kind: StatisticKind::Counter, unit, help };
        Self { statistic, info_name, value }
    }

    const fn gauge(
        (name, info_name): (&'static str, &'static str),
        unit: StatisticUnit,
        help: &'static str,
        value: fn(&Context) -> Result<u64>,
    ) -> Self {
        let statistic = Statistic { name, kind: StatisticKind::Gauge, unit, help };
        Self { statistic, info_name, value }
    }

    /// Returns the name.
    pub(crate) fn name(&self) -> &'static str {
        self.statistic.name
    }

    /// Returns the figure as it is now.
    pub(crate) fn read(&self, context: &Context) -> Result<u64> {
        (self.value)(context)
    }
}

/// Returns the figures of the store. It may wait for the writer, and visits all keys of the index.
pub(crate) fn of_store(context: &Context) -> Vec<(Statistic, u64)> {
    context.store.stats_within(Some(WRITER_WAIT)).figures()
}

pub(crate) static UPTIME: ServerStatistic = ServerStatistic::gauge(
    ("uptime_seconds", "uptime_in_seconds"),
    StatisticUnit::Seconds,
    "The time since the start of the server.",
    |context| Ok(context.started.elapsed().as_secs()),
);

pub(crate) static CONNECTIONS: ServerStatistic = ServerStatistic::gauge(
    ("connections", "connected_clients"),
    StatisticUnit::Count,
    "Open connections.",
    |context| Ok(context.clients.count() as u64),
);

pub(crate) static REQUESTS: ServerStatistic = ServerStatistic::counter(
    ("requests", "total_commands_processed"),
    StatisticUnit::Count,
    "Executed requests.",
    |context| Ok(context.statistics.requests.get()),
);

pub(crate) static KEYS: ServerStatistic = ServerStatistic::gauge(
    ("keys", "keys"),
    StatisticUnit::Count,
    "Keys in the store; expired ones count until they are removed.",
    |context| context.store.len(),
);

pub(crate) static KEYS_EXPIRING: ServerStatistic = ServerStatistic::gauge(
    ("keys_expiring", "expires"),
    StatisticUnit::Count,
    "Keys that have an expiry.",
    |context| context.store.count_expiring(),
);

/// The figures of the section `Clients` of `INFO`.
pub(crate) static CLIENTS: [&ServerStatistic; 4] = [
    &CONNECTIONS,
    &ServerStatistic::gauge(
        ("connections_max", "maxclients"),
        StatisticUnit::Count,
        "The most connections that may be open.",
        |context| Ok(context.settings.connections_max() as u64),
    ),
    &ServerStatistic::gauge(
        ("client_memory_bytes", "mem_clients_normal"),
        StatisticUnit::Bytes,
        "Memory that is held for all clients.",
        |context| Ok(context.clients.memory.held() as u64),
    ),
    &ServerStatistic::gauge(
        ("client_memory_max_bytes", "maxmemory_clients"),
        StatisticUnit::Bytes,
        "The most memory that is held for all clients.",
        |context| Ok(context.clients.memory.limit() as u64),
    ),
];

/// The figures of the section `Memory` of `INFO`. What the store and the clients hold is a part of
/// them, and so is whatever else the process does.
pub(crate) static MEMORY: [&ServerStatistic; 2] = [
    &ServerStatistic::gauge(
        ("memory_bytes", "used_memory_rss"),
        StatisticUnit::Bytes,
        "Resident memory of the process; 0 where the kernel does not tell.",
        |_| Ok(ProcessMemory::now().resident),
    ),
    &ServerStatistic::gauge(
        ("memory_peak_bytes", "used_memory_peak"),
        StatisticUnit::Bytes,
        "The most memory of the process that was resident.",
        |_| Ok(ProcessMemory::now().peak),
    ),
];

/// The figures of the section `Stats` of `INFO`.
pub(crate) static TRAFFIC: [&ServerStatistic; 18] = [
    &ServerStatistic::counter(
        ("connections_accepted", "total_connections_received"),
        StatisticUnit::Count,
        "Accepted connections.",
        |context| Ok(context.statistics.connections_accepted.get()),
    ),
    &REQUESTS,
    &ServerStatistic::gauge(
        ("requests_per_second", "instantaneous_ops_per_sec"),
        StatisticUnit::PerSecond,
        "Requests per second between the last two queries of this figure, at least a second apart.",
        |context| {
            let requests = context.statistics.requests.get();
            Ok(context.statistics.request_rate.per_second(requests, Instant::now()))
        },
    ),
    &ServerStatistic::counter(
        ("bytes_in", "total_net_input_bytes"),
        StatisticUnit::Bytes,
        "Bytes read from clients.",
        |context| Ok(context.statistics.bytes_in.get()),
    ),
    &ServerStatistic::counter(
        ("bytes_out", "total_net_output_bytes"),
        StatisticUnit::Bytes,
        "Bytes written to clients.",
        |context| Ok(context.statistics.bytes_out.get()),
    ),
    &ServerStatistic::counter(
        ("connections_rejected", "rejected_connections"),
        StatisticUnit::Count,
        "Connections that were refused at the limit.",
        |context| Ok(context.statistics.connections_rejected.get()),
    ),
    &ServerStatistic::counter(
        ("evictions", "evicted_keys"),
        StatisticUnit::Count,
        "Keys that were evicted at the limit of the memory.",
        |context| Ok(context.store.removed().evicted()),
    ),
    &ServerStatistic::counter(
        ("expirations", "expired_keys"),
        StatisticUnit::Count,
        "Keys that were removed because their time had passed.",
        |context| Ok(context.store.removed().expired()),
    ),
    &ServerStatistic::counter(
        ("hits", "keyspace_hits"),
        StatisticUnit::Count,
        "Reads that found their key.",
        |context| Ok(context.statistics.hits.get()),
    ),
    &ServerStatistic::counter(
        ("misses", "keyspace_misses"),
        StatisticUnit::Count,
        "Reads that found no key.",
        |context| Ok(context.statistics.misses.get()),
    ),
    &ServerStatistic::counter(
        ("protocol_errors", "kvs_protocol_errors"),
        StatisticUnit::Count,
        "Connections that were closed for bytes that follow no protocol.",
        |context| Ok(context.statistics.protocol_errors.get()),
    ),
    &ServerStatistic::counter(
        ("connections_timed_out", "kvs_timed_out_connections"),
        StatisticUnit::Count,
        "Connections that were closed because their clients were late.",
        |context| Ok(context.statistics.connections_timed_out.get()),
    ),
    &ServerStatistic::counter(
        ("connections_evicted", "evicted_clients"),
        StatisticUnit::Count,
        "Connections that were closed because clients held too much memory.",
        |context| Ok(context.statistics.connections_evicted.get()),
    ),
    &ServerStatistic::counter(
        ("wrong_passwords", "acl_access_denied_auth"),
        StatisticUnit::Count,
        "Wrong users and passwords that clients gave.",
        |context| Ok(context.statistics.wrong_passwords.get()),
    ),
    &ServerStatistic::counter(
        ("errors", "total_error_replies"),
        StatisticUnit::Count,
        "Error replies to commands of Redis.",
        |context| Ok(context.statistics.errors.total()),
    ),
    &ServerStatistic::counter(
        ("socket_reads", "total_reads_processed"),
        StatisticUnit::Count,
        "Reads of sockets that brought something.",
        |context| Ok(context.statistics.reads.get()),
    ),
    &ServerStatistic::counter(
        ("socket_writes", "total_writes_processed"),
        StatisticUnit::Count,
        "Writes to sockets.",
        |context| Ok(context.statistics.writes.get()),
    ),
    &ServerStatistic::gauge(
        ("reads_waiting", "kvs_waiting_reads"),
        StatisticUnit::Count,
        "Reads that wait for a reader.",
        |context| Ok(context.waiting_reads() as u64),
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

    /// Returns every figure of the server as it is now, and those of its store, which are the
    /// [figures](crate::StoreStats::figures) of [`Store::stats`](crate::Store::stats). It waits for
    /// the writer of the store for up to a second, and leaves its figures out then; and it visits
    /// every key of the index, as that does.
    ///
    /// # Errors
    /// [`Error::Closed`] if the server ended; those of [`get`](crate::KeyspaceView::get) if the
    /// store cannot count its keys.
    pub fn stats(&self) -> Result<Vec<(Statistic, u64)>> {
        let context = self.context.upgrade().ok_or(Error::Closed)?;
        let all = [&UPTIME].into_iter().chain(CLIENTS).chain(MEMORY).chain(TRAFFIC);
        let all = all.chain([&KEYS, &KEYS_EXPIRING]);
        let read = |it: &ServerStatistic| Ok((it.statistic, it.read(&context)?));
        let own = all.map(read).collect::<Result<Vec<_>>>()?;
        Ok([own, of_store(&context)].concat())
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
        assert!(stats.iter().any(|(statistic, value)| statistic.name == "groups" && *value == 0));
        drop(context);
        assert!(matches!(handle.stats(), Err(Error::Closed)));
    }
}
