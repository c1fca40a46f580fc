//! Moving in from Redis and from sled, and out again to Redis, through the real programs.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use common::process::Server;
use common::redis_process::{RedisProcess, has_redis};
use common::text;
use kvs::{Expiry, Options, Store};
use tempfile::TempDir;

/// Returns the address for `--from-redis`.
fn address(redis: &RedisProcess) -> String {
    format!("unix:{}", redis.socket().to_str().unwrap())
}

/// Runs a script of Lua, which sets keys of any bytes.
fn run(redis: &RedisProcess, database: u32, script: &str) {
    let database = database.to_string();
    let answer = redis.cli(&["-n", &database, "eval", script, "0"]);
    assert_eq!(answer.trim(), "", "{answer}");
}

/// Runs `redis-cli --pipe` with a file.
fn pipe(redis: &RedisProcess, file: &Path) -> String {
    output_of(redis.command(&["--pipe"]).stdin(File::open(file).unwrap()))
}

fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

fn kvs(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kvs"));
    command.args(arguments).arg("--dir").arg(directory).env_remove("KVS_PASSWORD");
    command.output().unwrap()
}

fn assert_done(output: &Output, printed: &str) {
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(text(&output.stdout), printed);
}

fn open(directory: &Path) -> Store {
    Store::open(Options::new(directory)).unwrap()
}

/// Keys that SCAN needs many steps for, binary ones, and one of every other type.
const KEYS: &str = "
for n = 1, 5000 do redis.call('SET', 'key' .. n, 'value' .. n) end
redis.call('SET', '\\255\\0\\r\\n', '\\0\\254\\n')
redis.call('SET', '', '')
redis.call('SET', 'large', string.rep('x', 3000000))
redis.call('SET', 'expiring', '1', 'PX', 1000000000)
redis.call('RPUSH', 'list1', 'a') redis.call('RPUSH', 'list2', 'a')
redis.call('HSET', 'hash', 'a', 'b') redis.call('ZADD', 'sorted', 1, 'a')
redis.call('SADD', 'set', 'a') redis.call('XADD', 'stream', '*', 'a', 'b')
";

#[test]
fn strings_come_from_redis_with_their_expiry_and_the_rest_is_named() {
    if !has_redis() {
        return;
    }
    let redis = RedisProcess::start(None);
    run(&redis, 0, KEYS);
    run(&redis, 3, "redis.call('SET', 'a', 'of 3')");
    run(&redis, 12, "redis.call('SET', 'a', 'of 12', 'PX', 1000000000)");
    let directory = TempDir::new().unwrap();
    let address = address(&redis);
    let imported = kvs(directory.path(), &["import", "--from-redis", &address]);
    let left_out = "hash: 1, left out of type list: 2, left out of type set: 1, left out of type \
                    stream: 1, left out of type zset: 1";
    let expected = format!("keys imported: 5006, expired: 0, left out of type {left_out}\n");
    assert_done(&imported, &expected);
    let store = open(directory.path());
    assert_eq!(store.keyspaces().unwrap(), ["db12", "db3", "default"]);
    assert_eq!(store.len().unwrap(), 5004);
    for n in 1..=5000 {
        let value = store.get(format!("key{n}")).unwrap();
        assert_eq!(value, Some(format!("value{n}").into_bytes()));
    }
    assert_eq!(store.get(b"\xFF\0\r\n").unwrap().as_deref(), Some(&b"\0\xFE\n"[..]));
    assert_eq!(store.get("").unwrap().as_deref(), Some(&b""[..]));
    assert_eq!(store.get("large").unwrap().unwrap(), vec![b'x'; 3_000_000]);
    let there: u64 = redis.cli(&["pexpiretime", "expiring"]).trim().parse().unwrap();
    let here = store.metadata("expiring").unwrap().unwrap().expires_at.unwrap();
    assert!(here <= there && there - here < 60_000, "{here} for {there}");
    let of_12 = store.keyspace("db12").unwrap().entry("a").unwrap().unwrap();
    assert_eq!(of_12.value, b"of 12");
    assert!(of_12.expires_at.is_some());
    drop(store);
    // One database alone, to the keyspace that is named.
    let one = TempDir::new().unwrap();
    let arguments = ["import", "--from-redis", &address, "--db", "3", "--keyspace", "old"];
    let imported = kvs(one.path(), &[&["-o", "json"], &arguments[..]].concat());
    assert_done(&imported, "{\"keys\":1,\"expired\":0,\"other_types\":{}}\n");
    let store = open(one.path());
    let value = store.keyspace("old").unwrap().get("a").unwrap();
    assert_eq!(value.as_deref(), Some(&b"of 3"[..]));
    drop(store);
    let bad = kvs(one.path(), &["import", "--merge", "--from-redis", &address, "--db", "99"]);
    assert_eq!(bad.status.code(), Some(1), "{bad:?}");
    let message = text(&bad.stderr);
    assert!(message.contains("refused SELECT: ERR DB index is out of range"), "{message}");
}

