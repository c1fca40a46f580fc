//! An open engine: its two halves, and what a store has to know of it.

use super::capabilities::Capabilities;
use super::data_directory::DirectoryLock;
use super::read_half::ReadHalf;
use super::write_half::WriteHalf;
use crate::EngineKind;
use crate::sync::Arc;

/// Both halves of an open engine, with its name and abilities.
pub(crate) struct Engine {
    /// The half for the writer actor.
    pub(crate) writer: Box<dyn WriteHalf>,
    /// The half for everybody else.
    pub(crate) reader: Arc<dyn ReadHalf>,
    /// The name of the engine.
    pub(crate) kind: EngineKind,
    /// The abilities of the engine.
    pub(crate) capabilities: Capabilities,
    /// The lock that keeps other processes out of the directory, if there is one.
    pub(crate) lock: Option<DirectoryLock>,
}
