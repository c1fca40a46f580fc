//! `LATENCY`: the times of calls, by second and as histograms.

use super::call::{Call, Executed};
use super::command_error::shown;
use super::latency_graph::graph_of;
use super::reply_value::{bulk, done, length, refuse};
use crate::protocol::resp::Value;
use crate::server::measure::call_counters::CallCounters;
use crate::server::measure::latency_monitor::LatencySeries;

/// The most names in one question for histograms, many times as many as there are commands.
const NAMES_MAX: usize = 1024;

fn integer(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// `LATENCY LATEST`
pub(super) fn latest(call: &Call<'_>) -> Executed {
    let events = call.context.latency_monitor.all();
    let latest = events.iter().filter_map(|(event, series)| {
        let last = series.samples.back()?;
        let times = [last.at_seconds, last.milliseconds, series.longest].map(integer);
        Some(Value::Array([bulk(*event)].into_iter().chain(times).collect()))
    });
    done(Value::Array(latest.collect()))
}

/// `LATENCY HISTORY event`
pub(super) fn history(call: &Call<'_>) -> Executed {
    let series = call.context.latency_monitor.series(call.argument(2)).unwrap_or_default();
    let samples = series
        .samples
        .iter()
        .map(|sample| Value::Array(vec![integer(sample.at_seconds), integer(sample.milliseconds)]));
    done(Value::Array(samples.collect()))
}

/// `LATENCY RESET [event ...]`
pub(super) fn reset(call: &Call<'_>) -> Executed {
    let monitor = &call.context.latency_monitor;
    done(length(match call.arguments.count() {
        2 => monitor.clear(),
        _ => call.rest(2).filter(|event| monitor.remove(event)).count(),
    }))
}

/// `LATENCY GRAPH event`
pub(super) fn graph(call: &Call<'_>) -> Executed {
    let event = String::from_utf8_lossy(call.argument(2));
    match call.context.latency_monitor.series(call.argument(2)) {
        Some(series) => {
            let now = call.context.store.now().0 / 1000;
            done(Value::Verbatim(graph_of(&event, &series, now)))
        }
        None => {
            let event = shown(call.argument(2));
            refuse(format!("ERR No samples available for event '{event}'"))
        }
    }
}

/// `LATENCY DOCTOR`
pub(super) fn doctor(call: &Call<'_>) -> Executed {
    let events = call.context.latency_monitor.all();
    let text = match call.context.settings.monitored_milliseconds() {
        None if events.is_empty() => DISABLED.to_owned(),
        Some(_) if events.is_empty() => HEALTHY.to_owned(),
        _ => report(&events),
    };
    done(Value::Verbatim(text))
}

const DISABLED: &str = "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this \
    Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order \
    to enable it. If we weren't in a deep space mission I'd suggest to take a look at \
    https://redis.io/topics/latency-monitor.\n";

const HEALTHY: &str = "Dave, no latency spike was observed during the lifetime of this Redis \
    instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a \
    stress pill, and think things over.\n";

/// Returns what the events were, and where to look next.
fn report(events: &[(&'static str, LatencySeries)]) -> String {
    let mut text = "Dave, I have observed latency spikes in this Redis instance. You don't mind \
        talking about it, do you Dave?\n\n"
        .to_owned();
    for (number, (event, series)) in (1..).zip(events) {
        let times = series.samples.iter().map(|sample| sample.milliseconds);
        let count = series.samples.len() as u64;
        let mean = times.clone().sum::<u64>().checked_div(count).unwrap_or(0);
        let deviation = times.map(|time| time.abs_diff(mean)).sum::<u64>();
        let deviation = deviation.checked_div(count).unwrap_or(0);
        let first = series.samples.front().map_or(0, |sample| sample.at_seconds);
        let last = series.samples.back().map_or(0, |sample| sample.at_seconds);
        let period = last.saturating_sub(first).checked_div(count).unwrap_or(0);
        let longest = series.longest;
        text += &format!(
            "{number}. {event}: {count} latency spikes (average {mean}ms, mean deviation \
             {deviation}ms, period {period} sec). Worst all time event {longest}ms.\n"
        );
    }
    text + "\nI have a few advices for you:\n\n\
        - Check your Slow Log to understand what are the commands you are running which are too \
        slow to execute: SLOWLOG GET. Its threshold is slowlog-log-slower-than.\n\
        - The time of a read that waits for the disk is in there: see the cache in INFO store, and \
        the reads that wait in kvs_waiting_reads.\n\
        - The time of a write is that of its preparation alone: for syncs of the log see \
        kvs_sync_microseconds_max in INFO store.\n"
}

/// `LATENCY HISTOGRAM [command ...]`
pub(super) fn histogram(call: &Call<'_>) -> Executed {
    let statistics = &call.context.statistics;
    let described = |calls: &CallCounters| Some((bulk(&*calls.name), distribution(calls)?));
    if call.arguments.count() == 2 {
        return done(Value::Map(statistics.all_calls().filter_map(described).collect()));
    }
    if call.rest(2).len() > NAMES_MAX {
        return refuse(format!("ERR more than {NAMES_MAX} commands are asked for at once"));
    }
    let mut found = Vec::new();
    for name in call.rest(2) {
        let named = |calls: &&CallCounters| calls.name.as_bytes().eq_ignore_ascii_case(name);
        if let Some(calls) = statistics.all_calls().find(named) {
            // A container has no times of its own but those of its subcommands.
            found.extend(calls.with_subcommands().filter_map(described));
        }
    }
    done(Value::Map(found))
}

/// Returns the calls of a command by the microseconds that they took at most.
fn distribution(calls: &CallCounters) -> Option<Value> {
    let latencies = calls.latencies()?;
    let (all, timed) = (u128::from(calls.executed.get()), u128::from(latencies.total()));
    let scaled = |count: u64| {
        let calls = (u128::from(count) * all).checked_div(timed).unwrap_or(0);
        integer(u64::try_from(calls).unwrap_or(u64::MAX))
    };
    // As the histogram of Redis rounds them.
    let bound = |power: u32| ((1_u64 << power) + (1 << (power - 7)) - 1) / 1000;
    let shares = latencies.by_powers().map(|(power, count)| (integer(bound(power)), scaled(count)));
    Some(Value::Map(vec![
        (bulk("calls"), integer(calls.executed.get())),
        (bulk("histogram_usec"), Value::Map(shares.collect())),
    ]))
}
