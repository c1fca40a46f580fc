//! Transactions take effect as if they had run one after the other, or not at all.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/engines.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod engines;
#[path = "common/random.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod random;

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};
use std::thread;
use std::time::Duration;

use engines::options;
use kvs::{EngineKind, Error, Expiry, KeyspaceTransaction, Options, Store, Transaction};
use random::Random;

const FUTURE: Expiry = Expiry::After(Duration::from_secs(1 << 30));
const NOW: Expiry = Expiry::After(Duration::ZERO);

/// Calls a test with an empty store of every engine that has snapshots.
fn for_each_engine(test: impl Fn(&Store)) {
    let directory = tempfile::tempdir().unwrap();
    for engine in [EngineKind::Kvs, EngineKind::Memory] {
        test(&Store::open(options(directory.path(), engine)).unwrap());
    }
}

fn is_conflict(committed: kvs::Result<()>) -> bool {
    match committed {
        Ok(()) => false,
        Err(Error::TransactionConflict) => true,
        Err(error) => panic!("{error}"),
    }
}

fn integer(value: Option<Vec<u8>>) -> u64 {
    value.map_or(0, |value| String::from_utf8(value).unwrap().parse().unwrap())
}

/// Returns true if a transaction that reads by `read` and writes something is refused because
/// `interfere` was called meanwhile.
fn conflicts(store: &Store, read: impl Fn(&Transaction), interfere: impl FnOnce(&Store)) -> bool {
    let transaction = store.begin().unwrap();
    read(&transaction);
    transaction.set("written", "by the transaction");
    interfere(store);
    is_conflict(transaction.commit())
}

#[test]
fn of_two_transactions_that_change_a_counter_one_is_refused() {
    for_each_engine(|store| {
        store.set("n", "1").unwrap();
        let [first, second] = [store.begin().unwrap(), store.begin().unwrap()];
        for transaction in [&first, &second] {
            let n = integer(transaction.get("n").unwrap());
            transaction.set("n", (n + 1).to_string());
        }
        first.commit().unwrap();
        assert!(is_conflict(second.commit()), "an update would be lost");
        assert_eq!(integer(store.get("n").unwrap()), 2);
    });
}

#[test]
fn of_two_transactions_that_each_write_what_the_other_read_one_is_refused() {
    for_each_engine(|store| {
        store.set("alice", "on call").unwrap();
        store.set("bob", "on call").unwrap();
        let [first, second] = [store.begin().unwrap(), store.begin().unwrap()];
        for (transaction, name) in [(&first, "alice"), (&second, "bob")] {
            // One of them has to stay.
            assert_eq!(transaction.scan(..).count(), 2);
            transaction.remove(name);
        }
        second.commit().unwrap();
        assert!(is_conflict(first.commit()), "nobody would be on call");
        assert!(store.contains("alice").unwrap() && !store.contains("bob").unwrap());
    });
}

#[test]
fn a_transaction_reads_one_moment_and_commits_if_it_only_read() {
    for_each_engine(|store| {
        store.set("a", "1").unwrap();
        store.set("b", "1").unwrap();
        let transaction = store.begin().unwrap();
        assert_eq!(transaction.get("a").unwrap().unwrap(), b"1");
        store.set("a", "2").unwrap();
        store.set("b", "2").unwrap();
        store.set("c", "2").unwrap();
        assert_eq!(transaction.get("b").unwrap().unwrap(), b"1");
        let keys: Vec<_> = transaction.scan(..).map(|entry| entry.unwrap().0).collect();
        assert_eq!(keys, [b"a", b"b"]);
        transaction.commit().unwrap();
    });
}

