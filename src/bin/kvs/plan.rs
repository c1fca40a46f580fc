//! The verb `plan`: what data will take.

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use indicatif::{BinaryBytes, HumanCount};
use kvs::{Options, PlannedData, StoragePlan, Store};

use crate::common::failure::{ToolExit, ToolResult};
use crate::common::json::JsonObject;
use crate::common::output::{ToolAnswer, ToolOutput};
use crate::common::verb::Verb;
use crate::local_store::LocalStore;
use crate::planned_count::planned_count;

/// The arguments of `plan`.
#[derive(Args)]
pub struct PlanVerb {
    /// The number of keys: 250000, 250k, 10M, 2G
    #[arg(long, value_name = "N", value_parser = planned_count)]
    keys: u64,
    /// The length of a key in bytes, on average: 16, 1k, 4Ki
    #[arg(long, value_name = "BYTES", value_parser = planned_count)]
    key_bytes: u64,
    /// The length of a value in bytes, on average
    #[arg(long, value_name = "BYTES", value_parser = planned_count)]
    value_bytes: u64,
}

/// The plan for some data.
struct PlanAnswer {
    data: PlannedData,
    plan: StoragePlan,
}

impl Verb<LocalStore> for PlanVerb {
    fn run(self, target: &mut LocalStore, output: &mut ToolOutput) -> ToolResult {
        let Self { keys, key_bytes, value_bytes } = self;
        let data = PlannedData { keys, key_bytes, value_bytes };
        let plan = Store::plan(&Options::new(target.directory()), &data)?;
        output.print(&PlanAnswer { data, plan })?;
        Ok(ToolExit::Done)
    }
}

impl ToolAnswer for PlanAnswer {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { data, plan } = self;
        let keys = HumanCount(data.keys);
        let bytes = BinaryBytes;
        writeln!(out, "keys: {keys}, of {} and {} bytes", data.key_bytes, data.value_bytes)?;
        let (index, opened) = (bytes(plan.index_bytes), bytes(plan.index_bytes_opened));
        writeln!(
            out,
            "memory of the index: {index}, and {opened} once the store was opened again"
        )?;
        writeln!(out, "memory of the cache: at most {}", bytes(plan.cache_bytes))?;
        let (log, record) = (bytes(plan.log_bytes), plan.record_bytes);
        writeln!(out, "log: {log}, {record} bytes for each key")?;
        writeln!(out, "hints: {}", bytes(plan.hint_bytes))?;
        writeln!(out, "garbage: at most {}", bytes(plan.garbage_bytes_max))?;
        let (compaction, reserve) = (bytes(plan.compaction_bytes), bytes(plan.reserve_bytes));
        writeln!(out, "space of a compaction: {compaction}, of the reserve: {reserve}")?;
        let (disk, disk_max) = (bytes(plan.disk_bytes()), bytes(plan.disk_bytes_max()));
        writeln!(out, "disk: {disk} at first, at most {disk_max}")?;
        let (clean, killed) = (seconds(plan.open_after_close), seconds(plan.open_after_kill));
        writeln!(
            out,
            "opening: {clean} after a clean close, {killed} after a kill, where docs/benchmarks.md \
             was measured"
        )
    }

    fn json(&self) -> Option<JsonObject> {
        let Self { data, plan } = self;
        let bytes = [
            ("keys", data.keys),
            ("key_bytes", data.key_bytes),
            ("value_bytes", data.value_bytes),
            ("index_bytes", plan.index_bytes),
            ("index_bytes_opened", plan.index_bytes_opened),
            ("cache_bytes", plan.cache_bytes),
            ("record_bytes", plan.record_bytes),
            ("log_bytes", plan.log_bytes),
            ("hint_bytes", plan.hint_bytes),
            ("garbage_bytes_max", plan.garbage_bytes_max),
            ("compaction_bytes", plan.compaction_bytes),
            ("reserve_bytes", plan.reserve_bytes),
            ("disk_bytes", plan.disk_bytes()),
            ("disk_bytes_max", plan.disk_bytes_max()),
            ("open_after_close_ms", milliseconds(plan.open_after_close)),
            ("open_after_kill_ms", milliseconds(plan.open_after_kill)),
        ];
        let object = JsonObject::new();
        Some(bytes.into_iter().fold(object, |object, (name, number)| object.field(name, number)))
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
