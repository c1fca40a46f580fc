//! Mistakes that stores of this kind are known to make, planted where they would be made.
//!
//! Only test builds contain them, and a test switches on one at a time to show that the harnesses
//! of `docs/reliability.md` would catch it. Everywhere else [`planted`] is the constant `false`,
//! which leaves nothing behind.

/// A mistake that can be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bug {
    /// A durable commit is acknowledged without a sync.
    AcknowledgeBeforeSync,
    /// A durable commit is visible to readers before it is synced.
    PublishBeforeSync,
    /// A group that failed is acknowledged.
    AcknowledgeFailure,
    /// A failed sync is tried again, and believed.
    RetrySync,
    /// A sync leaves out segments that were full before it began.
    SyncOnlyNewest,
    /// A new segment's name is not made durable.
    SkipDirectorySync,
    /// A segment that is made ahead gets its name before its length is durable.
    PrepareUnsynced,
    /// A segment that was made ahead is begun though a later one was begun before it.
    UseLatePrepared,
    /// Writes are taken again on a disk that is still full.
    LeaveFullEarly,
    /// On a full disk the reserve is kept, whatever needs it.
    HoldReserve,
    /// Writes go on behind damage that a read met.
    IgnoreDamage,
    /// A commit does not check the keys that its transaction read.
    SkipReadKeys,
    /// A commit does not check the ranges that its transaction read.
    SkipReadRanges,
    /// A commit checks a range that its transaction read only for newer keys, not for those that
    /// are gone.
    SkipReadCount,
    /// A caller that awaits a reply does not look again once its waker is known.
    RegisterWakerLate,
    /// A new segment's header is not made durable before batches follow it.
    SkipHeaderSync,
    /// Frames say that everything before them is durable, synced or not.
    ClaimDurable,
    /// The mark of a clean close is written before what it vouches for is synced.
    CloseBeforeSync,
    /// A failed append is left in the file.
    SkipUndo,
    /// After a crash, writing goes on in the segment whose end was torn.
    AppendToTorn,
    /// A batch of which a part is readable counts as far as it is readable.
    AcceptPartialBatch,
    /// Damage is taken for a torn end, and cut off.
    CutDamage,
    /// A zero where a frame should begin is taken for the end.
    TrustZeros,
    /// The mark of a clean close is not compared with the log.
    IgnoreClosed,
    /// Leftovers are deleted before it is known whether the log is damaged.
    CleanUpFirst,
    /// A compaction takes an input whose end is missing for whole.
    CompactCut,
    /// Checksums do not tell one segment from another.
    SameSeed,
    /// A record is believed whatever its checksum says.
    SkipRecordChecksum,
    /// A record that cannot be read counts as absent.
    ReadErrorIsAbsence,
    /// A compaction's output gets its name before it is durable.
    SkipOutputSync,
    /// A compaction's inputs are removed before the output's name is durable.
    SkipRenameSync,
    /// A compaction's inputs are removed before the output has its name.
    RemoveInputsFirst,
    /// A compaction drops what newer records replace that are not durable.
    SkipLogSync,
    /// A compaction drops every tombstone.
    DropTombstones,
    /// A compaction drops every range removal.
    DropRangeRemovals,
    /// Records that a range removal removed are not marked when the log is opened.
    ForgetCovered,
    /// An open takes the end of a range for a part of it.
    IncludeRangeEnd,
    /// An open has a range removal remove what its own batch wrote.
    RemoveOwnBatch,
    /// A keyspace is dropped from the catalogue, and its keys stay.
    DropNameOnly,
    /// A write to a keyspace that was dropped is taken, and nobody can read it.
    WriteToDropped,
    /// A key is taken for the same key of another keyspace in the cache.
    ConfuseKeyspaces,
    /// Versions replaced in place are put back for a snapshot in one keyspace only.
    RetainOneKeyspace,
    /// Records that died while a compaction copied them are not marked in its output.
    ForgetRejected,
    /// A compaction takes every value that is not marked for the newest of its key.
    TrustMarks,
    /// A compaction repoints keys that were overwritten meanwhile.
    RepointOverwritten,
    /// A compaction's inputs are taken from readers before the index is repointed.
    DropInputsEarly,
    /// A repair takes the records that are left of a damaged batch.
    SavePartialBatch,
    /// A repair gives a new segment its name before it is durable.
    RepairUnsynced,
    /// A repair removes damaged segments before the new ones have their names.
    RemoveBeforeRepair,
    /// A hint is written before what it says is durable.
    HintBeforeSync,
    /// A hint is believed whatever its checksum says.
    SkipHintChecksum,
    /// A hint is believed whatever segment it is about.
    HintOfAnother,
    /// Versions that a snapshot sees are pruned.
    IgnoreSnapshots,
    /// A reader that does not see a clear does not look for what it removed.
    ForgetEarlier,
    /// A reader believes what it finds of cleared keys, though they may be taken apart meanwhile.
    TrustDrained,
    /// Keys that a clear removed are taken apart although a snapshot sees them.
    DrainSeen,
    /// A compaction begins before the log knows of all records that a clear removed.
    CompactUndrained,
    /// A compaction pass is over when its first compaction is.
    EndPassEarly,
    /// An operation does not see the earlier ones of its own group.
    SkipOverlay,
    /// A read misses the newest commit.
    StaleRead,
    /// A sender leaves its message with an owner that went while it was sent.
    SkipSenderSweep,
    /// An owner that goes leaves its messages behind.
    SkipOwnerSweep,
    /// A commit is acknowledged before it is visible to readers.
    AcknowledgeBeforePublish,
    /// The keys of a batch become visible one after the other.
    PublishPiecemeal,
    /// A reply that is dropped tells nobody.
    ForgetReply,
    /// A read of a segment that was compacted away is not tried again.
    SkipRetry,
    /// A read that finds its version pruned does not look for the newer one.
    SkipSecondLook,
    /// A cached record goes on to count until the write of its key is visible.
    RaiseLate,
    /// A cached record counts as read after every write that was begun, visible or not.
    StampUnseen,
    /// A snapshot's point in time is taken before it is registered.
    RegisterLate,
    /// The version before is not published before it is replaced in place.
    ReplaceUnannounced,
    /// Versions replaced in place are not put back for a snapshot that registered meanwhile.
    SkipRetain,
    /// A version that is being replaced is read all the same.
    SkipCellCheck,
    /// A segment that is full is not in the table until the next one is.
    SwapSegments,
    /// The store is let go without a last sync.
    SkipClose,
    /// A sync that ends takes what was written since it began for durable.
    ForgetUnsynced,
    /// A worker goes to sleep without looking for messages once more.
    SleepUnchecked,
    /// A caller takes the turn although messages wait in the mailbox.
    OvertakeMailbox,
    /// An actor's thread takes messages before it takes the seat.
    TakeBeforeSeat,
    /// An actor that panicked in the turn of a caller goes on.
    SurvivePanic,
    /// A turn of a caller tells nobody what it leaves to be done.
    ForgetUpkeep,
    /// A change is told before readers see it.
    TellUnpublished,
    /// A watch that begins to wait does not look for changes once more.
    WaitUnchecked,
    /// A watch whose time has passed keeps those whom it was to wake.
    KeepWakeList,
    /// An alarm that has rung counts as one that will ring.
    KeepAlarmArmed,
    /// An alarm is set for what comes behind the newest change, not behind the last look.
    ArmBehindNews,
    /// A worker keeps those whom it was to wake.
    HoldOthers,
    /// Events about keys that are asked for again are told from the place where they ended.
    KeepOldPlace,
    /// The end of the writer is not told to those who watch.
    LeaveRingOpen,
    /// A connection's snapshot is held for as long as the connection.
    KeepLateSnapshot,
    /// A keyspace at a connection's snapshot is the one that has the name now.
    NameByPresent,
    /// A client sends a write again of which it does not know whether it was done.
    RepeatUnknown,
    /// A client whose connection broke forgets that it wrote since the last sync.
    ForgetLostWrites,
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Returns true if this mistake is to be made; always false but in tests.
#[cfg(not(test))]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

