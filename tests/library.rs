//! The embedded store as a program uses it: what was acknowledged is read back, now and after
//! reopening.

#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::thread;
use std::time::Duration;

use common::directory_bytes;
#[cfg(feature = "sled")]
use kvs::SledKvsEngine;
use kvs::{EngineKind, Error, KvStore, KvsEngine, Options, Store};
use tempfile::TempDir;

fn set_get_remove(open: impl Fn(&Path) -> Store) {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    store.set("a", "1").unwrap();
    store.set("b", vec![0u8; 100_000]).unwrap();
    store.set("a", "2").unwrap();
    store.set("", "empty key").unwrap();
    store.set("gone", "x").unwrap();
    assert!(store.remove("gone").unwrap());
    assert!(!store.remove("gone").unwrap());
    drop(store);
    for _ in 0..3 {
        let store = open(directory.path());
        assert_eq!(store.get("a").unwrap().unwrap(), b"2");
        assert_eq!(store.get("b").unwrap().unwrap(), vec![0u8; 100_000]);
        assert_eq!(store.get("").unwrap().unwrap(), b"empty key");
        assert_eq!(store.get("gone").unwrap(), None);
        assert_eq!(store.get("never").unwrap(), None);
    }
}

#[test]
fn kvs_keeps_what_was_set() {
    set_get_remove(|path| Store::open(Options::new(path)).unwrap());
}

#[test]
#[cfg(feature = "sled")]
fn sled_keeps_what_was_set() {
    set_get_remove(|path| Store::open(Options::new(path).engine(EngineKind::Sled)).unwrap());
}

fn text_view<E: KvsEngine>(open: impl Fn(&Path) -> E) {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    store.set("key1".to_owned(), "value1".to_owned()).unwrap();
    assert_eq!(store.get("key1".to_owned()).unwrap(), Some("value1".to_owned()));
    assert_eq!(store.get("key2".to_owned()).unwrap(), None);
    store.remove("key1".to_owned()).unwrap();
    let error = store.remove("key1".to_owned()).unwrap_err();
    assert!(matches!(error, Error::KeyNotFound));
    assert_eq!(error.to_string(), "Key not found");
}

#[test]
fn both_text_views_behave_alike() {
    text_view(|path| KvStore::open(path).unwrap());
    #[cfg(feature = "sled")]
    text_view(|path| SledKvsEngine::open(path).unwrap());
}

#[test]
fn a_text_view_refuses_bytes_that_are_no_text() {
    let directory = TempDir::new().unwrap();
    let store = KvStore::open(directory.path()).unwrap();
    store.store().set("key", vec![0xFFu8]).unwrap();
    assert!(matches!(store.get("key".to_owned()), Err(Error::NotText { .. })));
}