type Read = Box<dyn Fn(&Transaction)>;
type Change = fn(&Store);
const SET_A: Change = |store| store.set("a", "v").unwrap();
const SET_G: Change = |store| store.set("g", "v").unwrap();
const SET_B: Change = |store| store.set("b", "v").unwrap();
const SET_C: Change = |store| store.set("c", "v").unwrap();
const SET_E: Change = |store| store.set("e", "v").unwrap();
const REMOVE_D: Change = |store| assert!(store.remove("d").unwrap());
const REMOVE_RANGE: Change = |store| store.remove_range("d".."e").unwrap();
const REPLACE_D: Change = |store| {
    store.remove("d").unwrap();
    store.set("c", "v").unwrap();
};
const EXPIRE_H: Change = |store| assert!(store.expire("h", NOW).unwrap());
const FLICKER_C: Change = |store| {
    store.set("c", "v").unwrap();
    store.remove("c").unwrap();
};

fn reset(store: &Store) {
    store.remove_range(..).unwrap();
    for key in ["b", "d", "f"] {
        store.set(key, "v").unwrap();
    }
    store.set_expiring("h", "v", FUTURE).unwrap();
}

fn get(key: &'static str) -> Read {
    Box::new(move |transaction| drop(transaction.get(key).unwrap()))
}

fn count(from: &'static str, to: &'static str) -> Read {
    Box::new(move |transaction| assert!(transaction.count(from..to).unwrap() > 0))
}

fn scan(from: &'static str, to: &'static str, limit: usize, reverse: bool) -> Read {
    Box::new(move |transaction| {
        let scan = transaction.scan(from..to);
        let scan = if reverse { scan.reverse() } else { scan };
        scan.take(limit).for_each(|entry| drop(entry.unwrap()));
    })
}

#[test]
fn every_change_of_what_was_read_is_a_conflict_and_nothing_else_is() {
    for_each_engine(|store| {
        let cases: Vec<(&str, Read, Change, bool)> = vec![
            ("a key that is set anew, to what it was", get("b"), SET_B, true),
            ("another key", get("b"), SET_C, false),
            ("an absent key that is set", get("c"), SET_C, true),
            ("an absent key that came and went", get("c"), FLICKER_C, false),
            ("a key that is removed", get("d"), REMOVE_D, true),
            ("a key in a range that is removed", get("d"), REMOVE_RANGE, true),
            ("a key that expired", get("h"), EXPIRE_H, true),
            ("contains", Box::new(|it| assert!(it.contains("d").unwrap())), REMOVE_D, true),
            ("a key added to a range", scan("a", "g", 9, false), SET_E, true),
            ("a key removed from a range", scan("a", "g", 9, false), REMOVE_D, true),
            ("one for another", scan("a", "g", 9, false), REPLACE_D, true),
            ("a range removed from a range", scan("a", "g", 9, false), REMOVE_RANGE, true),
            ("one that expired in a range", scan("a", "z", 9, false), EXPIRE_H, true),
            ("a key that came and went", scan("a", "g", 9, false), FLICKER_C, false),
            ("a key outside", scan("a", "c", 9, false), SET_C, false),
            ("before where a scan stopped", scan("a", "g", 2, false), SET_C, true),
            ("behind where a scan stopped", scan("a", "g", 2, false), SET_E, false),
            ("the key where it stopped", scan("a", "g", 2, false), REMOVE_D, true),
            ("above where one in reverse stopped", scan("a", "g", 2, true), SET_E, true),
            ("below where one in reverse stopped", scan("a", "g", 2, true), SET_C, false),
            ("a whole one in reverse", scan("a", "g", 9, true), SET_C, true),
            ("a scan that was not used", Box::new(|it| drop(it.scan(..))), SET_C, false),
            ("before the first", Box::new(|it| drop(it.first("a"..).unwrap())), SET_A, true),
            ("behind the first", Box::new(|it| drop(it.first("a"..).unwrap())), SET_C, false),
            ("the first", Box::new(|it| drop(it.first("c"..).unwrap())), REMOVE_D, true),
            ("behind the last", Box::new(|it| drop(it.last(.."g").unwrap())), SET_G, false),
            ("above the last", Box::new(|it| drop(it.last(..="g").unwrap())), SET_G, true),
            ("below the last", Box::new(|it| drop(it.last(.."g").unwrap())), SET_E, false),
            ("a key more", count("a", "g"), SET_E, true),
            ("a key less", count("a", "g"), REMOVE_D, true),
            ("one for another", count("a", "g"), REPLACE_D, true),
            (
                "keys of a scan",
                Box::new(|it| assert_eq!(it.scan(..).keys().count(), 4)),
                SET_B,
                true,
            ),
            ("a key of a range it removes", Box::new(|it| it.remove_range(.."g")), SET_C, false),
            ("an empty range", scan("m", "n", 9, false), |s| s.set("m", "").unwrap(), true),
            ("a range that ends first", scan("e", "c", 9, false), REMOVE_D, false),
            ("nothing", Box::new(|_| ()), REMOVE_D, false),
        ];
        for (name, read, change, expected) in cases {
            reset(store);
            assert_eq!(conflicts(store, read, change), expected, "{name}");
            assert_eq!(store.contains("written").unwrap(), !expected, "{name}");
        }
    });
}

