//! Tools that are killed in the middle, at several moments, and run again: the result is whole, and
//! what was left meanwhile is never taken for whole.

use std::fs;

use kvs::{Durability, Options, Store};

use super::*;

const KEYS: usize = 3000;

/// Fills a store of some ten segments.
fn fill(directory: &Path) {
    let options = Options::new(directory).durability(Durability::Never);
    let store = Store::open(options.segment_bytes_max(1 << 20)).unwrap();
    for number in 0..KEYS {
        store.set(format!("key{number:04}"), value(number)).unwrap();
    }
}

fn value(number: usize) -> String {
    format!("{number:04}").repeat(1 << 10)
}

fn assert_whole(directory: &Path) {
    let store = Store::open(Options::new(directory).read_only(true)).unwrap();
    assert_eq!(store.len().unwrap(), KEYS as u64);
    for (number, entry) in store.scan(..).enumerate() {
        let (key, found) = entry.unwrap();
        assert!(key == format!("key{number:04}").as_bytes() && found == value(number).as_bytes());
    }
    let path = directory.to_str().unwrap();
    let verified = run(LOCAL, &["verify", "--dir", path]);
    assert!(verified.status.success(), "{verified:?}");
}

/// Runs the tool and kills it at a moment; false if it was over by then.
fn is_killed(arguments: &[&str], moment: impl Fn() -> bool) -> bool {
    let mut command = Command::new(LOCAL);
    let mut tool = command.args(arguments).stdout(Stdio::null()).spawn().unwrap();
    wait_until("the tool is at work", || moment() || tool.try_wait().unwrap().is_some());
    tool.kill().unwrap();
    !tool.wait().unwrap().success()
}

/// Returns the number of segments in a directory that may be missing.
fn segments(directory: &Path) -> usize {
    let names = fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    names.filter(|name| name.extension().is_some_and(|it| it == "log")).count()
}

/// Kills the tool while it fills `to`, once it holds so many segments; runs it to its end
/// afterwards.
fn kill_and_finish(arguments: &[&str], from: &Path, to: &Path) {
    let all = segments(from);
    let mut kills = 0;
    for some in [1, all / 2, all, all] {
        let was_killed = is_killed(arguments, || segments(to) >= some);
        kills += usize::from(was_killed);
        if to.join("ENGINE").exists() {
            // It was done but for its answer.
            assert_whole(to);
            fs::remove_dir_all(to).unwrap();
            continue;
        }
        let path = to.to_str().unwrap();
        for verb in [&["stats"][..], &["get", "key0000"], &["set", "a", "b"], &["export"]] {
            let refused = run(LOCAL, &[verb, &["--dir", path]].concat());
            assert_eq!(refused.status.code(), Some(1), "{verb:?}: {refused:?}");
            assert!(refused.stdout.is_empty(), "{verb:?}");
            let complaint = text(&refused.stderr);
            assert!(complaint.contains("an unfinished backup"), "{verb:?}: {complaint}");
        }
    }
    assert!(kills > 0, "it was over before it could be killed");
    let finished = run(LOCAL, arguments);
    assert!(finished.status.success(), "{finished:?}");
    assert_whole(to);
    assert_whole(from);
}

#[test]
fn a_backup_and_a_restore_that_were_killed_are_run_again() {
    let places = TempDir::new().unwrap();
    let place = |name: &str| places.path().join(name);
    let (data, backup, restored) = (place("data"), place("backup"), place("restored"));
    fill(&data);
    let path = |place: &PathBuf| place.to_str().unwrap().to_owned();
    let (from, to) = (path(&data), path(&backup));
    kill_and_finish(&["backup", &to, "--copy", "--dir", &from], &data, &backup);
    let to = path(&restored);
    kill_and_finish(&["restore", &path(&backup), "--dir", &to], &backup, &restored);
}

#[test]
fn an_export_that_was_killed_leaves_no_file_and_is_run_again() {
    let places = TempDir::new().unwrap();
    let place = |name: &str| places.path().join(name);
    let (data, file, left) = (place("data"), place("keys.jsonl"), place("keys.jsonl.tmp"));
    fill(&data);
    let from = data.to_str().unwrap();
    let whole = run(LOCAL, &["export", "--dir", from]).stdout;
    let arguments = ["export", file.to_str().unwrap(), "--dir", from];
    let mut kills = 0;
    for part in [0, 2, 4, 8] {
        // So many sixteenths are written.
        let bytes = (whole.len() * part / 16) as u64;
        let is_there = || fs::metadata(&left).is_ok_and(|it| it.len() >= bytes) || file.exists();
        kills += usize::from(is_killed(&arguments, is_there));
        if file.exists() {
            assert!(fs::read(&file).unwrap() == whole, "a part has the name of the whole");
            fs::remove_file(&file).unwrap();
        } else if left.exists() {
            // Whoever takes it for an export all the same is told.
            let new = place(&format!("new{part}"));
            let (new, left) = (new.to_str().unwrap(), left.to_str().unwrap());
            let imported = run(LOCAL, &["import", left, "--dir", new]);
            assert_eq!(imported.status.code(), Some(1), "{imported:?}");
            let complaint = text(&imported.stderr);
            assert!(
                complaint.contains("imported") && complaint.lines().count() == 1,
                "{complaint}"
            );
        }
    }
    assert!(kills > 0, "it was over before it could be killed");
    let finished = run(LOCAL, &arguments);
    assert!(finished.status.success(), "{finished:?}");
    assert!(fs::read(&file).unwrap() == whole && !left.exists());
    let imported = place("imported");
    let to = imported.to_str().unwrap();
    assert!(run(LOCAL, &["import", file.to_str().unwrap(), "--dir", to]).status.success());
    assert_whole(&imported);
}
