//! Operations on the backups of the server.

use crate::options::{BackupPhase, BackupProgress, BackupReport};
use crate::protocol::native::{BackupState, BackupStep, Failure, FailureKind, Success};
use crate::server::backup::{BackupRefusal, BackupResult, LatestBackups};
use crate::server::execute::context::Context;

/// Begins a backup, and returns its state.
pub(super) fn begin(name: Option<&str>, context: &Context) -> Result<Success<'static>, Failure> {
    context.begin_backup(name).map_err(refusal)?;
    Ok(state(context))
}

/// Returns the state of the backup that is being made, or else of the last one.
pub(super) fn state(context: &Context) -> Success<'static> {
    let LatestBackups { running, last, .. } = context.latest_backups();
    let running =
        running.map(|running| BackupState { name: running.name, step: step(running.progress) });
    Success::Backup(running.or(last.map(ended)))
}

fn step(BackupProgress { phase, bytes_done, bytes_total }: BackupProgress) -> BackupStep {
    match phase {
        BackupPhase::Copying => BackupStep::Copying { bytes_done, bytes_total },
        BackupPhase::Verifying => BackupStep::Verifying { bytes_done, bytes_total },
    }
}

fn ended(BackupResult { name, result, .. }: BackupResult) -> BackupState {
    let step = match result {
        Ok(report) => {
            let BackupReport { segments, keys, version, .. } = report;
            let BackupReport { bytes_copied, bytes_linked, bytes_kept, .. } = report;
            BackupStep::Finished { segments, keys, version, bytes_copied, bytes_linked, bytes_kept }
        }
        Err(error) => BackupStep::Failed(Failure::from(&*error)),
    };
    BackupState { name, step }
}

fn refusal(refusal: BackupRefusal) -> Failure {
    let kind = match refusal {
        BackupRefusal::NoDirectory => FailureKind::Unsupported,
        BackupRefusal::Running => FailureKind::Busy,
        BackupRefusal::InvalidName => FailureKind::InvalidBackupName,
        BackupRefusal::Stopping => FailureKind::Closed,
    };
    Failure { kind, message: refusal.to_string() }
}
