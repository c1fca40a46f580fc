//! The stores that are libraries, each case of each in a process of its own, all taking turns.

pub mod case;
pub mod child;
mod features;
mod scale;
mod workload;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Scope;
use crate::memory_limit::MemoryLimit;
use crate::peers::{PROFILES, Profile};
use crate::record::{Measurement, Recorder, Setup, Subject, Unit};
use crate::{Outcome, machine, process, say};
use case::{Case, Point, SIZE, Task};
use scale::{Dataset, Scale};

/// The cases that run on the data that was loaded, in this order.
const CASES: [Case; 10] = [
    Case::Open,
    Case::Get,
    Case::Scan,
    Case::Overwrite,
    Case::Batch,
    Case::Synced,
    Case::Deferred,
    Case::Transactions,
    Case::Snapshots,
    Case::Watches,
];

/// A run of all of it.
struct Run {
    scale: Scale,
    profiles: Vec<&'static Profile>,
    directory: PathBuf,
    recorder: Recorder,
    setup: Setup,
}

/// Measures what the scope asks for.
pub fn run(scope: &Scope) -> Outcome<()> {
    let start = Instant::now();
    let profiles: Vec<_> = PROFILES.iter().filter(|profile| scope.includes(profile.name)).collect();
    if profiles.is_empty() {
        say("no embedded store is asked for");
        return Ok(());
    }
    let directory = scope.paths.results.join("data");
    let recorder = Recorder::create(&scope.embedded())?;
    let scale = Scale::new(scope);
    let mut facts = machine::facts(&scope.paths.results);
    facts.push(("runs".to_owned(), scale.describe()));
    let subjects = profiles.iter().map(|profile| subject(profile)).collect();
    let setup = Setup { facts, subjects, ..Setup::default() };
    let mut run = Run { scale, profiles, directory, recorder, setup };
    for dataset in run.scale.datasets.clone() {
        run.dataset(&dataset)?;
    }
    if let Some(dataset) = run.scale.limited.clone() {
        run.limited(&dataset)?;
    }
    run.setup.seconds = start.elapsed().as_secs();
    run.recorder.describe(&run.setup)?;
    say(&format!("embedded stores: {} s", run.setup.seconds));
    Ok(())
}

fn subject(profile: &Profile) -> Subject {
    Subject {
        name: profile.name.to_owned(),
        version: format!("{} {}", profile.package, machine::version(profile.package)),
        settings: profile.settings.to_owned(),
        deferred: profile.deferred.to_owned(),
    }
}

impl Run {
    fn dataset(&mut self, dataset: &Dataset) -> Outcome<()> {
        // Large data of all stores at once might not fit the disk.
        let together = if dataset.is_large() { 1 } else { self.profiles.len() };
        for round in 0..dataset.rounds {
            let profiles = self.profiles.clone();
            for profiles in profiles.chunks(together) {
                // Each round begins with another store.
                let mut profiles = profiles.to_vec();
                let first = round % profiles.len();
                profiles.rotate_left(first);
                self.round(dataset, round, &profiles)?;
            }
        }
        Ok(())
    }

