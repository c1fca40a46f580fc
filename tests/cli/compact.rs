//! The verb `compact`.

use common::process::is_compacting;
use kvs::{Durability, Options, Store};

use super::*;

/// Sets 4000 keys of 4 KiB, half of them twice: only the tool compacts them.
fn fill(directory: &Path) {
    let options = Options::new(directory).durability(Durability::Never);
    let store = Store::open(options.segment_bytes_max(1 << 21)).unwrap();
    for number in (0..4000).chain((0..4000).step_by(2)) {
        store.set(format!("key{number:04}"), format!("{number:04}").repeat(1 << 10)).unwrap();
    }
}

/// Returns true when it has come, given the segments at the beginning.
type Moment<'a> = &'a dyn Fn(&[PathBuf]) -> bool;

fn assert_whole(directory: &Path) {
    let path = directory.to_str().unwrap();
    let verified = run(LOCAL, &["verify", "--dir", path]);
    assert!(verified.status.success(), "{verified:?}");
    let store = Store::open(Options::new(directory).read_only(true)).unwrap();
    assert_eq!(store.len().unwrap(), 4000);
    for (number, entry) in store.scan(..).enumerate() {
        let (key, value) = entry.unwrap();
        assert_eq!(key, format!("key{number:04}").as_bytes());
        assert_eq!(value, format!("{number:04}").repeat(1 << 10).as_bytes());
    }
}

#[test]
fn the_space_of_overwritten_keys_is_given_back_from_the_command_line() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    let tool = Tool { program: LOCAL, place: ["--dir", path] };
    for value in ["1", "2", "3"] {
        tool.printed(&["set", "key", value]);
    }
    tool.printed(&["set", "gone", "1"]);
    tool.printed(&["rm", "gone"]);
    let (_, complaint) = tool.ended(1, &["compact", "--read-only"]);
    assert_eq!(complaint, "the store is open for reading only\n");
    let told = tool.printed(&["compact"]);
    let lines: Vec<_> = told.lines().collect();
    assert!(matches!(lines[..], [s, b] if s.starts_with("segments: ") && b.starts_with("bytes: ")));
    let told: serde_json::Value =
        serde_json::from_str(&tool.printed(&["compact", "-ojson"])).unwrap();
    assert_eq!((&told["bytes_freed"], told["segments_after"].is_u64()), (&0.into(), true));
    assert!(told["bytes_after"].as_u64().unwrap() < 600, "{told}");
    assert_eq!(tool.printed(&["get", "key"]), "3\n");
    assert_eq!(tool.printed(&["count"]), "1\n");
    let nowhere = directory.path().join("nowhere");
    let nowhere = Tool { program: LOCAL, place: ["--dir", nowhere.to_str().unwrap()] };
    assert!(nowhere.ended(1, &["compact"]).1.contains("nowhere"));
    let (_, complaint) = tool.ended(2, &["compact", "--keyspace", "default"]);
    assert!(complaint.contains("--keyspace"), "{complaint}");
}

#[test]
fn a_compaction_that_was_killed_loses_nothing_and_is_run_again() {
    let directory = TempDir::new().unwrap();
    fill(directory.path());
    let path = directory.path().to_str().unwrap();
    let segments = || {
        let names = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|name| name.extension().is_some_and(|it| it == "log")).collect::<Vec<_>>()
    };
    // While the first output is written, and after some inputs were replaced.
    let moments: [Moment<'_>; 3] = [
        &|_| is_compacting(directory.path()),
        &|before| segments().len() < before.len(),
        &|before| before.iter().filter(|name| !name.exists()).count() >= 5,
    ];
    let mut kills = 0;
    for moment in moments {
        let before = segments();
        let mut tool = Command::new(LOCAL)
            .args(["compact", "--dir", path])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("it compacts", || moment(&before) || tool.try_wait().unwrap().is_some());
        tool.kill().unwrap();
        kills += i32::from(!tool.wait().unwrap().success());
        assert_whole(directory.path());
    }
    assert!(kills > 0, "it was over before it could be killed");
    let tool = Tool { program: LOCAL, place: ["--dir", path] };
    let told: serde_json::Value =
        serde_json::from_str(&tool.printed(&["compact", "-ojson"])).unwrap();
    assert!(told["bytes_after"].as_u64().unwrap() < 4000 * 4200, "{told}");
    assert_whole(directory.path());
}