fn thousand_threads<E: KvsEngine>(open: impl Fn(&Path) -> E) {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let threads: Vec<_> = (0..1000)
        .map(|n| {
            let store = store.clone();
            thread::spawn(move || store.set(format!("key{n}"), format!("value{n}")))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
    let check = |store: E| {
        for n in 0..1000 {
            assert_eq!(store.get(format!("key{n}")).unwrap(), Some(format!("value{n}")));
        }
    };
    check(store);
    check(open(directory.path()));
}

#[test]
fn a_thousand_threads_set_one_key_each() {
    thousand_threads(|path| KvStore::open(path).unwrap());
    #[cfg(feature = "sled")]
    thousand_threads(|path| SledKvsEngine::open(path).unwrap());
}

#[test]
fn a_directory_reopens_while_clones_are_being_dropped() {
    let directory = TempDir::new().unwrap();
    for round in 0..20 {
        let store = KvStore::open(directory.path()).unwrap();
        store.set("round".to_owned(), round.to_string()).unwrap();
        for _ in 0..8 {
            let clone = store.clone();
            thread::spawn(move || drop(clone));
        }
        drop(store);
    }
    let store = KvStore::open(directory.path()).unwrap();
    assert_eq!(store.get("round".to_owned()).unwrap(), Some("19".to_owned()));
}

#[test]
fn a_second_handle_is_refused_and_told_who_holds_the_directory() {
    let directory = TempDir::new().unwrap();
    let _store = KvStore::open(directory.path()).unwrap();
    let options = Options::new(directory.path()).lock_wait(Duration::from_millis(20));
    let Err(error) = Store::open(options) else { panic!("two handles on one directory") };
    assert!(matches!(error, Error::Locked { .. }));
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
}

#[test]
#[cfg(feature = "sled")]
fn the_directory_remembers_its_engine() {
    let directory = TempDir::new().unwrap();
    drop(SledKvsEngine::open(directory.path()).unwrap());
    assert_eq!(Store::open(Options::new(directory.path())).unwrap().engine(), EngineKind::Sled);
    for engine in [EngineKind::Kvs, EngineKind::Memory] {
        let Err(error) = Store::open(Options::new(directory.path()).engine(engine)) else {
            panic!("opened sled's directory as {engine}")
        };
        assert!(matches!(error, Error::WrongEngine { .. }), "{error}");
        assert!(error.to_string().contains("sled"), "{error}");
    }
}

#[test]
fn a_small_store_that_is_overwritten_shrinks_by_itself() {
    let directory = TempDir::new().unwrap();
    let store = KvStore::open(directory.path()).unwrap();
    let mut written = 0;
    let mut largest = 0;
    let mut has_shrunk = false;
    for round in 0..1000 {
        for key in 0..1000 {
            store.set(format!("key{key}"), format!("{round}")).unwrap();
        }
        written += 1000 * 40;
        let bytes = directory_bytes(directory.path());
        has_shrunk = bytes < largest;
        largest = largest.max(bytes);
        if has_shrunk {
            break;
        }
    }
    assert!(has_shrunk, "{written} bytes were written and nothing was reclaimed");
    let last = store.get("key7".to_owned()).unwrap();
    drop(store);
    let store = KvStore::open(directory.path()).unwrap();
    for key in 0..1000 {
        assert_eq!(store.get(format!("key{key}")).unwrap(), last);
    }
}

#[test]
fn removed_keys_stay_removed_through_compaction_and_reopening() {
    let directory = TempDir::new().unwrap();
    let options =
        || Options::new(directory.path()).segment_bytes_max(4096).compaction_bytes_min(8192);
    for round in 0..5 {
        let store = Store::open(options()).unwrap();
        for key in 0..300 {
            store.set(format!("{key}"), format!("{round}")).unwrap();
        }
        for key in (0..300).filter(|key| key % 3 == round % 3) {
            assert!(store.remove(format!("{key}")).unwrap());
        }
        drop(store);
        let store = Store::open(options()).unwrap();
        for key in 0..300 {
            let expected = (key % 3 != round % 3).then(|| format!("{round}").into_bytes());
            assert_eq!(store.get(format!("{key}")).unwrap(), expected, "key {key}");
        }
    }
}

#[test]
fn a_damaged_value_is_an_error_and_harms_no_other() {
    let directory = TempDir::new().unwrap();
    let store = Store::open(Options::new(directory.path())).unwrap();
    store.set("good", "1").unwrap();
    store.set("bad", "a value that will be found in the file").unwrap();
    store.sync().unwrap();
    let mut paths = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let path = paths.find(|path| path.extension().is_some_and(|e| e == "log")).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(6).position(|window| window == b"a valu").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = store.get("bad").unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert_eq!(store.get("good").unwrap().unwrap(), b"1");
    drop(store);
    let Err(error) = Store::open(Options::new(directory.path())) else { panic!("opened damage") };
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[test]
fn a_batch_is_written_in_order_and_scanned_back() {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available() {
        let path = directory.path().join(engine.to_string());
        let store = Store::open(kvs::Options::new(path).engine(engine)).unwrap();
        let mut batch = kvs::WriteBatch::new();
        assert!(batch.is_empty());
        store.write(kvs::WriteBatch::new()).unwrap();
        for number in 0..3000 {
            batch.set(format!("key{number:04}"), format!("{number}"));
        }
        batch.remove("key0001");
        batch.set("key0002", "again");
        assert_eq!(batch.len(), 3002);
        store.write(batch).unwrap();

        let all = store.scan(..).collect::<kvs::Result<Vec<_>>>().unwrap();
        assert_eq!(all.len(), 2999, "{engine}");
        assert_eq!(all[1], (b"key0002".to_vec(), b"again".to_vec()));
        assert!(all.is_sorted());
        assert_eq!(store.count("key0500".."key2500").unwrap(), 2000, "{engine}");
        let last = store.scan("key0500"..).take(1500).last().unwrap().unwrap();
        assert_eq!(last.0, b"key1999", "{engine}");
        assert_eq!(store.scan("key2999"..).count(), 1, "{engine}");
    }
}

#[test]
fn every_engine_has_a_name_and_an_unknown_one_is_refused_with_the_choices() {
    for engine in EngineKind::available() {
        assert_eq!(engine.name().parse::<EngineKind>().unwrap(), *engine);
    }
    let error = "rocks".parse::<EngineKind>().unwrap_err().to_string();
    let choices = if cfg!(feature = "sled") { "kvs, sled or memory" } else { "kvs or memory" };
    assert_eq!(error, format!("unknown engine \"rocks\": choose {choices}"));
}

#[test]
#[cfg(not(feature = "sled"))]
fn an_engine_that_this_build_does_not_have_is_refused_and_nothing_is_made() {
    let missing = "this build has no sled engine";
    let error = "sled".parse::<EngineKind>().unwrap_err();
    assert!(error.to_string().contains(missing), "{error}");

    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("data");
    let opened = Store::open(Options::new(&directory).engine(EngineKind::Sled));
    let error = opened.map(drop).unwrap_err();
    assert!(error.to_string().contains(missing), "{error}");
    assert!(!directory.exists());

    // As another build made it.
    std::fs::create_dir(&directory).unwrap();
    let marker = format!("sled\n{:032x}\n", 7);
    std::fs::write(directory.join("ENGINE"), &marker).unwrap();
    let error = Store::open(Options::new(&directory)).map(drop).unwrap_err();
    assert!(matches!(error, Error::UnsupportedEngine { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains(missing), "{message}");
    assert!(message.contains(directory.to_str().unwrap()), "{message}");
    for engine in [EngineKind::Kvs, EngineKind::Memory] {
        let opened = Store::open(Options::new(&directory).engine(engine));
        assert!(matches!(opened.map(drop), Err(Error::WrongEngine { .. })), "{engine}");
    }
    assert_eq!(std::fs::read_to_string(directory.join("ENGINE")).unwrap(), marker);
}
