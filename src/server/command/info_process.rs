//! The sections of `INFO` about the process: its memory and its processor time.

use std::time::Duration;

use super::info_fields::{Fields, fields};
use crate::Result;
use crate::server::execute::context::Context;
use crate::server::execute::statistic;
use crate::server::machine_memory::memory_limit;
use crate::server::process_times::ProcessTimes;

/// Returns the memory of the process. Of it the part is used that counts against `maxmemory`, if
/// there is such a limit.
pub(super) fn memory(context: &Context) -> Result<Fields> {
    let [resident, peak] = &statistic::MEMORY;
    let (resident, peak) = (resident.read(context)?, peak.read(context)?);
    let machine = memory_limit() as u64;
    let limit = context.store.memory();
    let settings = limit.settings();
    let used = limit.used().unwrap_or(resident);
    let none = || "0".to_owned();
    fields([
        ("used_memory", used.to_string()),
        ("used_memory_human", human(used)),
        ("used_memory_rss", resident.to_string()),
        ("used_memory_rss_human", human(resident)),
        ("used_memory_peak", peak.to_string()),
        ("used_memory_peak_human", human(peak)),
        ("used_memory_peak_perc", format!("{}%", hundredths(resident.saturating_mul(100), peak))),
        ("total_system_memory", machine.to_string()),
        ("total_system_memory_human", human(machine)),
        ("used_memory_lua", none()),
        ("used_memory_lua_human", human(0)),
        ("used_memory_scripts", none()),
        ("used_memory_scripts_human", human(0)),
        ("number_of_cached_scripts", none()),
        ("number_of_functions", none()),
        ("number_of_libraries", none()),
        ("maxmemory", settings.bytes_max.to_string()),
        ("maxmemory_human", human(settings.bytes_max)),
        ("maxmemory_policy", settings.policy.to_string()),
        ("mem_fragmentation_ratio", hundredths(resident, used)),
        ("mem_fragmentation_bytes", resident.saturating_sub(used).to_string()),
        ("mem_not_counted_for_evict", none()),
        ("mem_replication_backlog", none()),
        ("mem_clients_slaves", none()),
        ("mem_clients_normal", context.clients.memory.held().to_string()),
        ("mem_cluster_links", none()),
        ("mem_aof_buffer", none()),
        ("active_defrag_running", none()),
        ("lazyfree_pending_objects", none()),
    ])
}

/// Returns a quotient with two digits, 0 if the divisor is.
fn hundredths(dividend: u64, divisor: u64) -> String {
    let parts = (u128::from(dividend) * 100).checked_div(u128::from(divisor)).unwrap_or(0);
    format!("{}.{:02}", parts / 100, parts % 100)
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

/// Returns the processor time of the process.
pub(super) fn cpu(_: &Context) -> Result<Fields> {
    let seconds = |time: Duration| format!("{}.{:06}", time.as_secs(), time.subsec_micros());
    let times = ProcessTimes::now();
    fields([
        ("used_cpu_sys", seconds(times.system)),
        ("used_cpu_user", seconds(times.user)),
        ("used_cpu_sys_children", seconds(times.system_children)),
        ("used_cpu_user_children", seconds(times.user_children)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_for_people() {
        let written = [0, 1023, 1024, 1536 << 10, (5 << 30) + (1 << 29), u64::MAX].map(human);
        assert_eq!(written, ["0B", "1023B", "1.00K", "1.50M", "5.50G", "15.99E"]);
        assert_eq!([hundredths(3, 2), hundredths(1, 0)], ["1.50", "0.00"]);
    }
}
