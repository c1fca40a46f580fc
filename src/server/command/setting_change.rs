//! The changes of settings that `CONFIG SET` makes while the server runs.

use std::time::Duration;

use super::word::is;
use crate::option_table::byte_size;
use crate::server::execute::context::Context;
use crate::store::parse_integer;
use crate::{EvictionPolicy, KeyEventClasses};

/// The way in which a setting may be changed.
pub(super) enum SettingChange {
    /// Not at all.
    Never,
    /// To an integer from the first to the second; the function says why it is refused.
    Integer(i64, i64, fn(&Context, i64) -> Result<(), String>, fn(&Context, i64)),
    /// To yes or no.
    Switch(fn(&Context, bool)),
    /// To percentages between blanks.
    Percentiles(fn(&Context, Vec<f64>)),
    /// To a number of bytes, such as `100mb`; the function says why it is refused.
    Bytes(fn(&Context, u64) -> Result<(), String>, fn(&Context, u64)),
    /// To the name of a policy.
    Policy(fn(&Context, EvictionPolicy)),
    /// To the classes of events about keys that are told.
    KeyEvents,
}

/// A change that was checked and is to be made.
pub(super) type PreparedChange = Box<dyn FnOnce(&Context)>;

impl SettingChange {
    /// Returns true if the change may wait for the writes in progress, as no worker does.
    pub(super) fn may_wait(&self) -> bool {
        matches!(self, Self::KeyEvents)
    }

    /// Returns the change to this value, or the reason why it is refused.
    pub(super) fn prepare(
        &self,
        value: &[u8],
        context: &Context,
    ) -> Result<PreparedChange, String> {
        match *self {
            Self::Never => Err("can't set immutable config".to_owned()),
            Self::Integer(least, most, check, set) => {
                let Some(value) = parse_integer(value) else {
                    return Err("argument couldn't be parsed into an integer".to_owned());
                };
                if !(least..=most).contains(&value) {
                    return Err(format!("argument must be between {least} and {most} inclusive"));
                }
                check(context, value)?;
                Ok(Box::new(move |context| set(context, value)))
            }
            Self::Switch(set) => {
                let switch = is(value, "yes");
                if !switch && !is(value, "no") {
                    return Err("argument must be 'yes' or 'no'".to_owned());
                }
                Ok(Box::new(move |context| set(context, switch)))
            }
            Self::Percentiles(set) => {
                let percentiles = percentiles(value)?;
                Ok(Box::new(move |context| set(context, percentiles)))
            }
            Self::Bytes(check, set) => {
                let bytes = byte_size(&String::from_utf8_lossy(value));
                let bytes = bytes.map_err(|_| "argument must be a memory value".to_owned())? as u64;
                check(context, bytes)?;
                Ok(Box::new(move |context| set(context, bytes)))
            }
            Self::KeyEvents => {
                let classes = String::from_utf8_lossy(value).parse::<KeyEventClasses>();
                let classes = classes.map_err(|error| error.to_string())?;
                Ok(Box::new(move |context| {
                    if let Err(error) =
                        context.key_events.tell(classes, || context.store.change_cursor())
                    {
                        log::warn!("events about keys cannot be told: {error}");
                    }
                }))
            }
            Self::Policy(set) => {
                let policy = String::from_utf8_lossy(value).parse::<EvictionPolicy>();
                let Ok(policy) = policy else {
                    let names: Vec<_> = EvictionPolicy::all().map(|it| it.to_string()).collect();
                    let names = names.join(", ");
                    return Err(format!("argument must be one of the following: {names}"));
                };
                Ok(Box::new(move |context| set(context, policy)))
            }
        }
    }
}

/// The most percentiles that are shown of each command.
const PERCENTILES_MAX: usize = 16;

fn percentiles(value: &[u8]) -> Result<Vec<f64>, String> {
    let text = String::from_utf8_lossy(value);
    let percentiles = text.split_whitespace().map(|word| {
        let percent = word.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
        percent.ok_or("Invalid latency-tracking-info-percentiles parameters".to_owned())
    });
    let percentiles: Vec<f64> = percentiles.collect::<Result<_, _>>()?;
    if percentiles.len() > PERCENTILES_MAX {
        return Err(format!("at most {PERCENTILES_MAX} percentiles are shown"));
    }
    Ok(percentiles)
}

/// Returns `Ok`: every value of the right type may be set.
fn anything(_: &Context, _: i64) -> Result<(), String> {
    Ok(())
}

fn unsigned(value: i64) -> Option<u64> {
    u64::try_from(value).ok()
}

fn count(value: i64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

pub(super) const SLOW_MICROSECONDS: SettingChange =
    SettingChange::Integer(-1, i64::MAX, anything, |context, value| {
        context.settings.set_slow_microseconds(unsigned(value));
    });

pub(super) const SLOW_CALLS_MAX: SettingChange =
    SettingChange::Integer(0, i64::MAX, anything, |context, value| {
        context.settings.set_slow_calls_max(count(value));
    });

pub(super) const MONITORED_MILLISECONDS: SettingChange =
    SettingChange::Integer(0, i64::MAX, anything, |context, value| {
        let time = unsigned(value).filter(|time| *time > 0);
        context.settings.set_monitored_milliseconds(time);
    });

pub(super) const TRACKS_LATENCY: SettingChange =
    SettingChange::Switch(|context, tracks| context.settings.set_tracks_latency(tracks));

pub(super) const PERCENTILES: SettingChange = SettingChange::Percentiles(|context, percentiles| {
    context.settings.set_percentiles(percentiles);
});

pub(super) const MEMORY_MAX: SettingChange = SettingChange::Bytes(
    |context, bytes| context.store.check_memory_max(bytes).map_err(|error| error.to_string()),
    |context, bytes| context.store.change_memory_limit(|it| it.bytes_max = bytes),
);

pub(super) const EVICTION_POLICY: SettingChange = SettingChange::Policy(|context, policy| {
    context.store.change_memory_limit(|it| it.policy = policy);
});

pub(super) const EVICTION_SAMPLES: SettingChange =
    SettingChange::Integer(1, 64, anything, |context, value| {
        context.store.change_memory_limit(|it| it.samples = count(value));
    });

pub(super) const TIMEOUT: SettingChange =
    SettingChange::Integer(0, i32::MAX as i64, anything, |context, value| {
        let timeout = unsigned(value).filter(|seconds| *seconds > 0).map(Duration::from_secs);
        context.settings.set_timeout(timeout);
    });

/// No more than at the start, by which the files that the process may open were shared out.
pub(super) const CONNECTIONS_MAX: SettingChange = SettingChange::Integer(
    1,
    u32::MAX as i64,
    |context, value| {
        let most = context.options.connections_max;
        match count(value) <= most {
            true => Ok(()),
            false => Err(format!(
                "The operating system is not able to handle the specified number of clients, try \
                 with {most}"
            )),
        }
    },
    |context, value| context.settings.set_connections_max(count(value)),
);
