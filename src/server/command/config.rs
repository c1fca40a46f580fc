//! `CONFIG`: the options of the server under the names of Redis' settings.

use super::call::{Call, Executed};
use super::command_error::{SYNTAX, shown};
use super::iteration::pattern;
use super::reply_value::{bulk, done, ok, refuse};
use super::setting_change::{self, SettingChange};
use super::word::is;
use crate::options::table::UNIX_SOCKET_MODE;
use crate::protocol::resp::{BULK_BYTES_MAX, Value};
use crate::server::execute::context::Context;
use crate::server::execute::glob::{self, Case};
use crate::server::execute::push_feed::FEED_BYTES_MAX;
use crate::store::reader::ReadLength;
use crate::{Durability, Endpoint, EngineKind};

/// A setting that tools ask for.
struct Setting {
    name: &'static str,
    value: fn(&Context) -> String,
    change: SettingChange,
}

const fn setting(name: &'static str, value: fn(&Context) -> String) -> Setting {
    Setting { name, value, change: SettingChange::Never }
}

impl Setting {
    /// Returns the setting as one that may be changed.
    const fn with(self, change: SettingChange) -> Self {
        Self { name: self.name, value: self.value, change }
    }
}

/// The settings by name. Those that are options here are named in the
/// [table of options](crate::option_table); the others have one answer in every server.
static SETTINGS: [Setting; 30] = [
    setting("appendfsync", |context| match context.store.durability() {
        Durability::Always => "always".into(),
        Durability::Interval(_) => "everysec".into(),
        Durability::Never => "no".into(),
    }),
    setting("appendonly", |context| match context.store.engine() {
        EngineKind::Memory => "no".into(),
        _ => "yes".into(),
    }),
    setting("bind", |context| {
        let addresses = context.addresses.iter().filter_map(Endpoint::socket_address);
        let addresses: Vec<_> = addresses.map(|address| address.ip().to_string()).collect();
        addresses.join(" ")
    }),
    setting("client-output-buffer-limit", |_| {
        format!("normal 0 0 0 slave 0 0 0 pubsub {FEED_BYTES_MAX} 0 0")
    }),
    setting("databases", |context| context.options.databases.to_string()),
    setting("dir", |context| context.store.directory().display().to_string()),
    setting("enable-debug-command", |context| context.options.debug_command.to_string()),
    setting("hz", |_| "10".into()),
    setting("io-threads", |context| context.options.workers.to_string()),
    setting("latency-monitor-threshold", |context| {
        context.settings.monitored_milliseconds().unwrap_or(0).to_string()
    })
    .with(setting_change::MONITORED_MILLISECONDS),
    setting("latency-tracking", |context| {
        if context.settings.tracks_latency() { "yes" } else { "no" }.into()
    })
    .with(setting_change::TRACKS_LATENCY),
    setting("latency-tracking-info-percentiles", |context| {
        let percentiles = context.settings.percentiles();
        percentiles.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
    })
    .with(setting_change::PERCENTILES),
    setting("lua-time-limit", |_| "5000".into()),
    setting("maxclients", |context| context.settings.connections_max().to_string())
        .with(setting_change::CONNECTIONS_MAX),
    setting("maxmemory", |context| context.store.memory().settings().bytes_max.to_string())
        .with(setting_change::MEMORY_MAX),
    setting("maxmemory-clients", |context| context.clients.memory.limit().to_string()),
    setting("maxmemory-eviction-tenacity", |_| "10".into()),
    setting("maxmemory-policy", |context| context.store.memory().settings().policy.to_string())
        .with(setting_change::EVICTION_POLICY),
    setting("maxmemory-samples", |context| context.store.memory().settings().samples.to_string())
        .with(setting_change::EVICTION_SAMPLES),
    setting("notify-keyspace-events", |context| context.key_events.classes().to_string())
        .with(SettingChange::KeyEvents),
    setting("port", |context| context.tcp_port().to_string()),
    setting("proto-max-bulk-len", |_| BULK_BYTES_MAX.to_string()),
    setting("requirepass", |_| String::new()),
    setting("save", |_| String::new()),
    setting("slowlog-log-slower-than", |context| {
        let time = context.settings.slow_microseconds();
        time.map_or_else(|| "-1".to_owned(), |time| time.to_string())
    })
    .with(setting_change::SLOW_MICROSECONDS),
    setting("slowlog-max-len", |context| context.settings.slow_calls_max().to_string())
        .with(setting_change::SLOW_CALLS_MAX),
    setting("tcp-keepalive", |_| "300".into()),
    setting("timeout", |context| {
        context.settings.timeout().map_or(0, |timeout| timeout.as_secs()).to_string()
    })
    .with(setting_change::TIMEOUT),
    setting("unixsocket", |context| {
        let path = context.addresses.iter().find_map(|address| match address {
            Endpoint::Unix(path) => Some(path.display().to_string()),
            _ => None,
        });
        path.unwrap_or_default()
    }),
    setting("unixsocketperm", |_| format!("{:o}", UNIX_SOCKET_MODE)),
];

