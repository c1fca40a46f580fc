//! Backups, syncs and compactions: Redis writes a file of all keys where this server makes a
//! directory, and an append-only file where this store has its log.

use super::call::{Call, Executed};
use super::command_error::{CommandError, SYNTAX};
use super::reply_value::{done, ok, refuse};
use super::word::is;
use crate::EngineKind;
use crate::protocol::resp::Value;
use crate::server::backup::{BackupRefusal, LatestBackups};
use crate::server::execute::client_reply::ClientReply;
use crate::server::execute::context::Context;
use crate::server::execute::execution::Execution;
use crate::server::log_rewrites::RewriteRefusal;
use crate::store::UnixMillis;
use crate::sync::{Arc, Ordering};

/// Returns the reply that work of the server has begun. In a transaction Redis begins it when that
/// has ended.
fn begun(call: &Call<'_>, work: &str) -> String {
    format!("{work} {}", if call.is_queued { "scheduled" } else { "started" })
}

/// `BGSAVE [SCHEDULE]`
pub(super) fn bgsave(call: &Call<'_>) -> Executed {
    match call.arguments.count() {
        1 => {}
        2 if is(call.argument(1), "SCHEDULE") => {}
        _ => return refuse(SYNTAX),
    }
    match call.context.begin_backup(None) {
        Ok(_) => done(Value::Simple(begun(call, "Background saving").into())),
        Err(BackupRefusal::Running) => refuse("ERR Background save already in progress"),
        Err(refusal) => refuse(format!("ERR {refusal}")),
    }
}

/// `SAVE`: everything that was written before is on the disk, where the log has it already.
pub(super) fn save(call: &Call<'_>) -> Executed {
    if call.context.store.engine() == EngineKind::Memory {
        return refuse("ERR this server keeps nothing on the disk");
    }
    let seconds = call.context.store.now().0 / 1000;
    let saved_at = Arc::clone(&call.context.saved_at);
    Ok(Execution::Sync(Box::new(move |synced| {
        ClientReply::Resp(match synced {
            Ok(()) => {
                saved_at.store(seconds, Ordering::Relaxed);
                ok()
            }
            Err(error) => CommandError::from(error).into_value(),
        })
    })))
}

/// `BGREWRITEAOF`: everything is compacted that holds something dead.
pub(super) fn bgrewriteaof(call: &Call<'_>) -> Executed {
    match call.context.rewrites.begin() {
        Ok(()) => done(Value::Simple(begun(call, "Background append only file rewriting").into())),
        Err(RewriteRefusal::Running) => {
            refuse("ERR Background append only file rewriting already in progress")
        }
        Err(RewriteRefusal::Stopping) => refuse("ERR the server is stopping"),
    }
}

/// `SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]`
///
/// The server stops as on a signal: it answers what it received, and syncs. Nothing that was
/// written is given up, with `NOSAVE` neither, and there are no replicas to wait for.
pub(super) fn shutdown(call: &Call<'_>) -> Executed {
    const WORDS: [&str; 5] = ["NOSAVE", "SAVE", "NOW", "FORCE", "ABORT"];
    let has = |word: &str| call.rest(1).any(|argument| is(argument, word));
    let is_known = |argument: &[u8]| WORDS.iter().any(|word| is(argument, word));
    let contradicts = has("SAVE") && has("NOSAVE") || has("ABORT") && call.rest(1).len() > 1;
    if contradicts || !call.rest(1).all(is_known) {
        return refuse(SYNTAX);
    }
    if has("ABORT") {
        return refuse("ERR No shutdown in progress.");
    }
    log::info!("stopping, because the client {} asked for it", call.session.address);
    call.context.stop();
    Ok(Execution::End)
}

/// `LASTSAVE`
pub(super) fn lastsave(call: &Call<'_>) -> Executed {
    let latest = call.context.latest_backups();
    done(Value::Integer(last_save_seconds(call.context, &latest)))
}

/// Returns the time of the last backup that succeeded, or of a later `SAVE`, in seconds since the
/// Unix epoch; as in Redis that of the start, if there was none.
pub(super) fn last_save_seconds(context: &Context, latest: &LatestBackups) -> i64 {
    let synced = Some(context.saved_at.load(Ordering::Relaxed)).filter(|time| *time > 0);
    let saved = latest.succeeded_at.map(|UnixMillis(time)| time / 1000).max(synced);
    let started =
        || (context.store.now().0 / 1000).saturating_sub(context.started.elapsed().as_secs());
    i64::try_from(saved.unwrap_or_else(started)).unwrap_or(i64::MAX)
}
