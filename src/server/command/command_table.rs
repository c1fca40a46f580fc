//! A table of commands that finds them by name.

use super::command_row::CommandRow;

/// The rows of a table in the order of their names; `F` is the function that executes a row.
pub(super) struct CommandTable<F: 'static>(pub(super) &'static [CommandRow<F>]);

impl<F> CommandTable<F> {
    /// Returns all rows in the order of their names.
    pub(super) fn rows(&self) -> &'static [CommandRow<F>] {
        self.0
    }

    /// Returns the row of that name, in any case, and its position.
    pub(super) fn find(&self, name: &[u8]) -> Option<(usize, &'static CommandRow<F>)> {
        let wanted = || name.iter().map(u8::to_ascii_lowercase);
        let position = self.0.binary_search_by(|row| row.name.bytes().cmp(wanted())).ok()?;
        self.0.get(position).map(|row| (position, row))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::TABLE;

    #[test]
    fn names_are_sorted_and_lower_case() {
        let rows = TABLE.rows();
        assert!(rows.is_sorted_by(|first, second| first.name < second.name));
        let subcommands = rows.iter().flat_map(|row| row.subcommands);
        for row in rows.iter().chain(subcommands) {
            assert_eq!(row.name, row.name.to_ascii_lowercase());
        }
    }

    #[test]
    fn every_name_is_found_in_any_case_and_no_other_is() {
        for (position, row) in TABLE.rows().iter().enumerate() {
            for name in [row.name.to_owned(), row.name.to_ascii_uppercase()] {
                assert_eq!(TABLE.find(name.as_bytes()).unwrap().0, position);
            }
        }
        for name in [&b""[..], b"ge", b"gett", b"aaaa", b"zzzz", b"get\0", &[b'a'; 17]] {
            assert!(TABLE.find(name).is_none(), "{}", name.escape_ascii());
        }
    }
}
