//! Backups of the store that a server serves, made while it serves.
//!
//! ```text
//! command, native ──► server_backups ──► backup_actor ──► Store::backup
//!                      (state) ◄── progress, result ──┘
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`server_backups`] | the directory of the backups, and the state of the latest one |
//! | [`backup_actor`] | the actor that makes them, one at a time |
//! | [`backup_name`] | the names of backups |
//!
//! Invariants:
//! - At most one backup is being made, so the mailbox of the actor, which holds one message, always
//!   has room for the next one: nobody waits.
//! - A server that stops ends the backup that is being made. What is there of it is no store.

mod backup_actor;
mod backup_name;
mod server_backups;

pub(super) use backup_actor::BackupActor;
pub(super) use server_backups::{BackupRefusal, BackupResult, LatestBackups, ServerBackups};
