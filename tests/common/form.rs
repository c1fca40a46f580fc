//! The form of the tests: how much they try.
//!
//! The environment variable `KVS_TEST` names it:
//!
//! - `short`, or no name: every technique, in three minutes for all tests.
//! - `full`: what has to pass before a change is taken, in some ten minutes.
//! - `long`: minutes to hours for each of the tests that have more to try.

use std::env::{self, VarError};

/// Returns the amount for the form that was chosen, out of those for the three forms.
pub fn by_form<T>([short, full, long]: [T; 3]) -> T {
    match env::var("KVS_TEST").as_deref() {
        Err(VarError::NotPresent) | Ok("short") => short,
        Ok("full") => full,
        Ok("long") => long,
        other => panic!("KVS_TEST is short, full or long, and not {other:?}"),
    }
}
