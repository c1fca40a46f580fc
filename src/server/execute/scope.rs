//! The surroundings of one execution.

use super::context::Context;
use super::session::Session;
use crate::store::read::Access;

/// The surroundings in which a request is executed.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The state that all connections share.
    pub(crate) context: &'a Context,
    /// The state of this connection.
    pub(crate) session: &'a Session,
    /// The permission to wait for the disk.
    pub(crate) access: Access,
}