#[test]
fn redis_is_given_a_password_and_a_failure_names_it() {
    if !has_redis() {
        return;
    }
    let redis = RedisProcess::start(Some("secret"));
    run(&redis, 0, "redis.call('SET', 'a', '1')");
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "secret\n").unwrap();
    let store = directory.path().join("store");
    let address = address(&redis);
    let import = ["import", "--from-redis", &address];
    let refused = kvs(&store, &import);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let message = text(&refused.stderr);
    assert!(message.contains("refused INFO: NOAUTH") && message.contains("password"), "{message}");
    let arguments = [&import[..], &["--password-file", file.to_str().unwrap()]].concat();
    assert_done(&kvs(&store, &arguments), "keys imported: 1, expired: 0\n");
    std::fs::write(&file, "wrong\n").unwrap();
    let message = text(&kvs(&store, &[&arguments[..], &["--merge"]].concat()).stderr);
    assert!(message.contains("refused AUTH: WRONGPASS"), "{message}");
    let missing = "unix:/nonexistent/redis.sock";
    let output = kvs(&store, &["import", "--merge", "--from-redis", missing]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(text(&output.stderr).starts_with("cannot connect to unix:/nonexistent"), "{output:?}");
}

#[test]
fn a_server_of_this_kind_is_imported_as_redis_is() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(from.path());
    for n in 0..3000 {
        store.set(format!("key{n}"), vec![0xFF; n % 100]).unwrap();
    }
    store.set_expiring("expiring", "1", Expiry::After(Duration::from_secs(1 << 20))).unwrap();
    drop(store);
    let server = Server::start(from.path(), &[]);
    let address = server.address.to_string();
    let imported = kvs(to.path(), &["import", "--from-redis", &address]);
    assert_done(&imported, "keys imported: 3001, expired: 0\n");
    server.signal("TERM");
    server.wait();
    let (from, to) = (open(from.path()), open(to.path()));
    assert!(from.scan(..).map(Result::unwrap).eq(to.scan(..).map(Result::unwrap)));
    assert!(to.metadata("expiring").unwrap().unwrap().expires_at.is_some());
}

#[test]
fn an_export_goes_to_redis_through_its_pipe() {
    if !has_redis() {
        return;
    }
    let places = TempDir::new().unwrap();
    let (from, back) = (places.path().join("from"), places.path().join("back"));
    let mut expected = BTreeMap::new();
    let store = open(&from);
    for n in 0..3000_usize {
        let (key, value) =
            (format!("key{n}").into_bytes(), vec![u8::try_from(n % 256).unwrap(); n]);
        expected.insert(key, value);
    }
    expected.insert(vec![0xFF, 0, b'\r', b'\n'], vec![0xFE, 0]);
    expected.insert(Vec::new(), Vec::new());
    for (key, value) in &expected {
        store.set(key.clone(), value.clone()).unwrap();
    }
    store.set_expiring("expiring", "1", Expiry::After(Duration::from_secs(1 << 30))).unwrap();
    let expires_at = store.metadata("expiring").unwrap().unwrap().expires_at;
    drop(store);
    let file = places.path().join("export.resp");
    let path = file.to_str().unwrap();
    assert_done(&kvs(&from, &["export", path, "--format", "resp"]), "keys exported: 3003\n");
    let redis = RedisProcess::start(None);
    let printed = pipe(&redis, &file);
    assert!(printed.contains("errors: 0, replies: 3003"), "{printed}");
    assert_eq!(redis.cli(&["dbsize"]), "3003\n");
    let there: u64 = redis.cli(&["pexpiretime", "expiring"]).trim().parse().unwrap();
    assert_eq!(Some(there), expires_at);
    // And back from there, where every key is compared.
    let imported = kvs(&back, &["import", "--from-redis", &address(&redis)]);
    assert_done(&imported, "keys imported: 3003, expired: 0\n");
    let back = open(&back);
    assert_eq!(back.len().unwrap(), 3003);
    for (key, value) in &expected {
        assert_eq!(back.get(key).unwrap().as_ref(), Some(value), "{}", key.escape_ascii());
    }
}

