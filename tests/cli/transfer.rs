//! Exports and imports through the programs: directories, servers, pipes, kills and wrong paths.

use std::collections::BTreeMap;
use std::fs;
use std::process::Child;

use kvs::{Expiry, Options, Store};

use super::*;
use common::directory_bytes;

/// Keyspace and key, to value and expiry.
type Contents = BTreeMap<(String, Vec<u8>), (Vec<u8>, Option<u64>)>;

fn open(directory: &Path) -> Store {
    Store::open(Options::new(directory)).unwrap()
}

/// Fills a directory with keys of two keyspaces, some binary and some that expire.
fn fill(directory: &Path, keys: u32) {
    let store = open(directory);
    let mut batch = kvs::WriteBatch::new();
    for n in 0..keys {
        batch.set(format!("key{n:06}"), format!("value{n}"));
        if batch.len() == 1000 {
            store.write(std::mem::take(&mut batch)).unwrap();
        }
    }
    store.write(batch).unwrap();
    store.set([0xFF, 0], [0, 0xFE]).unwrap();
    store.set_expiring("expiring", "1", Expiry::After(Duration::from_secs(1 << 30))).unwrap();
    store.keyspace("users").unwrap().set("alice", "\"é\"\n").unwrap();
    store.keyspace("empty").unwrap();
}

fn contents(directory: &Path) -> (Vec<String>, Contents) {
    let store = open(directory);
    let mut contents = Contents::new();
    let names = store.keyspaces().unwrap();
    for name in &names {
        let keyspace = store.keyspace(name).unwrap();
        for key in keyspace.scan(..).keys() {
            let key = key.unwrap();
            let entry = keyspace.entry(&key).unwrap().unwrap();
            contents.insert((name.clone(), key), (entry.value, entry.expires_at));
        }
    }
    (names, contents)
}

fn local(directory: &Path, arguments: &[&str]) -> Output {
    run(LOCAL, &[arguments, &["--dir", directory.to_str().unwrap()]].concat())
}

/// Runs the tool with a file on standard input.
fn local_from(directory: &Path, arguments: &[&str], input: &Path) -> Output {
    let mut command = Command::new(LOCAL);
    command.args(arguments).arg("--dir").arg(directory);
    command.stdin(fs::File::open(input).unwrap()).output().unwrap()
}

fn assert_done(output: &Output, printed: &str) {
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(text(&output.stdout), printed);
}

#[test]
fn a_directory_comes_back_from_its_export() {
    let places = TempDir::new().unwrap();
    let place = |name: &str| places.path().join(name);
    let file = place("export.jsonl");
    let path = file.to_str().unwrap();
    fill(&place("a"), 3000);
    let exported = local(&place("a"), &["export", path]);
    assert_done(&exported, "keys exported: 3003\n");
    let piped = local(&place("a"), &["export"]);
    assert!(piped.status.success() && piped.stderr.is_empty());
    assert!(piped.stdout == fs::read(&file).unwrap());
    let imported = local(&place("b"), &["import", path]);
    assert_done(&imported, "keys imported: 3003, expired: 0\n");
    let imported = local_from(&place("c"), &["-o", "json", "import", "-"], &file);
    assert_done(&imported, "{\"keys\":3003,\"expired\":0,\"other_types\":{}}\n");
    let expected = contents(&place("a"));
    assert!(expected == contents(&place("b")) && expected == contents(&place("c")));
    assert_eq!(expected.0, ["default", "empty", "users"]);
    // There are keys now.
    let again = local(&place("b"), &["import", path]);
    assert_eq!(again.status.code(), Some(1));
    let message = text(&again.stderr);
    assert!(
        message.contains("--merge") && message.ends_with("nothing was imported\n"),
        "{message}"
    );
    assert!(local(&place("b"), &["import", path, "--merge"]).status.success());
    assert!(expected == contents(&place("b")));
}

