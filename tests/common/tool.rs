//! Programs that some tests need.

use std::process::{Command, Stdio};

use super::text;

/// Whether the tool is installed; a test that needs it says so and ends if not, or fails where
/// `KVS_TEST_TOOLS=required` says that every tool has to be there.
pub fn has(tool: &str, arguments: &[&str]) -> bool {
    let found = Command::new(tool)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        let is_required = std::env::var("KVS_TEST_TOOLS").is_ok_and(|value| value == "required");
        assert!(!is_required, "{tool} is not installed, and KVS_TEST_TOOLS says it has to be");
        eprintln!("SKIPPED: {tool} is not installed");
    }
    found
}

/// Runs a command to its end; what it printed on standard output.
pub fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?} failed: {stdout}{stderr}");
    stdout
}
