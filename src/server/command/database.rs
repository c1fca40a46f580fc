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
    let first = call.database_number(1, Some("ERR invalid first DB index"))?;
    let second = call.database_number(2, Some("ERR invalid second DB index"))?;
    let (first, second) = (call.served(first)?, call.served(second)?);
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
        self.served(self.database_number(position, refusal)?)
    }

    /// Returns the number at a position, be there such a database or not.
    fn database_number(
        &self,
        position: usize,
        refusal: Option<&'static str>,
    ) -> Result<i64, CommandError> {
        let number = parse_integer(self.argument(position));
        match (number, refusal) {
            (Some(number), _) if i32::try_from(number).is_ok() => Ok(number),
            (_, Some(refusal)) => Err(CommandError::new(refusal)),
            (Some(_), None) => {
                let (least, most) = (i32::MIN, i32::MAX);
                Err(CommandError::new(format!(
                    "ERR value is out of range, value must between {least} and {most}"
                )))
            }
            (None, None) => Err(CommandError::new(NOT_AN_INTEGER)),
        }
    }

    /// Returns the database with a number, if it is one of those that are served.
    fn served(&self, number: i64) -> Result<u32, CommandError> {
        let known = u32::try_from(number).ok();
        known
            .filter(|number| *number < self.context.options.databases)
            .ok_or(CommandError::new(OUT_OF_RANGE))
    }
}
