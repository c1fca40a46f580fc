//! Exports and imports of the library: everything comes back, one point in time is exported, and an
//! import that ended anywhere is simply run again.

#![cfg(feature = "transfer")]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::form::by_form;
use common::random::Random;
use kvs::{
    EngineKind, Expiry, ExportOptions, ImportError, ImportOptions, Options, Store, TransferError,
    TransferFormat,
};
use tempfile::TempDir;

/// Keyspace and key, to value and expiry. A keyspace has an entry of its own.
type Contents = BTreeMap<(String, Option<Vec<u8>>), (Vec<u8>, Option<u64>)>;

fn contents(store: &Store) -> Contents {
    let mut contents = Contents::new();
    for name in store.keyspaces().unwrap() {
        let keyspace = store.keyspace(&name).unwrap();
        for key in keyspace.scan(..).keys() {
            let key = key.unwrap();
            let entry = keyspace.entry(&key).unwrap().unwrap();
            contents.insert((name.clone(), Some(key)), (entry.value, entry.expires_at));
        }
        contents.insert((name, None), (Vec::new(), None));
    }
    contents
}

fn memory_store() -> Store {
    Store::open(Options::new("nothing-is-stored-here").engine(EngineKind::Memory)).unwrap()
}

fn lines(store: &Store) -> Vec<u8> {
    let mut lines = Vec::new();
    store.export(&mut lines, &ExportOptions::default()).unwrap();
    lines
}

fn import(store: &Store, bytes: impl Read) -> Result<u64, ImportError> {
    Ok(store.import(bytes, &ImportOptions::default())?.keys)
}

fn merge(store: &Store, bytes: impl Read) -> Result<u64, ImportError> {
    Ok(store.import(bytes, &ImportOptions::default().merge(true))?.keys)
}

/// Fills a store with everything that an export has to carry.
fn fill(store: &Store) {
    let far = Expiry::At(UNIX_EPOCH + Duration::from_millis(32_503_680_000_123));
    for n in 0..3000_u32 {
        store.set(format!("key{n}"), n.to_string()).unwrap();
    }
    store.set_expiring("expiring", "1", far).unwrap();
    store.set_expiring("latest", "1", Expiry::After(Duration::MAX)).unwrap();
    store.set("", "").unwrap();
    store.set([0xFF, 0, 10], [0xC3, 0x28]).unwrap();
    store.set("text", "é\u{2028}\"\\\r\n\u{1F600}\0").unwrap();
    store.set("large", vec![b'x'; 3 << 20]).unwrap();
    store.set("large binary", vec![0xFE; 2 << 20]).unwrap();
    let users = store.keyspace("users \"é\"\n").unwrap();
    users.set("key1", "another one").unwrap();
    users.set_expiring("expiring", [0xFF], far).unwrap();
    store.keyspace("empty").unwrap();
}

/// The keys of [`fill`].
const FILLED: u64 = 3009;

#[test]
fn everything_comes_back_from_every_engine_to_every_other() {
    for from in EngineKind::available() {
        let directory = TempDir::new().unwrap();
        let source = Store::open(Options::new(directory.path()).engine(*from)).unwrap();
        fill(&source);
        let exported = lines(&source);
        for to in EngineKind::available() {
            let directory = TempDir::new().unwrap();
            let target = Store::open(Options::new(directory.path()).engine(*to)).unwrap();
            assert_eq!(import(&target, &exported[..]).unwrap(), FILLED, "{from} to {to}");
            assert!(contents(&target) == contents(&source), "{from} to {to}");
            // Byte for byte the same export.
            assert!(lines(&target) == exported, "{from} to {to}");
        }
    }
}

#[test]
fn an_export_is_lines_that_any_program_reads() {
    let store = memory_store();
    store.set("a", "1").unwrap();
    store.keyspace("u").unwrap().set([0xFF], "é").unwrap();
    let expected = "{\"format\":\"kvs-export\",\"version\":1,\"keyspaces\":[\"u\"]}\n\
                    {\"key\":\"a\",\"value\":\"1\"}\n\
                    {\"keyspace\":\"u\",\"key_base64\":\"/w==\",\"value\":\"é\"}\n\
                    {\"keys\":2}\n";
    assert_eq!(String::from_utf8(lines(&store)).unwrap(), expected);
    let mut chosen = Vec::new();
    let options = ExportOptions::default().keyspace("default");
    assert_eq!(store.export(&mut chosen, &options).unwrap().keys, 1);
    let error = store.export(&mut chosen, &options.keyspace("none")).unwrap_err();
    assert_eq!(error.to_string(), "no keyspace is called \"none\"");
}

