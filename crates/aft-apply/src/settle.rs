//! After the answer: make what was put in place durable, empty limbo of what is known, remove `.afterimage/`.
//! A leftover is harmless; nothing is unlinked that no operation names (I2): what is captured here stays for another call.

use std::io;

use aft_model::{FileState, OperationId, RelPath};
use aft_os::WriteDir;

use crate::late::{self, LateSink};
use crate::look;
use crate::report::{Held, LateEdit, Report, StepOutcome};
use crate::stage::{Places, read_name, remove_homes};
use crate::steps::{Interrupted, pass};
use crate::task::{Applier, Step, Task};
use crate::torn;

/// From so many files on all of the disk is synced, a neighbour's files too, rather than each by itself.
const MANY: usize = 256;

/// Why things are not settled. The intent stays, and a recovery does the rest.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// What was put in place is not durable.
    #[error("cannot make {path:?} durable")]
    Sync {
        /// The path.
        path: RelPath,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A name in staging could neither be proved known nor captured nor removed.
    #[error("cannot clear {path:?}")]
    Clear {
        /// The name beneath `.afterimage/`.
        path: RelPath,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A test stopped it.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Applier<'_> {
    /// Makes what `report` tells of durable and removes what staging holds for it, except held files. Call it when
    /// [`Report::late`] is durable as operations. The intent may be recorded as done when this has returned and
    /// [`Report::held`] is empty: while a file is held, only the intent tells a restarted daemon which path it belongs
    /// to. Late edits found here are added to `report`, and their files to those that are held.
    ///
    /// # Errors
    /// [`SettleError`]; calling it again is harmless.
    pub fn settle(
        &self,
        task: &Task<'_>,
        report: &mut Report,
        sink: &mut dyn LateSink,
    ) -> Result<(), SettleError> {
        let unreachable = self.sync(task, report)?;
        pass(self.steps, "settle.synced", 0)?;
        let places = Places::new(task.operation.id);
        let home = self.root.lstat(&places.home);
        if home
            .map_err(|source| SettleError::Clear {
                path: places.home.clone(),
                source,
            })?
            .is_none()
        {
            return unreachable.map_or(Ok(()), Err);
        }
        for (index, displaced) in std::mem::take(&mut report.displaced)
            .into_iter()
            .enumerate()
        {
            let known = |_: &FileState| false;
            let trusted = Some(displaced.stat);
            let found = discard(
                self.root,
                &displaced.place,
                &displaced.path,
                Known {
                    trusted,
                    state: &known,
                },
                sink,
            );
            hold(
                report,
                found.map_err(|source| SettleError::Clear {
                    path: displaced.place,
                    source,
                })?,
            );
            pass(self.steps, "settle.removed", index)?;
        }
        self.clear_rest(task, &places, report, sink)?;
        remove_homes(self.root, &places);
        pass(self.steps, "settle.done", 0)?;
        unreachable.map_or(Ok(()), Err)
    }

    /// The first path that may not be opened any more is told, and keeps nothing else from being settled.
    fn sync(&self, task: &Task<'_>, report: &Report) -> Result<Option<SettleError>, SettleError> {
        let mut unreachable = None;
        let mut checked = |path: &RelPath, outcome: io::Result<()>| match outcome {
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                let path = path.clone();
                unreachable.get_or_insert(SettleError::Sync { path, source });
                Ok(())
            }
            // Somebody removed or replaced it since; then it is theirs to make durable.
            Err(error) if look::is_gone(&error) || error.kind() == io::ErrorKind::InvalidInput => {
                Ok(())
            }
            Err(error) if look::is_escape(&error) => Ok(()),
            Err(source) => Err(SettleError::Sync {
                path: path.clone(),
                source,
            }),
            Ok(()) => Ok(()),
        };
        let steps = task.steps();
        // After a recovery, a file that was found in place may not be durable yet either.
        let files = report.results.iter().zip(&steps).filter(|(result, step)| {
            let there = matches!(
                result.outcome,
                StepOutcome::Done { .. } | StepOutcome::AlreadyThere { .. }
            );
            there && matches!(step.target, FileState::File { .. })
        });
        let files: Vec<&RelPath> = files.map(|(result, _)| &result.path).collect();
        if files.len() >= MANY && self.sync_everything() {
            return Ok(None);
        }
        // All of them begin before one is waited for, and the first wait commits them together.
        for path in &files {
            if let Err(error) = self.root.start_write_back(path) {
                tracing::debug!(%error, "write-back could not be started early");
            }
        }
        for path in files {
            checked(path, self.root.sync_file(path))?;
        }
        report
            .touched
            .iter()
            .try_for_each(|dir| checked(dir, self.root.sync_dir(dir)))?;
        Ok(unreachable)
    }

    /// True where one call has made all of it durable: each sync of a file flushes the disk's own cache, a few times a
    /// millisecond. Where it fails, that may be anybody's file on the same disk; syncing ours tells whether it is one.
    fn sync_everything(&self) -> bool {
        self.root.sync_everything().unwrap_or_else(|error| {
            tracing::warn!(%error, "something on the disk could not be written; each file is synced by itself");
            false
        })
    }

    /// Whatever else the operation has in staging: targets that were not needed, and what a crash left.
    fn clear_rest(
        &self,
        task: &Task<'_>,
        places: &Places,
        report: &mut Report,
        sink: &mut dyn LateSink,
    ) -> Result<(), SettleError> {
        let steps = task.steps();
        for dir in places.dirs() {
            let failed = |source| SettleError::Clear {
                path: dir.clone(),
                source,
            };
            for Ours {
                place,
                operation,
                index,
                held,
            } in names(self.root, dir).map_err(failed)?
            {
                let Some(step) = steps.get(index).filter(|_| operation == task.operation.id) else {
                    continue;
                };
                if report.held.iter().any(|held| held.place == place) {
                    continue;
                }
                let found = self.clear_one(step, &place, held, sink);
                hold(
                    report,
                    found.map_err(|source| SettleError::Clear {
                        path: place,
                        source,
                    })?,
                );
                pass(self.steps, "settle.removed", index)?;
            }
        }
        Ok(())
    }

    fn clear_one(
        &self,
        step: &Step<'_>,
        place: &RelPath,
        held: bool,
        sink: &mut dyn LateSink,
    ) -> io::Result<Option<Held>> {
        let Some(stat) = self.root.lstat(place)? else {
            return Ok(None);
        };
        let remnant = torn::is_remnant(self.root, self.contents, step, place, &stat)?;
        // A crash forgot who holds a held file; its bytes are captured whatever they are.
        let known = |state: &FileState| !held && (remnant || is_of(step, state));
        discard(
            self.root,
            place,
            &step.change.path,
            Known {
                trusted: None,
                state: &known,
            },
            sink,
        )
    }

    /// Looks at held files again; what was handed to the sink for them must be durable as operations. Those that nobody
    /// can write into any more are removed, unless they changed: then they are captured and held for one call more, as
    /// are the others. Where the system cannot tell whether there is a writer, a file goes when it is the same as at
    /// the call before: leave 5 s between two calls. One that could not be captured or removed is held as it was.
    #[must_use]
    pub fn collect_held(&self, held: &[Held], sink: &mut dyn LateSink) -> Vec<Held> {
        let mut remaining = Vec::new();
        for file in held {
            remaining.extend(self.collect(file, sink).unwrap_or_else(|error| {
                tracing::warn!(%error, "a displaced file could not be captured yet");
                Some(file.clone())
            }));
        }
        if remaining.is_empty() {
            let places = Places::new(OperationId::NONE);
            let home = self.root.lstat(&places.home).ok().flatten();
            if home.is_some_and(|stat| look::is_dir(&stat)) {
                remove_homes(self.root, &places);
            }
        }
        remaining
    }

    fn collect(&self, file: &Held, sink: &mut dyn LateSink) -> io::Result<Option<Held>> {
        let Some(stat) = self.root.lstat(&file.place)? else {
            return Ok(None);
        };
        let unchanged = look::same_but_moved(&file.stat, &stat);
        let waits = match self.root.has_writer(&file.place) {
            Ok(Some(writer)) => writer,
            Ok(None) | Err(_) => !unchanged,
        };
        if waits {
            return Ok(Some(Held {
                stat: if unchanged { file.stat } else { stat },
                ..file.clone()
            }));
        }
        let known = |state: &FileState| *state == file.state;
        let known = Known {
            trusted: None,
            state: &known,
        };
        discard(self.root, &file.place, &file.path, known, sink)
    }
}

