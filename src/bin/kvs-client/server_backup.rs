//! The verb `backup`: has the server make a backup, and waits for it.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use clap::Args;
use kvs::protocol::native::{BackupState, BackupStep};

use crate::common::failure::{ToolExit, ToolFailure, ToolResult};
use crate::common::json::JsonObject;
use crate::common::output::{ToolAnswer, ToolOutput};
use crate::common::phase_progress::PhaseProgress;
use crate::common::progress::ProgressUnit;
use crate::common::verb::Verb;
use crate::remote_store::RemoteStore;

/// The times between two questions how far the backup is: the first one, and the longest.
const WAIT_MIN: Duration = Duration::from_millis(5);
const WAIT_MAX: Duration = Duration::from_millis(500);

/// The arguments of `backup`.
#[derive(Args)]
pub struct ServerBackupVerb {
    /// The name of the backup's directory on the server [default: the time in UTC]
    name: Option<String>,
    /// Do not wait until the backup is finished
    #[arg(long)]
    no_wait: bool,
}

/// A backup that was begun or finished, for people and programs.
struct ServerBackupAnswer(BackupState);

impl Verb<RemoteStore> for ServerBackupVerb {
    fn run(self, target: &mut RemoteStore, output: &mut ToolOutput) -> ToolResult {
        let mut client = target.connect()?;
        let mut state = client.begin_backup(self.name.as_deref())?;
        let name = state.name.clone();
        let (progress, mut wait) = (PhaseProgress::new(), WAIT_MIN);
        while !self.no_wait && show(&state.step, &progress) {
            thread::sleep(wait);
            wait = WAIT_MAX.min(wait * 2);
            state = match client.backup_state()? {
                Some(state) if state.name == name => state,
                _ => {
                    let message = format!(
                        "the backup {name} is not there any more: the server was started again, or \
                         another one was begun; see its log"
                    );
                    return Err(ToolFailure::new(message));
                }
            };
        }
        progress.finish();
        if let BackupStep::Failed(failure) = state.step {
            return Err(ToolFailure::new(format!("the backup {name} failed: {failure}")));
        }
        output.print(&ServerBackupAnswer(state))?;
        Ok(ToolExit::Done)
    }
}

/// Shows how far the backup is; returns false once it has ended.
fn show(step: &BackupStep, progress: &PhaseProgress<&'static str>) -> bool {
    let (label, position) = match *step {
        BackupStep::Copying { bytes_done, bytes_total } => ("copying", (bytes_done, bytes_total)),
        BackupStep::Verifying { bytes_done, bytes_total } => {
            ("verifying", (bytes_done, bytes_total))
        }
        BackupStep::Finished { .. } | BackupStep::Failed(_) => return false,
    };
    progress.show(label, label, ProgressUnit::Bytes, position);
    true
}

impl ToolAnswer for ServerBackupAnswer {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let BackupState { name, step } = &self.0;
        let BackupStep::Finished { keys, segments, bytes_copied, bytes_linked, bytes_kept, .. } =
            step
        else {
            return writeln!(out, "begun: {name}");
        };
        let bytes = bytes_copied + bytes_linked + bytes_kept;
        writeln!(out, "verified: {name}, keys: {keys}, segments: {segments}, bytes: {bytes}")?;
        writeln!(out, "copied: {bytes_copied}, linked: {bytes_linked}, kept: {bytes_kept}")
    }

    fn json(&self) -> Option<JsonObject> {
        let BackupState { name, step } = &self.0;
        let object = JsonObject::new().field("name", name.as_str());
        let &BackupStep::Finished {
            segments,
            keys,
            version,
            bytes_copied,
            bytes_linked,
            bytes_kept,
        } = step
        else {
            return Some(object);
        };
        let object = object.field("keys", keys).field("segments", segments);
        let object = object.field("version", version).field("bytes_copied", bytes_copied);
        Some(object.field("bytes_linked", bytes_linked).field("bytes_kept", bytes_kept))
    }
}
