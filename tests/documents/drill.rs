//! The drill of the guide: its commands print what stands below them.

use std::process::Command;

use super::{read, section};

#[test]
fn the_drill_of_the_guide_prints_what_stands_there() {
    let page = read("docs/guide/backup.md");
    let (_, block) = section(&page, "## A drill").split_once("```console\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_kvs")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut commands = 0;
    for step in block.split("$ ").filter(|step| !step.is_empty()) {
        let (command, expected) = step.split_once('\n').unwrap();
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(directory.path())
            .env("PATH", &path)
            .output()
            .unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{command}: {output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{command}");
        commands += 1;
    }
    assert!(commands > 6, "{commands} commands");
}
