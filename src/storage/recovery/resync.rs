//! Making durable what an earlier process wrote and may not have synced.

use crate::storage::compaction::accounting::Accounting;
use crate::storage::format::sequence::Sequence;
use crate::storage::recovery::log_tail::LogTail;
use crate::storage::segment::Segment;
use crate::sync::Arc;
use crate::{Error, Result};

/// The bytes that are written again at once.
const REWRITE_BYTES: usize = 1 << 20;

/// Makes the written segments durable where they are not known to be; everything up to `durable`
/// is.
pub(super) fn make_durable(
    accounting: &Accounting,
    durable: Sequence,
    written: &[Arc<Segment>],
    tail: &LogTail,
) -> Result<()> {
    for (segment, durable_end) in written.iter().zip(&tail.durable_ends) {
        let newest = accounting.get(segment.id()).map_or(Sequence::ZERO, |usage| usage.newest);
        // A mark is behind the newest batch, and durable once a batch behind it is.
        if newest.max(segment.header.base.previous()) >= durable {
            rewrite(segment, *durable_end)?;
            // A read must not return what a power loss could still undo.
            if !tail.is_clean {
                let synced = segment.sync();
                synced.map_err(|e| Error::io("sync", &segment.path, e))?;
            }
        }
    }
    Ok(())
}

/// Writes once more what is not known to be durable.
///
/// The process before this one may have met a failed sync. The operating system then takes the
/// bytes that it could not write for written, so that a sync alone would succeed although they are
/// lost.
fn rewrite(segment: &Segment, mut from: u64) -> Result<()> {
    let end = segment.length()?;
    let rest = usize::try_from(end.saturating_sub(from)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; rest.min(REWRITE_BYTES)];
    while from < end {
        let read = segment.file.read_at(&mut bytes, from);
        let read = read.map_err(|e| Error::io("read", &segment.path, e))?;
        let written = segment.file.write_at(&bytes[..read], from);
        written.map_err(|e| Error::io("write", &segment.path, e))?;
        from += read as u64;
        if read == 0 {
            break;
        }
    }
    Ok(())
}
