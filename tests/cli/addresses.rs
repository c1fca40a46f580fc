//! Addresses: host names, several at once, and Unix sockets and their files.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use super::*;

/// A directory for the store and one for sockets, and the path of a socket.
struct Places {
    store: TempDir,
    _sockets: TempDir,
    socket: PathBuf,
}

impl Places {
    fn new() -> Self {
        let sockets = TempDir::new().unwrap();
        let socket = sockets.path().join("kvs.sock");
        Self { store: TempDir::new().unwrap(), _sockets: sockets, socket }
    }

    fn socket(&self) -> &str {
        self.socket.to_str().unwrap()
    }

    /// Starts a server that listens at the socket too.
    fn start(&self) -> Server {
        Server::start(self.store.path(), &["--unix", self.socket()])
    }

    /// Runs a server that has to refuse the socket before it makes a store; its complaint.
    fn refused(&self) -> String {
        let store = self.store.path().join("never-made");
        let arguments = ["--unix", self.socket()];
        let started = Server::try_start(Command::new(SERVER), &store, &arguments);
        let (status, message) = started.err().expect("the server refuses");
        assert_eq!(status.code(), Some(1), "{message}");
        assert!(!store.exists());
        let start = format!("cannot listen on unix:{}: ", self.socket());
        assert!(message.starts_with(&start), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        message
    }
}

#[test]
fn whoever_reaches_the_unix_socket_sees_and_closes_what_holds_all_places() {
    let places = Places::new();
    let arguments = ["--unix", places.socket(), "--connections-max", "2", "--timeout", "1000"];
    let server = Server::start(places.store.path(), &arguments);
    let open = || {
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let (mut idle, mut half) = (open(), open());
    for stream in [&mut idle, &mut half] {
        stream.write_all(b"PING\r\n").unwrap();
        stream.read_exact(&mut [0; 7]).unwrap();
    }
    let half_request = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5000\r\nhalf";
    half.write_all(half_request).unwrap();
    let length = half_request.len();
    let mut refused = String::new();
    open().read_to_string(&mut refused).unwrap();
    assert_eq!(refused, "-ERR max number of clients reached\r\n");

    let redis = |command: &str| {
        let mut stream = UnixStream::connect(&places.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    };
    let address = half.local_addr().unwrap();
    let is_listed = format!("addr={address} ");
    let start = Instant::now();
    loop {
        let list = redis("CLIENT LIST");
        let line = list.lines().find(|line| line.contains(&is_listed)).unwrap();
        let field = |name: &str| {
            let mut fields = line.split(' ').filter_map(|field| field.split_once('='));
            fields.find(|(found, _)| *found == name).unwrap().1.to_owned()
        };
        assert_eq!((field("cmd"), field("omem")), ("ping".to_owned(), "0".to_owned()), "{line}");
        let number = |name| field(name).parse::<usize>().unwrap();
        if number("qbuf") == length && number("tot-mem") >= length {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{line}");
    }
    assert_eq!(redis("CONFIG GET timeout"), "*2\r\n$7\r\ntimeout\r\n$4\r\n1000\r\n+OK\r\n");
    assert_eq!(redis(&format!("CLIENT KILL ADDR {address}")), ":1\r\n+OK\r\n");
    assert_eq!(half.read(&mut [0; 1]).unwrap(), 0);
    idle.write_all(b"PING\r\n").unwrap();
    idle.read_exact(&mut [0; 7]).unwrap();
}

fn set_and_get(address: &str) {
    let set = run(CLIENT, &["set", "key", address, "--addr", address]);
    assert!(set.status.success(), "{address}: {set:?}");
    let get = run(CLIENT, &["get", "key", "--addr", address]);
    assert_eq!(text(&get.stdout), format!("{address}\n"), "{get:?}");
}

/// Sends a request to the socket; the reply, of which this many bytes are expected.
fn ask(socket: &Path, request: &[u8], bytes: usize) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    let mut reply = vec![0; bytes];
    stream.read_exact(&mut reply).unwrap();
    reply
}

#[test]
fn both_protocols_are_spoken_at_a_unix_socket() {
    let places = Places::new();
    let server = places.start();
    set_and_get(&format!("unix:{}", places.socket()));
    set_and_get(places.socket());
    set_and_get(&server.address.to_string());
    assert_eq!(ask(&places.socket, b"PING\r\nECHO a\r\n", 14), b"+PONG\r\n$1\r\na\r\n");
    let path = places.socket();
    let setting = format!("*2\r\n$10\r\nunixsocket\r\n${}\r\n{path}\r\n", path.len());
    let request = b"CONFIG GET unixsocket\r\n";
    assert_eq!(text(&ask(&places.socket, request, setting.len())), setting);
    let bytes = "addr=:0 laddr=:0".len() + 2 * path.len();
    let listed = ask(&places.socket, b"CLIENT INFO\r\n", 60 + bytes);
    let expected = format!(" addr={path}:0 laddr={path}:0 name=");
    assert!(text(&listed).contains(&expected), "{}", text(&listed));
    // Killing by that address closes the other connection and answers its own.
    let mut idle = UnixStream::connect(path).unwrap();
    idle.set_read_timeout(Some(PATIENCE)).unwrap();
    idle.write_all(b"PING\r\n").unwrap();
    idle.read_exact(&mut [0; 7]).unwrap();
    let request = format!("CLIENT KILL LADDR {path}:0\r\n");
    assert_eq!(ask(&places.socket, request.as_bytes(), 4), b":1\r\n");
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0);
    server.signal("TERM");
    let (status, logged) = server.wait();
    assert_eq!(status.code(), Some(0), "{logged}");
    assert!(logged.contains(&format!("listening on unix:{path}\n")), "{logged}");
    assert!(!places.socket.exists());
}

#[test]
fn the_socket_is_its_owners_alone() {
    let places = Places::new();
    // A server without a mask of its own would make a file that everybody may write to.
    let mut command = Command::new("sh");
    command.args(["-c", "umask 0 && exec \"$0\" \"$@\"", SERVER]);
    let arguments = ["--unix", places.socket()];
    let _server = Server::start_command(command, places.store.path(), &arguments);
    let found = fs::symlink_metadata(&places.socket).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o7777, 0o700);
}

#[test]
fn a_unix_socket_may_be_the_only_address() {
    let places = Places::new();
    let address = format!("unix:{}", places.socket());
    let mut server = Command::new(SERVER)
        .args(["--engine", "memory", "--addr", &address])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap());
    let mut logged = String::new();
    while !logged.contains("listening on ") {
        assert_ne!(log.read_line(&mut logged).unwrap(), 0, "{logged}");
    }
    set_and_get(&address);
    let settings = b"*4\r\n$4\r\nbind\r\n$0\r\n\r\n$4\r\nport\r\n$1\r\n0\r\n";
    let reply = ask(&places.socket, b"CONFIG GET bind port\r\n", settings.len());
    assert_eq!(text(&reply), text(settings));
    let signal = ["-s", "TERM", &server.id().to_string()];
    assert!(run("kill", &signal).status.success());
    log.read_to_string(&mut logged).unwrap();
    assert!(common::process::wait(&mut server).success(), "{logged}");
    assert_eq!(logged.matches("listening on ").count(), 1, "{logged}");
    assert!(!places.socket.exists());
}

