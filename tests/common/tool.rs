//! Programs and rights that some tests need.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::text;

/// Returns true if the tool is installed. If not, a test that needs it says so and ends, or fails
/// where `KVS_TEST_TOOLS=required` says that every tool has to be there.
pub fn has(tool: &str, arguments: &[&str]) -> bool {
    is_able(&format!("{tool} is not installed"), || succeeds(tool, arguments))
}

/// Does as [`has`] for anything that can be tried; `otherwise` is printed if it fails.
pub fn is_able(otherwise: &str, attempt: impl FnOnce() -> bool) -> bool {
    let found = attempt();
    if !found {
        let is_required = std::env::var("KVS_TEST_TOOLS").is_ok_and(|value| value == "required");
        assert!(!is_required, "{otherwise}, and KVS_TEST_TOOLS says that nothing may be missing");
        skip(otherwise);
    }
    found
}

/// Says that a test did not test anything; past the test runner, which shows nothing of a test that
/// passes.
pub fn skip(reason: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("SKIPPED {test}: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Returns true if the command can be run and succeeds.
pub fn succeeds(tool: &str, arguments: &[&str]) -> bool {
    Command::new(tool)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a command to its end; what it printed on standard output.
pub fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?} failed: {stdout}{stderr}");
    stdout
}