#[test]
fn keyspaces_are_read_and_written_together() {
    for_each_engine(|store| {
        let (users, orders) = (store.keyspace("users").unwrap(), store.keyspace("orders").unwrap());
        users.set("alice", "0").unwrap();
        let place = || {
            let transaction = orders.begin().unwrap();
            let of_users = transaction.of(&users).unwrap();
            let count = integer(of_users.get("alice").unwrap()) + 1;
            of_users.set("alice", count.to_string());
            transaction.set(count.to_string(), "alice");
            transaction
        };
        let [first, second] = [place(), place()];
        first.commit().unwrap();
        assert!(is_conflict(second.commit()));
        place().commit().unwrap();
        assert_eq!(integer(users.get("alice").unwrap()), 2);
        assert_eq!(orders.len().unwrap(), 2);
        assert!(store.is_empty().unwrap());

        let dropped = place();
        store.drop_keyspace("users").unwrap();
        let refused = dropped.commit();
        assert!(
            matches!(&refused, Err(Error::TransactionConflict | Error::KeyspaceDropped { .. })),
            "{refused:?}"
        );
        let transaction = store.begin().unwrap();
        transaction.of(&users).unwrap().set("bob", "0");
        match transaction.commit() {
            Err(Error::KeyspaceDropped { name, .. }) => assert_eq!(name, "users"),
            other => panic!("{other:?}"),
        }
        assert_eq!(orders.len().unwrap(), 2);
    });
}

#[test]
fn an_error_or_a_dropped_transaction_writes_nothing() {
    for_each_engine(|store| {
        let transaction = store.begin().unwrap();
        transaction.set("a", "1");
        drop(transaction);
        let refused = store.transaction(|transaction| {
            transaction.set("a", "1");
            Err::<(), _>(Error::KeyNotFound)
        });
        assert!(matches!(refused, Err(Error::KeyNotFound)));
        assert!(store.is_empty().unwrap());
        let transaction = store.begin().unwrap();
        transaction.set("a", "1");
        transaction.set("b", "2");
        transaction.set("b", vec![0; 65 << 20]);
        assert!(matches!(transaction.commit(), Err(Error::ValueTooLarge { .. })));
        assert!(store.is_empty().unwrap());
    });
}

#[test]
fn a_transaction_is_run_anew_until_it_commits_and_not_for_ever() {
    for_each_engine(|store| {
        let run = |conflicts: usize| {
            let mut runs = 0;
            let result = store.transaction(|transaction| {
                runs += 1;
                let n = integer(transaction.get("n")?);
                if runs <= conflicts {
                    store.set("n", (n + 10).to_string())?;
                }
                transaction.set("n", (n + 1).to_string());
                Ok::<_, Error>(n)
            });
            (result, runs)
        };
        let (result, runs) = run(99);
        assert_eq!((result.unwrap(), runs), (990, 100));
        assert_eq!(integer(store.get("n").unwrap()), 991);
        let (result, runs) = run(usize::MAX);
        assert!(matches!(result, Err(Error::TransactionConflict)));
        assert_eq!(runs, 100);
    });
}

