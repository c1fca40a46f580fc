//! The bytes on disk, and nothing that reads or writes files; `docs/format.md` is their text.

pub(crate) mod clean_shutdown;
pub(crate) mod file_name;
pub(crate) mod hint;
pub(crate) mod record;
