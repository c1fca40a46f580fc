//! A table of commands that finds them by name.

use super::command_row::CommandRow;

/// The rows of a table in the order of their names; `F` is the function that executes a row.
pub(super) struct CommandTable<F: 'static> {
    rows: &'static [CommandRow<F>],
    places: &'static Places,
}

/// So many that most names have a place of their own.
const PLACES: usize = 1024;

/// The position of each row: in the place of its name or, if that was taken, the next free one.
pub(super) type Places = [Option<u8>; PLACES];

impl<F> CommandTable<F> {
    /// Returns a table of these rows, which are in the order of their names.
    pub(super) const fn new(rows: &'static [CommandRow<F>], places: &'static Places) -> Self {
        Self { rows, places }
    }

    /// Returns the places of rows.
    #[allow(clippy::cast_possible_truncation, reason = "there are no more rows than that")]
    pub(super) const fn places(rows: &[CommandRow<F>]) -> Places {
        assert!(rows.len() <= u8::MAX as usize);
        let mut places = [None; PLACES];
        let mut position = 0;
        while position < rows.len() {
            let mut place = place(rows[position].name.as_bytes());
            while places[place].is_some() {
                place = next(place);
            }
            places[place] = Some(position as u8);
            position += 1;
        }
        places
    }

    /// Returns all rows in the order of their names.
    pub(super) fn rows(&self) -> &'static [CommandRow<F>] {
        self.rows
    }

    /// Returns the row at a position.
    pub(super) fn row(&self, position: usize) -> Option<&'static CommandRow<F>> {
        self.rows.get(position)
    }

    /// Returns the row of that name, in any case, and its position.
    pub(super) fn find(&self, name: &[u8]) -> Option<(usize, &'static CommandRow<F>)> {
        let mut place = place(name);
        loop {
            let position = usize::from(self.places[place]?);
            let row = self.row(position)?;
            if row.name.as_bytes().eq_ignore_ascii_case(name) {
                return Some((position, row));
            }
            place = next(place);
        }
    }
}

/// Returns the first place for a name, in any case: a hash of its first eight bytes.
const fn place(name: &[u8]) -> usize {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut bytes = [0; 8];
    let length = if name.len() < bytes.len() { name.len() } else { bytes.len() };
    bytes.split_at_mut(length).0.copy_from_slice(name.split_at(length).0);
    bytes.make_ascii_lowercase();
    let [first, second, ..] = u64::from_ne_bytes(bytes).wrapping_mul(MULTIPLIER).to_be_bytes();
    u16::from_be_bytes([first, second]) as usize % PLACES
}

const fn next(place: usize) -> usize {
    (place + 1) % PLACES
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