#[test]
fn the_socket_of_a_killed_server_is_replaced() {
    let places = Places::new();
    places.start().kill();
    assert!(places.socket.exists());
    let server = places.start();
    set_and_get(places.socket());
    server.signal("TERM");
    let (_, logged) = server.wait();
    let replaced = format!("replacing the socket {}", places.socket());
    assert!(logged.contains(&replaced), "{logged}");
    assert!(!places.socket.exists());
}

#[test]
fn the_socket_of_a_running_server_is_left_alone() {
    let places = Places::new();
    let _server = places.start();
    let message = places.refused();
    assert!(message.contains("another server listens there"), "{message}");
    set_and_get(places.socket());
    // Nor that of another program, even if its queue is full.
    let others = Places::new();
    let listener = UnixListener::bind(&others.socket).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _waiting = UnixStream::connect(&others.socket).unwrap();
    let message = others.refused();
    assert!(message.contains("another server listens there"), "{message}");
    assert!(listener.accept().is_ok());
}

#[test]
fn a_file_that_is_no_socket_to_listen_at_is_never_removed() {
    let make: [fn(&Path); 4] = [
        |path| fs::write(path, "precious").unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| std::os::unix::fs::symlink("/nowhere", path).unwrap(),
        |path| {
            let target = path.with_extension("target");
            drop(UnixListener::bind(&target).unwrap());
            std::os::unix::fs::symlink(target, path).unwrap();
        },
    ];
    for make in make {
        let places = Places::new();
        make(&places.socket);
        let before = fs::symlink_metadata(&places.socket).unwrap();
        let message = places.refused();
        assert!(message.contains("no socket is there"), "{message}");
        let after = fs::symlink_metadata(&places.socket).unwrap();
        assert_eq!(before.file_type(), after.file_type());
        assert_eq!(before.modified().unwrap(), after.modified().unwrap());
    }
    // One that no stream can be connected to may still be in use.
    let places = Places::new();
    let datagrams = UnixDatagram::bind(&places.socket).unwrap();
    let message = places.refused();
    assert!(message.contains("cannot be asked for its server"), "{message}");
    UnixDatagram::unbound().unwrap().send_to(b"a", &places.socket).unwrap();
    assert_eq!(datagrams.recv(&mut [0; 1]).unwrap(), 1);
}

