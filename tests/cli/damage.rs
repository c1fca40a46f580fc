//! The verbs about the files of a store: `verify` and `inspect`.

use serde_json::Value;

use super::*;

/// Makes a store of some keys in a directory; returns its tool and its segment.
fn store_in(path: &str) -> (Tool<'_>, PathBuf) {
    let tool = Tool { program: LOCAL, place: ["--dir", path] };
    for (key, value) in [("a", "first"), ("b", "second"), ("c", "third")] {
        tool.printed(&["set", key, value]);
    }
    tool.printed(&["rm", "b"]);
    (tool, Path::new(path).join("00000000000000000001.log"))
}

/// Flips a bit in the value of a key.
fn damage(segment: &Path, value: &str) -> usize {
    let mut bytes = std::fs::read(segment).unwrap();
    let at = bytes.windows(value.len()).position(|found| found == value.as_bytes()).unwrap();
    bytes[at] ^= 1;
    std::fs::write(segment, bytes).unwrap();
    at
}

fn objects(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_verification_tells_damage_by_its_exit_code() {
    let directory = TempDir::new().unwrap();
    let (tool, segment) = store_in(directory.path().to_str().unwrap());
    let whole = tool.printed(&["verify"]);
    for line in ["segments: 1", "records: 4", "keys: 2", "damages: 0"] {
        assert!(whole.lines().any(|found| found == line), "{line} is missing from {whole}");
    }
    let at = damage(&segment, "second");
    let before = std::fs::read(&segment).unwrap();
    let (found, complaint) = tool.ended(5, &["verify"]);
    assert_eq!(complaint, "");
    assert!(found.starts_with("damage: ") && found.contains("checksum"), "{found}");
    let (found, _) = tool.ended(5, &["verify", "-ojson"]);
    let found = objects(&found);
    let (offset, bytes) = (found[0]["offset"].as_u64().unwrap(), found[0]["bytes"].as_u64());
    let end = offset + bytes.unwrap();
    assert!((offset..end).contains(&(at as u64)), "{found:?}");
    assert!(found[0]["file"].as_str().unwrap().ends_with("00000000000000000001.log"));
    assert_eq!((&found[1]["kind"], &found[1]["damages"]), (&"summary".into(), &1.into()));
    assert_eq!(std::fs::read(&segment).unwrap(), before);
}

#[test]
fn a_store_in_use_is_not_verified() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let path = directory.path().to_str().unwrap();
    let (_, complaint) = Tool { program: LOCAL, place: ["--dir", path] }.ended(6, &["verify"]);
    assert!(complaint.contains("process "), "{complaint}");
    drop(server);
    let empty = TempDir::new().unwrap();
    let path = empty.path().to_str().unwrap();
    Tool { program: LOCAL, place: ["--dir", path] }.ended(1, &["verify"]);
}

#[test]
fn an_inspection_goes_on_behind_damage() {
    let directory = TempDir::new().unwrap();
    let (tool, segment) = store_in(directory.path().to_str().unwrap());
    let items = tool.printed(&["inspect", "1", "--values"]);
    for part in ["0: header, segment 1, written", "key \"a\"", "\"second\"", "remove", "close"] {
        assert!(items.contains(part), "{part} is missing from {items}");
    }
    assert!(!tool.printed(&["inspect", "1"]).contains("second"));
    let kinds = |output: &str| -> Vec<String> {
        let kinds = objects(output).into_iter();
        kinds.map(|object| object["kind"].as_str().unwrap().to_owned()).collect()
    };
    let whole = tool.printed(&["inspect", "-ojson", segment.to_str().unwrap()]);
    assert_eq!(kinds(&whole).iter().filter(|kind| *kind == "put").count(), 3);
    damage(&segment, "second");
    let (found, _) = tool.ended(5, &["inspect", "1", "-ojson"]);
    let damaged = objects(&found).into_iter().filter(|object| object["kind"] == "damaged");
    assert_eq!(damaged.count(), 1, "{found}");
    assert_eq!(kinds(&found).len(), kinds(&whole).len());
    let (_, complaint) = tool.ended(1, &["inspect", "2"]);
    assert!(complaint.contains("00000000000000000002.log"), "{complaint}");
}