/// A writer that changes the store with every piece that it is given.
struct Meddler<'a> {
    store: &'a Store,
    pieces: u32,
    bytes: Vec<u8>,
}

impl Write for Meddler<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pieces += 1;
        self.store.set(format!("key{}", self.pieces), "changed").unwrap();
        self.store.set(format!("new{}", self.pieces), "new").unwrap();
        self.store.remove(format!("key{}", 3000 - self.pieces)).unwrap();
        if self.pieces == 1 {
            self.store.drop_keyspace("empty").unwrap();
            self.store.rename_keyspace("users \"é\"\n", "renamed").unwrap();
            self.store.remove_range("large"..).unwrap();
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_export_sees_one_point_in_time_while_others_write() {
    for engine in [EngineKind::Kvs, EngineKind::Memory] {
        let directory = TempDir::new().unwrap();
        let store = Store::open(Options::new(directory.path()).engine(engine)).unwrap();
        fill(&store);
        let (before, expected) = (lines(&store), contents(&store));
        let mut meddler = Meddler { store: &store, pieces: 0, bytes: Vec::new() };
        let exported = store.export(&mut meddler, &ExportOptions::default()).unwrap();
        let Meddler { pieces, bytes, .. } = meddler;
        assert_eq!((exported.keys, exported.bytes), (FILLED, bytes.len() as u64));
        assert!(pieces > 5, "it was not written in pieces");
        assert!(contents(&store) != expected && bytes == before, "{engine}");
    }
}

#[test]
fn a_file_is_there_once_it_is_whole_and_replaces_none() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("export.jsonl");
    let store = memory_store();
    fill(&store);
    assert_eq!(store.export_to_file(&path, &ExportOptions::default()).unwrap().keys, FILLED);
    assert!(fs::read(&path).unwrap() == lines(&store));
    let again = store.export_to_file(&path, &ExportOptions::default()).unwrap_err();
    assert!(matches!(again, TransferError::FileExists { .. }), "{again}");
    let bad = ExportOptions::default().keyspace("none");
    store.export_to_file(directory.path().join("other"), &bad).unwrap_err();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let nowhere = directory.path().join("none/export");
    let error = store.export_to_file(&nowhere, &ExportOptions::default()).unwrap_err();
    assert!(error.to_string().contains("none/export.tmp: No such file"), "{error}");
}

#[test]
fn a_store_with_keys_is_refused_unless_it_is_told_to_merge() {
    let source = memory_store();
    source.set("a", "new").unwrap();
    source.keyspace("u").unwrap().set("b", "new").unwrap();
    let exported = lines(&source);
    let target = memory_store();
    // Keyspaces alone are nothing that could be lost.
    let kept = target.keyspace("kept").unwrap();
    assert_eq!(import(&target, &exported[..]).unwrap(), 2);
    target.remove("a").unwrap();
    target.keyspace("u").unwrap().remove("b").unwrap();
    kept.set("c", "old").unwrap();
    let error = import(&target, &exported[..]).unwrap_err();
    assert!(matches!(*error.error, TransferError::NotEmpty), "{error}");
    assert!(error.to_string().ends_with("; nothing was imported"), "{error}");
    assert!(target.is_empty().unwrap());
    target.set_expiring("a", "old", Expiry::After(Duration::from_secs(1000))).unwrap();
    assert_eq!(merge(&target, &exported[..]).unwrap(), 2);
    let mut expected = contents(&source);
    expected.insert(("kept".to_owned(), None), (Vec::new(), None));
    expected.insert(("kept".to_owned(), Some(b"c".to_vec())), (b"old".to_vec(), None));
    assert_eq!(contents(&target), expected);
}

