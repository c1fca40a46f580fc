//! Ranges of keys, and keyspaces, through both tools.

use super::*;

/// Sets keys to their own names, behind a colon.
fn fill(tool: &Tool<'_>, keys: &[&str]) {
    for key in keys {
        tool.printed(&["set", key, &format!(":{key}")]);
    }
}

#[test]
fn a_scan_prints_what_it_is_asked_for_in_order() {
    with_both_tools(|tool| {
        fill(tool, &["b", "user:2", "a", "user:1", "userx", "-5"]);
        let cases: &[(&[&str], &str)] = &[
            (&[], "-5 a b user:1 user:2 userx"),
            (&["--prefix", "user:"], "user:1 user:2"),
            (&["--prefix", "-5"], "-5"),
            (&["--start", "b"], "b user:1 user:2 userx"),
            (&["--end", "b"], "-5 a"),
            (&["--start", "a", "--end", "user:2"], "a b user:1"),
            (&["--start", "b", "--end", "a"], ""),
            (&["--reverse", "--limit", "2"], "userx user:2"),
            (&["--prefix", "user:", "--limit", "1", "--reverse"], "user:2"),
            (&["--limit", "0"], ""),
        ];
        for (options, expected) in cases {
            let expected: Vec<_> = expected.split_whitespace().collect();
            let entries: String = expected.iter().map(|key| format!("{key}\t:{key}\n")).collect();
            assert_eq!(tool.printed(&[&["scan"], *options].concat()), entries, "{options:?}");
            let keys: String = expected.iter().map(|key| format!("{key}\n")).collect();
            let only = tool.printed(&[&["scan", "--keys-only"], *options].concat());
            assert_eq!(only, keys, "{options:?}");
            if !options.iter().any(|option| ["--reverse", "--limit"].contains(option)) {
                let count = tool.printed(&[&["count"], *options].concat());
                assert_eq!(count, format!("{}\n", expected.len()), "{options:?}");
            }
        }
        for wrong in [&["--prefix", "a", "--start", "b"][..], &["--limit", "-1"], &["extra"]] {
            tool.ended(2, &[&["scan"], wrong].concat());
        }
    });
}

#[test]
fn entries_stay_on_a_line_each() {
    with_both_tools(|tool| {
        let key = OsStr::from_bytes(b"a\t\xFF");
        let value = OsStr::from_bytes(b"\\ \xC3\xA4\n\x1b\r");
        let set = tool.run(&[OsStr::new("set"), key, value], 0);
        assert!(set.status.success(), "{set:?}");
        assert_eq!(tool.printed(&["scan"]), "a\\t\\xff\t\\\\ \u{e4}\\n\\x1b\\r\n");
        let json = tool.printed(&["scan", "-ojson"]);
        let expected = "{\"key_base64\":\"YQn/\",\"value\":\"\\\\ \u{e4}\\n\\u001b\\r\"}\n";
        assert_eq!(json, expected);
        assert_eq!(tool.printed(&["scan", "-ojson", "--keys-only"]), "{\"key_base64\":\"YQn/\"}\n");
        assert_eq!(tool.printed(&["count", "-ojson"]), "{\"keys\":1}\n");
    });
}

#[test]
fn a_long_scan_is_printed_to_its_end_or_as_far_as_somebody_reads() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let mut client = KvsClient::connect(server.address).unwrap();
    let value = "v".repeat(2000);
    let mut pipeline = client.pipeline();
    for number in 0..25_000 {
        pipeline.set(format!("key{number:05}"), value.as_str());
    }
    pipeline.send().unwrap();
    let address = server.address.to_string();
    let tool = Tool { program: CLIENT, place: ["--addr", &address] };
    read_in_full_and_in_part(&tool, &value);
    server.signal("TERM");
    server.wait();
    let path = directory.path().to_str().unwrap();
    read_in_full_and_in_part(&Tool { program: LOCAL, place: ["--dir", path] }, &value);
}

