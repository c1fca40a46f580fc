//! Operations that read.

use super::range;
use crate::protocol::native::{ByteString, Failure, RequestOperation, Success, VersionedValue};
use crate::server::execute::context::Context;
use crate::server::execute::execution::KEYS_ON_WORKER_MAX;
use crate::server::execute::failure::response_too_large;
use crate::server::execute::scope::Scope;
use crate::server::execute::statistic::{self, Statistic};
use crate::store::read::{Access, ReadError, ReadResult};
use crate::store::reader::ReadLength;
use crate::{Entry, Error, Result};

/// The reason why a read has no answer.
pub(super) enum Unanswered {
    /// It would wait for the disk, or is long: a reader executes it once more.
    WouldBlock(ReadLength),
    /// It failed.
    Failed(Failure),
}

impl From<ReadError> for Unanswered {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::WouldBlock => Self::WouldBlock(ReadLength::Short),
            ReadError::TooLong => Self::WouldBlock(ReadLength::Long),
            ReadError::Failed(error) => Self::Failed(error.into()),
        }
    }
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

type ReadAnswer = std::result::Result<Success<'static>, Unanswered>;

/// Returns the answer of an operation that reads.
pub(super) fn execute(operation: RequestOperation<'_>, scope: &Scope<'_>) -> ReadAnswer {
    let Scope { context, access, .. } = *scope;
    Ok(match operation {
        RequestOperation::Get { key } => {
            Success::Value(get(context, &key, access)?.map(|entry| entry.value.into()))
        }
        RequestOperation::GetVersioned { key } => {
            let entry = get(context, &key, access)?;
            Success::Versioned(entry.map(|entry| VersionedValue {
                value: entry.value.into(),
                version: entry.version,
                expires_at: entry.expires_at,
            }))
        }
        RequestOperation::GetMany { keys } => get_many(context, &keys, access)?,
        RequestOperation::Contains { key } => {
            Success::Flag(context.store.read_metadata(&key, access)?.is_some())
        }
        RequestOperation::Scan { start, end, reverse, limit, keys_only } => {
            if access == Access::MemoryOnly {
                return Err(Unanswered::WouldBlock(ReadLength::Short));
            }
            range::scan(&context.store, start, end, reverse, limit, keys_only, access)?
        }
        RequestOperation::Count => Success::Number(context.store.len()?),
        RequestOperation::Info => Success::Text(info(context)?),
        _ => Success::Done,
    })
}

fn get(context: &Context, key: &[u8], access: Access) -> ReadResult<Option<Entry>> {
    let entry = context.store.read_entry(key, access)?;
    let found = u64::from(entry.is_some());
    context.statistics.count_lookups(found, 1 - found);
    Ok(entry)
}

fn get_many(context: &Context, keys: &[ByteString<'_>], access: Access) -> ReadAnswer {
    if access == Access::MemoryOnly && keys.len() > KEYS_ON_WORKER_MAX {
        return Err(Unanswered::WouldBlock(ReadLength::Short));
    }
    let bytes_max = context.reply_bytes_max();
    let entries = context.store.read_entries(keys.iter().map(|key| &**key), access, bytes_max)?;
    if entries.len() < keys.len() {
        return Err(Unanswered::Failed(response_too_large()));
    }
    let hits = entries.iter().flatten().count();
    context.statistics.count_lookups(hits as u64, (entries.len() - hits) as u64);
    let values = entries.into_iter().map(|entry| entry.map(|entry| entry.value.into()));
    Ok(Success::Values(values.collect()))
}

fn info(context: &Context) -> Result<String> {
    let store = &context.store;
    let line = |statistic: &Statistic| -> Result<_> {
        Ok((statistic.name, statistic.read(context)?.to_string()))
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
    Ok(lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect())
}