/// `CONFIG GET pattern [pattern ...]`
pub(super) fn get(call: &Call<'_>) -> Executed {
    call.rest(2).try_for_each(|argument| pattern(argument).map(drop))?;
    let shown = SETTINGS.iter().filter(|setting| {
        call.rest(2).any(|pattern| glob::matches(pattern, setting.name.as_bytes(), Case::Ignored))
    });
    let pair = |setting: &Setting| (bulk(setting.name), bulk((setting.value)(call.context)));
    done(Value::Map(shown.map(pair).collect()))
}

/// `CONFIG SET parameter value [parameter value ...]`
///
/// Changes all of them or none. Most settings are fixed when the server starts: these may be set to
/// the value that they have.
pub(super) fn set(call: &Call<'_>) -> Executed {
    if !call.arguments.count().is_multiple_of(2) {
        return refuse(SYNTAX);
    }
    let failed = |name: &[u8], reason: &str| {
        let name = shown(name);
        refuse(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}"))
    };
    let mut wanted: Vec<(&Setting, &[u8], &[u8])> = Vec::new();
    for (name, value) in call.rest(2).step_by(2).zip(call.rest(3).step_by(2)) {
        let Some(setting) = SETTINGS.iter().find(|setting| is(name, setting.name)) else {
            return refuse(format!(
                "ERR Unknown option or number of arguments for CONFIG SET - '{}'",
                shown(name)
            ));
        };
        if wanted.iter().any(|(earlier, ..)| earlier.name == setting.name) {
            return failed(name, "duplicate parameter");
        }
        wanted.push((setting, name, value));
    }
    let mut changes = Vec::new();
    for (setting, name, value) in wanted {
        if is_so(setting, value, call.context) {
            continue;
        }
        if setting.change.may_wait() {
            call.check_may_wait(ReadLength::Short)?;
        }
        match setting.change.prepare(value, call.context) {
            Ok(change) => changes.push(change),
            Err(reason) => return failed(name, &reason),
        }
    }
    changes.into_iter().for_each(|change| change(call.context));
    done(ok())
}

/// Returns true if a setting has this value. Words are compared in any case, paths and the letters
/// of classes as they are.
fn is_so(setting: &Setting, value: &[u8], context: &Context) -> bool {
    // It is not shown whether there are passwords.
    if setting.name == "requirepass" && !context.options.is_open() {
        return false;
    }
    let shown = (setting.value)(context);
    let is_exact = shown.contains('/') || matches!(setting.change, SettingChange::KeyEvents);
    value == shown.as_bytes() || is(value, &shown) && !is_exact
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::option_table::OPTIONS;

    #[test]
    fn every_setting_of_the_table_of_options_is_shown() {
        for name in OPTIONS.iter().flat_map(|row| row.config) {
            assert!(SETTINGS.iter().any(|setting| setting.name == *name), "{name}");
        }
    }
}
