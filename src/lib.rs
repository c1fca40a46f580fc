//! A key-value store made of message-passing actors.

mod actor;
mod client;
mod engine;
mod error;
mod options;
pub mod protocol;
mod server;
mod storage;
mod store;
mod sync;

pub use client::{ClientOptions, KvsClient, Pipeline, PipelineReply};
pub use engine::{EngineKind, Entry};
pub use error::{Error, Result};
pub use options::{Durability, Options};
pub use server::{KvsServer, ServerOptions, StopHandle};
pub use store::{KvStore, KvsEngine, SledKvsEngine, Store};