#[test]
fn expired_keys_are_counted_and_replace_what_a_merge_finds() {
    let input = "{\"format\":\"kvs-export\",\"version\":1}\n\
                 {\"key\":\"old\",\"value\":\"1\",\"expires_at\":1}\n\
                 {\"key\":\"oldest\",\"value\":\"1\",\"expires_at\":0}\n\
                 {\"key\":\"good\",\"value\":\"1\"}\n{\"keys\":3}\n";
    let store = memory_store();
    let imported = store.import(input.as_bytes(), &ImportOptions::default()).unwrap();
    assert_eq!((imported.keys, imported.expired), (1, 2));
    assert_eq!(imported.to_string(), "keys imported: 1, expired: 2");
    store.set("old", "here").unwrap();
    let options = ImportOptions::default().merge(true);
    let imported = store.import(input.as_bytes(), &options).unwrap();
    assert_eq!((imported.keys, imported.expired), (1, 2));
    assert_eq!(store.get("old").unwrap(), None);
    assert_eq!(store.count(..).unwrap(), 1);
}

#[test]
fn what_the_store_refuses_is_told_with_its_line() {
    let directory = TempDir::new().unwrap();
    let options = Options::new(directory.path()).engine(EngineKind::Memory).value_bytes_max(3);
    let store = Store::open(options).unwrap();
    let with = |line: &str| {
        let first = "{\"format\":\"kvs-export\",\"version\":1}\n{\"key\":\"a\",\"value\":\"1\"}\n";
        let error = merge(&store, format!("{first}{line}\n{{\"keys\":2}}\n").as_bytes());
        error.unwrap_err().to_string()
    };
    let error = with("{\"key\":\"b\",\"value\":\"1234\"}");
    assert!(error.starts_with("line 3: value of 4 bytes for key \"b\""), "{error}");
    let error = with("{\"keyspace\":\"\",\"key\":\"b\",\"value\":\"\"}");
    assert!(error.starts_with("line 3: the name of a keyspace has 1 to 255 bytes"), "{error}");
    let error = with(&format!("{{\"key\":\"{}\",\"value\":\"\"}}", "k".repeat(1 << 20)));
    assert!(error.starts_with("line 3: key of 1048576 bytes is longer"), "{error}");
    let error = with("{\"key\":\"b\"}");
    assert!(error.starts_with("line 3: neither \"value\""), "{error}");
}

/// A reader that fails where the input is cut.
struct Cut<'a>(&'a [u8]);

impl Read for Cut<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            bytes => Ok(bytes),
        }
    }
}

#[test]
fn an_import_that_ended_anywhere_is_run_again() {
    let source = memory_store();
    for n in 0..5000_u32 {
        source.set(format!("key{n}"), n.to_string()).unwrap();
    }
    source.keyspace("u").unwrap().set("a", "1").unwrap();
    let (exported, expected) = (lines(&source), contents(&source));
    let mut random = Random(7);
    let target = memory_store();
    let mut most = 0;
    for _ in 0..by_form([10, 50, 500]) {
        let length = usize::try_from(random.below(exported.len() as u64)).unwrap();
        let part = &exported[..length];
        let error = match random.below(2) {
            0 => merge(&target, part).unwrap_err(),
            _ => merge(&target, Cut(part)).unwrap_err(),
        };
        // So many keys of the file are there at least, and they are the first ones.
        let here = target.len().unwrap() + target.keyspace("u").map_or(0, |u| u.len().unwrap());
        let told = error.imported.keys;
        assert!(here >= told && told <= part.split(|b| *b == b'\n').count() as u64, "{error}");
        most = most.max(told);
    }
    assert!(most > 1000, "no part was long enough to be imported");
    assert_eq!(merge(&target, &exported[..]).unwrap(), 5001);
    assert_eq!(contents(&target), expected);
    // And once more.
    assert_eq!(merge(&target, &exported[..]).unwrap(), 5001);
    assert_eq!(contents(&target), expected);
}

