//! `INFO`: the state of the server as text.
//!
//! Fields have the names of Redis and are there only if they are true here. `used_memory` is in
//! Redis what the allocator handed out, and here what the process takes.

use std::fmt::Write;
use std::time::Duration;

use super::call::{Call, Executed};
use super::persistence::last_save_seconds;
use super::reply_value::done;
use super::word::is;
use crate::protocol::resp::Value;
use crate::server::execute::context::Context;
use crate::server::execute::statistic::{self, ServerStatistic};
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

/// Names and values, in order.
type Fields = Vec<(String, String)>;

const SECTIONS: [Section; 10] = [
    section("Server", true, server),
    section("Clients", true, clients),
    section("Memory", true, memory),
    section("Persistence", true, persistence),
    section("Stats", true, stats),
    section("Replication", true, replication),
    section("Commandstats", false, commandstats),
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

fn fields<const N: usize>(fields: [(&str, String); N]) -> Result<Fields> {
    Ok(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

fn server(context: &Context) -> Result<Fields> {
    let uptime = statistic::UPTIME.read(context)?;
    fields([
        ("redis_version", REDIS_VERSION.into()),
        ("redis_mode", "standalone".into()),
        ("kvs_version", env!("CARGO_PKG_VERSION").into()),
        ("kvs_engine", context.store.engine().to_string()),
        ("os", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
        ("arch_bits", usize::BITS.to_string()),
        ("process_id", std::process::id().to_string()),
        ("run_id", context.run_id.clone()),
        ("tcp_port", context.tcp_port().to_string()),
        ("uptime_in_seconds", uptime.to_string()),
        ("uptime_in_days", (uptime / 86_400).to_string()),
        ("config_file", String::new()),
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
    fields.push(("blocked_clients".to_owned(), "0".to_owned()));
    Ok(fields)
}

fn memory(context: &Context) -> Result<Fields> {
    let [resident, peak] = &statistic::MEMORY;
    let (resident, peak) = (resident.read(context)?, peak.read(context)?);
    fields([
        ("used_memory", resident.to_string()),
        ("used_memory_human", human(resident)),
        ("used_memory_rss", resident.to_string()),
        ("used_memory_peak", peak.to_string()),
        ("used_memory_peak_human", human(peak)),
        ("maxmemory", "0".into()),
        ("maxmemory_policy", "noeviction".into()),
    ])
}

/// Returns a number of bytes as Redis writes it for people: `1.50M`.
fn human(bytes: u64) -> String {
    let units = ["K", "M", "G", "T", "P", "E"];
    let Some(power) = bytes.checked_ilog2().map(|bits| bits / 10).filter(|power| *power > 0) else {
        return format!("{bytes}B");
    };
    // Hundredths of the unit.
    let parts = (u128::from(bytes) * 100) >> (10 * power);
    format!("{}.{:02}{}", parts / 100, parts % 100, units[power as usize - 1])
}

fn persistence(context: &Context) -> Result<Fields> {
    let keeps = context.store.engine() != EngineKind::Memory;
    let status = if context.store.is_failing() { "err" } else { "ok" };
    let latest = context.latest_backups();
    let seconds = |time: Option<Duration>| {
        time.map_or_else(|| "-1".to_owned(), |time| time.as_secs().to_string())
    };
    let (running, last) = (latest.running.as_ref(), latest.last.as_ref());
    let has_failed = last.is_some_and(|last| last.result.is_err());
    fields([
        ("loading", "0".into()),
        ("rdb_bgsave_in_progress", u8::from(running.is_some()).to_string()),
        ("rdb_last_save_time", last_save_seconds(context, &latest).to_string()),
        ("rdb_last_bgsave_status", if has_failed { "err" } else { "ok" }.into()),
        ("rdb_last_bgsave_time_sec", seconds(last.map(|last| last.took))),
        ("rdb_current_bgsave_time_sec", seconds(running.map(|running| running.begun.elapsed()))),
        ("kvs_last_backup", last.map(|last| last.name.clone()).unwrap_or_default()),
        ("aof_enabled", u8::from(keeps).to_string()),
        ("aof_rewrite_in_progress", "0".into()),
        ("aof_last_bgrewrite_status", "ok".into()),
        ("aof_last_write_status", status.into()),
        ("kvs_durability", context.store.durability().to_string()),
    ])
}

fn stats(context: &Context) -> Result<Fields> {
    figures(context, &statistic::TRAFFIC)
}

fn replication(_: &Context) -> Result<Fields> {
    fields([("role", "master".into()), ("connected_slaves", "0".into())])
}

/// Returns the calls of every command that was called; times are not measured.
fn commandstats(context: &Context) -> Result<Fields> {
    let calls = context.statistics.all_calls().map(|(name, calls)| {
        let (executed, rejected, failed) =
            (calls.executed.get(), calls.rejected.get(), calls.failed.get());
        let line = format!(
            "calls={executed},usec=0,usec_per_call=0.00,rejected_calls={rejected},\
             failed_calls={failed}"
        );
        (executed + rejected, format!("cmdstat_{name}"), line)
    });
    Ok(calls.filter(|(count, ..)| *count > 0).map(|(_, name, line)| (name, line)).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_for_people() {
        let written = [0, 1023, 1024, 1536 << 10, (5 << 30) + (1 << 29), u64::MAX].map(human);
        assert_eq!(written, ["0B", "1023B", "1.00K", "1.50M", "5.50G", "15.99E"]);
    }
}
