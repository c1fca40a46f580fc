//! Backups: Redis writes a file of all keys where this server makes a directory.

use super::call::{Call, Executed};
use super::command_error::SYNTAX;
use super::reply_value::{done, refuse};
use super::word::is;
use crate::protocol::resp::Value;
use crate::server::backup::{BackupRefusal, LatestBackups};
use crate::server::execute::context::Context;
use crate::store::UnixMillis;

/// `BGSAVE [SCHEDULE]`
pub(super) fn bgsave(call: &Call<'_>) -> Executed {
    match call.arguments.count() {
        1 => {}
        2 if is(call.argument(1), "SCHEDULE") => {}
        _ => return refuse(SYNTAX),
    }
    match call.context.begin_backup(None) {
        Ok(_) => done(Value::Simple("Background saving started".into())),
        Err(BackupRefusal::Running) => refuse("ERR Background save already in progress"),
        Err(refusal) => refuse(format!("ERR {refusal}")),
    }
}

/// `LASTSAVE`
pub(super) fn lastsave(call: &Call<'_>) -> Executed {
    let latest = call.context.latest_backups();
    done(Value::Integer(last_save_seconds(call.context, &latest)))
}

/// Returns the time of the last backup that succeeded, in seconds since the Unix epoch; as in Redis
/// that of the start, if none did.
pub(super) fn last_save_seconds(context: &Context, latest: &LatestBackups) -> i64 {
    let saved = latest.succeeded_at.map(|UnixMillis(time)| time / 1000);
    let started =
        || (context.store.now().0 / 1000).saturating_sub(context.started.elapsed().as_secs());
    i64::try_from(saved.unwrap_or_else(started)).unwrap_or(i64::MAX)
}