/// What proves that the bytes of a name in staging are in the history.
pub(crate) struct Known<'k> {
    /// A stat under which they were verified.
    pub(crate) trusted: Option<aft_model::StatSig>,
    /// Asked for the state, if the stat proves nothing.
    pub(crate) state: &'k dyn Fn(&FileState) -> bool,
}

/// What was found late: it stays until an operation names it.
fn hold(report: &mut Report, found: Option<Held>) {
    report.late.extend(found.iter().map(|held| LateEdit {
        path: held.path.clone(),
        state: held.state,
    }));
    report.held.extend(found);
}

/// Removes a name in staging if it is known; else captures it and says what it holds.
pub(crate) fn discard(
    root: &dyn WriteDir,
    place: &RelPath,
    path: &RelPath,
    known: Known<'_>,
    sink: &mut dyn LateSink,
) -> io::Result<Option<Held>> {
    let Some(stat) = root.lstat(place)? else {
        return Ok(None);
    };
    if look::is_dir(&stat) {
        // One of ours is empty; another one stays, and with it `.afterimage/`.
        return match root.remove_dir(place) {
            Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => Err(error),
            _ => Ok(None),
        };
    }
    let proved = known
        .trusted
        .is_some_and(|trusted| look::same_but_moved(&trusted, &stat));
    if !proved && !(known.state)(&look::state_at(root, place, &stat)?.0) {
        // A special file has no bytes; it stays.
        let captured = late::capture(root, place, path, sink)?;
        return Ok(captured.map(|captured| Held {
            place: place.clone(),
            path: path.clone(),
            state: captured.state,
            stat: captured.stat,
        }));
    }
    remove(root, place)?;
    Ok(None)
}

