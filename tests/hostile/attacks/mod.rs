//! The attacks, by what they use.

pub mod crowds;
pub mod held_replies;
pub mod held_requests;
pub mod long_work;
pub mod malformed;
pub mod silence;
pub mod strangers;
pub mod transactions;
pub mod watches;

/// Returns a request of Redis' protocol.
fn request(arguments: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
