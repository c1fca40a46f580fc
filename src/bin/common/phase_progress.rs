//! Progress bars of work that is done in phases.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::common::progress::{ProgressUnit, ToolProgress};

/// The progress of work that is done in phases, of type `P`, each with a bar of its own.
pub struct PhaseProgress<P> {
    start: Instant,
    shown: Mutex<Option<(P, ToolProgress)>>,
}

impl<P: PartialEq> PhaseProgress<P> {
    /// Returns the progress of work that begins now.
    pub fn new() -> Self {
        Self { start: Instant::now(), shown: Mutex::default() }
    }

    /// Shows the position in a phase, of so many bytes or keys.
    pub fn show(
        &self,
        phase: P,
        label: &'static str,
        unit: ProgressUnit,
        (position, total): (u64, u64),
    ) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match &*shown {
            Some((current, progress)) if *current == phase => progress.set(position, total),
            _ => {
                // The bar of the other phase goes before this one comes.
                drop(shown.take());
                *shown = Some((phase, ToolProgress::new(self.start, label, unit, total)));
            }
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
