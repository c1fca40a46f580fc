//! The verbs `backup` and `restore`: the store's directory to another one, and back.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use kvs::{BackupPhase, BackupProgress, BackupReport, Store};

use crate::common::failure::{ToolExit, ToolResult};
use crate::common::json::JsonObject;
use crate::common::output::{ToolAnswer, ToolOutput};
use crate::common::phase_progress::PhaseProgress;
use crate::common::progress::ProgressUnit;
use crate::common::verb::Verb;
use crate::local_store::LocalStore;

/// The arguments of `backup`.
#[derive(Args)]
pub struct BackupVerb {
    /// The directory to make the backup in: missing, empty, or with an unfinished backup
    to: PathBuf,
    /// An earlier backup: segments that it has are linked from there
    #[arg(long, value_name = "BACKUP")]
    base: Option<PathBuf>,
    /// Copy every file, where hard links to the store would do
    #[arg(long)]
    copy: bool,
}

/// The arguments of `restore`.
#[derive(Args)]
pub struct RestoreVerb {
    /// The directory of the backup
    backup: PathBuf,
}

/// The result of a backup or a restore.
struct BackupAnswer(BackupReport);

impl Verb<LocalStore> for BackupVerb {
    fn run(self, target: &mut LocalStore, output: &mut ToolOutput) -> ToolResult {
        let mut options = target.backup_options().copy_all(self.copy).on_progress(show_backup());
        if let Some(base) = self.base {
            options = options.base(base);
        }
        output.print(&BackupAnswer(Store::backup_directory(
            target.directory(),
            self.to,
            &options,
        )?))?;
        Ok(ToolExit::Done)
    }
}

impl Verb<LocalStore> for RestoreVerb {
    fn run(self, target: &mut LocalStore, output: &mut ToolOutput) -> ToolResult {
        let options = target.backup_options().on_progress(show_backup());
        output.print(&BackupAnswer(Store::restore(self.backup, target.directory(), &options)?))?;
        Ok(ToolExit::Done)
    }
}

impl ToolAnswer for BackupAnswer {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let BackupReport { keys, segments, bytes_copied, bytes_linked, bytes_kept, .. } = self.0;
        let bytes = self.0.bytes();
        writeln!(out, "verified: keys: {keys}, segments: {segments}, bytes: {bytes}")?;
        writeln!(out, "copied: {bytes_copied}, linked: {bytes_linked}, kept: {bytes_kept}")
    }

    fn json(&self) -> Option<JsonObject> {
        let BackupReport { keys, segments, version, .. } = self.0;
        let object = JsonObject::new().field("keys", keys).field("segments", segments);
        let object = object.field("version", version).field("bytes_copied", self.0.bytes_copied);
        let object = object.field("bytes_linked", self.0.bytes_linked);
        Some(object.field("bytes_kept", self.0.bytes_kept))
    }
}

/// Returns a function that shows the progress of a backup that takes long.
fn show_backup() -> impl Fn(BackupProgress) + Send + Sync {
    let progress = PhaseProgress::new();
    move |now| {
        let label = match now.phase {
            BackupPhase::Copying => "copying",
            _ => "verifying",
        };
        let position = (now.bytes_done, now.bytes_total);
        progress.show(now.phase, label, ProgressUnit::Bytes, position);
    }
}
