//! Operations that read.

use super::backups;
use super::places::{RequestTarget, snapshot};
use super::range;
use super::unanswered::Unanswered;
use crate::protocol::native::{ByteString, Place, RequestOperation, Success, VersionedValue};
use crate::server::execute::context::Context;
use crate::server::execute::execution::KEYS_ON_WORKER_MAX;
use crate::server::execute::failure::response_too_large;
use crate::server::execute::scope::Scope;
use crate::server::execute::statistic::{self, ServerStatistic};
use crate::store::KeyspaceView;
use crate::store::read::{Access, ReadResult};
use crate::store::reader::ReadLength;
use crate::{Entry, Error};

type ReadAnswer = Result<Success<'static>, Unanswered>;

/// Returns the answer of an operation that reads.
pub(super) fn execute(
    place: &Place<'_>,
    operation: RequestOperation<'_>,
    scope: &Scope<'_>,
) -> ReadAnswer {
    match operation {
        RequestOperation::Ping => return Ok(Success::Done),
        RequestOperation::BackupState => return Ok(backups::state(scope.context)),
        RequestOperation::Info => {
            require(ReadLength::Long, scope.access)?;
            return Ok(Success::Text(info(scope.context)?));
        }
        RequestOperation::ListKeyspaces => {
            require(ReadLength::Short, scope.access)?;
            return Ok(Success::Names(names(place, scope)?));
        }
        _ => {}
    }
    let target = RequestTarget::find(place, scope)?;
    let (context, access, view) = (scope.context, scope.access, target.view());
    Ok(match operation {
        RequestOperation::Get { key } => {
            Success::Value(get(context, view, &key, access)?.map(|entry| entry.value.into()))
        }
        RequestOperation::GetVersioned { key } => {
            let entry = get(context, view, &key, access)?;
            Success::Versioned(entry.map(|entry| VersionedValue {
                value: entry.value.into(),
                version: entry.version,
                expires_at: entry.expires_at,
            }))
        }
        RequestOperation::GetMany { keys } => get_many(context, view, &keys, access)?,
        RequestOperation::Contains { key } => {
            Success::Flag(view.read_metadata(&key, access)?.is_some())
        }
        RequestOperation::Scan { start, end, reverse, limit, keys_only } => {
            require(ReadLength::Short, access)?;
            range::scan(view, start, end, reverse, limit, keys_only, access)?
        }
        RequestOperation::Count => {
            if target.is_at_snapshot() {
                // There it is counted.
                require(ReadLength::Long, access)?;
            }
            Success::Number(view.len()?)
        }
        RequestOperation::CountRange { start, end } => {
            require(ReadLength::Long, access)?;
            Success::Number(view.count((start, end))?)
        }
        _ => Success::Done,
    })
}

/// Returns the names of all keyspaces now or at the snapshot, whatever keyspace the place names.
fn names(place: &Place<'_>, scope: &Scope<'_>) -> Result<Vec<String>, Unanswered> {
    Ok(match place {
        Place::Default | Place::Keyspace(_) => scope.context.store.keyspaces()?,
        Place::Snapshot | Place::KeyspaceSnapshot(_) => snapshot(scope)?.keyspaces()?,
    })
}

/// Leaves a read of this length to a reader, unless it is allowed here.
fn require(length: ReadLength, access: Access) -> Result<(), Unanswered> {
    match length.is_allowed(access) {
        true => Ok(()),
        false => Err(Unanswered::WouldBlock(length)),
    }
}

fn get(
    context: &Context,
    view: &KeyspaceView,
    key: &[u8],
    access: Access,
) -> ReadResult<Option<Entry>> {
    let entry = view.read_entry(key, access)?;
    let found = u64::from(entry.is_some());
    context.statistics.count_lookups(found, 1 - found);
    Ok(entry)
}

fn get_many(
    context: &Context,
    view: &KeyspaceView,
    keys: &[ByteString<'_>],
    access: Access,
) -> ReadAnswer {
    if keys.len() > KEYS_ON_WORKER_MAX {
        require(ReadLength::Short, access)?;
    }
    let bytes_max = context.reply_bytes_max();
    let entries = view.read_entries(keys.iter().map(|key| &**key), access, bytes_max)?;
    if entries.len() < keys.len() {
        return Err(Unanswered::Failed(response_too_large()));
    }
    let hits = entries.iter().flatten().count();
    context.statistics.count_lookups(hits as u64, (entries.len() - hits) as u64);
    let values = entries.into_iter().map(|entry| entry.map(|entry| entry.value.into()));
    Ok(Success::Values(values.collect()))
}

fn info(context: &Context) -> crate::Result<String> {
    let store = &context.store;
    let line = |statistic: &ServerStatistic| -> crate::Result<_> {
        Ok((statistic.name(), statistic.read(context)?.to_string()))
    };
    let addresses: Vec<_> = context.addresses.iter().map(ToString::to_string).collect();
    let lines = [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("engine", store.engine().to_string()),
        ("durability", store.durability().to_string()),
        ("address", addresses.join(" ")),
        line(&statistic::UPTIME)?,
        line(&statistic::KEYS)?,
        line(&statistic::CONNECTIONS)?,
        line(&statistic::REQUESTS)?,
        ("failure", store.failure().map_or("none".to_owned(), Error::without_paths)),
    ];
    let figures = statistic::of_store(context).into_iter();
    let figures = figures.map(|(figure, value)| (figure.name, value.to_string()));
    Ok(lines.into_iter().chain(figures).map(|(name, value)| format!("{name}: {value}\n")).collect())
}
