//! Progress bars on standard error, for work that may take longer than a second.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The time after which a bar is shown: shorter work needs none.
const SHOWN_AFTER: Duration = Duration::from_millis(500);

/// The unit of a progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressUnit {
    /// Bytes, shown as KiB, MiB and so on.
    Bytes,
    /// Keys.
    Keys,
}

/// The progress of one piece of work, with its rate and the time that is left.
///
/// It is a bar on standard error while that is a terminal, from half a second on, and nothing
/// otherwise. It may be used from several threads. The bar goes with it.
pub struct ToolProgress {
    bar: ProgressBar,
    /// The moment from which on the bar is shown.
    shown_from: Instant,
}

impl ToolProgress {
    /// Returns the progress of so many bytes or keys of work that began at this time, a part of it
    /// perhaps; the label says what is done, such as "reading".
    pub fn new(start: Instant, label: &'static str, unit: ProgressUnit, total: u64) -> Self {
        let template = match unit {
            ProgressUnit::Bytes => {
                "{msg} [{bar:24}] {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, \
                 {eta} left"
            }
            ProgressUnit::Keys => {
                "{msg} [{bar:24}] {human_pos} of {human_len} keys, {per_sec}, {eta} left"
            }
        };
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        // A template that cannot be read leaves the bar as indicatif has it.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(label);
        Self { bar, shown_from: start + SHOWN_AFTER }
    }

    /// Sets the position, and the total, which may have become known.
    pub fn set(&self, position: u64, total: u64) {
        if self.bar.length() != Some(total) {
            self.bar.set_length(total);
        }
        self.bar.set_position(position);
        if self.bar.is_hidden() && Instant::now() >= self.shown_from {
            // The bar draws nothing unless this is a terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for ToolProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
