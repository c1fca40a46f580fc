//! A key-value store made of message-passing actors.

pub mod protocol;
