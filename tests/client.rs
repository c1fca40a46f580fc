//! The client with a server, and with peers that are no kvs server.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use common::running::Running;
use kvs::protocol::native::FailureKind;
use kvs::{
    ClientError, ClientOptions, ClientScan, Endpoint, KvsClient, PipelineReply, ServerOptions,
};

fn started() -> (Running, KvsClient) {
    let server = Running::start(ServerOptions::default().workers(2));
    let client = KvsClient::connect(server.address).unwrap();
    (server, client)
}

#[test]
fn every_operation_does_what_it_says() {
    let (_server, mut client) = started();
    client.ping().unwrap();
    assert_eq!(client.get("k").unwrap(), None);
    client.set("k", b"\x00\xFFvalue").unwrap();
    assert_eq!(client.get("k").unwrap().unwrap(), b"\x00\xFFvalue");
    assert!(client.contains("k").unwrap() && !client.contains("other").unwrap());
    client.set("l", "").unwrap();
    assert_eq!(client.len().unwrap(), 2);
    assert_eq!(
        client.get_many(&["l", "none", "k"]).unwrap(),
        [Some(vec![]), None, Some(b"\x00\xFFvalue".to_vec())]
    );
    client.sync().unwrap();
    assert!(client.remove("k").unwrap());
    assert!(!client.remove("k").unwrap());
    assert!(client.info().unwrap().contains("engine: memory"));
    client.clear().unwrap();
    assert_eq!(client.len().unwrap(), 0);
}