    fn round(
        &mut self,
        dataset: &Dataset,
        round: usize,
        profiles: &[&'static Profile],
    ) -> Outcome<()> {
        say(&format!("{}, round {} of {}", dataset.name(), round + 1, dataset.rounds));
        let is_loading = round < dataset.load_rounds;
        if is_loading {
            for case in [Case::LoadSorted, Case::LoadRandom] {
                for profile in profiles {
                    self.empty_directory(profile)?;
                    self.case(dataset, round, profile, case)?;
                }
            }
            self.sizes(dataset, profiles, "on disk after loading")?;
        }
        for case in CASES {
            for profile in profiles {
                self.case(dataset, round, profile, case)?;
            }
        }
        for profile in profiles {
            self.kill(dataset, round, profile)?;
            self.case(dataset, round, profile, Case::OpenKilled)?;
        }
        self.sizes(dataset, profiles, "on disk after overwriting")?;
        if round + 1 >= dataset.load_rounds.min(dataset.rounds) && round + 1 < dataset.rounds {
            // The next round goes on with this data.
            return Ok(());
        }
        for profile in profiles {
            remove(&self.store_directory(profile))?;
        }
        Ok(())
    }

    /// Runs one case in a child and records its points.
    fn case(
        &mut self,
        dataset: &Dataset,
        round: usize,
        profile: &Profile,
        case: Case,
    ) -> Outcome<()> {
        let is_able = match case {
            Case::Synced | Case::Deferred => profile.is_syncing,
            Case::Snapshots => profile.has_snapshots,
            Case::Watches => profile.has_watches,
            _ => true,
        };
        if !is_able {
            return Ok(());
        }
        let task = self.task(dataset, round, profile, case)?;
        match run_child(&task) {
            Ok(points) => {
                points.into_iter().try_for_each(|point| self.record(dataset, &task, point))
            }
            Err(error) => self.omit(&format!("{}, {}: {error}", profile.name, dataset.name())),
        }
    }

    fn task(
        &self,
        dataset: &Dataset,
        round: usize,
        profile: &Profile,
        case: Case,
    ) -> Outcome<Task> {
        Ok(Task {
            store: profile.name.to_owned(),
            case,
            directory: self.store_directory(profile),
            keys: dataset.keys,
            value_bytes: dataset.value_bytes,
            cache_bytes: dataset.cache_bytes,
            seconds: self.scale.seconds,
            seed: 1_000_000 * (u64::try_from(round)? + 1),
            group: None,
        })
    }

    fn record(&mut self, dataset: &Dataset, task: &Task, point: Point) -> Outcome<()> {
        let table = point.table.unwrap_or_else(|| task.case.table().to_owned());
        self.recorder.add(Measurement {
            table: format!("{table}: {}", dataset.name()),
            row: point.row,
            subject: task.store.clone(),
            unit: point.unit,
            value: point.value,
        })
    }

    fn sizes(&mut self, dataset: &Dataset, profiles: &[&Profile], row: &str) -> Outcome<()> {
        for profile in profiles {
            let bytes = process::disk_usage(&self.store_directory(profile))?;
            self.recorder.add(Measurement {
                table: format!("{SIZE}: {}", dataset.name()),
                row: row.to_owned(),
                subject: profile.name.to_owned(),
                unit: Unit::Mebibytes,
                value: workload::thousands(bytes) * 1e3 / f64::from(1 << 20),
            })?;
        }
        Ok(())
    }

    /// Lets a child write for a while and kills it.
    fn kill(&mut self, dataset: &Dataset, round: usize, profile: &Profile) -> Outcome<()> {
        let task = self.task(dataset, round, profile, Case::Killed)?;
        let mut child = command(&task)?.spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        thread::sleep(Duration::from_secs_f64(self.scale.seconds));
        child.kill()?;
        child.wait()?;
        match line.trim() {
            "ready" => Ok(()),
            _ => self.omit(&format!("{} ended before it was killed", profile.name)),
        }
    }

    /// Reads more data than the memory holds, one store after the other.
    fn limited(&mut self, dataset: &Dataset) -> Outcome<()> {
        let limit_bytes = dataset.limit_bytes();
        if let Err(error) = MemoryLimit::new(limit_bytes) {
            return self.omit(&format!("{}: {error}", Case::Limited.table()));
        }
        say(&format!("{} in {} MiB of memory", dataset.name(), limit_bytes >> 20));
        for profile in self.profiles.clone() {
            self.empty_directory(profile)?;
            let loading = self.task(dataset, 0, profile, Case::LoadRandom)?;
            if let Err(error) = run_child(&loading) {
                self.omit(&format!("{}, {}: {error}", profile.name, dataset.name()))?;
                continue;
            }
            for round in 0..dataset.rounds {
                process::drop_cached(&self.store_directory(profile))?;
                let limit = MemoryLimit::new(limit_bytes)?;
                let mut task = self.task(dataset, round, profile, Case::Limited)?;
                task.group = Some(limit.directory().to_path_buf());
                match run_child(&task) {
                    Ok(points) => {
                        for point in points {
                            self.record(dataset, &task, point)?;
                        }
                    }
                    Err(error) => {
                        let limit = limit_bytes >> 20;
                        self.omit(&format!("{} within {limit} MiB: {error}", profile.name))?;
                        break;
                    }
                }
            }
            remove(&self.store_directory(profile))?;
        }
        Ok(())
    }

    /// Notes what could not be measured, and goes on.
    fn omit(&mut self, reason: &str) -> Outcome<()> {
        say(&format!("left out: {reason}"));
        self.setup.omissions.push(reason.to_owned());
        Ok(())
    }

    fn store_directory(&self, profile: &Profile) -> PathBuf {
        self.directory.join(profile.name)
    }

    fn empty_directory(&self, profile: &Profile) -> Outcome<()> {
        let directory = self.store_directory(profile);
        remove(&directory)?;
        Ok(fs::create_dir_all(directory)?)
    }
}

fn remove(directory: &Path) -> Outcome<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn command(task: &Task) -> Outcome<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(task.arguments()).stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}

fn run_child(task: &Task) -> Outcome<Vec<Point>> {
    let output = command(task)?.stderr(Stdio::piped()).output()?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        let reason = reason.trim().lines().last().unwrap_or("no reason given").to_owned();
        return Err(
            format!("{} ended with {}: {reason}", task.case.argument(), output.status).into()
        );
    }
    let text = String::from_utf8(output.stdout)?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}
