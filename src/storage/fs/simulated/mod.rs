//! A disk in memory, with a directory, that loses power and fails when it is told to.
//!
//! | file | holds |
//! |---|---|
//! | [`simulated_disk`], [`simulated_file`] | the file system that a store uses, and what tests tell it |
//! | [`simulated_subdirectory`] | a directory in it, for files that are put aside |
//! | [`fault`], [`disk_inner`] | calls that fail, and their effects |
//! | [`state`] | visible and durable contents |
//! | [`image`] | the states that a power loss may leave |
//!
//! Every change is visible at once and durable only by a sync: a file has durable bytes and pending
//! changes, the directory has durable names and pending ones. [`State::image`] makes of these what
//! a power loss may leave. After a failed sync the pending changes of the file are durable or lost,
//! by chance, and no later sync brings them back, as with the page cache of Linux ([Rebello et al.
//! 2020][fsync]). Changes of names stay pending, as in a journal.
//!
//! A disk may have a capacity. A file takes space as long as it has a name or somebody has it open.
//!
//! [fsync]: https://www.usenix.org/conference/atc20/presentation/rebello

mod disk_inner;
mod fault;
#[cfg(test)]
mod image;
mod simulated_disk;
mod simulated_file;
mod simulated_subdirectory;
mod state;

#[cfg(test)]
pub(crate) use disk_inner::{Moment, Promised};
#[cfg(test)]
pub(crate) use fault::Call;
pub(crate) use fault::{Failure, Fault};
#[cfg(test)]
pub(crate) use image::{Fate, Fill};
pub(crate) use simulated_disk::SimulatedDisk;
pub(crate) use state::State;
