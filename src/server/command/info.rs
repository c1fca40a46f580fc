//! `INFO`: the state of the server as text.
//!
//! Fields have the names of Redis and are there only if they are true here. `used_memory` is in
//! Redis what the allocator handed out, and here what counts against `maxmemory`, or what the
//! process takes if there is no such limit.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::call::{Call, Executed};
use super::info_fields::{Fields, fields};
use super::persistence::last_save_seconds;
use super::reply_value::done;
use super::word::is;
use super::{info_calls, info_process};
use crate::protocol::resp::Value;
use crate::server::execute::context::Context;
use crate::server::execute::statistic::{self, ServerStatistic};
use crate::server::execute::subscriptions::SubscriptionKind;
use crate::server::measure::event_counter::Counter;
use crate::server::statistics::Rate;
use crate::store::read::Access;
use crate::store::reader::ReadLength;
use crate::{EngineKind, Result};

/// The version of Redis whose replies the commands give; clients choose their features by it.
pub(super) const REDIS_VERSION: &str = "7.0.15";

/// The section of the databases.
const KEYSPACE: &str = "Keyspace";

/// A section of the text.
struct Section {
    name: &'static str,
    /// True if it is shown without being asked for.
    default: bool,
    /// True if it may wait for the writer of the store, or takes long: a reader makes it.
    waits: bool,
    /// Returns its lines.
    lines: fn(&Context) -> Result<Fields>,
}

const SECTIONS: [Section; 14] = [
    section("Server", true, server),
    section("Clients", true, clients),
    section("Memory", true, info_process::memory),
    section("Persistence", true, persistence),
    section("Stats", true, stats),
    section("Replication", true, replication),
    section("CPU", true, info_process::cpu),
    section("Modules", true, |_| Ok(vec![])),
    section("Commandstats", false, info_calls::commandstats),
    section("Errorstats", true, info_calls::errorstats),
    section("Latencystats", false, info_calls::latencystats),
    section("Cluster", true, cluster),
    section(KEYSPACE, true, keyspace),
    Section { waits: true, ..section("Store", false, store) },
];

const fn section(
    name: &'static str,
    default: bool,
    lines: fn(&Context) -> Result<Fields>,
) -> Section {
    Section { name, default, waits: false, lines }
}

impl Section {
    fn is_asked_for(&self, call: &Call<'_>) -> bool {
        let by_default = call.arguments.count() == 1 && self.default;
        by_default
            || call.rest(1).any(|word| {
                is(word, self.name)
                    || is(word, "all")
                    || is(word, "everything")
                    || self.default && is(word, "default")
            })
    }
}

/// `INFO [section ...]`
pub(super) fn info(call: &Call<'_>) -> Executed {
    let sections = || SECTIONS.iter().filter(|section| section.is_asked_for(call));
    if sections().any(|section| section.waits) {
        call.check_may_wait(ReadLength::Long)?;
    }
    if sections().any(|section| section.name == KEYSPACE) {
        (0..call.context.options.databases).try_for_each(|it| call.view_of(it).map(drop))?;
    }
    let mut text = String::new();
    for section in sections() {
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "# {}\r\n", section.name);
        for (name, value) in (section.lines)(call.context)? {
            let _ = write!(text, "{name}:{value}\r\n");
        }
    }
    done(Value::Verbatim(text))
}

