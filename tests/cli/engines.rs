//! The verbs of `kvs` on stores of other engines than its own.

#![cfg(feature = "sled")]

use kvs::{Options, Store};

use super::*;

#[test]
fn each_verb_works_on_a_store_of_sled_or_names_the_engine() {
    let places = TempDir::new().unwrap();
    let place = |name: &str| places.path().join(name).to_str().unwrap().to_owned();
    let (data, new) = (place("data"), place("new"));
    drop(Store::open(Options::new(&data).engine(EngineKind::Sled)).unwrap());
    let tool = Tool { program: LOCAL, place: ["--dir", &data] };
    tool.printed(&["set", "a", "1"]);
    tool.printed(&["set", "b", "2", "--keyspace", "users"]);
    tool.printed(&["set", "c", "3"]);
    tool.printed(&["rm", "c"]);
    assert_eq!(tool.printed(&["get", "a"]), "1\n");
    assert_eq!(tool.printed(&["scan"]), "a\t1\n");
    assert_eq!(tool.printed(&["count", "--prefix", "a"]), "1\n");
    assert_eq!(tool.printed(&["keyspaces"]), "default\t1\nusers\t1\n");
    tool.printed(&["keyspaces", "rename", "users", "people"]);
    assert!(tool.printed(&["stats"]).contains("keyspace.people.keys: 1\n"));
    let exported = tool.printed(&["export"]);
    assert_eq!(exported.lines().count(), 4, "{exported}");
    let file = place("file");
    std::fs::write(&file, &exported).unwrap();
    let imported = tool.printed(&["import", &file, "--merge"]);
    assert_eq!(imported, "keys imported: 2, expired: 0\n");
    for verb in [&["verify"][..], &["compact"], &["backup", &new], &["get", "a", "--read-only"]] {
        let (printed, complaint) = tool.ended(1, verb);
        assert!(printed.is_empty() && complaint.lines().count() == 1, "{verb:?}: {complaint}");
        assert!(complaint.starts_with("engine sled does not support "), "{verb:?}: {complaint}");
    }
    // A directory of sled is no backup, and its files are no segments.
    let restoring = Tool { program: LOCAL, place: ["--dir", &new] };
    let (_, complaint) = restoring.ended(1, &["restore", &data]);
    assert!(complaint.contains("sled"), "{complaint}");
    let (_, complaint) = tool.ended(1, &["inspect", "1"]);
    assert!(complaint.contains("00000000000000000001.log"), "{complaint}");
    assert!(!Path::new(&new).exists(), "something was made for nothing");
    assert_eq!(tool.printed(&["count"]), "1\n");
}