#[test]
fn large_values_arrive_whole() {
    let (_server, mut client) = started();
    let value: Vec<u8> = (0..20_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    client.set("large", &value).unwrap();
    assert!(client.get("large").unwrap().unwrap() == value);
}

#[test]
fn a_refusal_does_not_end_the_connection() {
    let (_server, mut client) = started();
    let error = client.set(vec![1; (64 << 10) + 1], "v").unwrap_err();
    let ClientError::Remote { kind, message } = error else {
        panic!("{error}");
    };
    assert_eq!(kind, FailureKind::KeyTooLarge);
    assert!(message.contains("65537"), "{message}");
    let error = client.set("k", vec![1; 129 << 20]).unwrap_err();
    assert!(matches!(error, ClientError::RequestTooLarge { .. }), "{error}");
    client.ping().unwrap();
}

#[test]
fn a_pipeline_is_answered_in_order() {
    let (_server, mut client) = started();
    let mut pipeline = client.pipeline();
    for number in 0..20_000_u32 {
        let key = (number % 10).to_le_bytes();
        pipeline.set(key, number.to_le_bytes()).get(key);
    }
    pipeline.contains("none").remove(0_u32.to_le_bytes());
    pipeline.set(vec![0; 1 << 20], "a key that is refused").get("none");
    let replies = pipeline.send().unwrap();
    assert_eq!(replies.len(), 40_004);
    let mut replies = replies.into_iter();
    for number in 0..20_000_u32 {
        assert_eq!(replies.next().unwrap().unwrap(), PipelineReply::Done);
        let value = PipelineReply::Value(Some(number.to_le_bytes().to_vec()));
        assert_eq!(replies.next().unwrap().unwrap(), value);
    }
    assert_eq!(replies.next().unwrap().unwrap(), PipelineReply::Flag(false));
    assert_eq!(replies.next().unwrap().unwrap(), PipelineReply::Flag(true));
    assert!(matches!(replies.next().unwrap(), Err(ClientError::Remote { .. })));
    assert_eq!(replies.next().unwrap().unwrap(), PipelineReply::Value(None));
    assert!(client.pipeline().send().unwrap().is_empty());
}

#[test]
fn a_pipeline_whose_replies_fill_every_buffer_still_ends() {
    let (server, mut client) = started();
    server.store.set("large", vec![7; 1 << 20]).unwrap();
    let mut pipeline = client.pipeline();
    for _ in 0..100 {
        pipeline.get("large").set("other", vec![1; 100_000]);
    }
    let replies = pipeline.send().unwrap();
    assert!(replies.len() == 200 && replies.iter().all(Result::is_ok));
}

#[test]
fn a_scan_goes_on_over_many_answers() {
    let (server, mut client) = started();
    for number in 0..3000 {
        server.store.set(format!("key{number:05}"), vec![0; 4000]).unwrap();
    }
    let all = client.scan(.., usize::MAX).unwrap();
    let keys: Vec<_> = (0..3000).map(|number| format!("key{number:05}").into_bytes()).collect();
    assert!(all.iter().map(|(key, _)| key).eq(&keys));
    let some = client.scan(keys[10].clone()..=keys[20].clone(), usize::MAX).unwrap();
    assert_eq!(some.len(), 11);
    let few = client.scan(keys[10].clone().., 3).unwrap();
    assert_eq!(few.len(), 3);
    assert!(client.scan(.., 0).unwrap().is_empty());
}

#[test]
fn a_scan_is_read_page_by_page() {
    let (server, mut client) = started();
    for number in 0..3000 {
        server.store.set(format!("key{number:05}"), vec![0; 4000]).unwrap();
    }
    let mut keys: Vec<_> = (0..3000).map(|number| format!("key{number:05}").into_bytes()).collect();
    let (mut scan, mut found, mut pages) = (ClientScan::new(..), Vec::new(), 0);
    assert!(client.next_page(&mut scan, 0).unwrap().is_empty() && !scan.is_at_end());
    while !scan.is_at_end() {
        let page = client.next_page(&mut scan, 2000).unwrap();
        assert!(page.iter().map(|(_, value)| value.len()).sum::<usize>() <= 5 << 20);
        found.extend(page.into_iter().map(|(key, _)| key));
        pages += 1;
    }
    assert!(pages >= 3 && found == keys, "{pages} pages, {} keys", found.len());
    assert!(client.next_page(&mut scan, 2000).unwrap().is_empty());
    keys.reverse();
    let mut scan = ClientScan::new(..).reverse().keys_only();
    let first = client.next_page(&mut scan, 2999).unwrap();
    assert!(first.iter().all(|(_, value)| value.is_empty()) && !scan.is_at_end());
    let last = client.next_page(&mut scan, 2999).unwrap();
    assert!(first.iter().chain(&last).map(|(key, _)| key).eq(&keys) && scan.is_at_end());
}

#[test]
fn after_a_timeout_the_connection_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let peer = std::thread::spawn(move || {
        let greet = || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 12]).unwrap();
            stream.write_all(b"\xF4kvs\r\n\x1A\n\x01\0\0\0\0\0\0\x08").unwrap();
            stream
        };
        let mut first = greet();
        // It answers late: that is no answer to a later request.
        let mut second = greet();
        first.write_all(b"\x04\0\0\0\x01\0\x06\x01").unwrap();
        let mut request = [0; 12];
        second.read_exact(&mut request[..5]).unwrap();
        second.write_all(b"\x03\0\0\0\x01\0\0").unwrap();
        // It reads on until the client is gone.
        while matches!(second.read(&mut request), Ok(1..)) {}
    });
    let options = ClientOptions::default().timeout(Duration::from_millis(50));
    let mut client = KvsClient::connect_with(address, &options).unwrap();
    let error = client.set("k", "v").unwrap_err();
    assert!(matches!(error, ClientError::Timeout { is_sent: true, .. }), "{error}");
    assert!(error.to_string().contains("may or may not have been executed"), "{error}");
    client.ping().unwrap();
    drop(client);
    peer.join().unwrap();
}