#[test]
fn a_transaction_reads_as_many_keys_as_the_option_says_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Options::new(directory.path()).transaction_reads_max(4)).unwrap();
    for key in ["a", "b", "c", "d", "e"] {
        store.set(key, "").unwrap();
    }
    let too_large = |error: Error| matches!(error, Error::TransactionTooLarge { reads_max: 4 });
    let transaction = store.begin().unwrap();
    for key in ["a", "b", "a", "x", "b"] {
        transaction.get(key).unwrap();
    }
    transaction.set("own", "");
    assert!(transaction.contains("own").unwrap(), "what it wrote itself is not checked");
    assert!(transaction.contains("c").unwrap());
    assert!(too_large(transaction.get("d").unwrap_err()));
    transaction.commit().unwrap();

    let transaction = store.begin().unwrap();
    let mut scan = transaction.scan(.."own");
    assert_eq!(scan.by_ref().take(4).map(Result::unwrap).count(), 4);
    assert!(too_large(scan.next().unwrap().unwrap_err()));
    assert!(scan.next().is_none(), "an error ends it");

    let transaction = store.begin().unwrap();
    assert_eq!(transaction.count(.."e").unwrap(), 4);
    assert!(too_large(transaction.count(.."e").unwrap_err()));
}

#[test]
fn sled_has_no_transactions_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    for &engine in EngineKind::available().iter().filter(|engine| engine.name() == "sled") {
        let store = Store::open(options(directory.path(), engine)).unwrap();
        let refused = store.begin().unwrap_err();
        assert_eq!(refused.to_string(), "engine sled does not support transactions");
    }
}

#[test]
fn a_keyspace_of_another_store_is_refused() {
    let memory = || Store::open(Options::new("unused").engine(EngineKind::Memory)).unwrap();
    let (store, other) = (memory(), memory());
    let transaction = store.begin().unwrap();
    let refused = transaction.of(&other.keyspace("users").unwrap()).map(|_| ());
    assert!(matches!(refused, Err(Error::ForeignKeyspace { name }) if name == "users"));
}

type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

fn below(random: &mut Random, limit: usize) -> usize {
    usize::try_from(random.below(limit as u64)).unwrap()
}

fn key(random: &mut Random) -> Vec<u8> {
    format!("{:02}", below(random, 30)).into_bytes()
}

fn bound(random: &mut Random) -> Bound<Vec<u8>> {
    match below(random, 4) {
        0 => Bound::Unbounded,
        1 => Bound::Excluded(key(random)),
        _ => Bound::Included(key(random)),
    }
}

/// Compares a random scan, that removes and sets keys meanwhile now and then, with a map.
fn check_scan(transaction: KeyspaceTransaction<'_>, entries: &mut Entries, random: &mut Random) {
    let range = (bound(random), bound(random));
    let is_reverse = below(random, 2) == 0;
    let scan = transaction.scan(range.clone());
    let scan = if is_reverse { scan.reverse() } else { scan };
    let limit = below(random, 40);
    let mut last: Option<Vec<u8>> = None;
    for (number, entry) in scan.enumerate() {
        if number == limit {
            return;
        }
        let (key, value) = entry.unwrap();
        assert!(range.contains(&key));
        assert_eq!(entries.get(&key), Some(&value), "{}", key.escape_ascii());
        let is_between = |other: &Vec<u8>| {
            let is_ahead =
                last.as_ref().is_none_or(|last| (other > last) != is_reverse && other != last);
            is_ahead && other != &key && (other < &key) != is_reverse && range.contains(other)
        };
        assert_eq!(entries.keys().find(|other| is_between(other)), None, "a key was left out");
        if below(random, 20) == 0 {
            let range = (bound(random), bound(random));
            transaction.remove_range(range.clone());
            entries.retain(|key, _| !range.contains(key));
        } else if below(random, 4) == 0 {
            let other = self::key(random);
            transaction.remove(&other[..]);
            entries.remove(&other);
        } else if below(random, 4) == 0 {
            let other = self::key(random);
            transaction.set(&other[..], "meanwhile");
            entries.insert(other, b"meanwhile".to_vec());
        }
        last = Some(key);
    }
    let is_ahead = |other: &Vec<u8>| {
        let beyond = |last: &Vec<u8>| (other > last) != is_reverse && other != last;
        range.contains(other) && last.as_ref().is_none_or(beyond)
    };
    assert_eq!(entries.keys().find(|other| is_ahead(other)), None, "keys at the end were left out");
}

