//! The id of a store.

/// The random id of a store, drawn when it is made. Its files carry it, so that files of different
/// stores do not mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoreId(pub(crate) u128);
