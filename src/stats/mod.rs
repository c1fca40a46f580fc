//! The figures of a store, as data: plain structs that anybody may look into.
//!
//! Nothing here is measured: the layers fill it in. One name stands for one figure everywhere, in
//! [`StoreStats::figures`], in what the programs print and in what a server reports.
//!
//! | file | holds |
//! |---|---|
//! | [`store_stats`] | all of it |
//! | [`space`] | keyspaces, segments, index, cache, snapshots |
//! | [`work`] | groups, syncs, compactions, mailboxes, watches |
//! | [`histogram`] | numbers of values by powers of two |
//! | [`figures`], [`statistic`] | the figures that are one number, and what describes one |

mod figures;
mod histogram;
mod space;
mod statistic;
mod store_stats;
mod work;

pub use histogram::Histogram;
pub use space::{CacheStats, IndexStats, KeyspaceStats, SegmentStats, SnapshotStats};
pub use statistic::{Statistic, StatisticKind, StatisticUnit};
pub use store_stats::StoreStats;
pub use work::{CompactionStats, GroupStats, LastCompaction, MailboxStats, SyncStats, WatchStats};
