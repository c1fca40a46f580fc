//! Writes to keyspaces that were dropped, or are dropped or made in the same group.

use super::*;
use crate::bugs::{Bug, plant};
use crate::engine::KeyspaceId;

fn create(name: &str) -> Batch {
    Batch::single(WriteOperation::Catalogue(CatalogueOperation::Create { name: name.into() }))
}

fn drop_of(name: &str) -> Batch {
    Batch::single(WriteOperation::Catalogue(CatalogueOperation::Drop { name: name.into() }))
}

fn put_in(number: u32, key: &str) -> Batch {
    let keyspace = KeyspaceId(number);
    Batch::single(KeyspaceOperation { keyspace, operation: put(key, "v") })
}

/// Writes batches as one request; returns which were taken, and the keys of the first keyspace that
/// gets a name.
fn write(store: &Store, batches: Vec<Batch>) -> (Vec<bool>, u64) {
    let (reply, answer) = Reply::channel();
    assert!(store.submit_batches(batches, reply).is_ok());
    let outcomes = answer.wait().unwrap().into_iter().map(|outcome| match outcome {
        Ok(_) => true,
        Err(Error::KeyspaceDropped { .. } | Error::DefaultKeyspace) => false,
        Err(error) => panic!("{error}"),
    });
    (outcomes.collect(), store.reader().keyspace(KeyspaceId(2)).unwrap().count())
}

#[test]
fn writes_of_one_group_see_which_keyspaces_it_makes_and_drops() {
    let store = store();
    let batches = vec![
        put_in(2, "before"),
        create("a"),
        put_in(2, "made"),
        drop_of("a"),
        put_in(2, "dropped"),
        create("a"),
        put_in(2, "remade under another number"),
        put_in(3, "remade"),
    ];
    let expected = vec![false, true, true, true, false, true, false, true];
    assert_eq!(write(&store, batches), (expected, 0));
    assert_eq!(store.keyspace("a").unwrap().len().unwrap(), 1);
}

#[test]
fn a_refused_batch_makes_and_drops_nothing() {
    let store = store();
    let refused = |first: Batch| {
        let default = CatalogueOperation::Drop { name: "default".into() };
        let last = KeyspaceOperation::from(WriteOperation::Catalogue(default));
        first.operations.into_iter().chain([last]).collect()
    };
    let batches = vec![
        refused(create("a")),
        put_in(2, "not made"),
        create("a"),
        refused(drop_of("a")),
        put_in(2, "not dropped"),
    ];
    assert_eq!(write(&store, batches), (vec![false, false, true, false, true], 1));
    // A refused creation is not remembered, and a refused drop neither.
    assert_eq!(write(&store, vec![put_in(2, "later"), put_in(3, "never made")]).0, [true, false]);
}

#[test]
fn a_write_to_a_dropped_keyspace_is_found_if_it_is_taken() {
    let write = || {
        let store = store();
        let keyspace = store.keyspace("a").unwrap();
        store.drop_keyspace("a").unwrap();
        (keyspace.set("k", "v"), keyspace.len().unwrap())
    };
    assert!(matches!(write(), (Err(Error::KeyspaceDropped { .. }), 0)));
    let _planted = plant(Some(Bug::WriteToDropped));
    assert!(matches!(write(), (Ok(()), 0)), "it is in no index that the handle knows");
}