/// Compares the ends, the number and the keys of a random range with a map.
fn check_ends(transaction: &Transaction, entries: &Entries, random: &mut Random) {
    let range = (bound(random), bound(random));
    let mut expected: Vec<_> = entries.iter().filter(|(key, _)| range.contains(key)).collect();
    let owned = |entry: Option<&(&Vec<u8>, &Vec<u8>)>| {
        entry.map(|(key, value)| ((*key).clone(), (*value).clone()))
    };
    assert_eq!(transaction.first(range.clone()).unwrap(), owned(expected.first()));
    assert_eq!(transaction.last(range.clone()).unwrap(), owned(expected.last()));
    assert_eq!(transaction.count(range.clone()).unwrap(), expected.len() as u64);
    expected.reverse();
    let keys: Vec<_> = transaction.scan(range).keys().reverse().map(Result::unwrap).collect();
    assert!(keys.iter().eq(expected.iter().map(|(key, _)| *key)));
}

#[test]
fn a_transaction_sees_its_own_writes_like_a_map() {
    for_each_engine(|store| {
        for seed in 1..=60 {
            let mut random = Random(seed);
            store.remove_range(..).unwrap();
            let mut entries = Entries::new();
            for _ in 0..15 {
                let key = key(&mut random);
                store.set(&key[..], "stored").unwrap();
                entries.insert(key, b"stored".to_vec());
            }
            let transaction = store.begin().unwrap();
            for _ in 0..40 {
                let key = key(&mut random);
                match below(&mut random, 8) {
                    0 | 1 => {
                        transaction.set(&key[..], "written");
                        entries.insert(key, b"written".to_vec());
                    }
                    2 => {
                        transaction.remove(&key[..]);
                        entries.remove(&key);
                    }
                    3 => {
                        transaction.set_expiring(&key[..], "", NOW);
                        entries.remove(&key);
                        assert!(!transaction.contains(&key).unwrap());
                        // From here on it is as if it were removed.
                        transaction.remove(&key[..]);
                    }
                    4 => assert_eq!(transaction.get(&key).unwrap(), entries.get(&key).cloned()),
                    5 => {
                        let range = (bound(&mut random), bound(&mut random));
                        transaction.remove_range(range.clone());
                        entries.retain(|key, _| !range.contains(key));
                    }
                    6 => check_ends(&transaction, &entries, &mut random),
                    _ => {
                        let of_default = transaction.of(store).unwrap();
                        check_scan(of_default, &mut entries, &mut random);
                    }
                }
            }
            transaction.commit().unwrap();
            let stored: Entries = store.scan(..).map(Result::unwrap).collect();
            assert_eq!(stored, entries, "seed {seed}");
        }
    });
}

#[test]
fn transfers_of_many_threads_keep_the_total() {
    const ACCOUNTS: u64 = 5;
    for_each_engine(|store| {
        for account in 0..ACCOUNTS {
            store.set(account.to_string(), "100").unwrap();
        }
        thread::scope(|scope| {
            for seed in 1..=4 {
                scope.spawn(move || {
                    let mut random = Random(seed);
                    for _ in 0..100 {
                        let [from, to] = [0; 2].map(|_| random.below(ACCOUNTS).to_string());
                        let moved = store.transaction(|transaction| {
                            let balance = integer(transaction.get(&from)?);
                            transaction.set(&from[..], balance.saturating_sub(7).to_string());
                            let moved = balance.min(7);
                            let balance = integer(transaction.get(&to)?);
                            transaction.set(&to[..], (balance + moved).to_string());
                            Ok(())
                        });
                        // With so many of them one may be unlucky a hundred times.
                        assert!(matches!(moved, Ok(()) | Err(Error::TransactionConflict)));
                    }
                });
            }
        });
        let total: u64 = store.scan(..).map(|entry| integer(Some(entry.unwrap().1))).sum();
        assert_eq!(total, 100 * ACCOUNTS);
    });
}
