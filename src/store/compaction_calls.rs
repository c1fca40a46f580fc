//! The calls that wait for a compaction pass.

use super::write_path::CompactReply;
use crate::actor::Reply;
use crate::engine::WriteHalf;
use crate::sync::{Arc, Mutex, lock};
use crate::{CompactProgress, CompactReport, Result};

/// The progress of the pass that a call waits for, once it has begun.
pub(super) type SharedProgress = Arc<Mutex<Option<CompactProgress>>>;

/// A call that waits for a compaction pass.
pub(crate) struct CompactionCall {
    pub(super) reply: CompactReply,
    pub(super) progress: SharedProgress,
}

/// The calls that wait for a pass, those whose pass is running and those that came after its
/// beginning: they share the next one.
#[derive(Default)]
pub(super) struct CompactionCalls {
    running: Vec<CompactionCall>,
    waiting: Vec<CompactionCall>,
}

impl CompactionCalls {
    /// Adds a call.
    pub(super) fn add(&mut self, call: CompactionCall) {
        self.waiting.push(call);
    }

    /// Asks the engine for a pass if one is waited for and none is running.
    pub(super) fn begin(&mut self, engine: &mut dyn WriteHalf) {
        if self.waiting.is_empty() || !self.running.is_empty() {
            return;
        }
        match engine.request_pass() {
            Ok(true) => self.running.append(&mut self.waiting),
            Ok(false) => answer(&mut self.waiting, &Ok(None)),
            Err(error) => answer(&mut self.waiting, &Err(error)),
        }
    }

    /// Tells the calls how far their pass is, or answers them if it has ended. Returns true if it
    /// has and others wait for the next one.
    pub(super) fn finish(&mut self, engine: &mut dyn WriteHalf) -> bool {
        if self.running.is_empty() {
            return false;
        }
        let Some(result) = engine.take_pass_result() else {
            let progress = engine.pass_progress();
            self.running.iter().for_each(|call| *lock(&call.progress) = progress);
            return false;
        };
        answer(&mut self.running, &result.map(Some));
        !self.waiting.is_empty()
    }

    /// Answers every call with an error, after which nothing is compacted any more.
    pub(super) fn fail(&mut self, error: impl Fn() -> crate::Error) {
        for calls in [&mut self.running, &mut self.waiting] {
            if !calls.is_empty() {
                answer(calls, &Err(error()));
            }
        }
    }
}

fn answer(calls: &mut Vec<CompactionCall>, result: &Result<Option<CompactReport>>) {
    calls.drain(..).for_each(|CompactionCall { reply, .. }| Reply::send(reply, result.clone()));
}
