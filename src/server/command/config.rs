//! `CONFIG`: the options of the server under the names of Redis' settings.

use super::call::{Call, Executed};
use super::command_error::SYNTAX;
use super::glob::{self, Case};
use super::reply_value::{bulk, done, ok, refuse};
use super::word::is;
use crate::protocol::resp::{BULK_BYTES_MAX, Value};
use crate::server::execute::context::Context;
use crate::{Durability, EngineKind};

/// Returns the settings that tools ask for, by name.
fn parameters(context: &Context) -> [(&'static str, String); 16] {
    let store = &context.store;
    let keeps = store.engine() != EngineKind::Memory;
    let sync = match store.durability() {
        Durability::Always => "always",
        Durability::Interval(_) => "everysec",
        Durability::Never => "no",
    };
    [
        ("appendfsync", sync.into()),
        ("appendonly", if keeps { "yes" } else { "no" }.into()),
        ("bind", context.address.ip().to_string()),
        ("databases", "1".into()),
        ("dir", store.directory().display().to_string()),
        ("io-threads", context.options.workers.to_string()),
        ("maxclients", context.options.connections_max.to_string()),
        ("maxmemory", "0".into()),
        ("maxmemory-policy", "noeviction".into()),
        ("port", context.address.port().to_string()),
        ("proto-max-bulk-len", BULK_BYTES_MAX.to_string()),
        ("requirepass", String::new()),
        ("save", String::new()),
        ("slowlog-log-slower-than", "-1".into()),
        ("slowlog-max-len", "0".into()),
        ("timeout", "0".into()),
    ]
}

/// `CONFIG GET pattern [pattern ...]`
pub(super) fn get(call: &Call<'_>) -> Executed {
    let shown = parameters(call.context).into_iter().filter(|(name, _)| {
        call.rest(2).any(|pattern| glob::matches(pattern, name.as_bytes(), Case::Ignored))
    });
    done(Value::Map(shown.map(|(name, value)| (bulk(name), bulk(value))).collect()))
}

/// `CONFIG SET parameter value [parameter value ...]`
///
/// Every setting is fixed when the server starts, so this only says which refusal is the right one.
pub(super) fn set(call: &Call<'_>) -> Executed {
    if !call.arguments.count().is_multiple_of(2) {
        return refuse(SYNTAX);
    }
    let known = parameters(call.context).map(|(name, _)| name);
    let mut names = call.rest(2).step_by(2);
    let unknown = names.find(|name| !known.iter().any(|known| is(name, known)));
    refuse(match unknown {
        Some(name) => format!(
            "ERR Unknown option or number of arguments for CONFIG SET - '{}'",
            String::from_utf8_lossy(name)
        ),
        None => format!(
            "ERR CONFIG SET failed (possibly related to argument '{}') - can't set immutable config",
            String::from_utf8_lossy(call.argument(2))
        ),
    })
}

/// `CONFIG REWRITE`
pub(super) fn rewrite(_: &Call<'_>) -> Executed {
    refuse("ERR The server is running without a config file")
}

/// `CONFIG RESETSTAT`
pub(super) fn resetstat(call: &Call<'_>) -> Executed {
    call.context.statistics.reset();
    done(ok())
}