/// Returns true if this mistake is to be made.
#[cfg(test)]
pub(crate) fn planted(bug: Bug) -> bool {
    planted_here() == Some(bug)
}

/// Does what is wrong where the mistake is planted: `if_planted!(SkipUndo => return failed);`.
macro_rules! if_planted {
    ($bug:ident => $wrong:expr) => {
        if $crate::bugs::planted($crate::bugs::Bug::$bug) {
            $wrong;
        }
    };
}

/// Does what is right unless the mistake is planted: `unless_planted!(SkipSync => sync()?);`.
macro_rules! unless_planted {
    ($bug:ident => $right:expr) => {
        if !$crate::bugs::planted($crate::bugs::Bug::$bug) {
            $right;
        }
    };
}

pub(crate) use {if_planted, unless_planted};

/// Returns the mistake planted on this thread, for the threads that it starts.
#[cfg(test)]
pub(crate) fn planted_here() -> Option<Bug> {
    PLANTED.get()
}

/// Plants a bug, or none, on this thread and the actors it starts, until the guard is dropped.
#[cfg(test)]
#[must_use]
pub(crate) fn plant(bug: Option<Bug>) -> Planted {
    Planted { before: PLANTED.replace(bug) }
}

/// Keeps a bug planted.
#[cfg(test)]
pub(crate) struct Planted {
    before: Option<Bug>,
}

#[cfg(test)]
impl Drop for Planted {
    fn drop(&mut self) {
        PLANTED.set(self.before);
    }
}
