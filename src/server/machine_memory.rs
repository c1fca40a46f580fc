//! The memory that this process may use: that of the machine, or of its control group.

use std::fs;
use std::path::{Path, PathBuf};

/// The bytes that are assumed where nothing tells them.
const UNKNOWN_BYTES: usize = 1 << 30;

/// Returns the bytes of memory that this process may use: those of the machine, or fewer if a
/// control group limits it, of version 1 or 2 ([cgroups(7)]). It is 1 GiB where nothing tells.
///
/// [cgroups(7)]: https://man7.org/linux/man-pages/man7/cgroups.7.html
#[must_use]
pub fn memory_limit() -> usize {
    limit_of(Path::new("/"))
}

/// Returns the limit that the files below `root` tell.
fn limit_of(root: &Path) -> usize {
    let read = |path: &Path| fs::read_to_string(root.join(path)).unwrap_or_default();
    let machine = meminfo_total(&read(Path::new("proc/meminfo"))).unwrap_or(UNKNOWN_BYTES);
    let groups = read(Path::new("proc/self/cgroup"));
    let limits = groups.lines().flat_map(limit_files);
    let limits = limits.filter_map(|path| read(&path).trim().parse().ok());
    limits.fold(machine, usize::min)
}

fn meminfo_total(meminfo: &str) -> Option<usize> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: usize = total.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1 << 10)
}

/// Returns the files with the limits of a control group and of those around it, given its line of
/// `/proc/self/cgroup`: `id:controllers:path`, where version 2 names no controller.
///
/// Within a container the path may be that outside of it. Then its files are not there, but those
/// at the top of the hierarchy are the container's.
fn limit_files(line: &str) -> Vec<PathBuf> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { return vec![] };
    let (mounts, file): (&[&str], _) = if controllers.is_empty() {
        (&["sys/fs/cgroup", "sys/fs/cgroup/unified"], "memory.max")
    } else if controllers.split(',').any(|controller| controller == "memory") {
        (&["sys/fs/cgroup/memory"], "memory.limit_in_bytes")
    } else {
        return vec![];
    };
    let mut files = Vec::new();
    for group in Path::new(path.trim_start_matches('/')).ancestors() {
        files.extend(mounts.iter().map(|mount| Path::new(mount).join(group).join(file)));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the limit where these files are all that there is.
    fn limit_with(files: &[(&str, &str)]) -> usize {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        limit_of(root.path())
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:  2000 kB\nMemFree:  12 kB\n");

    #[test]
    fn without_a_control_group_it_is_that_of_the_machine() {
        assert_eq!(limit_with(&[MEMINFO]), 2_048_000);
        assert_eq!(limit_with(&[]), UNKNOWN_BYTES);
        assert!(memory_limit() > 16 << 20);
    }

    #[test]
    fn the_smallest_limit_of_the_groups_around_counts() {
        let own = ("proc/self/cgroup", "0::/a/b\n");
        let (inner, outer) = ("sys/fs/cgroup/a/b/memory.max", "sys/fs/cgroup/a/memory.max");
        assert_eq!(limit_with(&[MEMINFO, own, (inner, "4096\n"), (outer, "max\n")]), 4096);
        assert_eq!(limit_with(&[MEMINFO, own, (inner, "max\n"), (outer, "8192\n")]), 8192);
        assert_eq!(limit_with(&[MEMINFO, own, (inner, "9223372036854771712\n")]), 2_048_000);
        let hybrid = "sys/fs/cgroup/unified/a/b/memory.max";
        assert_eq!(limit_with(&[MEMINFO, own, (hybrid, "4096\n")]), 4096);
    }

    #[test]
    fn version_1_has_a_hierarchy_for_memory() {
        let own = ("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/docker/x\n0::/a\n");
        let inner = "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes";
        assert_eq!(limit_with(&[MEMINFO, own, (inner, "4096\n")]), 4096);
        // As in a container, whose group is the top of what it sees.
        let top = "sys/fs/cgroup/memory/memory.limit_in_bytes";
        assert_eq!(limit_with(&[MEMINFO, own, (top, "8192\n")]), 8192);
        let of_another = "sys/fs/cgroup/memory/a/memory.limit_in_bytes";
        assert_eq!(limit_with(&[MEMINFO, own, (of_another, "4096\n")]), 2_048_000);
    }
}
