//! A running server: its signals, its log, its open files.

use super::*;

#[test]
fn a_signal_ends_the_server_after_it_answered() {
    for signal in ["TERM", "INT"] {
        let directory = TempDir::new().unwrap();
        let server = Server::start(directory.path(), &[]);
        let mut stream = TcpStream::connect(server.address).unwrap();
        let mut sender = stream.try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            let request = b"SET key value\r\nGET key\r\n".repeat(100);
            while sender.write_all(&request).is_ok() {}
        });
        let pair = b"+OK\r\n$5\r\nvalue\r\n";
        let mut first = [0; 16];
        stream.read_exact(&mut first).unwrap();
        server.signal(signal);
        let mut replies = first.to_vec();
        let mut buffer = [0; 65536];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            replies.extend_from_slice(&buffer[..count]);
        }
        drop(stream);
        sending.join().unwrap();
        let (whole, last) = replies.split_at(replies.len() / pair.len() * pair.len());
        assert!(whole == pair.repeat(whole.len() / pair.len()));
        assert!(last.is_empty() || last == &pair[..5], "{}", last.escape_ascii());
        let (status, logged) = server.wait();
        assert_eq!(status.code(), Some(0), "{logged}");
        assert!(logged.trim_end().ends_with("stopped"), "{logged}");
    }
}

#[test]
fn a_log_that_nobody_reads_does_not_stop_the_server() {
    let directory = TempDir::new().unwrap();
    let mut child = Command::new(SERVER)
        .args(["--addr", "127.0.0.1:0", "--dir", directory.path().to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening on ") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0);
    }
    drop(log);
    let address = line.rsplit(' ').next().unwrap().trim();
    for _ in 0..2 {
        let mut client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(b"*1\r\n!\r\n").unwrap();
        assert_ne!(client.read(&mut [0; 64]).unwrap(), 0, "a reply, whatever it logged");
    }
    assert!(run("kill", &["-s", "TERM", &child.id().to_string()]).status.success());
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() < PATIENCE => std::thread::yield_now(),
            None => {
                child.kill().unwrap();
                panic!("the server goes on after a signal that it cannot log");
            }
        }
    };
    assert!(status.success(), "{status}");
}

#[test]
fn connections_leave_files_for_the_store() {
    let directory = TempDir::new().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 128 && exec \"$0\" \"$@\"", SERVER]);
    let server = Server::start_command(command, directory.path(), &["--engine", "kvs"]);
    let mut first = TcpStream::connect(server.address).unwrap();
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    let _others: Vec<_> = (0..128).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let value = vec![0; 30 << 20];
    for _ in 0..4 {
        write!(first, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n", value.len()).unwrap();
        first.write_all(&value).unwrap();
        first.write_all(b"\r\n").unwrap();
        let mut reply = [0; 5];
        first.read_exact(&mut reply).unwrap();
        assert_eq!(text(&reply), "+OK\r\n", "a new segment needs a file");
    }
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    // The server waits some seconds for a client that takes no replies.
    let mut deaf = TcpStream::connect(server.address).unwrap();
    let value = vec![b'v'; 16 << 20];
    let head = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n", value.len());
    deaf.write_all(head.as_bytes()).unwrap();
    deaf.write_all(&value).unwrap();
    deaf.write_all(b"\r\n").unwrap();
    let mut ok = [0; 5];
    deaf.read_exact(&mut ok).unwrap();
    deaf.write_all(&b"GET k\r\n".repeat(3)).unwrap();
    deaf.read_exact(&mut ok).unwrap();
    server.signal("TERM");
    // The second signal must not come before the first was taken: the listener is gone then.
    while TcpStream::connect(server.address).is_ok() {
        std::thread::yield_now();
    }
    server.signal("TERM");
    let (status, _) = server.wait();
    assert_eq!(status.code(), Some(128 + 15), "patience with the client would end with 0");
}

#[test]
fn signals_that_ask_nothing_of_the_server_are_ignored() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let ignored = ["HUP", "USR1", "USR2", "ALRM"];
    for signal in ignored {
        server.signal(signal);
        assert!(client(&server, &["set", signal, "value"]).status.success(), "after {signal}");
        assert_eq!(text(&client(&server, &["get", signal]).stdout), "value\n");
    }
    server.signal("TERM");
    let (status, logged) = server.wait();
    assert_eq!(status.code(), Some(0), "{logged}");
    for signal in ignored {
        assert!(logged.contains(&format!("ignoring signal SIG{signal}")), "{logged}");
    }
    assert!(logged.trim_end().ends_with("stopped"), "{logged}");
}