fn read_in_full_and_in_part(tool: &Tool<'_>, value: &str) {
    let all = tool.printed(&["scan"]);
    let mut lines = all.lines();
    for number in 0..25_000 {
        let (key, found) = lines.next().unwrap().split_once('\t').unwrap();
        assert!(key == format!("key{number:05}") && found == value, "{key}");
    }
    assert_eq!(lines.next(), None);
    let mut command = Command::new(tool.program);
    command.args(["scan", "--keys-only", "--reverse"]).args(tool.place);
    let mut scan = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut printed = BufReader::new(scan.stdout.take().unwrap()).lines();
    assert_eq!(printed.next().unwrap().unwrap(), "key24999");
    drop(printed);
    let output = scan.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn keyspaces_are_listed_and_changed() {
    with_both_tools(|tool| {
        fill(tool, &["a", "b"]);
        tool.printed(&["keyspaces", "create", "empty"]);
        tool.printed(&["set", "a", "1", "--keyspace", "users"]);
        assert_eq!(tool.printed(&["keyspaces"]), "default\t2\nempty\t0\nusers\t1\n");
        let json = tool.printed(&["keyspaces", "-ojson"]);
        assert_eq!(json.lines().next(), Some("{\"keyspace\":\"default\",\"keys\":2}"));
        assert_eq!(tool.printed(&["keyspaces", "rename", "users", "people"]), "");
        tool.printed(&["keyspaces", "swap", "people", "empty"]);
        assert_eq!(tool.printed(&["keyspaces"]), "default\t2\nempty\t1\npeople\t0\n");
        assert_eq!(tool.printed(&["scan", "--keyspace", "empty"]), "a\t1\n");
        assert_eq!(tool.printed(&["count", "--keyspace", "people"]), "0\n");
        tool.printed(&["keyspaces", "drop", "empty"]);
        assert_eq!(tool.printed(&["keyspaces"]), "default\t2\npeople\t0\n");
        let refused: [(&[&str], &str); 7] = [
            (&["create", "people"], "a keyspace is called \"people\" already"),
            (&["drop", "none"], "no keyspace is called \"none\""),
            (&["rename", "none", "some"], "no keyspace is called \"none\""),
            (&["rename", "people", "default"], "already"),
            (&["swap", "people", "none"], "no keyspace is called \"none\""),
            (&["drop", "default"], "the default keyspace"),
            (&["create", ""], "1 to 255 bytes"),
        ];
        for (arguments, expected) in refused {
            let (output, complaint) = tool.ended(1, &[&["keyspaces"], arguments].concat());
            assert!(
                output.is_empty() && complaint.contains(expected),
                "{arguments:?}: {complaint}"
            );
            assert_eq!(complaint.lines().count(), 1, "{complaint}");
        }
        for verb in [&["scan"][..], &["count"]] {
            let (_, complaint) = tool.ended(1, &[verb, &["--keyspace", "none"]].concat());
            assert!(complaint.contains("`keyspaces` lists"), "{complaint}");
        }
        assert_eq!(tool.printed(&["keyspaces"]), "default\t2\npeople\t0\n");
        tool.ended(2, &["keyspaces", "--keyspace", "people"]);
        tool.ended(2, &["keyspaces", "burn"]);
    });
}

#[test]
fn verbs_about_a_store_need_one() {
    let places = TempDir::new().unwrap();
    let empty = places.path().to_str().unwrap();
    let missing = places.path().join("missing");
    let file = places.path().join("file");
    for verb in
        [&["scan"][..], &["count"], &["keyspaces"], &["keyspaces", "create", "a"], &["stats"]]
    {
        let tool = Tool { program: LOCAL, place: ["--dir", empty] };
        let (output, complaint) = tool.ended(1, verb);
        assert!(output.is_empty() && complaint.contains("`kvs set` makes one"), "{complaint}");
        let tool = Tool { program: LOCAL, place: ["--dir", missing.to_str().unwrap()] };
        let (_, complaint) = tool.ended(1, verb);
        assert!(complaint.contains("missing") && complaint.contains("--dir"), "{complaint}");
    }
    assert_eq!(std::fs::read_dir(empty).unwrap().count(), 0);
    std::fs::write(&file, "").unwrap();
    let tool = Tool { program: LOCAL, place: ["--dir", file.to_str().unwrap()] };
    for verb in [&["get", "a"][..], &["set", "a", "b"], &["scan"]] {
        let (_, complaint) = tool.ended(1, verb);
        assert!(
            complaint.contains("Not a directory") && complaint.contains("--dir"),
            "{complaint}"
        );
    }
}