#[test]
fn a_keyspace_is_chosen_and_goes_through_the_other_format() {
    let places = TempDir::new().unwrap();
    let place = |name: &str| places.path().join(name);
    fill(&place("a"), 10);
    let refused = local(&place("a"), &["export", "--format", "resp"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(text(&refused.stderr).contains("these have keys as well: users"), "{refused:?}");
    assert!(refused.stdout.is_empty());
    let file = place("users.resp");
    let path = file.to_str().unwrap();
    let arguments = ["export", path, "--format", "resp", "--keyspace", "users"];
    assert_done(&local(&place("a"), &arguments), "keys exported: 1\n");
    let set = "*3\r\n$3\r\nSET\r\n$5\r\nalice\r\n$5\r\n\"é\"\n\r\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), set);
    let arguments = ["import", path, "--format", "resp", "--keyspace", "members"];
    assert_done(&local(&place("b"), &arguments), "keys imported: 1, expired: 0\n");
    assert_eq!(open(&place("b")).keyspaces().unwrap(), ["default", "members"]);
    let none = local(&place("a"), &["export", "--keyspace", "none"]);
    assert!(text(&none.stderr).starts_with("no keyspace is called \"none\""), "{none:?}");
    let unknown = local(&place("a"), &["export", "--format", "csv"]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
    assert!(text(&unknown.stderr).contains("jsonl, resp"), "{unknown:?}");
}

#[test]
fn a_reader_of_an_export_may_go_away() {
    let directory = TempDir::new().unwrap();
    // More than a pipe holds.
    fill(directory.path(), 50_000);
    let mut child = Command::new(LOCAL)
        .args(["export", "-", "--dir"])
        .arg(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    assert!(line.starts_with("{\"format\":\"kvs-export\""), "{line}");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn wrong_paths_are_named_and_make_nothing() {
    let places = TempDir::new().unwrap();
    let place = |name: &str| places.path().join(name);
    let missing = place("missing");
    let path = missing.to_str().unwrap();
    let import = local(&place("a"), &["import", path]);
    assert_eq!(import.status.code(), Some(1));
    let expected = format!("cannot open {path}: No such file or directory");
    assert!(text(&import.stderr).starts_with(&expected), "{import:?}");
    let export = local(&place("a"), &["export", path]);
    assert_eq!(export.status.code(), Some(1));
    assert!(text(&export.stderr).contains("a: No such file or directory"), "{export:?}");
    assert_eq!(fs::read_dir(places.path()).unwrap().count(), 0);
    fill(&place("a"), 1);
    for (file, reason) in
        [("a", "a exists already"), ("none/x", "cannot create"), ("missing/", "cannot")]
    {
        let file = place(file);
        let export = local(&place("a"), &["export", file.to_str().unwrap()]);
        assert_eq!(export.status.code(), Some(1), "{export:?}");
        assert!(text(&export.stderr).contains(reason), "{export:?}");
    }
    assert_eq!(fs::read_dir(places.path()).unwrap().count(), 1);
    let directory = local(&place("b"), &["import", place("a").to_str().unwrap()]);
    assert_eq!(directory.status.code(), Some(1), "{directory:?}");
    for arguments in [&["import"][..], &["import", path, "--from-redis", "127.0.0.1:1"]] {
        assert_eq!(local(&place("b"), arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn bad_input_is_named_by_its_line() {
    let places = TempDir::new().unwrap();
    let file = places.path().join("file");
    let import = |text: &str| {
        fs::write(&file, text).unwrap();
        local(&places.path().join("store"), &["import", "--merge", file.to_str().unwrap()])
    };
    let start = "{\"format\":\"kvs-export\",\"version\":1}\n{\"key\":\"a\",\"value\":\"1\"}\n";
    for (rest, expected) in [
        ("", "line 2 is the last, and the end is missing"),
        ("{\"keys\":2}\n", "line 3: the export had 2 keys, and there are 1 lines of keys"),
        ("{\"key\":\"b\"}\n", "line 3: neither \"value\" nor \"value_base64\""),
    ] {
        let output = import(&format!("{start}{rest}"));
        assert_eq!(output.status.code(), Some(1));
        let message = text(&output.stderr);
        assert!(message.starts_with(expected) && message.lines().count() == 1, "{message}");
        assert!(message.contains("imported"), "{message}");
    }
    let output = import("SET a b\r\n");
    assert!(text(&output.stderr).starts_with("line 1: the first line of an export is"));
}

/// Starts an import that gets a part of an export and then waits for more, and waits until keys of
/// it are in the directory.
fn half_imported(directory: &Path, part: &[u8], more_than: u64) -> Child {
    let mut child = Command::new(LOCAL)
        .args(["import", "-", "--merge", "--dir"])
        .arg(directory)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(part).unwrap();
    wait_until("an import has begun", || {
        directory.exists() && directory_bytes(directory) > more_than
    });
    child.stdin = Some(stdin);
    child
}

#[test]
fn an_import_that_was_killed_is_run_again() {
    let places = TempDir::new().unwrap();
    let (from, to) = (places.path().join("from"), places.path().join("to"));
    fill(&from, 20_000);
    let exported = local(&from, &["export"]).stdout;
    let file = places.path().join("file");
    fs::write(&file, &exported).unwrap();
    let log_bytes = || {
        let logs = fs::read_dir(&to).into_iter().flatten().map(|entry| entry.unwrap().path());
        let logs = logs.filter(|path| path.extension().is_some_and(|e| e == "log"));
        logs.map(|path| fs::read(path).unwrap().windows(3).filter(|w| w == b"key").count())
            .sum::<usize>()
    };
    for percent in [20, 50, 90] {
        let part = exported.len() * percent / 100;
        let mut child = half_imported(&to, &exported[..part], 0);
        // Some thousand keys, however the system cuts what it hands over.
        let wanted: usize = part / exported.len().div_ceil(20_000) / 2;
        wait_until("keys are imported", || log_bytes() >= wanted);
        child.kill().unwrap();
        child.wait().unwrap();
        let keys = open(&to).len().unwrap();
        assert!(keys > 1000 && keys < 20_002, "{keys} keys of {percent} %");
    }
    let output = local(&to, &["import", "--merge", file.to_str().unwrap()]);
    assert_done(&output, "keys imported: 20003, expired: 0\n");
    assert!(contents(&from) == contents(&to));
}

#[test]
fn a_server_is_exported_and_imported_over_the_network() {
    for engine in EngineKind::available() {
        let places = TempDir::new().unwrap();
        let place = |name: &str| places.path().join(name);
        let start = |name: &str| Server::start(&place(name), &["--engine", engine.name()]);
        let (from, to) = (start("from"), start("to"));
        let mut there = KvsClient::connect(from.address).unwrap();
        let mut pipeline = there.pipeline();
        for n in 0..3000 {
            pipeline.set(format!("key{n:06}"), format!("value{n}"));
        }
        pipeline.set([0xFF, 0], vec![0xFE; 100_000]).set("", "");
        pipeline.send().unwrap().into_iter().for_each(|reply| drop(reply.unwrap()));
        there.set_expiring("expiring", "1", Expiry::After(Duration::from_secs(1 << 30))).unwrap();
        there.keyspace("users").unwrap().set("alice", "1").unwrap();
        there.keyspace("empty").unwrap();
        let file = place("export.jsonl");
        let path = file.to_str().unwrap();
        assert_done(&client(&from, &["export", path]), "keys exported: 3004\n");
        assert_done(&client(&to, &["import", path]), "keys imported: 3004, expired: 0\n");
        let refused = client(&to, &["import", path]);
        assert!(text(&refused.stderr).contains("--merge"), "{refused:?}");
        assert!(client(&to, &["import", path, "--merge"]).status.success());
        let (one, other) = (client(&from, &["export"]), client(&to, &["export", "-"]));
        assert!(one.status.success() && one.stdout == other.stdout, "{engine}");
        assert!(one.stdout == fs::read(&file).unwrap(), "{engine}");
        // Through the same code as that of a directory.
        let local_copy = local(&place("local"), &["import", path]);
        assert_done(&local_copy, "keys imported: 3004, expired: 0\n");
        assert!(local(&place("local"), &["export"]).stdout == one.stdout, "{engine}");
        let chosen = client(&from, &["export", "--keyspace", "users", "--format", "resp"]);
        assert_done(&chosen, "*3\r\n$3\r\nSET\r\n$5\r\nalice\r\n$1\r\n1\r\n");
    }
}
