//! Passwords: who needs one, where it comes from, and what is served without it.

use std::fs;

use kvs::protocol::native::{
    ClientHello, FRAME_HEADER_BYTES, RequestMessage, RequestOperation, STRANGER_FRAME_BYTES_MAX,
};
use kvs::{ClientError, ClientOptions};

use super::common::lines::{connect, exchange};
use super::*;

/// The environment variable of a password.
const VARIABLE: &str = "KVS_PASSWORD";

/// Starts a server whose two passwords are in a file, and a third one in its environment.
fn guarded(directory: &TempDir) -> Server {
    let file = directory.path().join("passwords");
    fs::write(&file, "old\r\n\n with blanks \n").unwrap();
    let mut command = Command::new(SERVER);
    command.env(VARIABLE, "new");
    let arguments = ["--password-file", file.to_str().unwrap()];
    Server::start_command(command, &directory.path().join("store"), &arguments)
}

#[test]
fn a_server_that_others_may_reach_wants_a_password_or_to_be_told_otherwise() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("store");
    for address in ["0.0.0.0:0", "[::]:0"] {
        if TcpListener::bind(address).is_err() {
            // The machine has no such protocol.
            continue;
        }
        let started = Server::try_start(Command::new(SERVER), &store, &["--addr", address]);
        let (status, message) = started.err().expect("the server refuses");
        assert_eq!(status.code(), Some(1), "{message}");
        assert!(message.contains("without a password"), "{message}");
        for way in ["--password-file", VARIABLE, "--insecure"] {
            assert!(message.contains(way), "{message}");
        }
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(!store.exists());
    }
    drop(Server::start(&store, &["--addr", "0.0.0.0:0", "--insecure"]));
    let mut command = Command::new(SERVER);
    command.env(VARIABLE, "secret");
    drop(Server::start_command(command, &store, &["--addr", "0.0.0.0:0"]));
}

#[test]
fn passwords_that_cannot_be_are_refused() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("store");
    let empty = directory.path().join("empty");
    fs::write(&empty, "\n\r\n").unwrap();
    let missing = directory.path().join("missing");
    for (file, part) in [(&empty, "holds no password"), (&missing, "cannot read the passwords in")]
    {
        let arguments = ["--password-file", file.to_str().unwrap()];
        let started = Server::try_start(Command::new(SERVER), &store, &arguments);
        let (_, message) = started.err().expect("the server refuses");
        assert!(message.contains(part), "{message}");
        let get = run(CLIENT, &["get", "key", arguments[0], arguments[1]]);
        assert_eq!(get.status.code(), Some(1));
        assert!(text(&get.stderr).contains(part), "{get:?}");
    }
    let mut command = Command::new(SERVER);
    command.env(VARIABLE, "");
    let (_, message) = Server::try_start(command, &store, &[]).err().expect("the server refuses");
    assert!(message.contains("a password has 1 to 1024 bytes"), "{message}");
    assert!(!store.exists());
}

#[test]
fn the_client_gives_the_password_of_its_file_or_environment() {
    let directory = TempDir::new().unwrap();
    let server = guarded(&directory);
    let address = server.address.to_string();
    let file = directory.path().join("passwords");
    let file = file.to_str().unwrap();
    let get = |arguments: &[&str], password: Option<&str>| {
        let mut command = Command::new(CLIENT);
        command.args(["get", "key", "--addr", &address]).args(arguments);
        command.env_remove(VARIABLE).envs(password.map(|password| (VARIABLE, password)));
        command.output().unwrap()
    };
    for (arguments, password) in [
        (&["--password-file", file][..], None),
        (&["--password-file", file][..], Some("wrong")),
        (&[][..], Some("new")),
        (&[][..], Some(" with blanks ")),
    ] {
        let got = get(arguments, password);
        assert!(got.status.success(), "{arguments:?} {password:?}: {got:?}");
    }
    let refused = get(&[], None);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        text(&refused.stderr),
        "a password is required before anything else: set KVS_PASSWORD or --password-file\n"
    );
    let refused = get(&[], Some("wrong"));
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(text(&refused.stderr), "the password is wrong\n");
    let log = server.kill();
    assert!(log.contains("refused a wrong user or password of 127.0.0.1:"), "{log}");
    assert!(!log.contains("blanks"), "{log}");
}

