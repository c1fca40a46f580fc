//! The fields of a section of `INFO`.

use crate::Result;

/// The names and values of a section, in order.
pub(super) type Fields = Vec<(String, String)>;

/// Returns these fields.
pub(super) fn fields<const N: usize>(fields: [(&str, String); N]) -> Result<Fields> {
    Ok(fields.map(|(name, value)| (name.to_owned(), value)).into())
}
