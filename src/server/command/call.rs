//! A call of a Redis command: its arguments, its surroundings, and the ways it may end.

use std::cell::Cell;

use super::command_error::{CommandError, NOT_AN_INTEGER};
use super::command_table::CommandTable;
use crate::protocol::resp::{Arguments, Value};
use crate::server::execute::context::Context;
use crate::server::execute::databases::DatabaseView;
use crate::server::execute::execution::Execution;
use crate::server::execute::scope::Scope;
use crate::server::execute::session::Session;
use crate::store::read::{Access, ReadError};
use crate::store::reader::ReadLength;
use crate::store::{KeyspaceId, database_keyspace, parse_integer};

/// A function that executes the calls of one command.
pub(super) type CommandFunction = fn(&Call<'_>) -> Executed;

/// The end of a call; `?` ends it early.
pub(super) type Executed = Result<Execution<Value>, Unfinished>;

/// The early end of a call.
#[derive(Debug)]
pub(super) enum Unfinished {
    /// A read would wait for the disk, or is long: a reader executes the call once more.
    WouldBlock(ReadLength),
    /// The call is answered with an error.
    Refused(CommandError),
}

impl From<CommandError> for Unfinished {
    fn from(error: CommandError) -> Self {
        Self::Refused(error)
    }
}

impl From<crate::Error> for Unfinished {
    fn from(error: crate::Error) -> Self {
        Self::Refused(error.into())
    }
}

impl From<ReadError> for Unfinished {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::WouldBlock => Self::WouldBlock(ReadLength::Short),
            ReadError::TooLong => Self::WouldBlock(ReadLength::Long),
            ReadError::Failed(error) => error.into(),
        }
    }
}

/// A call of a Redis command.
pub(crate) struct Call<'a> {
    /// The name of the command and its arguments.
    pub(super) arguments: Arguments<'a>,
    /// The state that all connections share.
    pub(super) context: &'a Context,
    /// The state of this connection.
    pub(super) session: &'a Session,
    /// The permission of its reads: [`Access::MemoryOnly`] on a worker, more on a reader.
    pub(super) access: Access,
    /// The commands there are.
    pub(super) table: &'static CommandTable<CommandFunction>,
    /// Lookups that found their key.
    pub(super) hits: Cell<u64>,
    /// Lookups that found no key.
    pub(super) misses: Cell<u64>,
    /// The bytes of the values that were read or expanded, in a transaction.
    pub(super) read_bytes: Cell<usize>,
    /// The database that it is about; a call that selects another one changes it.
    pub(super) database: Cell<u32>,
    /// True if it is one of the calls of a transaction, which take effect together: it returns its
    /// reads as operations of a batch.
    pub(super) is_queued: bool,
}

impl<'a> Call<'a> {
    /// Returns the surroundings of the call.
    pub(super) fn scope(&self) -> Scope<'a> {
        Scope { context: self.context, session: self.session, access: self.access }
    }

    /// Returns the entries of the database, as far as the call may look it up.
    pub(super) fn view(&self) -> Result<DatabaseView<'a>, Unfinished> {
        self.view_of(self.database.get())
    }

    /// Returns the entries of a database, as far as the call may look it up.
    pub(super) fn view_of(&self, database: u32) -> Result<DatabaseView<'a>, Unfinished> {
        let Context { store, databases, .. } = self.context;
        Ok(databases.view(store, database, self.access)?)
    }

    /// Returns the number by which operations name the database.
    pub(super) fn keyspace(&self) -> KeyspaceId {
        database_keyspace(self.database.get())
    }

    /// Returns the argument at a position, or an empty one, which the arity rules out.
    pub(super) fn argument(&self, position: usize) -> &'a [u8] {
        self.arguments.get(position).unwrap_or_default()
    }

    /// Returns the arguments from a position on.
    pub(super) fn rest(
        &self,
        position: usize,
    ) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        self.arguments.iter().skip(position)
    }

    /// Returns the integer at a position.
    pub(super) fn integer(&self, position: usize) -> Result<i64, CommandError> {
        parse_integer(self.argument(position)).ok_or(CommandError::new(NOT_AN_INTEGER))
    }

    /// Returns the time in milliseconds since the Unix epoch.
    pub(super) fn now(&self) -> i64 {
        i64::try_from(self.context.store.now().0).unwrap_or(i64::MAX)
    }
}