fn server(context: &Context) -> Result<Fields> {
    let uptime = statistic::UPTIME.read(context)?;
    fields([
        ("redis_version", REDIS_VERSION.into()),
        ("redis_git_sha1", "00000000".into()),
        ("redis_git_dirty", "0".into()),
        ("redis_mode", "standalone".into()),
        ("kvs_version", env!("CARGO_PKG_VERSION").into()),
        ("kvs_engine", context.store.engine().to_string()),
        ("os", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
        ("multiplexing_api", "epoll".into()),
        ("arch_bits", usize::BITS.to_string()),
        ("process_id", std::process::id().to_string()),
        ("process_supervised", "no".into()),
        ("run_id", context.run_id.clone()),
        ("tcp_port", context.tcp_port().to_string()),
        ("server_time_usec", (context.store.now().0 * 1000).to_string()),
        ("uptime_in_seconds", uptime.to_string()),
        ("uptime_in_days", (uptime / 86_400).to_string()),
        ("hz", "10".into()),
        ("configured_hz", "10".into()),
        ("config_file", String::new()),
        ("io_threads_active", u8::from(context.options.workers > 1).to_string()),
    ])
}

fn figures(context: &Context, statistics: &[&ServerStatistic]) -> Result<Fields> {
    let field = |statistic: &&ServerStatistic| {
        Ok((statistic.info_name.to_owned(), statistic.read(context)?.to_string()))
    };
    statistics.iter().map(field).collect()
}

fn clients(context: &Context) -> Result<Fields> {
    let mut fields = figures(context, &statistic::CLIENTS)?;
    // As in Redis those are blocked that wait for the end of a pause, and no others here.
    let blocked = context.pause.clients();
    fields.push(("blocked_clients".to_owned(), blocked.to_string()));
    let none = ["cluster_connections", "tracking_clients", "clients_in_timeout_table"];
    fields.extend(none.map(|name| (name.to_owned(), "0".to_owned())));
    Ok(fields)
}

fn persistence(context: &Context) -> Result<Fields> {
    let keeps = context.store.engine() != EngineKind::Memory;
    let latest = context.latest_backups();
    let seconds = |time: Option<Duration>| {
        time.map_or_else(|| "-1".to_owned(), |time| time.as_secs().to_string())
    };
    let (running, last) = (latest.running.as_ref(), latest.last.as_ref());
    let rewrites = context.rewrites.latest();
    let (rewriting, rewritten) = (rewrites.running, rewrites.last.as_ref());
    let rewrite_failed = rewritten.is_some_and(|(_, result)| result.is_err());
    let status = |has_failed: bool| if has_failed { "err" } else { "ok" }.to_owned();
    let has_failed = last.is_some_and(|last| last.result.is_err());
    let mut fields = fields([
        ("loading", "0".into()),
        ("async_loading", "0".into()),
        ("rdb_bgsave_in_progress", u8::from(running.is_some()).to_string()),
        ("rdb_last_save_time", last_save_seconds(context, &latest).to_string()),
        ("rdb_last_bgsave_status", status(has_failed)),
        ("rdb_last_bgsave_time_sec", seconds(last.map(|last| last.took))),
        ("rdb_current_bgsave_time_sec", seconds(running.map(|running| running.begun.elapsed()))),
        ("kvs_last_backup", last.map(|last| last.name.clone()).unwrap_or_default()),
        ("aof_enabled", u8::from(keeps).to_string()),
        ("aof_rewrite_in_progress", u8::from(rewriting.is_some()).to_string()),
        ("aof_rewrite_scheduled", "0".into()),
        ("aof_last_rewrite_time_sec", seconds(rewritten.map(|(took, _)| *took))),
        ("aof_current_rewrite_time_sec", seconds(rewriting.map(|begun| begun.elapsed()))),
        ("aof_last_bgrewrite_status", status(rewrite_failed)),
        ("aof_rewrites", rewrites.begun.to_string()),
        ("aof_last_write_status", status(context.store.is_failing())),
        ("module_fork_in_progress", "0".into()),
        ("kvs_durability", context.store.durability().to_string()),
    ])?;
    // A change is in the log before it is answered: none waits to be saved.
    let unsaved = keeps.then(|| ("rdb_changes_since_last_save".to_owned(), "0".to_owned()));
    fields.extend(unsaved);
    Ok(fields)
}

fn stats(context: &Context) -> Result<Fields> {
    let mut fields = figures(context, &statistic::TRAFFIC)?;
    let statistics = &context.statistics;
    let now = Instant::now();
    let kibibytes = |rate: &Rate, bytes: &Counter| {
        let hundredths = u128::from(rate.per_second(bytes.get(), now)) * 100 / 1024;
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    };
    let input = kibibytes(&statistics.input_rate, &statistics.bytes_in);
    let output = kibibytes(&statistics.output_rate, &statistics.bytes_out);
    fields.push(("instantaneous_input_kbps".to_owned(), input));
    fields.push(("instantaneous_output_kbps".to_owned(), output));
    for (name, kind) in [
        ("pubsub_channels", SubscriptionKind::Channel),
        ("pubsub_patterns", SubscriptionKind::Pattern),
        ("pubsubshard_channels", SubscriptionKind::Shard),
    ] {
        fields.push((name.to_owned(), context.channels.count(kind).to_string()));
    }
    fields.extend(NEVER_HAPPENS.map(|name| (name.to_owned(), "0".to_owned())));
    Ok(fields)
}

/// Figures of Redis about what this server never does.
const NEVER_HAPPENS: [&str; 19] = [
    "total_net_repl_input_bytes",
    "total_net_repl_output_bytes",
    "sync_full",
    "sync_partial_ok",
    "sync_partial_err",
    "latest_fork_usec",
    "total_forks",
    "migrate_cached_sockets",
    "slave_expires_tracked_keys",
    "active_defrag_hits",
    "active_defrag_misses",
    "active_defrag_key_hits",
    "active_defrag_key_misses",
    "total_active_defrag_time",
    "current_active_defrag_time",
    "tracking_total_keys",
    "tracking_total_items",
    "tracking_total_prefixes",
    "unexpected_error_replies",
];

fn replication(context: &Context) -> Result<Fields> {
    fields([
        ("role", "master".into()),
        ("connected_slaves", "0".into()),
        ("master_failover_state", "no-failover".into()),
        ("master_replid", context.run_id.clone()),
        ("master_replid2", "0".repeat(40)),
        ("master_repl_offset", "0".into()),
        ("second_repl_offset", "-1".into()),
        ("repl_backlog_active", "0".into()),
        ("repl_backlog_size", "0".into()),
        ("repl_backlog_first_byte_offset", "0".into()),
        ("repl_backlog_histlen", "0".into()),
    ])
}

fn cluster(_: &Context) -> Result<Fields> {
    fields([("cluster_enabled", "0".into())])
}

/// Returns the databases that have keys. Those that have to be looked up first are left out, which
/// [`info`] did.
fn keyspace(context: &Context) -> Result<Fields> {
    let mut fields = Vec::new();
    for database in 0..context.options.databases {
        let view = context.databases.view(&context.store, database, Access::MemoryOnly);
        let Ok(view) = view else { continue };
        let (keys, expires) = (view.len()?, view.count_expiring()?);
        if keys > 0 {
            let counts = format!("keys={keys},expires={expires},avg_ttl=0");
            fields.push((format!("db{database}"), counts));
        }
    }
    Ok(fields)
}

/// Returns the figures of the store.
fn store(context: &Context) -> Result<Fields> {
    let figures = statistic::of_store(context).into_iter();
    Ok(figures.map(|(figure, value)| (format!("kvs_{}", figure.name), value.to_string())).collect())
}