#[cfg(feature = "sled")]
#[test]
fn every_tree_comes_from_a_database_of_sled() {
    let places = TempDir::new().unwrap();
    let (foreign, to) = (places.path().join("foreign"), places.path().join("to"));
    let foreign_path = foreign.to_str().unwrap();
    let import = |to: &Path, arguments: &[&str]| {
        kvs(to, &[&["import", "--from-sled", foreign_path], arguments].concat())
    };
    let missing = import(&to, &[]);
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    assert!(text(&missing.stderr).contains("there is no database of sled"), "{missing:?}");
    assert!(!foreign.exists(), "it was made");
    let database = sled::open(&foreign).unwrap();
    for n in 0..3000_u32 {
        database.insert(n.to_be_bytes(), format!("value{n}").as_bytes()).unwrap();
    }
    let users = database.open_tree("users é").unwrap();
    users.insert([0xFF, 0], vec![0xFE; 100_000]).unwrap();
    database.open_tree("empty").unwrap();
    database.flush().unwrap();
    drop((users, database));
    assert_done(&import(&to, &[]), "keys imported: 3001, expired: 0\n");
    let store = open(&to);
    assert_eq!(store.keyspaces().unwrap(), ["default", "empty", "users é"]);
    assert_eq!(store.len().unwrap(), 3000);
    for n in 0..3000_u32 {
        let value = store.get(n.to_be_bytes()).unwrap();
        assert_eq!(value, Some(format!("value{n}").into_bytes()));
    }
    let value = store.keyspace("users é").unwrap().get([0xFF, 0]).unwrap();
    assert_eq!(value, Some(vec![0xFE; 100_000]));
    drop(store);
    let again = import(&to, &[]);
    assert!(text(&again.stderr).contains("--merge"), "{again:?}");
    assert!(import(&to, &["--merge"]).status.success());
    // Two trees for one keyspace, and a name that no keyspace has.
    for (tree, reason) in
        [(&b"default"[..], "both the default tree"), (b"\xFF", "the tree \"\\xff")]
    {
        let database = sled::open(&foreign).unwrap();
        database.open_tree(tree).unwrap().insert("a", "1").unwrap();
        database.flush().unwrap();
        drop(database);
        let refused = import(&to, &["--merge"]);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(text(&refused.stderr).contains(reason), "{refused:?}");
        let database = sled::open(&foreign).unwrap();
        database.drop_tree(tree).unwrap();
        drop(database);
    }
}

#[cfg(feature = "sled")]
#[test]
fn a_store_with_the_sled_engine_is_no_database_of_another_program() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let options = Options::new(from.path()).engine(kvs::EngineKind::Sled);
    let store = Store::open(options).unwrap();
    store.set("a", "1").unwrap();
    drop(store);
    let inner = std::fs::read_dir(from.path()).unwrap().map(|entry| entry.unwrap().path());
    let inner = inner.into_iter().find(|path| path.is_dir()).unwrap();
    for directory in [from.path(), &inner] {
        let directory = directory.to_str().unwrap();
        let refused = kvs(to.path(), &["import", "--from-sled", directory]);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let message = text(&refused.stderr);
        assert!(message.contains("sled"), "{message}");
        assert!(message.ends_with("nothing was imported\n"), "{message}");
    }
}