#[test]
fn a_server_removes_no_file_that_took_the_place_of_its_socket() {
    let places = Places::new();
    let server = places.start();
    fs::remove_file(&places.socket).unwrap();
    let other = UnixListener::bind(&places.socket).unwrap();
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(0));
    let _client = UnixStream::connect(&places.socket).unwrap();
    assert!(other.accept().is_ok());
}

#[test]
fn a_server_that_cannot_open_its_store_leaves_no_socket() {
    let places = Places::new();
    let server = places.start();
    let other = places.socket.with_extension("other");
    let arguments = ["--unix", other.to_str().unwrap()];
    let started = Server::try_start(Command::new(SERVER), places.store.path(), &arguments);
    let (status, message) = started.err().expect("the directory is in use");
    assert_eq!(status.code(), Some(1), "{message}");
    assert!(message.contains(&format!("process {}", server.id())), "{message}");
    assert!(!other.exists());
    set_and_get(places.socket());
}

#[test]
fn paths_that_cannot_be_sockets_are_refused() {
    let long =
        Places { socket: PathBuf::from(format!("/tmp/{}", "a".repeat(110))), ..Places::new() };
    assert!(long.refused().contains("File name too long"));
    let missing = Places::new();
    let missing = Places { socket: missing.socket.join("kvs.sock"), ..missing };
    assert!(missing.refused().contains("No such file or directory"));
    for (path, message) in [(long.socket(), "File name too long"), (missing.socket(), "No such")] {
        let output = run(CLIENT, &["get", "key", "--addr", path]);
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        let printed = text(&output.stderr);
        assert!(
            printed.starts_with(&format!("cannot connect to unix:{path}: {message}")),
            "{printed}"
        );
    }
    let output = run(SERVER, &["--addr", "127.0.0.1:0", "--unix", ""]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn a_server_listens_on_all_of_its_addresses() {
    let places = Places::new();
    let second = places.socket.with_extension("2");
    let arguments = ["--addr", "127.0.0.2:0", "--addr", "localhost:0", "--unix", places.socket()];
    let more = ["--addr", second.to_str().unwrap()];
    let server = Server::start(places.store.path(), &[&arguments[..], &more].concat());
    let listed = KvsClient::connect(server.address).unwrap().info().unwrap();
    let line = listed.lines().find_map(|line| line.strip_prefix("address: ")).unwrap();
    let addresses: Vec<_> = line.split(' ').collect();
    assert!(addresses.len() >= 5, "{line}");
    addresses.iter().for_each(|address| set_and_get(address));
    server.signal("TERM");
    let (_, logged) = server.wait();
    for address in &addresses {
        assert!(logged.contains(&format!("listening on {address}\n")), "{address}: {logged}");
    }
    assert!(!places.socket.exists() && !second.exists());
    // One that is taken is enough to refuse them all.
    let path = places.store.path().join("never-made");
    let arguments = ["--dir", path.to_str().unwrap(), "--addr", places.socket(), "--addr"];
    let bound = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = bound.local_addr().unwrap().to_string();
    let output = run(SERVER, &[&arguments[..], &[&taken]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let message = text(&output.stderr);
    assert!(message.starts_with(&format!("cannot listen on {taken}: ")), "{message}");
    assert!(!places.socket.exists() && !path.exists());
}

#[test]
fn host_names_are_looked_up() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    // All addresses of the name are tried: the first may be that of another protocol.
    set_and_get(&format!("localhost:{}", server.address.port()));
    let address = format!("localhost:{}", server.address.port());
    let path = directory.path().join("never-made");
    let output = run(SERVER, &["--addr", &address, "--dir", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("127.0.0.1"), "{output:?}");
    assert!(!path.exists());
    // A label of more than 63 bytes is a name that nobody has, and that nobody need be asked.
    let nobody = format!("{}:80", "a".repeat(64));
    for (program, arguments, code) in [(CLIENT, &["get", "key"][..], 4), (SERVER, &[], 1)] {
        let output = run(program, &[arguments, &["--addr", &nobody]].concat());
        assert_eq!(output.status.code(), Some(code), "{program}: {output:?}");
        let message = text(&output.stderr);
        assert!(message.starts_with(&format!("cannot look up {nobody}: ")), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_examples() {
    let wrong = ["example.com", "4000", "127.0.0.1", "[::1]", "300.0.0.1:80", ":80", "unix:", ""];
    for program in [CLIENT, SERVER] {
        for address in wrong {
            let arguments: &[&str] = if program == CLIENT { &["get", "key"] } else { &[] };
            let output = run(program, &[arguments, &["--addr", address]].concat());
            assert_eq!(output.status.code(), Some(2), "{program} {address:?}: {output:?}");
            let message = text(&output.stderr);
            assert!(message.contains("--addr <ADDRESS>"), "{message}");
            assert!(message.contains("as 127.0.0.1:4000"), "{message}");
        }
    }
}
