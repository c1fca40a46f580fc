//! The verbs `backup` and `restore`.

use super::*;

fn tool<'a>(directory: &'a str) -> Tool<'a> {
    Tool { program: LOCAL, place: ["--dir", directory] }
}

#[test]
fn a_store_is_backed_up_and_restored_from_the_command_line() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (data, monday, tuesday) = (path("data"), path("monday"), path("tuesday"));
    let store = tool(&data);
    store.printed(&["set", "key", "value"]);
    let told = store.printed(&["backup", &monday]);
    assert!(told.starts_with("verified: keys: 1, segments: 1, bytes: "), "{told}");
    store.printed(&["set", "key", "later"]);
    let told = store.printed(&["backup", &tuesday, "--copy", "--base", &monday, "-ojson"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told["keys"] == 1 && told["bytes_copied"].as_u64().unwrap() > 0, "{told}");

    let restored = path("restored");
    tool(&restored).printed(&["restore", &monday]);
    assert_eq!(tool(&restored).printed(&["get", "key"]), "value\n");
    assert_eq!(tool(&tuesday).printed(&["get", "key"]), "later\n");

    // Nothing is overwritten, and what is wrong is said.
    let (_, complaint) = tool(&restored).ended(1, &["restore", &tuesday]);
    assert!(complaint.contains("is not empty"), "{complaint}");
    let (_, complaint) = store.ended(1, &["backup", &monday]);
    assert!(complaint.contains("is not empty"), "{complaint}");
    let (_, complaint) = tool(&path("nowhere")).ended(1, &["backup", &path("new")]);
    assert!(complaint.contains("nowhere"), "{complaint}");
    let (_, complaint) = tool(&path("new")).ended(1, &["restore", &directory_without(&path)]);
    assert!(complaint.contains("holds no store"), "{complaint}");
    assert!(!Path::new(&path("new")).exists());

    // A damaged segment is found, and nobody opens what is there then.
    let segment = std::fs::read_dir(&monday).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.into_iter().find(|path| path.extension().is_some_and(|e| e == "log"));
    let file = std::fs::OpenOptions::new().write(true).open(segment.unwrap()).unwrap();
    file.write_all_at(b"?", 115).unwrap();
    let (_, complaint) = tool(&path("new")).ended(5, &["restore", &monday]);
    assert!(complaint.contains("is damaged at offset"), "{complaint}");
    let (_, complaint) = tool(&path("new")).ended(1, &["stats"]);
    assert!(complaint.contains("an unfinished backup"), "{complaint}");
}

fn directory_without(path: &impl Fn(&str) -> String) -> String {
    let empty = path("empty");
    std::fs::create_dir(&empty).unwrap();
    empty
}

#[test]
fn a_running_server_makes_backups_for_its_clients() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(path("backups")).unwrap();
    let server = Server::start(Path::new(&path("data")), &["--backup-dir", &path("backups")]);
    let address = server.address.to_string();
    let remote = Tool { program: CLIENT, place: ["--addr", &address] };
    remote.printed(&["set", "key", "value"]);
    let told = remote.printed(&["backup", "monday"]);
    assert!(told.starts_with("verified: monday, keys: 1, segments: 1, bytes: "), "{told}");
    let told: serde_json::Value =
        serde_json::from_str(&remote.printed(&["backup", "-ojson"])).unwrap();
    let name = told["name"].as_str().unwrap().to_owned();
    assert!(told["keys"] == 1 && told["version"] == 1 && name.ends_with('Z'), "{told}");
    let (_, complaint) = remote.ended(1, &["backup", "monday"]);
    assert!(
        complaint.contains("monday failed: ") && complaint.contains("not empty"),
        "{complaint}"
    );
    assert!(!complaint.contains(&path("")), "{complaint}");
    let (_, complaint) = remote.ended(1, &["backup", "../up"]);
    assert!(complaint.contains("1 to 64 letters"), "{complaint}");
    assert_eq!(remote.printed(&["backup", "tuesday", "--no-wait"]), "begun: tuesday\n");
    // The server that stops finishes it or leaves what nobody opens.
    drop(server);
    let monday = path("backups/monday");
    assert_eq!(tool(&monday).printed(&["get", "key", "--read-only"]), "value\n");

    let missing = run(SERVER, &["--dir", &path("data"), "--backup-dir", &path("missing")]);
    assert_eq!(missing.status.code(), Some(1));
    let complaint = text(&missing.stderr);
    assert!(complaint.contains("--backup-dir") && complaint.contains("make that"), "{complaint}");
}