#[test]
fn a_program_connects_with_a_password() {
    let directory = TempDir::new().unwrap();
    let server = guarded(&directory);
    let connect = |options: &ClientOptions| KvsClient::connect_with(server.address, options);
    let options = ClientOptions::default().password("old");
    assert!(!format!("{options:?}").contains("old"));
    let mut client = connect(&options).unwrap();
    client.set("key", "value").unwrap();
    let kind = |error: &ClientError| error.failure_kind();
    let wrong = connect(&options.clone().password("wrong")).unwrap_err();
    assert_eq!(kind(&wrong), Some(FailureKind::WrongPassword));
    let mut stranger = connect(&ClientOptions::default()).unwrap();
    for _ in 0..2 {
        let error = stranger.set("key", "other").unwrap_err();
        assert_eq!(kind(&error), Some(FailureKind::NotAuthenticated));
    }
    assert_eq!(client.get("key").unwrap().as_deref(), Some(&b"value"[..]));
    // A server without passwords takes any.
    let open = Server::start(&directory.path().join("open"), &[]);
    KvsClient::connect_with(open.address, &options).unwrap().ping().unwrap();
}

#[test]
fn redis_clients_give_a_password_and_what_strangers_send_is_bounded() {
    let directory = TempDir::new().unwrap();
    let server = guarded(&directory);
    let mut client = connect(server.address);
    let refusal = "-NOAUTH Authentication required.\r\n";
    exchange(&mut client, b"SET k v\r\nGET k\r\n", refusal.repeat(2));
    exchange(&mut client, b"AUTH old\r\nSET k v\r\nGET k\r\n", "+OK\r\n+OK\r\n$1\r\nv\r\n");
    let large = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000\r\n{}\r\n", "x".repeat(20_000));
    let many = format!("*21\r\n$3\r\nDEL\r\n{}", "$1\r\nk\r\n".repeat(20));
    exchange(&mut client, large.as_bytes(), "+OK\r\n");
    exchange(&mut client, many.as_bytes(), ":1\r\n");
    for request in [large, many] {
        // One that waits for no reply gets in before it sends more.
        let mut hasty = connect(server.address);
        hasty.write_all(b"AUTH new\r\n").unwrap();
        hasty.write_all(request.as_bytes()).unwrap();
        exchange(&mut hasty, b"ECHO done\r\n", "+OK\r\n");
        let mut stranger = connect(server.address);
        stranger.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // The connection may be reset, as the server reads no further.
        let _ = stranger.read_to_end(&mut answer);
        let answer = text(&answer);
        assert!(answer.starts_with("-ERR Protocol error: unauthenticated "), "{answer}");
    }
}

#[test]
fn a_stranger_cannot_make_the_server_wait_for_a_large_frame() {
    let directory = TempDir::new().unwrap();
    let server = guarded(&directory);
    let mut stranger = connect(server.address);
    let mut bytes = Vec::new();
    ClientHello::OURS.encode(&mut bytes);
    let ping = RequestMessage::new(1, RequestOperation::Ping);
    ping.encode(STRANGER_FRAME_BYTES_MAX, &mut bytes).unwrap();
    bytes.extend_from_slice(&(STRANGER_FRAME_BYTES_MAX + 1).to_le_bytes());
    stranger.write_all(&bytes).unwrap();
    let mut answer = Vec::new();
    stranger.read_to_end(&mut answer).unwrap();
    assert!(answer.len() > 2 * FRAME_HEADER_BYTES);
    let answer = answer.escape_ascii().to_string();
    assert!(answer.contains("a password is required"), "{answer}");
    assert!(answer.contains("is over the limit of 16384 bytes"), "{answer}");
}
