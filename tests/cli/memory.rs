//! The memory of a running server: it holds no more for its clients than it may, and gives back
//! what is not needed any longer.

use super::*;
use common::resources::resident_bytes;
use common::wait::wait_until;

/// The memory of a server with an empty store and its caches, and some more.
const SMALL_MIB: u64 = 60;

fn resident_mib(server: &Server) -> u64 {
    resident_bytes(server.id()).unwrap() >> 20
}

/// Sends so many MiB of a value of 60 MB. Returns what the server answered, if it did.
fn send_part(server: &Server, mib: usize) -> (TcpStream, Vec<u8>) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    stream.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$60000000\r\n").unwrap();
    let piece = vec![b'x'; 1 << 20];
    // An evicted client's bytes are taken for a while, and then not any longer.
    let _ = (0..mib).try_for_each(|_| stream.write_all(&piece));
    let mut answer = [0; 200];
    match stream.read(&mut answer) {
        Ok(count) => (stream, answer[..count].to_vec()),
        // None yet, or one that a reset destroyed: the rest came too late for a closed connection.
        Err(_) => (stream, Vec::new()),
    }
}

#[test]
fn what_clients_held_is_given_back_when_they_are_gone() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &["--client-memory", "512mb"]);
    let parts: Vec<_> = (0..5).map(|_| send_part(&server, 40).0).collect();
    wait_until("the parts are held", || resident_mib(&server) > 150);
    drop(parts);
    wait_until("the memory is given back", || resident_mib(&server) < SMALL_MIB);
}

#[test]
fn clients_that_hold_too_much_are_closed_with_an_error() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &["--client-memory", "64mb"]);
    let mut good = KvsClient::connect(server.address).unwrap();
    let (mut open, mut refused, mut peak) = (Vec::new(), 0, 0);
    for _ in 0..12 {
        let (stream, answer) = send_part(&server, 30);
        refused += usize::from(answer.starts_with(b"-OOM "));
        open.push(stream);
        good.set("key", "value").unwrap();
        peak = peak.max(resident_mib(&server));
    }
    // The first ones are refused only when others come.
    for stream in &mut open {
        let mut answer = [0; 5];
        refused += usize::from(stream.read(&mut answer).is_ok() && answer == *b"-OOM ");
    }
    assert!(refused >= 5, "{refused} of 12 were told");
    // All would be 360 MiB. What was freed stays until the sweep that follows an eviction.
    assert!(peak < 64 + 3 * 32 + SMALL_MIB, "{peak} MiB");
    assert_eq!(good.get("key").unwrap().as_deref(), Some(&b"value"[..]));
}

#[test]
fn a_store_of_long_keys_takes_little_more_after_it_is_opened() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let mut client = KvsClient::connect(server.address).unwrap();
    for number in 0..500 {
        client.set(format!("{number:065000}"), "v").unwrap();
    }
    drop(client);
    let loaded = resident_mib(&server);
    server.signal("TERM");
    assert!(server.wait().0.success());
    let server = Server::start(directory.path(), &[]);
    let opened = resident_mib(&server);
    assert!(opened < loaded + loaded / 3, "{loaded} MiB before and {opened} after");
}
