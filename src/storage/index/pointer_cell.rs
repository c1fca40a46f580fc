//! A cell for slots of any shape: one pointer to a version and its slot.

use super::slot::Cell;
use crate::sync::PublishedOption;

/// A pointer to the version and its slot, both replaced at once.
pub(crate) struct PointerCell<S>(PublishedOption<(u64, S)>);

impl<S> Default for PointerCell<S> {
    fn default() -> Self {
        Self(PublishedOption::default())
    }
}

impl<S: Clone + Send + Sync> Cell<S> for PointerCell<S> {
    fn load(&self) -> Option<(u64, S)> {
        self.0.load().as_ref().map(|both| (both.0, both.1.clone()))
    }

    fn store(&self, version: u64, slot: &S) {
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
        cell.store(1, &"a");
        cell.store(2, &"b");
        assert_eq!(cell.load(), Some((2, "b")));
    }
}
