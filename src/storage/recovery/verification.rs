//! The verification of a log: a recovery that reads everything and that no damage ends.

use crate::Result;
use crate::findings::{Finding, VerifyReport};
use crate::storage::environment::LogEnvironment;
use crate::storage::format::keyspace::KeyspaceId;
use crate::storage::fs::{LenientDirectory, UnreadableBytes};
use crate::storage::index::KeyspaceIndexes;
use crate::storage::recovery::damage_policy::{CollectedFindings, DamagePolicy};
use crate::storage::recovery::progress::RecoveryProgress;
use crate::storage::recovery::recover::{JudgedLog, judge};
use crate::storage::recovery::tasks::Tasks;
use crate::sync::Arc;

/// Reads every byte of every segment, compares the hints with them, and judges the log as an open
/// does. Changes nothing.
///
/// The keys are counted in an index, so it takes the memory of an open, and for each thread what a
/// segment holds without its values.
pub(crate) fn verify(
    environment: &LogEnvironment,
    tasks: &impl Tasks,
    progress: &RecoveryProgress,
) -> Result<VerifyReport> {
    let directory = Arc::new(LenientDirectory::new(Arc::clone(&environment.directory)));
    let handle = Arc::clone(&directory);
    let environment = LogEnvironment { directory, read_only: true, ..environment.clone() };
    let mut indexes = KeyspaceIndexes::new();
    let policy = DamagePolicy::Collect(CollectedFindings::default());
    let judged = judge(&environment, &mut indexes, tasks, progress, policy)?;
    let JudgedLog { recovery, tail, bytes, .. } = judged;
    let (report, mut accounting) = (recovery.report, recovery.accounting);
    let newest = tail.next_sequence.previous();
    recovery.loader.finish(newest, &mut accounting);
    let mut damages = recovery.damages;
    for UnreadableBytes { name, offset, bytes, error } in handle.unreadable() {
        let reason = format!("they cannot be read: {error}");
        let path = environment.path_of(&name);
        damages.add(Finding::new(path, Some(offset), Some(bytes), reason));
    }
    let (damages, notes, hints) = match damages {
        DamagePolicy::Collect(mut found) => (found.damages(), found.notes, found.hints),
        DamagePolicy::Refuse => Default::default(),
    };
    let torn_end = report.truncated_at.map(|(path, offset)| {
        let reason = "the end of the log is torn, and was never known to have survived; the next \
                      open cuts it off";
        Finding::new(path, Some(offset), Some(report.dropped_bytes), reason)
    });
    progress.finish();
    Ok(VerifyReport {
        damages,
        torn_end,
        notes,
        segments: report.segments as u64,
        hints,
        bytes,
        records: report.records,
        keys: indexes.live() - indexes.readers().reader(KeyspaceId::CATALOGUE).live(),
        version: newest.0,
    })
}
