//! The verb `repair`.

use std::collections::BTreeMap;
use std::process::Child;

use serde_json::Value;

use super::*;
use crate::common::random::{Random, setting};

/// Fills a store of some forty segments, closes it and damages every third of them.
fn damaged_store(directory: &Path) {
    let options = || kvs::Options::new(directory).segment_bytes_max(4 << 10);
    let store = kvs::Store::open(options()).unwrap();
    for round in 0..3 {
        for number in 0..200 {
            let value = format!("value {round} {}", "x".repeat(200));
            store.set(format!("key {number}"), value).unwrap();
        }
    }
    store.remove("key 7").unwrap();
    drop(store);
    let mut segments: Vec<_> = files(directory).into_keys().collect();
    segments.retain(|name| name.ends_with(".log"));
    assert!(segments.len() > 12, "{} segments", segments.len());
    for name in segments.iter().step_by(3) {
        let path = directory.join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
    // An open looks into every segment, and not into hints.
    for name in files(directory).into_keys().filter(|name| name.ends_with(".hint")) {
        std::fs::remove_file(directory.join(name)).unwrap();
    }
}

/// Returns the files of a directory but for its lock.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    let read = files
        .map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()));
    read.filter(|(name, _)| name != "LOCK").collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for (name, bytes) in files(from) {
        std::fs::write(to.join(name), bytes).unwrap();
    }
}

fn tool<'a>(directory: &'a str) -> Tool<'a> {
    Tool { program: LOCAL, place: ["--dir", directory] }
}

fn objects(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_damaged_store_is_repaired_and_what_is_lost_is_told() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    damaged_store(directory.path());
    let before = files(directory.path());
    let (plan, complaint) = tool(path).ended(5, &["repair", "--dry-run"]);
    assert_eq!(complaint, "");
    assert_eq!(files(directory.path()), before, "a plan changes nothing");
    for part in ["damage: ", "file: ", "kept at ", "missing: versions ", "note: what is lost "] {
        assert!(plan.contains(part), "{part} is missing from {plan}");
    }
    let (refused, _) = tool(path).ended(5, &["get", "key 7"]);
    assert_eq!(refused, "");

    let done = objects(&tool(path).printed(&["repair", "-ojson"]));
    let of_kind = |kind: &str| done.iter().filter(|object| object["kind"] == kind).count();
    let summary = done.last().unwrap();
    assert_eq!(summary["changed"], true, "{summary}");
    assert_eq!(summary["damages"], of_kind("damage"), "{summary}");
    assert!(of_kind("file") > 3 && of_kind("missing") > 3, "{done:?}");
    assert!(summary["saved_records"].as_u64().unwrap() > 50, "{summary}");
    for file in done.iter().filter(|object| object["kind"] == "file") {
        let name = Path::new(file["file"].as_str().unwrap()).file_name().unwrap();
        let kept = std::fs::read(file["kept_at"].as_str().unwrap()).unwrap();
        assert_eq!(kept, before[name.to_str().unwrap()]);
        assert!(directory.path().join("damaged").join(name).exists());
    }

    assert!(tool(path).printed(&["verify"]).ends_with("damages: 0\n"));
    assert!(tool(path).printed(&["repair"]).starts_with("damages: 0\nfiles: 0\n"));
    tool(path).printed(&["set", "key 7", "new"]);
    assert_eq!(tool(path).printed(&["get", "key 7"]), "new\n");
}

#[test]
fn a_repair_that_cannot_be_done_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (_, complaint) = tool(&path("nowhere")).ended(1, &["repair"]);
    assert!(complaint.contains("nowhere") && !Path::new(&path("nowhere")).exists(), "{complaint}");
    std::fs::create_dir(path("empty")).unwrap();
    let (_, complaint) = tool(&path("empty")).ended(1, &["repair"]);
    assert!(complaint.contains("holds no store"), "{complaint}");
    assert_eq!(files(Path::new(&path("empty"))), BTreeMap::new());

    let server = Server::start(Path::new(&path("served")), &[]);
    let (_, complaint) = tool(&path("served")).ended(6, &["repair"]);
    assert!(complaint.contains("process "), "{complaint}");
    drop(server);
    let (_, complaint) = tool(&path("served")).ended(1, &["repair", "--read-only"]);
    assert!(complaint.contains("reading only"), "{complaint}");
    assert!(tool(&path("served")).printed(&["repair"]).starts_with("damages: 0\n"));

    if cfg!(feature = "sled") {
        drop(Server::start(Path::new(&path("other")), &["--engine", "sled"]));
        let (_, complaint) = tool(&path("other")).ended(1, &["repair"]);
        assert!(complaint.contains("engine sled"), "{complaint}");
    }
}

/// Returns what a store holds; `None` if it is refused for its damage.
fn contents(directory: &Path) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    match kvs::Store::open(kvs::Options::new(directory).read_only(true)) {
        Ok(store) => Some(store.scan(..).collect::<kvs::Result<_>>().unwrap()),
        Err(error) => {
            assert!(error.is_corruption(), "{error}");
            None
        }
    }
}

/// Starts a repair, and kills it after a time unless it has ended; returns true if it was killed.
fn kill_repair(directory: &Path, after: Duration) -> bool {
    let mut child: Child = Command::new(LOCAL)
        .args(["repair", "--dir"])
        .arg(directory)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(after);
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn a_repair_that_is_killed_is_finished_by_another_one() {
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name);
    damaged_store(&at("damaged-store"));
    copy(&at("damaged-store"), &at("whole"));
    let before = files(&at("damaged-store"));
    tool(at("whole").to_str().unwrap()).printed(&["repair"]);
    let expected = contents(&at("whole")).unwrap();
    assert!(expected.len() > 150, "{} keys", expected.len());
    let seed = setting("KVS_SEED", 1);
    println!("repeat with KVS_SEED={seed}");
    let mut random = Random(seed);
    let (mut kills, mut in_the_middle, mut rounds) = (0, 0, 0);
    // Other work on the machine decides what a kill meets.
    while kills < 12 || in_the_middle == 0 {
        rounds += 1;
        assert!(rounds < 200, "{kills} kills, {in_the_middle} of them in the middle");
        let store = at(&format!("store {rounds}"));
        copy(&at("damaged-store"), &store);
        let mut limit = 30;
        while kill_repair(&store, Duration::from_millis(1) + random.milliseconds(limit)) {
            (kills, limit) = (kills + 1, limit * 2);
            in_the_middle += u32::from(files(&store) != before);
            if let Some(found) = contents(&store) {
                assert!(found == expected, "a store that opens is repaired");
            }
        }
        assert!(contents(&store).unwrap() == expected);
        assert!(tool(store.to_str().unwrap()).printed(&["verify"]).ends_with("damages: 0\n"));
        std::fs::remove_dir_all(&store).unwrap();
    }
    println!("{kills} kills, {in_the_middle} of them with files that were changed");
}
