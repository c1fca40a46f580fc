//! The repair of a data directory.
//!
//! The log is repaired first, and the file `ENGINE` last: until it is there, or right, the
//! directory is no store that can be opened.

use super::data_directory::DataDirectory;
use super::marker::Marker;
use super::verify::verify_log;
use crate::findings::{Finding, RepairReport, RepairedFile};
use crate::storage::environment::LogEnvironment;
use crate::storage::format::clean_shutdown::{CLEAN_SHUTDOWN_BYTES, CleanShutdown};
use crate::storage::format::file_name;
use crate::storage::format::store_id::StoreId;
use crate::storage::fs::{FileSystem, RealFileSystem, read_small};
use crate::storage::recovery::find_store_id;
use crate::storage::recovery::progress::RecoveryProgress;
use crate::storage::repair::{AsideDirectory, RepairPlan};
use crate::sync::Arc;
use crate::{EngineKind, Error, Options, Result};

/// Repairs the directory of a store.
pub(crate) fn repair(options: &Options) -> Result<RepairReport> {
    repair_in(options, &RealFileSystem)
}

/// Returns what a repair would do.
pub(crate) fn plan_repair(options: &Options) -> Result<RepairReport> {
    let options = options.clone().read_only(true);
    let damaged = DamagedStore::open(&options, &RealFileSystem)?;
    Ok(damaged.plan(&options)?.1)
}

/// Repairs a store of any file system.
pub(crate) fn repair_in(options: &Options, file_system: &dyn FileSystem) -> Result<RepairReport> {
    if options.read_only {
        return Err(Error::ReadOnly);
    }
    let damaged = DamagedStore::open(options, file_system)?;
    let (plan, mut report) = damaged.plan(options)?;
    if report.is_whole() {
        return Ok(report);
    }
    damaged.apply(&plan, &mut report)?;
    let progress = RecoveryProgress::new(options.on_open_progress.clone());
    let after = verify_log(&damaged.environment, &progress)?;
    match after.damages.into_iter().next() {
        None => Ok(report),
        Some(Finding { path, offset, reason, .. }) => {
            let reason = format!("{reason}; a repair has left this");
            Err(Error::Corrupt { path, offset, reason })
        }
    }
}

/// The directory of a store that may be damaged, with its lock.
struct DamagedStore {
    environment: LogEnvironment,
    /// The damage of the file `ENGINE`.
    marker_damage: Option<Finding>,
    _directory: DataDirectory,
}

impl DamagedStore {
    fn open(options: &Options, file_system: &dyn FileSystem) -> Result<Self> {
        let options = options.clone().create(false);
        let (directory, damage) = DataDirectory::open_damaged(&options, file_system)?;
        let Some(directory) = directory else {
            let path = options.directory;
            return Err(damage.unwrap_or(Error::NoStore { path }));
        };
        if directory.kind != EngineKind::Kvs {
            let (engine, feature) = (directory.kind.name(), "repairs of its files");
            return Err(Error::Unsupported { engine, feature });
        }
        let mut marker_damage = damage.as_ref().and_then(Finding::of);
        let store = match find_other_id(&directory)? {
            None => directory.store,
            Some(store) => {
                let reason = "it names another store than every segment does";
                let path = directory.path.join(file_name::ENGINE);
                marker_damage = Some(Finding::new(path, Some(0), None, reason));
                store
            }
        };
        let (handle, path) = (Arc::clone(&directory.handle), directory.path.clone());
        let environment = LogEnvironment::reading(handle, path, store);
        let environment = LogEnvironment { read_only: options.read_only, ..environment };
        Ok(Self { environment, marker_damage, _directory: directory })
    }

    /// Verifies everything, and plans its repair.
    fn plan(&self, options: &Options) -> Result<(RepairPlan, RepairReport)> {
        let progress = || RecoveryProgress::new(options.on_open_progress.clone());
        let found = verify_log(&self.environment, &progress())?;
        let plan = RepairPlan::of(&self.environment, &found.damages, &progress())?;
        let path_of = |name: &str| self.environment.path_of(name);
        let aside = path_of(file_name::DAMAGED);
        let mut files = Vec::new();
        for segment in &plan.segments {
            let name = file_name::segment(segment.id);
            files.push(RepairedFile {
                path: path_of(&name),
                kept_at: Some(aside.join(name)),
                replaced_by: segment.output.map(|id| path_of(&file_name::segment(id))),
                bytes: segment.bytes,
                saved_records: segment.saved_records,
                saved_bytes: segment.saved_bytes,
            });
        }
        for name in &plan.others {
            files.push(self.other_file(name));
        }
        let mut damages = found.damages;
        if let Some(marker) = &self.marker_damage {
            damages.insert(0, marker.clone());
            let replaced_by = Some(path_of(file_name::ENGINE));
            files.push(RepairedFile { replaced_by, ..self.other_file(file_name::ENGINE) });
        }
        let version = found.version.max(plan.newest.0);
        let missing_versions = plan.missing.clone();
        let is_changed = false;
        Ok((plan, RepairReport { damages, files, missing_versions, version, is_changed }))
    }

    /// Returns a file of which nothing is taken.
    fn other_file(&self, name: &str) -> RepairedFile {
        let length = self.environment.open(name).ok().and_then(|file| file.length().ok());
        let aside = self.environment.path_of(file_name::DAMAGED);
        RepairedFile {
            path: self.environment.path_of(name),
            kept_at: length.map(|_| aside.join(name)),
            replaced_by: None,
            bytes: length.unwrap_or(0),
            saved_records: 0,
            saved_bytes: 0,
        }
    }

    /// Makes the changes, and notes in the report where files are kept.
    fn apply(&self, plan: &RepairPlan, report: &mut RepairReport) -> Result<()> {
        let environment = &self.environment;
        let marker = self.marker_damage.as_ref().and_then(|_| report.files.last_mut());
        if let Some(file) = marker.filter(|file| file.kept_at.is_some()) {
            let aside = AsideDirectory::open(environment)?;
            file.kept_at = Some(aside.keep(file_name::ENGINE)?);
            aside.sync()?;
        }
        if !plan.is_empty() {
            let kept = plan.apply(environment)?;
            for (file, path) in report.files.iter_mut().zip(kept) {
                file.kept_at = Some(path);
            }
        }
        if self.marker_damage.is_some() {
            let marker = Marker { kind: EngineKind::Kvs, store: environment.store };
            marker.place(file_name::ENGINE, &*environment.directory, &environment.path)?;
        }
        report.is_changed = true;
        Ok(())
    }
}

/// Returns the store's id if the file `ENGINE` names another one than all segments and the mark of
/// the last clean close do; `None` if it is right, or if that mark says so.
fn find_other_id(directory: &DataDirectory) -> Result<Option<StoreId>> {
    let DataDirectory { handle, path, store, .. } = directory;
    let Some(found) = find_store_id(&**handle, path)?.filter(|found| found != store) else {
        return Ok(None);
    };
    let closed = read_small(&**handle, file_name::CLOSED, CLEAN_SHUTDOWN_BYTES).unwrap_or_default();
    if CleanShutdown::decode(&closed, found).is_some() {
        return Ok(Some(found));
    }
    if CleanShutdown::decode(&closed, *store).is_some() {
        return Ok(None);
    }
    let reason = "it names another store than every segment does, and nothing says which of them \
                  are right; if the segments are, remove it and repair the store again";
    Err(Error::corrupt(&path.join(file_name::ENGINE), 0, reason))
}
