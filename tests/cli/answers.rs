//! Answers: their forms, exit codes, and readers that go away.

use serde_json::Value;

use super::*;

/// Returns the objects of an output, one a line.
fn objects(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the milliseconds since the Unix epoch.
fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_millis().try_into().unwrap()
}

#[test]
fn programs_get_an_object_a_line() {
    with_both_tools(|tool| {
        assert_eq!(tool.printed(&["-o", "json", "set", "a\"\n", "1"]), "");
        let get = tool.printed(&["get", "a\"\n", "--output", "json"]);
        assert_eq!(get, "{\"key\":\"a\\\"\\n\",\"value\":\"1\"}\n");
        assert_eq!(tool.printed(&["get", "b", "-ojson"]), "{\"key\":\"b\",\"value\":null}\n");
        let bytes = [OsStr::new("set"), OsStr::from_bytes(b"\xFF"), OsStr::from_bytes(b"\x00\xFE")];
        let set = tool.run(&[bytes[0], bytes[1], OsStr::from_bytes(b"a\xFE")], 0);
        assert!(set.status.success(), "{set:?}");
        let get = tool.run(&[OsStr::new("-ojson"), OsStr::new("get"), bytes[1]], 0);
        let get = text(&get.stdout);
        assert_eq!(get, "{\"key_base64\":\"/w==\",\"value_base64\":\"Yf4=\"}\n");
        let removed = tool.printed(&["rm", "a\"\n", "-ojson"]);
        assert_eq!(objects(&removed)[0]["removed"], true);
        let (missing, complaint) = tool.ended(1, &["rm", "b", "-ojson"]);
        assert_eq!(missing, "{\"key\":\"b\",\"removed\":false}\n");
        assert_eq!(complaint, "");
    });
}

#[test]
fn missing_keys_have_an_exit_code_for_those_who_ask() {
    with_both_tools(|tool| {
        assert_eq!(tool.ended(3, &["get", "a", "--exit-code"]).0, "Key not found\n");
        let (output, complaint) = tool.ended(3, &["rm", "--exit-code", "a"]);
        assert_eq!(output + &complaint, "Key not found\n");
        assert_eq!(tool.printed(&["get", "a"]), "Key not found\n");
        tool.printed(&["set", "a", "1"]);
        assert_eq!(tool.printed(&["get", "a", "--exit-code"]), "1\n");
        assert_eq!(tool.printed(&["rm", "a", "--exit-code"]), "");
    });
}

#[test]
fn values_are_taken_and_given_as_they_are() {
    with_both_tools(|tool| {
        for value in [&b""[..], b"\n", b"a\n", b"\x00\xFF\r\n", &vec![b'v'; 1 << 20]] {
            let set = tool.run_on(value, &["set", "key", "--stdin"]);
            assert!(set.status.success() && set.stdout.is_empty(), "{set:?}");
            let get = tool.run(&["get", "--raw", "key"], 0);
            assert!(get.status.success() && get.stdout == value, "{:?}", get.stderr);
        }
        let (output, complaint) = tool.ended(0, &["get", "missing", "--raw"]);
        assert_eq!((output.as_str(), complaint.as_str()), ("", "Key not found\n"));
        for arguments in
            [&["set", "key", "value", "--stdin"][..], &["get", "key", "--raw", "-ojson"]]
        {
            let (output, complaint) = tool.ended(2, arguments);
            assert!(output.is_empty() && !complaint.is_empty(), "{arguments:?}: {complaint}");
        }
    });
}