#[test]
fn no_bytes_make_an_import_panic() {
    let source = memory_store();
    fill(&source);
    source.remove_range("large"..).unwrap();
    let mut resp = Vec::new();
    let options = ExportOptions::default().format(TransferFormat::Resp).keyspace("default");
    source.export(&mut resp, &options).unwrap();
    let mut random = Random(11);
    let target = memory_store();
    for (format, whole) in
        [(TransferFormat::JsonLines, lines(&source)), (TransferFormat::Resp, resp)]
    {
        let start = &whole[..4000.min(whole.len())];
        let options = ImportOptions::default().merge(true).format(format);
        for round in 0..by_form([200, 1000, 50_000]) {
            let mut bytes = if round % 4 == 0 { Vec::new() } else { start.to_vec() };
            if bytes.is_empty() {
                bytes.extend((0..random.below(200)).map(|_| byte(&mut random)));
            }
            for _ in 0..1 + random.below(8) {
                let at = usize::try_from(random.below(bytes.len() as u64 + 1)).unwrap();
                match random.below(3) {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, byte(&mut random)),
                    _ if at < bytes.len() => bytes[at] = byte(&mut random),
                    _ => {}
                }
            }
            // A cut may leave whole commands.
            if let Err(error) = target.import(&bytes[..], &options) {
                assert!(error.to_string().len() < 2000, "{error}");
            }
        }
    }
}

fn byte(random: &mut Random) -> u8 {
    random.next().to_le_bytes()[0]
}

#[test]
fn a_stream_of_commands_holds_one_keyspace_and_comes_back() {
    let source = memory_store();
    fill(&source);
    let resp = || ExportOptions::default().format(TransferFormat::Resp);
    let error = source.export(io::sink(), &resp()).unwrap_err().to_string();
    assert!(error.contains("these have keys as well: users \"é\"\n; choose one"), "{error}");
    for name in source.keyspaces().unwrap() {
        let mut stream = Vec::new();
        let exported = source.export(&mut stream, &resp().keyspace(&name)).unwrap();
        let target = memory_store();
        let options = ImportOptions::default().format(TransferFormat::Resp).keyspace(&name);
        assert_eq!(target.import(&stream[..], &options).unwrap().keys, exported.keys);
        let is_here =
            |((found, key), _): &(&(String, Option<Vec<u8>>), _)| *found == name && key.is_some();
        let (here, there) = (contents(&target), contents(&source));
        assert!(here.iter().filter(is_here).eq(there.iter().filter(is_here)), "{name}");
    }
    source.drop_keyspace("users \"é\"\n").unwrap();
    assert_eq!(source.export(io::sink(), &resp()).unwrap().keys, FILLED - 2);
}

#[test]
fn the_progress_grows_up_to_the_number_of_keys() {
    use std::sync::{Arc, Mutex};
    let source = memory_store();
    fill(&source);
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = || {
        let told = Arc::clone(&told);
        move |keys| told.lock().unwrap().push(keys)
    };
    let check = || {
        let told = std::mem::take(&mut *told.lock().unwrap());
        assert!(told.is_sorted() && told.len() > 3 && told.last() == Some(&FILLED), "{told:?}");
    };
    let mut exported = Vec::new();
    source.export(&mut exported, &ExportOptions::default().on_progress(tell())).unwrap();
    check();
    let options = ImportOptions::default().on_progress(tell());
    memory_store().import(&exported[..], &options).unwrap();
    check();
}

#[test]
fn keys_that_expire_meanwhile_are_of_the_moment_of_the_export() {
    let store = memory_store();
    let soon = SystemTime::now() + Duration::from_millis(30);
    store.set_expiring("a", "1", Expiry::At(soon)).unwrap();
    store.set("b", "1").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let exported = lines(&store);
    assert_eq!(import(&memory_store(), &exported[..]).unwrap(), 1);
}

#[cfg(feature = "cli")]
#[test]
fn a_server_is_exported_and_imported_over_the_network() {
    use common::running::Running;
    use kvs::{KvsClient, ServerOptions};
    for engine in EngineKind::available() {
        let directory = TempDir::new().unwrap();
        let options = Options::new(directory.path()).engine(*engine);
        let from = Running::start_on(options, ServerOptions::default());
        let to = Running::start(ServerOptions::default());
        fill(&from.store);
        let mut there = KvsClient::connect(from.address).unwrap();
        let mut exported = Vec::new();
        let told = there.export(&mut exported, &ExportOptions::default()).unwrap();
        assert_eq!((told.keys, told.bytes), (FILLED, exported.len() as u64));
        assert!(exported == lines(&from.store), "{engine}");
        let mut here = KvsClient::connect(to.address).unwrap();
        let imported = here.import(&exported[..], &ImportOptions::default()).unwrap();
        assert_eq!((imported.keys, imported.expired), (FILLED, 0));
        assert!(contents(&to.store) == contents(&from.store), "{engine}");
        let again = here.import(&exported[..], &ImportOptions::default()).unwrap_err();
        assert!(matches!(*again.error, TransferError::NotEmpty), "{again}");
        // The connection goes on.
        assert_eq!(there.get("key7").unwrap().as_deref(), Some(&b"7"[..]));
    }
}

