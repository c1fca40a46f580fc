//! Clients of a server that closes connections instead of answering.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::bugs::{Bug, plant};
use crate::client::{ClientError, ClientResult, KvsClient};
use crate::protocol::native::{
    ClientHello, FRAME_BYTES_MAX, RequestMessage, RequestOperation, ResponseMessage, ServerHello,
    Success, decode_frame,
};
use crate::sync::{Arc, Mutex, ThreadBuilder, lock};

/// A server that answers so many requests of each connection, takes one more and closes it. The
/// connections behind those are answered always.
struct ClosingServer {
    address: SocketAddr,
    /// The requests that it took, of all connections.
    requests: Arc<Mutex<Vec<&'static str>>>,
}

impl ClosingServer {
    fn start<const CONNECTIONS: usize>(answers: [usize; CONNECTIONS]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&requests);
        let run = move || {
            let mut answers = answers.into_iter();
            for connection in listener.incoming() {
                let answers = answers.next().unwrap_or(usize::MAX);
                serve(connection.unwrap(), answers, &taken);
            }
        };
        ThreadBuilder::new().spawn(run).unwrap();
        Self { address, requests }
    }

    fn client(&self) -> KvsClient {
        KvsClient::connect(self.address).unwrap()
    }

    fn requests(&self) -> Vec<&'static str> {
        lock(&self.requests).clone()
    }
}

fn serve(mut connection: TcpStream, answers: usize, requests: &Mutex<Vec<&'static str>>) {
    let mut input = Vec::new();
    let mut output = Vec::new();
    let hello = loop {
        match ClientHello::decode(&input).unwrap() {
            Some((hello, bytes)) => {
                input.drain(..bytes);
                break hello;
            }
            None if read(&mut connection, &mut input) => {}
            None => return,
        }
    };
    ServerHello::answer(&hello, FRAME_BYTES_MAX).encode(&mut output);
    connection.write_all(&output).unwrap();
    for number in 0.. {
        let bytes = loop {
            if let Some((body, bytes)) = decode_frame(&input, FRAME_BYTES_MAX).unwrap() {
                output = take(body, requests);
                break bytes;
            }
            if !read(&mut connection, &mut input) {
                return;
            }
        };
        input.drain(..bytes);
        if number == answers {
            return;
        }
        connection.write_all(&output).unwrap();
    }
}

/// Reads some bytes; false at their end.
fn read(connection: &mut TcpStream, input: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 1024];
    let count = connection.read(&mut buffer).unwrap_or(0);
    input.extend_from_slice(&buffer[..count]);
    count > 0
}

/// Notes a request; returns the answer to it.
fn take(body: &[u8], requests: &Mutex<Vec<&'static str>>) -> Vec<u8> {
    let request = RequestMessage::decode(body).unwrap();
    let (name, answer) = match request.operation {
        RequestOperation::Set { .. } => ("set", Success::Applied { version: 1 }),
        RequestOperation::Contains { .. } => ("contains", Success::Flag(true)),
        RequestOperation::Sync => ("sync", Success::Done),
        other => panic!("{other:?}"),
    };
    lock(requests).push(name);
    let mut output = Vec::new();
    let response = ResponseMessage { id: request.id, result: Ok(answer) };
    response.encode(FRAME_BYTES_MAX, &mut output).unwrap();
    output
}

/// Sends a write that is taken and not answered; returns its result, and what the server took.
fn unanswered_write() -> (ClientResult<()>, Vec<&'static str>) {
    let server = ClosingServer::start([0]);
    let result = server.client().set("key", "value");
    (result, server.requests())
}

#[test]
fn a_write_without_an_answer_is_not_sent_again() {
    let (result, requests) = unanswered_write();
    assert!(result.unwrap_err().is_outcome_unknown());
    assert_eq!(requests, ["set"]);
}

#[test]
fn a_client_that_sends_such_a_write_again_is_caught() {
    let _planted = plant(Some(Bug::RepeatUnknown));
    let (result, requests) = unanswered_write();
    assert!(result.is_ok());
    assert_eq!(requests, ["set", "set"]);
}

/// Writes, loses the connection and syncs over another one; returns the result of the sync, and
/// what the server took.
fn sync_behind_a_loss(
    write: impl FnOnce(&mut KvsClient) -> ClientResult<()>,
) -> (ClientResult<()>, Vec<&'static str>) {
    let server = ClosingServer::start([1]);
    let mut client = server.client();
    write(&mut client).unwrap();
    // A read is sent again over the next connection.
    assert!(client.contains("key").unwrap());
    let result = client.sync();
    (result, server.requests())
}

#[test]
fn a_sync_is_refused_if_writes_before_it_were_sent_over_a_connection_that_broke() {
    let (result, requests) = sync_behind_a_loss(|client| client.set("key", "value"));
    let error = result.unwrap_err();
    assert!(matches!(error, ClientError::SyncLost { .. }), "{error}");
    assert_eq!(requests, ["set", "contains", "contains"]);
    let (result, _) = sync_behind_a_loss(|client| client.with_sync(false).set("key", "value"));
    assert!(matches!(result, Err(ClientError::SyncLost { .. })), "{result:?}");
}

#[test]
fn a_sync_does_not_ask_for_writes_that_waited_for_the_disk() {
    let (result, requests) =
        sync_behind_a_loss(|client| client.with_sync(true).set("key", "value"));
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(requests, ["set", "contains", "contains", "sync"]);
    let (result, _) = sync_behind_a_loss(|client| {
        let mut keyspace = client.with_sync(true);
        let mut pipeline = keyspace.pipeline();
        pipeline.set("key", "value");
        pipeline.send().map(drop)
    });
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn a_client_that_forgets_its_writes_is_caught() {
    let _planted = plant(Some(Bug::ForgetLostWrites));
    let (result, _) = sync_behind_a_loss(|client| client.set("key", "value"));
    assert!(result.is_ok());
}