pub(crate) fn remove(root: &dyn WriteDir, place: &RelPath) -> io::Result<()> {
    root.remove_file(place).or_else(|error| {
        if look::is_gone(&error) {
            Ok(())
        } else {
            Err(error)
        }
    })
}

/// True for a state the operation itself names: its bytes are in the history.
pub(crate) fn is_of(step: &Step<'_>, state: &FileState) -> bool {
    *state == step.change.before
        || *state == step.target
        || state.content().is_some_and(|id| {
            [step.target.content(), step.change.before.content()].contains(&Some(id))
        })
}

/// A name of ours in a directory of staging.
pub(crate) struct Ours {
    pub(crate) place: RelPath,
    pub(crate) operation: OperationId,
    pub(crate) index: usize,
    pub(crate) held: bool,
}

/// The names of ours in a directory of staging, sorted.
pub(crate) fn names(root: &dyn WriteDir, dir: &RelPath) -> io::Result<Vec<Ours>> {
    let mut entries = match root.scan(dir) {
        Err(error) if look::is_gone(&error) => return Ok(Vec::new()),
        entries => entries?,
    };
    // The order of a listing is the file system's; what is done here must not depend on it.
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let ours = entries.into_iter().filter_map(|entry| {
        let (operation, index, held) = read_name(&entry.name)?;
        Some(Ours {
            place: dir.join(&entry.name).ok()?,
            operation,
            index,
            held,
        })
    });
    Ok(ours.collect())
}