#[test]
fn a_value_over_the_limit_is_refused_with_the_limit() {
    let value = vec![b'v'; (64 << 20) + 1];
    with_both_tools(|tool| {
        let refused = tool.run_on(&value, &["set", "key", "--stdin"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains("67108864"), "{}", text(&refused.stderr));
        assert_eq!(tool.printed(&["get", "key"]), "Key not found\n");
    });
}

#[test]
fn a_key_expires_after_the_time_it_was_given() {
    with_both_tools(|tool| {
        let before = now();
        tool.printed(&["set", "late", "1", "--ttl", "90"]);
        let get = objects(&tool.printed(&["get", "late", "-ojson"]));
        let expires_at = get[0]["expires_at"].as_u64().unwrap();
        assert!((before + 90_000..=now() + 90_000).contains(&expires_at), "{expires_at}");
        tool.printed(&["set", "soon", "1", "--ttl", "1ms"]);
        wait_until("it expires", || tool.printed(&["get", "soon"]) == "Key not found\n");
        // Setting it anew is for good.
        tool.printed(&["set", "late", "2"]);
        let get = tool.printed(&["get", "late", "-ojson"]);
        assert_eq!(get, "{\"key\":\"late\",\"value\":\"2\"}\n");
        for time in ["0", "1.5s", "-1", "soon"] {
            let (_, complaint) = tool.ended(2, &["set", "a", "1", &format!("--ttl={time}")]);
            assert!(complaint.contains("15m"), "{complaint}");
        }
    });
}

#[test]
fn keys_are_in_the_keyspace_that_is_named() {
    with_both_tools(|tool| {
        tool.printed(&["set", "a", "1"]);
        for arguments in [&["get", "a"][..], &["rm", "a"]] {
            let arguments = [arguments, &["--keyspace", "users"]].concat();
            for _ in 0..2 {
                let (_, complaint) = tool.ended(1, &arguments);
                assert!(complaint.contains("no keyspace is called \"users\""), "{complaint}");
            }
        }
        tool.printed(&["--keyspace", "users", "set", "a", "2"]);
        assert_eq!(tool.printed(&["get", "a", "--keyspace", "users"]), "2\n");
        assert_eq!(tool.printed(&["get", "a", "--keyspace", "default"]), "1\n");
        tool.printed(&["rm", "a", "--keyspace", "users"]);
        assert_eq!(tool.printed(&["get", "a"]), "1\n");
    });
    let (_, complaint) =
        Tool { program: LOCAL, place: ["--dir", "."] }.ended(2, &["stats", "--keyspace", "users"]);
    assert!(complaint.contains("--keyspace"), "{complaint}");
}

#[test]
fn figures_have_the_same_names_in_json() {
    with_both_tools(|tool| {
        tool.printed(&["set", "a", "1"]);
        let lines = tool.printed(&["stats"]);
        let object = &objects(&tool.printed(&["stats", "-o", "json"]))[0];
        let keys = if tool.program == LOCAL { "keyspace.default.keys" } else { "keys" };
        assert_eq!(object[keys], 1);
        let names: Vec<_> = lines.lines().map(|line| line.split_once(": ").unwrap().0).collect();
        assert!(names.len() > 15 && names.iter().all(|name| !object[*name].is_null()), "{object}");
        assert_eq!(object.as_object().unwrap().len(), names.len());
    });
}

#[test]
fn changes_are_told_as_objects() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let mut watching = Command::new(CLIENT)
        .args(["watch", "-ojson", "--addr", &server.address.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut native = KvsClient::connect(server.address).unwrap();
    // It may begin at any time from now on.
    let (stop, stopped) = mpsc::channel::<()>();
    let writer = thread::spawn(move || {
        while stopped.try_recv() == Err(TryRecvError::Empty) {
            native.set("a\u{FF}", "\n").unwrap();
            native.remove("a\u{FF}").unwrap();
            thread::sleep(Duration::from_millis(5));
        }
    });
    let lines: Vec<_> = (0..4).map(|_| printed.next().unwrap().unwrap()).collect();
    drop(stop);
    writer.join().unwrap();
    for change in objects(&lines.join("\n")) {
        assert!(change["version"].is_u64() && change["key"] == "a\u{FF}", "{change}");
        match change["change"].as_str() {
            Some("set") => assert_eq!(change["value"], "\n"),
            other => assert_eq!(other, Some("removed")),
        }
    }
    drop(printed);
    let mut native = KvsClient::connect(server.address).unwrap();
    wait_until("it ends", || {
        native.set("2", "").unwrap();
        watching.try_wait().unwrap().is_some()
    });
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let value = "v".repeat(100_000);
    with_both_tools(|tool| {
        tool.printed(&["set", "key", &value]);
        for arguments in [&["get", "key"][..], &["get", "key", "-ojson"], &["get", "--raw", "key"]]
        {
            let mut command = Command::new(tool.program);
            command.args(arguments).args(tool.place);
            let mut running =
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            drop(running.stdout.take());
            let output = running.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            assert!(output.stderr.is_empty(), "{output:?}");
        }
    });
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    with_both_tools(|tool| {
        tool.printed(&["set", "key", "value"]);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(tool.program);
        let output = command.args(["get", "key"]).args(tool.place).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stderr).starts_with("cannot print the answer: "), "{output:?}");
    });
}
