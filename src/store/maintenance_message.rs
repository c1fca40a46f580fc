//! The messages of maintenance.

use crate::engine::BackgroundJob;

/// A message to maintenance.
pub(crate) enum MaintenanceMessage {
    /// Run this job.
    Start(Box<dyn BackgroundJob>),
    /// The writer has applied a delivery: go on with its job.
    Resume,
}
