//! Builds a small log with the real engine, as a program says.

use std::collections::BTreeMap;

use super::edit::frames;
use crate::Result;
use crate::engine::kvs::{KvsReader, KvsWriter};
use crate::engine::{
    BackgroundJob, Group, JobStep, KeyRange, KeyspaceId, Mutation, Page, ReadHalf, ScanPage,
    WriteHalf,
};
use crate::fuzzing::image::{Image, image};
use crate::fuzzing::input::Input;
use crate::storage::environment::LogEnvironment;
use crate::storage::format::frame::FRAME_HEADER_BYTES;
use crate::storage::format::little_endian::u64_at;
use crate::storage::format::segment_header::SEGMENT_HEADER_BYTES;
use crate::storage::format::store_id::StoreId;
use crate::storage::format::unix_millis::UnixMillis;
use crate::storage::fs::simulated::{SimulatedDisk, State as DiskState};
use crate::storage::recovery::RecoveryReport;

pub(super) const DIRECTORY: &str = "data";
pub(super) const STORE: StoreId = StoreId(7);

/// Short, so that a few batches fill several segments.
const SEGMENT_BYTES_MAX: u64 = 300;
const COMPACTION_BYTES_MIN: u64 = 100;

const STEPS_MAX: usize = 24;
const KEYS: usize = 6;

pub(in crate::fuzzing) type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// A log and everything that it was.
pub(in crate::fuzzing) struct History {
    pub(in crate::fuzzing) image: Image,
    /// The state after each batch, by its sequence number.
    pub(super) states: Vec<State>,
}

pub(in crate::fuzzing) fn open(
    disk: &SimulatedDisk,
) -> Result<(KvsWriter, KvsReader, RecoveryReport)> {
    let environment = LogEnvironment {
        path: DIRECTORY.into(),
        ..LogEnvironment::simulated(disk, STORE, SEGMENT_BYTES_MAX)
    };
    KvsWriter::open(environment, COMPACTION_BYTES_MIN, 0)
}

pub(super) fn group(batch: Vec<Mutation>) -> Group {
    let mut group = Group::default();
    group.push(batch);
    group
}

/// Returns everything that is there, by a scan that each single read has to agree with.
pub(in crate::fuzzing) fn contents(reader: &KvsReader) -> State {
    let mut state = State::new();
    let mut range = KeyRange::all();
    loop {
        let page = ScanPage { range: &range, snapshot: None, limit: 4, keys_only: false };
        let page = Page::of(reader, &page).unwrap();
        for found in page.entries {
            let read = reader.get(&found.key).unwrap();
            assert_eq!(read, Some(found.entry.clone()));
            assert!(state.insert(found.key, found.entry.value).is_none());
        }
        match page.resume_after {
            Some(key) => range = range.after(&key),
            None => break,
        }
    }
    assert_eq!(reader.count(), state.len() as u64);
    state
}

/// Compacts until nothing is worth it.
pub(super) fn maintain(writer: &mut KvsWriter) {
    while let Some(mut job) = writer.offer_compaction() {
        run(writer, &mut *job, usize::MAX);
    }
}

/// Runs up to this many steps of a job.
fn run(writer: &mut KvsWriter, job: &mut dyn BackgroundJob, steps: usize) {
    for _ in 0..steps {
        match job.step().unwrap() {
            JobStep::Continue => {}
            JobStep::Deliver(delivery) => writer.take_delivery(delivery),
            JobStep::Done(delivery) => return writer.take_delivery(delivery),
        }
    }
}

pub(in crate::fuzzing) fn build(input: &mut Input<'_>) -> History {
    let mut disk = SimulatedDisk::new(DiskState::default());
    let (mut writer, _, _) = open(&disk).unwrap();
    let mut states = vec![State::new()];
    for _ in 0..=input.choose(STEPS_MAX) {
        let is_closed = match input.choose(10) {
            0 => {
                writer.sync().unwrap();
                continue;
            }
            1 => {
                writer.close().unwrap();
                true
            }
            2 => {
                maintain(&mut writer);
                continue;
            }
            // A kill, in the middle of a compaction if there is something to compact.
            3 => false,
            choice => {
                let (batch, state) = batch(input, &states);
                states.push(state);
                writer.commit(&mut group(batch), choice == 4).unwrap();
                continue;
            }
        };
        let steps = if is_closed { 0 } else { input.choose(8) };
        let left = state_after(&mut writer, &disk, steps);
        disk = SimulatedDisk::new(left);
        let (opened, reader, _) = open(&disk).unwrap();
        assert_eq!(Some(&contents(&reader)), states.last());
        writer = opened;
    }
    History { image: image(&disk), states }
}

/// Returns the disk as a kill leaves it after some steps of a compaction.
fn state_after(writer: &mut KvsWriter, disk: &SimulatedDisk, steps: usize) -> DiskState {
    // Taken before the job is dropped, which a killed process does not do.
    match writer.offer_compaction().filter(|_| steps > 0) {
        Some(mut job) => {
            run(writer, &mut *job, steps);
            disk.state()
        }
        None => disk.state(),
    }
}

fn batch(input: &mut Input<'_>, states: &[State]) -> (Vec<Mutation>, State) {
    let mut state = states.last().cloned().unwrap_or_default();
    let mut batch = Vec::new();
    for position in 0..=input.choose(3) {
        let key = vec![b'k'; input.choose(KEYS)];
        match input.choose(8) {
            0 if position == 0 => {
                state.clear();
                return (vec![Mutation::clear(KeyspaceId::DEFAULT)], state);
            }
            0..=2 => {
                state.remove(&key);
                batch.push(Mutation::remove(key));
            }
            _ => {
                let length = input.choose(80);
                // Unlike every other, so that each state is.
                let mut value = format!("{}.{position}", states.len()).into_bytes();
                value.resize(value.len() + length, input.byte());
                state.insert(key.clone(), value.clone());
                let expires_at = Some(u64::from(input.byte())).filter(|time| *time > 127);
                batch.push(Mutation::put(key, value, expires_at.map(UnixMillis)));
            }
        }
    }
    (batch, state)
}

impl History {
    /// Returns the newest batch that bytes which are still as they were written say was durable.
    pub(super) fn still_vouched(&self, image: &Image) -> u64 {
        let claims = self.image.iter().flat_map(|(name, bytes)| claims(name, bytes));
        let is_intact = |claim: &Claim| {
            let now = image.get(&claim.name).and_then(|now| now.get(claim.start..claim.end));
            now == Some(&self.image[&claim.name][claim.start..claim.end])
        };
        claims.filter(is_intact).map(|claim| claim.durable).max().unwrap_or(0)
    }
}

/// Bytes that say what was durable when they were written.
struct Claim {
    name: String,
    start: usize,
    end: usize,
    durable: u64,
}

fn claims(name: &str, bytes: &[u8]) -> Vec<Claim> {
    if !name.ends_with(".log") {
        return Vec::new();
    }
    let claim = |start, end, at| {
        let durable = u64_at(bytes, at);
        Claim { name: name.to_owned(), start, end, durable }
    };
    let mut claims = vec![claim(0, SEGMENT_HEADER_BYTES, 48)];
    let places = frames(bytes).into_iter().map(|frame| frame.start);
    claims.extend(places.map(|start| claim(start, start + FRAME_HEADER_BYTES, start + 24)));
    claims
}
