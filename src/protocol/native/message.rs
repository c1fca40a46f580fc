//! The messages inside frames: a request and the response to it.

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::frame::encode_frame;
use super::operation::RequestOperation;
use super::place::Place;
use super::success::Success;
use crate::protocol::ProtocolError;

/// An operation, the keys that it is about, and the number that its response will carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct RequestMessage<'a> {
    /// Chosen by the client, unique among its requests without a response.
    pub id: u64,
    /// The keys that the operation is about.
    pub place: Place<'a>,
    /// The operation to execute.
    pub operation: RequestOperation<'a>,
}

/// The outcome of the request with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct ResponseMessage<'a> {
    /// The number of the request.
    pub id: u64,
    /// The answer, or why there is none.
    pub result: Result<Success<'a>, Failure>,
}

/// The number of [`RequestOperation::Batch`] in a message.
const BATCH: u32 = 6;

/// The beginning of a request that asks for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHead {
    /// The id of the request.
    pub id: u64,
    /// The number of items that it announces.
    pub items: usize,
}

impl BatchHead {
    /// Reads it from the body of a frame without its items; none of one that asks for anything
    /// else.
    pub fn read(body: &[u8]) -> Option<Self> {
        let ((id, _, operation, items), _) =
            postcard::take_from_bytes::<(u64, Place<'_>, u32, _)>(body).ok()?;
        (operation == BATCH).then_some(Self { id, items })
    }
}

impl<'a> RequestMessage<'a> {
    /// Returns a request about the keys of the default keyspace.
    pub fn new(id: u64, operation: RequestOperation<'a>) -> Self {
        Self { id, place: Place::Default, operation }
    }

    /// Appends the request to `out` as one frame; `out` is unchanged on error.
    pub fn encode(&self, frame_bytes_max: u32, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        encode_frame(self, frame_bytes_max, out)
    }

    /// Decodes the body of a frame, borrowing keys and values from it.
    pub fn decode(body: &'a [u8]) -> Result<Self, ProtocolError> {
        decode_body(body)
    }
}

impl<'a> ResponseMessage<'a> {
    /// Appends the response to `out` as one frame; `out` is unchanged on error.
    pub fn encode(&self, frame_bytes_max: u32, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        encode_frame(self, frame_bytes_max, out)
    }

    /// Decodes the body of a frame, borrowing keys and values from it.
    pub fn decode(body: &'a [u8]) -> Result<Self, ProtocolError> {
        decode_body(body)
    }
}

fn decode_body<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ProtocolError> {
    let (message, rest) =
        postcard::take_from_bytes(body).map_err(ProtocolError::MessageMalformed)?;
    if rest.is_empty() {
        Ok(message)
    } else {
        Err(ProtocolError::MessageTrailed { found: rest.len() })
    }
}

#[cfg(test)]
mod tests;
