//! A cell for slots of any shape: one pointer to a version and its slot.

use super::slot::Cell;
use crate::storage::format::sequence::Sequence;
use crate::sync::PublishedOption;

/// A pointer to the version and its slot, both replaced at once.
pub(crate) struct PointerCell<S>(PublishedOption<(Sequence, S)>);

impl<S> Default for PointerCell<S> {
    fn default() -> Self {
        Self(PublishedOption::default())
    }
}

impl<S: Clone + Send + Sync> Cell<S> for PointerCell<S> {
    fn load(&self) -> Option<(Sequence, S)> {
        self.0.load().as_ref().map(|both| (both.0, both.1.clone()))
    }

    fn store(&self, version: Sequence, slot: &S) {
        self.0.swap(Some((version, slot.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_holds_the_value_that_was_stored_last() {
        let cell = PointerCell::<&str>::default();
        assert_eq!(cell.load(), None);
        cell.store(Sequence(1), &"a");
        cell.store(Sequence(2), &"b");
        assert_eq!(cell.load(), Some((Sequence(2), "b")));
    }
}