#[test]
fn a_response_without_end_does_not_outlive_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let peer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 12]).unwrap();
        stream.write_all(b"\xF4kvs\r\n\x1A\n\x01\0\0\0\0\0\0\x08").unwrap();
        // A frame as long as allowed, without a pause until the client has enough.
        stream.write_all(&[0, 0, 0, 8]).unwrap();
        let mut left = 128 << 10;
        while left > 0 && stream.write_all(&[0; 1 << 10]).is_ok() {
            left -= 1;
        }
    });
    let options = ClientOptions::default().timeout(Duration::from_millis(5));
    let mut client = KvsClient::connect_with(address, &options).unwrap();
    let error = client.get("k").unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    drop(client);
    peer.join().unwrap();
}

#[test]
fn a_peer_that_does_not_greet_is_waited_for_as_long_as_connecting_may_take() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let patience = Duration::from_millis(50);
    let options = ClientOptions::default().connect_timeout(patience);
    let error = KvsClient::connect_with(address, &options).err().unwrap();
    assert!(matches!(error, ClientError::Timeout { waited, .. } if waited == patience), "{error}");
}

#[test]
fn a_unix_socket_is_waited_for_as_long_as_connecting_may_take() {
    let directory = tempfile::tempdir().unwrap();
    let address = Endpoint::Unix(directory.path().join("socket"));
    let listener = UnixListener::bind(directory.path().join("socket")).unwrap();
    let patience = Duration::from_millis(50);
    let options = ClientOptions::default().connect_timeout(patience);
    // Nobody greets.
    let error = KvsClient::connect_with(&address, &options).err().unwrap();
    assert!(matches!(error, ClientError::Timeout { waited, .. } if waited == patience), "{error}");
    let named = format!("the server at {address} did not answer");
    assert!(error.to_string().starts_with(&named), "{error}");
    // Nobody accepts, and the queue is full: the connection above waits in it.
    rustix::net::listen(&listener, 0).unwrap();
    let error = KvsClient::connect_with(&address, &options).err().unwrap();
    assert!(matches!(error, ClientError::Network { .. }), "{error}");
    assert_eq!(error.to_string(), format!("cannot connect to {address}: timed out"));
    drop(listener);
    let error = KvsClient::connect(&address).err().unwrap().to_string();
    assert!(error.starts_with(&format!("cannot connect to {address}: Connection ref")), "{error}");
}

#[test]
fn a_text_that_is_no_address_is_told_before_anybody_is_asked() {
    let error = KvsClient::connect("127.0.0.1").err().unwrap();
    assert!(matches!(error, ClientError::InvalidAddress(_)), "{error}");
    assert!(error.to_string().contains("\"127.0.0.1\" is no address"), "{error}");
}

#[test]
fn a_timeout_beyond_all_time_is_none() {
    let (server, _) = started();
    let options = ClientOptions::default().timeout(Duration::MAX).connect_timeout(Duration::MAX);
    KvsClient::connect_with(server.address, &options).unwrap().ping().unwrap();
}

#[test]
fn a_peer_of_another_kind_is_recognized() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let peer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let error = KvsClient::connect(address).err().unwrap();
    assert!(matches!(error, ClientError::Protocol { .. }), "{error}");
    peer.join().unwrap();
}

#[test]
fn an_error_of_connecting_names_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = KvsClient::connect(address).err().unwrap().to_string();
    assert!(error.starts_with(&format!("cannot connect to {address}: ")), "{error}");
}

#[test]
fn a_server_that_stopped_is_told_from_one_that_refuses() {
    let (mut server, _) = started();
    let options = ClientOptions::default().reconnect_timeout(Duration::ZERO);
    let mut client = KvsClient::connect_with(server.address, &options).unwrap();
    client.ping().unwrap();
    server.stop();
    for _ in 0..2 {
        let error = client.ping().unwrap_err();
        assert!(matches!(error, ClientError::Network { .. }), "{error}");
    }
    let error = client.set("k", "v").unwrap_err();
    assert!(!error.is_outcome_unknown() && error.is_retryable(), "{error}");
}
