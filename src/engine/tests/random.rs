//! Random histories, killed and cut off from power at random moments: what is found is a state that was
//! there, and none older than what was durable.

use super::*;

/// A small generator, so that a seed is all that a failure needs to be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 32).unwrap() % sides
    }

    /// Loses any end, and any part in the middle, of what was not synced.
    fn lose(&mut self, bytes: &mut Vec<u8>, synced: usize) {
        let unsynced = bytes.len() - synced;
        if unsynced > 0 && self.roll(3) > 0 {
            bytes.truncate(synced + self.roll(unsynced + 1));
        }
        let unsynced = bytes.len() - synced;
        if unsynced > 0 && self.roll(3) == 0 {
            let start = synced + self.roll(unsynced);
            let end = bytes.len().min(start + 64);
            bytes[start..end].fill(0);
        }
    }
}

type State = BTreeMap<String, String>;

/// A log with the jobs and snapshots that are under way, and every state it was in.
struct History {
    seed: u64,
    directory: TempDir,
    switches: Arc<Switches>,
    writer: Option<KvsWriter>,
    reader: KvsReader,
    sync: Option<Box<dyn Job>>,
    compaction: Option<Box<dyn Job>>,
    snapshots: Vec<(Snapshot, State)>,
    /// After each batch since the last open, the one before it first.
    states: Vec<(u64, State)>,
    /// Everything up to this sequence number survives power loss.
    durable: u64,
}

impl History {
    fn new(seed: u64) -> Self {
        let (directory, switches) = (TempDir::new().unwrap(), Arc::new(Switches::default()));
        let (writer, reader, _) = open(directory.path(), &switches, 4096).unwrap();
        Self {
            seed,
            directory,
            switches,
            writer: Some(writer),
            reader,
            sync: None,
            compaction: None,
            snapshots: Vec::new(),
            states: vec![(0, State::new())],
            durable: 0,
        }
    }

    fn writer(&mut self) -> &mut KvsWriter {
        self.writer.as_mut().unwrap()
    }

    fn write(&mut self, dice: &mut Dice) {
        let mut state = self.states.last().unwrap().1.clone();
        let mut batch = Vec::new();
        for _ in 0..=dice.roll(3) {
            let key = format!("k{}", dice.roll(12));
            if dice.roll(4) == 0 {
                state.remove(&key);
                batch.push(remove(&key));
            } else {
                let value = "v".repeat(dice.roll(300)) + &dice.roll(1000).to_string();
                batch.push(put(&key, &value));
                state.insert(key, value);
            }
        }
        if dice.roll(60) == 0 {
            batch = vec![Mutation::Clear];
            state.clear();
        }
        let durable = dice.roll(10) == 0;
        self.writer().commit(group(&[&batch]), durable).unwrap();
        let sequence = self.writer().next_sequence() - 1;
        self.states.push((sequence, state));
        if durable {
            self.durable = sequence;
        }
    }

    /// Fails a group of two batches on a full disk; neither may ever be seen.
    fn fail_to_write(&mut self) {
        self.switches.writes_fail.store(true, Ordering::Relaxed);
        let batches: [&[Mutation]; 2] = [&[put("k0", "undone")], &[remove("k1"), remove("k2")]];
        assert!(self.writer().commit(group(&batches), false).is_err());
        self.switches.writes_fail.store(false, Ordering::Relaxed);
    }

    fn step_sync(&mut self) {
        let Some(mut job) = self.sync.take() else {
            self.sync = self.writer().offer_sync();
            return;
        };
        let Ok(Step::Done(delivery)) = job.step() else { panic!("a sync is one step") };
        if let Delivery::Synced(sequence) = delivery {
            self.durable = self.durable.max(sequence);
        }
        self.writer().take(delivery).unwrap();
    }

    fn step_compaction(&mut self) {
        let Some(mut job) = self.compaction.take() else {
            self.compaction = self.writer().offer_compaction();
            return;
        };
        match job.step().unwrap() {
            Step::Continue => self.compaction = Some(job),
            Step::Deliver(delivery) => {
                self.writer().take(delivery).unwrap();
                self.compaction = Some(job);
            }
            Step::Done(delivery) => self.writer().take(delivery).unwrap(),
        }
    }

    fn turn_snapshots(&mut self, dice: &mut Dice) {
        if self.snapshots.len() < 3 && dice.roll(2) == 0 {
            let state = self.states.last().unwrap().1.clone();
            self.snapshots.push((self.reader.snapshot().unwrap(), state));
        } else if !self.snapshots.is_empty() {
            let (snapshot, state) = self.snapshots.swap_remove(0);
            for n in 0..12 {
                let key = format!("k{n}");
                let found = at(&self.reader, key.as_bytes(), &snapshot);
                let found = found.map(|entry| String::from_utf8(entry.value).unwrap());
                assert_eq!(found.as_ref(), state.get(&key));
            }
        }
    }

    /// Opens what a kill or a power loss left, and goes on from there.
    fn crash(&mut self, dice: &mut Dice, loses_power: bool, closes: bool) {
        if closes {
            self.writer().close().unwrap();
        }
        self.sync = None;
        self.snapshots.clear();
        let least = if loses_power && !closes { self.durable } else { u64::MAX };
        if loses_power {
            // As the compaction would be met at this moment, its unfinished output included.
            let lose = |bytes: &mut Vec<u8>, synced| dice.lose(bytes, synced);
            let copy = self.switches.power_loss_with(self.directory.path(), lose);
            let mut synced = lock(&self.switches.synced);
            synced.clear();
            for path in segments(copy.path()) {
                synced.insert(path.with_extension(""), std::fs::metadata(&path).unwrap().len());
            }
            drop(synced);
            self.directory = copy;
        }
        self.compaction = None;
        self.writer = None;
        let (writer, reader, report) = open(self.directory.path(), &self.switches, 4096)
            .unwrap_or_else(|error| panic!("seed {}: {error}", self.seed));
        assert!(!closes || report.dropped_bytes == 0, "seed {}", self.seed);
        let found: State = contents(&reader).into_iter().collect();
        let last = self.states.last().unwrap().0;
        let newest = self.states.iter().rev().find(|(_, state)| *state == found);
        let Some((newest, _)) = newest else {
            panic!("seed {}: this was never the state", self.seed)
        };
        assert!(*newest >= least.min(last), "seed {}: {newest} of {last} is found", self.seed);
        assert_eq!(reader.count(), found.len() as u64);
        self.durable = writer.next_sequence() - 1;
        self.states = vec![(self.durable, found)];
        (self.writer, self.reader) = (Some(writer), reader);
    }
}

/// How many histories are tried; more find more.
const SEEDS: u64 = 20;

#[test]
fn random_histories_survive_kills_and_power_losses() {
    for seed in 1..=SEEDS {
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (seed << 20));
        let mut history = History::new(seed);
        for _ in 0..400 {
            match dice.roll(40) {
                0 => history.crash(&mut dice, true, false),
                1 => history.crash(&mut dice, false, false),
                2 => {
                    let loses_power = dice.roll(2) == 0;
                    history.crash(&mut dice, loses_power, true);
                }
                3..=6 => history.step_sync(),
                7..=16 => history.step_compaction(),
                17..=19 => history.turn_snapshots(&mut dice),
                20 => history.fail_to_write(),
                _ => history.write(&mut dice),
            }
        }
        let found: State = contents(&history.reader).into_iter().collect();
        assert_eq!(found, history.states.last().unwrap().1, "seed {seed}");
    }
}
