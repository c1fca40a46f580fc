//! The most memory and descriptors that a process has while something happens.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::common::resources::{Resources, status_field};

/// The pause between two measurements.
const PAUSE: Duration = Duration::from_millis(10);

/// A thread that measures.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Peak>,
}

/// The most that was measured.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peak {
    /// Memory that was in use.
    pub resident_bytes: u64,
    /// Descriptors of anything but files of the store.
    pub descriptors: usize,
}

impl Watch {
    /// Begins to measure a process that keeps its data in the directory.
    pub fn start(process: u32, directory: &Path) -> Self {
        // The system then counts its own peak, which misses nothing, anew.
        let _ = fs::write(format!("/proc/{process}/clear_refs"), "5");
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, directory) = (Arc::clone(&stop), directory.to_path_buf());
        Self { stop, thread: thread::spawn(move || measure(process, directory, &stopped)) }
    }

    /// Ends it.
    pub fn stop(self) -> Peak {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn measure(process: u32, directory: PathBuf, stop: &AtomicBool) -> Peak {
    let mut peak = Peak::default();
    loop {
        let is_last = stop.load(Ordering::Relaxed);
        let Some(now) = Resources::try_of(process, &directory) else { return peak };
        let counted = status_field(process, "VmHWM:").unwrap_or_default() * 1024;
        peak.resident_bytes = peak.resident_bytes.max(now.resident_bytes).max(counted);
        peak.descriptors = peak.descriptors.max(now.descriptors);
        if is_last {
            return peak;
        }
        thread::sleep(PAUSE);
    }
}
