//! The memory, threads, files and disk space of a process.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::common::directory_bytes;

/// The resources of a server at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// Memory that is in use.
    pub resident_bytes: u64,
    pub threads: u64,
    /// Open descriptors of anything but files of the store.
    pub descriptors: usize,
    /// Open files of the store.
    pub files: usize,
    /// Open files that have lost their names.
    pub removed_files: usize,
    /// Bytes of the store's files.
    pub disk_bytes: u64,
}

impl Resources {
    /// Measures a process that keeps its data in the directory.
    pub fn of(process: u32, directory: &Path) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let mut resources = Self {
            resident_bytes: field("VmRSS:") * 1024,
            threads: field("Threads:"),
            disk_bytes: directory_bytes(directory),
            ..Self::default()
        };
        for descriptor in fs::read_dir(format!("/proc/{process}/fd")).unwrap() {
            // One that was closed meanwhile is not open.
            let Ok(target) = fs::read_link(descriptor.unwrap().path()) else { continue };
            if !target.starts_with(directory) {
                resources.descriptors += 1;
            } else if target.to_string_lossy().ends_with(" (deleted)") {
                resources.removed_files += 1;
            } else {
                resources.files += 1;
            }
        }
        resources
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resident_bytes, threads, descriptors, files, removed_files, disk_bytes } = self;
        let (resident, disk) = (mebibytes(*resident_bytes), mebibytes(*disk_bytes));
        write!(
            formatter,
            "{resident:.1} MiB of memory, {threads} threads, {descriptors} descriptors and {files} \
             files \
             ({removed_files} without a name), {disk:.1} MiB of disk"
        )
    }
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Returns the growth of the second number of the points with the first: the slope of the line that
/// is nearest to all of them.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let count = f64::from(u32::try_from(points.len()).unwrap());
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
    let products = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum::<f64>();
    let squares = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum::<f64>();
    products / squares
}

#[test]
fn the_slope_of_a_line_is_found() {
    let points: Vec<_> = (0..10).map(|n| (f64::from(n), 5.0 + 3.0 * f64::from(n))).collect();
    assert!((slope(&points) - 3.0).abs() < 1e-9);
    let with_noise: Vec<_> =
        (0..1000).map(|n| (f64::from(n), 2.0 * f64::from(n) + f64::from(n % 2))).collect();
    assert!((slope(&with_noise) - 2.0).abs() < 0.01);
}
