//! Databases: numbers that stand for keyspaces, which a client chooses among.

use super::call::{Call, Executed};
use super::command_error::{CommandError, NOT_AN_INTEGER};
use super::reply_value::{done, ok};
use super::write::single;
use crate::store::{CatalogueOperation, WriteOperation, parse_integer};

/// The refusal of a database that the server does not have.
const OUT_OF_RANGE: &str = "ERR DB index is out of range";

/// `SELECT index`
pub(super) fn select(call: &Call<'_>) -> Executed {
    let database = call.database_at(1, None)?;
    call.database.set(database);
    // That of a transaction takes effect with its end.
    if !call.is_queued {
        call.session.select_database(database);
    }
    done(ok())
}

/// `SWAPDB index index`
pub(super) fn swapdb(call: &Call<'_>) -> Executed {
    let first = call.database_at(1, Some("ERR invalid first DB index"))?;
    let second = call.database_at(2, Some("ERR invalid second DB index"))?;
    let swap = CatalogueOperation::SwapDatabases { first, second };
    call.write([WriteOperation::Catalogue(swap)], single)
}

impl Call<'_> {
    /// Returns the database whose number is at a position; what is no such number is refused with
    /// `refusal`, or the text for any number.
    pub(super) fn database_at(
        &self,
        position: usize,
        refusal: Option<&'static str>,
    ) -> Result<u32, CommandError> {
        let number = parse_integer(self.argument(position));
        let number = match (number, refusal) {
            (Some(number), _) if i32::try_from(number).is_ok() => number,
            (_, Some(refusal)) => return Err(CommandError::new(refusal)),
            (Some(_), None) => {
                let (least, most) = (i32::MIN, i32::MAX);
                return Err(CommandError::new(format!(
                    "ERR value is out of range, value must between {least} and {most}"
                )));
            }
            (None, None) => return Err(CommandError::new(NOT_AN_INTEGER)),
        };
        let known = u32::try_from(number).ok();
        known
            .filter(|number| *number < self.context.options.databases)
            .ok_or(CommandError::new(OUT_OF_RANGE))
    }
}
