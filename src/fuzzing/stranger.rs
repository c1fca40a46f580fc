//! A client that has given no password: any bytes, any number of times, in any pieces.

use std::mem::ManuallyDrop;

use super::input::Input;
use super::native::pieces;
use crate::protocol::native::ClientHello;
use crate::server::{Context, Stranger};
use crate::sync::Arc;

thread_local! {
    /// The state of a server, which no stranger changes. The threads of its store end with the
    /// process.
    static CONTEXT: ManuallyDrop<Arc<Context>> =
        ManuallyDrop::new(Arc::new(Stranger::guarded_context()));
}

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (says_hello, takes_replies) = (input.flag(), input.flag());
    // Few bytes, as a fuzzer has them, reach no limit.
    let times = if input.flag() { 1 + 4 * input.choose(64) } else { 1 };
    let pieces = match input.choose(4) {
        0 => vec![usize::MAX],
        1 => vec![1 + input.place(8 << 10)],
        _ => pieces(&mut input),
    };
    let mut stream = Vec::new();
    if says_hello {
        ClientHello::OURS.encode(&mut stream);
    }
    stream.extend_from_slice(&input.rest().repeat(times));
    let replies = send(&stream, &pieces, takes_replies);
    if takes_replies {
        assert_eq!(send(&stream, &[usize::MAX], true), replies);
    }
}

fn send(stream: &[u8], pieces: &[usize], takes_replies: bool) -> Vec<u8> {
    let context = CONTEXT.with(|context| Arc::clone(context));
    Stranger::new(context).send(stream, pieces, takes_replies)
}
