//! The sections of `INFO` about calls: their number and times, and their errors.

use super::info_fields::Fields;
use crate::Result;
use crate::server::execute::context::Context;
use crate::server::measure::call_counters::CallCounters;

/// Returns the calls and the microseconds of every command that was called.
pub(super) fn commandstats(context: &Context) -> Result<Fields> {
    let called = context.statistics.all_calls().filter(|calls| calls.was_called());
    let field = |calls: &CallCounters| {
        let (executed, microseconds) = (calls.executed.get(), calls.microseconds());
        let (rejected, failed) = (calls.rejected.get(), calls.failed.get());
        // Hundredths of a microsecond.
        let each = (u128::from(microseconds) * 100).checked_div(u128::from(executed)).unwrap_or(0);
        let (whole, parts) = (each / 100, each % 100);
        let line = format!(
            "calls={executed},usec={microseconds},usec_per_call={whole}.{parts:02},\
             rejected_calls={rejected},failed_calls={failed}"
        );
        (format!("cmdstat_{}", calls.name), line)
    };
    Ok(called.map(field).collect())
}

/// Returns the number of error replies by their code.
pub(super) fn errorstats(context: &Context) -> Result<Fields> {
    let errors = context.statistics.errors.by_code().into_iter();
    Ok(errors
        .map(|(code, count)| (format!("errorstat_{code}"), format!("count={count}")))
        .collect())
}

/// Returns percentiles of the times of every command that was timed.
pub(super) fn latencystats(context: &Context) -> Result<Fields> {
    if !context.settings.tracks_latency() {
        return Ok(vec![]);
    }
    let percentiles = context.settings.percentiles();
    let field = |calls: &CallCounters| {
        let latencies = calls.latencies()?;
        let figures = percentiles.iter().map(|percent| {
            let nanoseconds = latencies.percentile(*percent);
            format!("p{percent}={}.{:03}", nanoseconds / 1000, nanoseconds % 1000)
        });
        let figures: Vec<_> = figures.collect();
        Some((format!("latency_percentiles_usec_{}", calls.name), figures.join(",")))
    };
    Ok(context.statistics.all_calls().filter_map(field).collect())
}