#[cfg(feature = "cli")]
#[test]
fn a_server_is_imported_as_redis_is() {
    use common::running::Running;
    use kvs::{Endpoint, RedisServer, ServerOptions};
    let from = Running::start(ServerOptions::default());
    fill(&from.store);
    from.store.remove("latest").unwrap();
    let server = RedisServer::new(Endpoint::Ip(from.address));
    let to = memory_store();
    let imported = to.import_redis(&server, &ImportOptions::default()).unwrap();
    assert_eq!((imported.keys, imported.expired), (FILLED - 3, 0));
    for entry in from.store.scan(..) {
        let (key, value) = entry.unwrap();
        assert!(to.get(&key).unwrap() == Some(value), "{}", key.escape_ascii());
    }
    let expiry = |store: &Store| store.metadata("expiring").unwrap().unwrap().expires_at.unwrap();
    let (there, here) = (expiry(&from.store), expiry(&to));
    assert!(here <= there && there - here < 60_000, "{here} for {there}");
    let refused = to.import_redis(&server, &ImportOptions::default()).unwrap_err();
    assert!(matches!(*refused.error, TransferError::NotEmpty), "{refused}");
    let bad = to.import_redis(&server.database(99), &ImportOptions::default().merge(true));
    let bad = bad.unwrap_err().to_string();
    assert!(bad.contains("refused SELECT: ERR "), "{bad}");
}

#[cfg(feature = "sled")]
#[test]
fn every_tree_of_another_programs_database_is_imported() {
    let directory = TempDir::new().unwrap();
    let to = memory_store();
    let options = || ImportOptions::default().merge(true);
    let missing = to.import_sled(directory.path(), &options()).unwrap_err().to_string();
    assert!(missing.contains("there is no database of sled"), "{missing}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    let database = sled::open(directory.path()).unwrap();
    for n in 0..3000_u32 {
        database.insert(n.to_be_bytes(), format!("value{n}").as_bytes()).unwrap();
    }
    database.open_tree("users é").unwrap().insert([0xFF, 0], vec![0xFE; 100_000]).unwrap();
    database.open_tree("empty").unwrap();
    database.flush().unwrap();
    drop(database);
    let imported = to.import_sled(directory.path(), &ImportOptions::default()).unwrap();
    assert_eq!((imported.keys, imported.expired), (3001, 0));
    assert_eq!(to.keyspaces().unwrap(), ["default", "empty", "users é"]);
    assert_eq!(to.len().unwrap(), 3000);
    for n in 0..3000_u32 {
        let value = to.get(n.to_be_bytes()).unwrap();
        assert_eq!(value, Some(format!("value{n}").into_bytes()));
    }
    let value = to.keyspace("users é").unwrap().get([0xFF, 0]).unwrap();
    assert_eq!(value, Some(vec![0xFE; 100_000]));
    // Two trees for one keyspace, and a name that no keyspace has.
    for (tree, reason) in
        [(&b"default"[..], "both the default tree"), (b"\xFF", "the tree \"\\xff")]
    {
        let database = sled::open(directory.path()).unwrap();
        database.open_tree(tree).unwrap().insert("a", "1").unwrap();
        database.flush().unwrap();
        drop(database);
        let refused = to.import_sled(directory.path(), &options()).unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
        let database = sled::open(directory.path()).unwrap();
        database.drop_tree(tree).unwrap();
    }
    // One of the engine `sled` is not for everybody.
    let own = TempDir::new().unwrap();
    drop(Store::open(Options::new(own.path()).engine(EngineKind::Sled)).unwrap());
    let refused = to.import_sled(own.path().join("sled"), &options()).unwrap_err().to_string();
    assert!(refused.contains("it belongs to a store of kvs"), "{refused}");
}
