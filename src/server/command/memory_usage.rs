//! `MEMORY`: the memory that keys and the process take.

use super::call::{Call, Executed};
use super::command_error::{CommandError, NOT_AN_INTEGER, SYNTAX};
use super::reply_value::{bulk, done, length, ok};
use super::word::is;
use crate::protocol::resp::Value;
use crate::server::execute::statistic;
use crate::store::parse_integer;
use crate::store::reader::ReadLength;

/// The bytes of a key's entry in the index, and how many of the key are in it.
const INDEX_ENTRY_BYTES: usize = 56;
const KEY_BYTES_IN_ENTRY: usize = 16;

/// `MEMORY USAGE key [SAMPLES count]`
///
/// The entry in the index, the rest of a long key, and the value as it is in memory while it is
/// cached.
pub(super) fn usage(call: &Call<'_>) -> Executed {
    check_samples(call)?;
    let key = call.argument(2);
    let index_bytes = INDEX_ENTRY_BYTES + key.len().saturating_sub(KEY_BYTES_IN_ENTRY);
    call.read(key, move |entry| {
        entry.map_or(Value::Null, |entry| length(index_bytes + entry.value.len()))
    })
}

/// Checks the options of `MEMORY USAGE`, which say how much of a value to look at: a string is
/// looked at whole.
fn check_samples(call: &Call<'_>) -> Result<(), CommandError> {
    let mut rest = call.rest(3);
    while let Some(option) = rest.next() {
        let samples = rest.next().filter(|_| is(option, "SAMPLES"));
        let samples = samples.ok_or(CommandError::new(SYNTAX))?;
        let samples = parse_integer(samples).ok_or(CommandError::new(NOT_AN_INTEGER))?;
        if samples < 0 {
            return Err(CommandError::new(SYNTAX));
        }
    }
    Ok(())
}

/// `MEMORY STATS`: those figures of Redis that there are here, and those of the index and the
/// cache.
pub(super) fn stats(call: &Call<'_>) -> Executed {
    // The index is walked through.
    call.check_may_wait(ReadLength::Long)?;
    let context = call.context;
    let [resident, peak] = &statistic::MEMORY;
    let mut figures = vec![
        ("peak.allocated", peak.read(context)?),
        ("total.allocated", resident.read(context)?),
        ("clients.normal", context.clients.memory.held() as u64),
    ];
    let of_store = statistic::of_store(context);
    let of_store = |name| of_store.iter().find(|(figure, _)| figure.name == name);
    for (name, shown) in [("index_bytes", "overhead.index"), ("cache_bytes", "dataset.cache")] {
        figures.extend(of_store(name).map(|(_, value)| (shown, *value)));
    }
    let keys = statistic::KEYS.read(context)?;
    figures.push(("keys.count", keys));
    figures
        .extend(of_store("index_bytes_per_key").map(|(_, value)| ("keys.bytes-per-key", *value)));
    let figures = figures.into_iter().map(|(name, value)| {
        (bulk(name), Value::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
    });
    done(Value::Map(figures.collect()))
}

/// `MEMORY DOCTOR`
pub(super) fn doctor(_: &Call<'_>) -> Executed {
    let text = "Keys and their places are in memory, values on the disk, and those that were read \
                lately in the cache. MEMORY STATS shows what each of them takes; --cache-mib and \
                --client-memory limit the cache and the clients. Nothing here judges the \
                allocator.\n";
    done(Value::Verbatim(text.to_owned()))
}

/// `MEMORY PURGE`: the allocator gives back by itself what it does not need.
pub(super) fn purge(_: &Call<'_>) -> Executed {
    done(ok())
}

/// `MEMORY MALLOC-STATS`, with the answer of a Redis that does not know its allocator.
pub(super) fn malloc_stats(_: &Call<'_>) -> Executed {
    done(bulk("Stats not supported for the current allocator"))
}
