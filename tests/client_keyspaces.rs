//! Keyspaces of a server, as clients open, list, rename, swap and drop them.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::thread;

use common::running::Running;
use kvs::protocol::native::FailureKind;
use kvs::{ClientResult, EngineKind, KvsClient, Options, PipelineReply, ServerOptions};

/// Calls a test with a server over an empty store of every engine, and a client.
fn on_each_engine(test: impl Fn(&Running, &mut KvsClient)) {
    for &engine in EngineKind::available() {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::new(directory.path()).engine(engine);
        let server = Running::start_on(options, ServerOptions::default().workers(2));
        let mut client = KvsClient::connect(server.address).unwrap();
        test(&server, &mut client);
    }
}

fn refusal<T>(result: ClientResult<T>) -> FailureKind {
    match result {
        Ok(_) => panic!("it is not refused"),
        Err(error) => error.failure_kind().unwrap_or_else(|| panic!("{error}")),
    }
}

#[test]
fn the_same_key_of_two_keyspaces_is_two_keys() {
    on_each_engine(|server, client| {
        client.set("k", "default").unwrap();
        let mut users = client.keyspace("users").unwrap();
        assert_eq!(users.name(), "users");
        assert_eq!(users.get("k").unwrap(), None);
        users.set("k", "users").unwrap();
        users.set("l", "").unwrap();
        assert_eq!(users.get_many(&["l", "k"]).unwrap(), [Some(vec![]), Some(b"users".to_vec())]);
        assert_eq!(users.len().unwrap(), 2);
        assert!(users.contains("l").unwrap() && users.remove("l").unwrap());
        assert_eq!(users.scan(.., 10).unwrap(), [(b"k".to_vec(), b"users".to_vec())]);
        let mut pipeline = users.pipeline();
        pipeline.set("m", "1").get("m").remove("k");
        let replies: ClientResult<Vec<_>> = pipeline.send().unwrap().into_iter().collect();
        let value = PipelineReply::Value(Some(b"1".to_vec()));
        assert_eq!(replies.unwrap(), [PipelineReply::Done, value, PipelineReply::Flag(true)]);
        assert_eq!(client.scan(.., 10).unwrap(), [(b"k".to_vec(), b"default".to_vec())]);
        assert_eq!(client.keyspace("default").unwrap().len().unwrap(), 1);
        assert_eq!(server.store.keyspace("users").unwrap().get("m").unwrap().unwrap(), b"1");
    });
}

#[test]
fn keyspaces_are_made_listed_renamed_swapped_and_dropped() {
    on_each_engine(|_, client| {
        assert!(client.find_keyspace("a").unwrap().is_none());
        client.keyspace("b").unwrap().set("k", "b").unwrap();
        client.keyspace("a").unwrap().set("k", "a").unwrap();
        client.keyspace("a").unwrap();
        assert_eq!(client.keyspaces().unwrap(), ["a", "b", "default"]);
        client.swap_keyspaces("a", "b").unwrap();
        assert_eq!(client.keyspace("a").unwrap().get("k").unwrap().unwrap(), b"b");
        client.rename_keyspace("a", "c").unwrap();
        assert_eq!(client.find_keyspace("c").unwrap().unwrap().get("k").unwrap().unwrap(), b"b");
        client.drop_keyspace("c").unwrap();
        assert_eq!(client.keyspaces().unwrap(), ["b", "default"]);
        client.clear().unwrap();
        assert_eq!(client.keyspace("b").unwrap().len().unwrap(), 0);
    });
}

#[test]
fn a_name_stands_for_the_keyspace_that_has_it_when_a_request_is_executed() {
    on_each_engine(|server, client| {
        let mut other = KvsClient::connect(server.address).unwrap();
        client.keyspace("next").unwrap().set("k", "new").unwrap();
        let mut prices = client.keyspace("prices").unwrap();
        prices.set("k", "old").unwrap();
        other.swap_keyspaces("prices", "next").unwrap();
        assert_eq!(prices.get("k").unwrap().unwrap(), b"new");
        prices.set("k", "newer").unwrap();
        other.drop_keyspace("prices").unwrap();
        assert_eq!(refusal(prices.get("k")), FailureKind::NoSuchKeyspace);
        assert_eq!(refusal(prices.set("k", "v")), FailureKind::NoSuchKeyspace);
        assert_eq!(refusal(prices.scan(.., 1)), FailureKind::NoSuchKeyspace);
        other.rename_keyspace("next", "prices").unwrap();
        assert_eq!(prices.get("k").unwrap().unwrap(), b"old");
    });
}

#[test]
fn impossible_changes_are_refused_by_their_kind() {
    on_each_engine(|_, client| {
        client.keyspace("a").unwrap();
        client.keyspace("b").unwrap();
        assert_eq!(refusal(client.rename_keyspace("a", "b")), FailureKind::KeyspaceExists);
        assert_eq!(refusal(client.rename_keyspace("c", "d")), FailureKind::NoSuchKeyspace);
        assert_eq!(refusal(client.swap_keyspaces("a", "c")), FailureKind::NoSuchKeyspace);
        assert_eq!(refusal(client.drop_keyspace("default")), FailureKind::DefaultKeyspace);
        assert_eq!(refusal(client.keyspace("")), FailureKind::InvalidKeyspaceName);
        let long = "x".repeat(256);
        assert_eq!(refusal(client.find_keyspace(&long)), FailureKind::InvalidKeyspaceName);
        assert_eq!(refusal(client.drop_keyspace(&long)), FailureKind::InvalidKeyspaceName);
        client.keyspace("x".repeat(255)).unwrap().set("k", "v").unwrap();
    });
}

#[test]
fn clients_that_make_the_same_keyspaces_at_once_all_get_them() {
    on_each_engine(|server, client| {
        thread::scope(|scope| {
            for number in 0..4 {
                scope.spawn(move || {
                    let mut client = KvsClient::connect(server.address).unwrap();
                    for name in 0..20 {
                        let mut keyspace = client.keyspace(format!("{name:02}")).unwrap();
                        keyspace.set(format!("{number}"), "v").unwrap();
                    }
                });
            }
        });
        for name in 0..20 {
            assert_eq!(client.keyspace(format!("{name:02}")).unwrap().len().unwrap(), 4);
        }
    });
}
