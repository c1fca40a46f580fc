//! Clusters and modules, which this server has none of.

use super::call::{Call, Executed};
use super::reply_value::{done, refuse};
use crate::protocol::resp::Value;

/// `CLUSTER ...`, `ASKING`, `READONLY` and `READWRITE`
pub(super) fn disabled(_: &Call<'_>) -> Executed {
    refuse("ERR This instance has cluster support disabled")
}

/// `MODULE LIST`
pub(super) fn modules(_: &Call<'_>) -> Executed {
    done(Value::Array(vec![]))
}

/// `MODULE LOAD`, `MODULE LOADEX` and `MODULE UNLOAD`
pub(super) fn no_modules(_: &Call<'_>) -> Executed {
    refuse(
        "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", \
         you can run it from a local connection, otherwise you need to set this option in the \
         configuration file, and then restart the server.",
    )
}
