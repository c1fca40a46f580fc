//! The passwords that the user of a program gives: in a file, and in the environment.
//!
//! Arguments are no place for them, because everybody on the machine sees those.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// The variable of the environment that holds one password.
const VARIABLE: &str = "KVS_PASSWORD";

/// Returns the passwords of the file, one a line, and behind them that of the environment.
///
/// Empty lines are left out, and so are the line ends of Unix and Windows; every other byte belongs
/// to its password.
pub fn given(file: Option<&Path>) -> Result<Vec<Vec<u8>>, String> {
    let mut passwords = Vec::new();
    if let Some(path) = file {
        let bytes = fs::read(path)
            .map_err(|error| format!("cannot read the passwords in {}: {error}", path.display()))?;
        let lines = bytes.split(|byte| *byte == b'\n');
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        passwords.extend(lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
        if passwords.is_empty() {
            return Err(format!("{} holds no password; write one to a line", path.display()));
        }
    }
    passwords.extend(std::env::var_os(VARIABLE).map(OsStringExt::into_vec));
    Ok(passwords)
}
