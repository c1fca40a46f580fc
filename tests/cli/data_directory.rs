//! The data directory as the programs meet it: reopened, of another engine, locked, damaged.

use super::*;

#[test]
fn set_keys_outlive_a_stopped_server() {
    let is_kept = |engine: &&EngineKind| **engine != EngineKind::Memory;
    for engine in EngineKind::available().iter().filter(is_kept).map(|engine| engine.name()) {
        let directory = TempDir::new().unwrap();
        let server = Server::start(directory.path(), &["--engine", engine]);
        assert!(client(&server, &["set", "key", "value"]).status.success());
        server.signal("TERM");
        assert_eq!(server.wait().0.code(), Some(0));
        // Without --engine: the directory knows.
        let server = Server::start(directory.path(), &[]);
        assert_eq!(text(&client(&server, &["get", "key"]).stdout), "value\n");
        server.signal("TERM");
        let (_, logged) = server.wait();
        assert!(logged.contains(&format!("engine {engine}")), "{logged}");
        assert!(logged.contains(env!("CARGO_PKG_VERSION")), "{logged}");
        assert!(logged.contains(directory.path().to_str().unwrap()), "{logged}");
        // No option makes sled keep more than it does, so it is said at every start.
        let warnings: Vec<_> = logged.lines().filter(|line| line.contains("WARN")).collect();
        assert_eq!(warnings.len(), usize::from(engine == "sled"), "{logged}");
        assert!(warnings.iter().all(|line| line.contains("a power loss may")), "{logged}");
        assert!(!logged.contains("ERROR"), "{logged}");
        let path = directory.path().to_str().unwrap();
        assert_eq!(text(&run(LOCAL, &["get", "key", "--dir", path]).stdout), "value\n");
    }
}

#[test]
fn another_engine_than_the_directorys_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    assert!(run(LOCAL, &["set", "key", "value", "--dir", path]).status.success());
    let is_another = |engine: &&EngineKind| **engine != EngineKind::Kvs;
    for engine in EngineKind::available().iter().filter(is_another).map(|engine| engine.name()) {
        let arguments = ["--addr", "127.0.0.1:0", "--dir", path, "--engine", engine];
        let output = run(SERVER, &arguments);
        assert_eq!(output.status.code(), Some(1));
        let message = text(&output.stderr);
        assert!(message.contains("kvs") && message.contains(engine), "{message}");
    }
}

#[test]
#[cfg(not(feature = "sled"))]
fn an_engine_that_this_build_does_not_have_is_named() {
    let missing = "this build has no sled engine";
    let output = run(SERVER, &["--addr", "127.0.0.1:0", "--engine", "sled"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains(missing), "{output:?}");
    assert!(!text(&run(SERVER, &["--help"]).stdout).contains("sled"));
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    std::fs::write(directory.path().join("ENGINE"), format!("sled\n{:032x}\n", 7)).unwrap();
    for output in [
        run(LOCAL, &["get", "key", "--dir", path]),
        run(SERVER, &["--addr", "127.0.0.1:0", "--dir", path]),
    ] {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let message = text(&output.stderr);
        assert!(message.contains(missing) && message.contains(path), "{message}");
    }
}

#[test]
fn a_second_process_on_the_directory_is_told_who_holds_it() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let path = directory.path().to_str().unwrap();
    let holder = format!("process {}", server.id());
    for (output, code) in [
        (run(LOCAL, &["get", "key", "--dir", path]), 6),
        (run(SERVER, &["--addr", "127.0.0.1:0", "--dir", path]), 1),
    ] {
        assert_eq!(output.status.code(), Some(code));
        let message = text(&output.stderr);
        assert!(message.contains(&holder) && message.contains(path), "{message}");
    }
    server.kill();
    assert!(run(LOCAL, &["get", "key", "--dir", path]).status.success());
}

/// Flips a bit of a value in the log of the `kvs` engine; the file it is in.
fn damage(directory: &Path, value: &[u8]) -> PathBuf {
    let mut files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    let segment = files.find(is_log).unwrap();
    let bytes = std::fs::read(&segment).unwrap();
    let at = bytes.windows(value.len()).position(|window| window == value).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&segment).unwrap();
    file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
    segment
}

#[test]
fn damage_is_refused_with_file_and_offset() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    assert!(run(LOCAL, &["set", "key", "a value to find", "--dir", path]).status.success());
    let segment = damage(directory.path(), b"a value");
    let output = run(LOCAL, &["get", "key", "--dir", path]);
    assert_eq!(output.status.code(), Some(5));
    let message = text(&output.stderr);
    assert!(message.contains(segment.to_str().unwrap()), "{message}");
    assert!(message.contains("offset 72"), "{message}");
}

#[test]
fn a_server_tells_its_clients_of_damage_and_its_log_where_it_is() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &["--cache-mib", "0"]);
    assert!(client(&server, &["set", "key", "a value to find"]).status.success());
    let segment = damage(directory.path(), b"a value");
    let mut native = KvsClient::connect(server.address).unwrap();
    let Err(kvs::ClientError::Remote { kind, message }) = native.get("key") else {
        panic!("not refused")
    };
    assert_eq!(kind, FailureKind::Corrupt, "{message}");
    let output = client(&server, &["get", "key"]);
    assert_eq!(output.status.code(), Some(5));
    assert_eq!(text(&output.stderr), format!("{message}\n"));
    let mut redis = TcpStream::connect(server.address).unwrap();
    redis.set_read_timeout(Some(PATIENCE)).unwrap();
    redis.write_all(b"GET key\r\nGET none\r\n").unwrap();
    let mut reply = String::new();
    let mut reader = BufReader::new(redis);
    reader.read_line(&mut reply).unwrap();
    assert_eq!(reply, format!("-ERR {message}\r\n"));
    reply.clear();
    reader.read_line(&mut reply).unwrap();
    assert_eq!(reply, "$-1\r\n", "the connection goes on");
    assert!(message.starts_with("stored data is damaged: "), "{message}");
    assert!(!message.contains(directory.path().to_str().unwrap()), "{message}");
    server.signal("TERM");
    let (_, logged) = server.wait();
    let named = format!("{} is damaged at offset ", segment.display());
    assert!(logged.contains(&named), "{logged}");
}
