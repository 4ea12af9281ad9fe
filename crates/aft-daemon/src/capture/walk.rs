//! Walking: arms a directory, lists it, compares its entries with what is known, and goes on beneath.
//! Does not read files itself ([`super::look`]) and does not decide the order of work ([`super::pool`]).

mod listing;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aft_model::{Known, RelPath, StatSig, Uncovered};
use aft_os::WatchError;

use super::look::{Looked, Question, Reader, is_dir, leads_elsewhere};
use super::spelling::Spelling;
use super::{Coverage, Env, Item, Outcome, Progress, Seen};
use crate::rules::{DirRules, IgnoreFiles, Verdict};

/// Files of one directory that are read as one unit, so that two threads share a large directory.
const FILES_PER_UNIT: usize = 64;

/// How often a directory that changes its kind under the walk is tried.
const TRIES_MAX: u8 = 3;

/// A piece of work.
pub(super) enum Unit {
    /// Single paths to look at.
    Items(Vec<Item>),
    /// A directory to walk.
    Dir(DirUnit),
    /// Files that a listing found changed.
    Files(Vec<Candidate>),
}

/// A directory to walk.
pub(super) struct DirUnit {
    path: RelPath,
    /// The rules it lies under and the verdict on it; `None` for the root.
    above: Option<(Arc<DirRules>, Verdict)>,
    /// False beneath a directory that is polled.
    may_arm: bool,
    tries: u8,
}

/// A file that is to be looked at.
pub(super) struct Candidate {
    path: RelPath,
    stat: StatSig,
    known: Option<Known>,
    ignored: bool,
}

impl Unit {
    /// The directory `path`, with the rules it lies under and the verdict on it.
    pub(super) fn dir(path: RelPath, rules: Arc<DirRules>, verdict: Verdict) -> Self {
        Self::Dir(DirUnit {
            path,
            above: Some((rules, verdict)),
            may_arm: true,
            tries: 0,
        })
    }

    pub(super) fn root() -> Self {
        Self::Dir(DirUnit {
            path: RelPath::root(),
            above: None,
            may_arm: true,
            tries: 0,
        })
    }
}

/// What a thread has found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) seen: Vec<Seen>,
    pub(super) coverage: Coverage,
    /// Directories that items turned out to be and that are to be walked.
    pub(super) tops: Vec<RelPath>,
    /// Directories whose watches are to end.
    pub(super) ended: Vec<RelPath>,
}

impl Found {
    pub(super) fn absorb(&mut self, mut other: Self) {
        self.seen.append(&mut other.seen);
        self.coverage.polled.append(&mut other.coverage.polled);
        self.coverage
            .not_covered
            .append(&mut other.coverage.not_covered);
        self.coverage.limit = self.coverage.limit.take().or(other.coverage.limit);
        self.coverage.left_out.absorb(other.coverage.left_out);
        self.tops.append(&mut other.tops);
        self.ended.append(&mut other.ended);
    }

    pub(super) fn see(&mut self, path: RelPath, outcome: Outcome) {
        self.seen.push(Seen { path, outcome });
    }

    pub(super) fn uncovered(&mut self, path: RelPath, what: &str, error: &io::Error) {
        self.coverage.not_covered.push(Uncovered {
            path,
            reason: format!("{what}: {error}"),
        });
    }
}

/// One capture or scan.
pub(super) struct Walk<'a> {
    pub(super) env: Env<'a>,
    reader: Reader<'a>,
    progress: &'a Progress,
    pub(super) spelling: Spelling<'a>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(env: Env<'a>, reader: Reader<'a>, progress: &'a Progress) -> Self {
        Self {
            env,
            reader,
            progress,
            spelling: Spelling::new(env.fs),
        }
    }

    /// Does one unit; adds to `more` what it leads to.
    pub(super) fn work(&self, unit: Unit, more: &mut Vec<Unit>, found: &mut Found) {
        if self.progress.is_cancelled() {
            return;
        }
        match unit {
            Unit::Items(items) => items.iter().for_each(|item| self.item(item, found)),
            Unit::Dir(dir) => self.dir(dir, more, found),
            Unit::Files(files) => files.into_iter().for_each(|file| self.file(file, found)),
        }
    }

    pub(super) fn gone_beneath(&self, dir: &RelPath, found: &mut Found) {
        self.env
            .tree
            .subtree(dir, &mut |path, _| found.see(path.clone(), Outcome::Gone));
    }

    /// A rule leaves the path out.
    pub(super) fn leave(
        &self,
        path: &RelPath,
        known: Option<Known>,
        is_dir: bool,
        found: &mut Found,
    ) {
        let Some(known) = known else { return };
        // A file where there is an ignored directory now is gone, and a directory where there is an ignored file.
        let left = if known.state.is_dir() == is_dir {
            Outcome::Skipped
        } else {
            Outcome::Gone
        };
        found.see(path.clone(), left);
        if known.state.is_dir() {
            found.ended.push(path.clone());
            // Beneath a directory that is still one, the files are still there; beneath one that is not, they are gone.
            let outcome = if is_dir {
                Outcome::Skipped
            } else {
                Outcome::Gone
            };
            self.env
                .tree
                .subtree(path, &mut |path, _| found.see(path.clone(), outcome));
        }
    }

    fn dir(&self, unit: DirUnit, more: &mut Vec<Unit>, found: &mut Found) {
        // I1: first the watch, then the listing.
        let mut armed = Ok(());
        let listed = self.env.fs.scan_after(&unit.path, &mut |opened| {
            armed = match opened {
                _ if !unit.may_arm => Ok(()),
                Some(opened) => self.env.watch.add_opened(&unit.path, opened),
                None => self.env.watch.add(&unit.path),
            };
        });
        let entries = match listed {
            Ok(entries) => entries,
            Err(error) => return self.not_listed(unit, &error, more, found),
        };
        let may_arm = unit.may_arm && self.note_watch(&unit.path, armed, found);
        self.progress.dirs.fetch_add(1, Ordering::Relaxed);
        let mut present = IgnoreFiles::default();
        entries.iter().for_each(|entry| present.note(&entry.name));
        let rules = match &unit.above {
            None => self.env.rules.root_rules(self.env.fs, present),
            Some((above, verdict)) => {
                self.env
                    .rules
                    .descend(self.env.fs, above, unit.path.file_name(), *verdict, present)
            }
        };
        let (entries, known) = self.pair_with_known(&unit.path, entries, found);
        let mut files = Vec::new();
        for (entry, known) in entries.into_iter().zip(known) {
            if let Some(candidate) = self.entry(&rules, entry, known, may_arm, more, found) {
                files.push(candidate);
            }
        }
        if files.len() <= FILES_PER_UNIT {
            return files.into_iter().for_each(|file| self.file(file, found));
        }
        while !files.is_empty() {
            let rest = files.split_off(files.len().min(FILES_PER_UNIT));
            more.push(Unit::Files(std::mem::replace(&mut files, rest)));
        }
    }

    /// Notes why a directory could not be armed. False where everything beneath is polled with it.
    fn note_watch(&self, dir: &RelPath, armed: Result<(), WatchError>, found: &mut Found) -> bool {
        match armed {
            Ok(()) => return true,
            // It was gone and is there again: the one that is there now came with a signal to its parent.
            Err(WatchError::Gone) => {}
            Err(limit @ WatchError::Limit { .. }) => found.coverage.limit = Some(limit.to_string()),
            Err(WatchError::Unsupported) => {}
            Err(WatchError::Io(error)) => {
                tracing::warn!(%error, "a directory cannot be armed and is polled")
            }
        }
        found.coverage.polled.push(dir.clone());
        false
    }

    fn not_listed(
        &self,
        unit: DirUnit,
        error: &io::Error,
        more: &mut Vec<Unit>,
        found: &mut Found,
    ) {
        let Some((above, verdict)) = &unit.above else {
            // Nothing is said about the tree: a root that cannot be listed is detached, not emptied.
            return found.uncovered(unit.path, "the root cannot be listed", error);
        };
        if !leads_elsewhere(error) {
            return found.uncovered(unit.path, "the directory cannot be listed", error);
        }
        let known = self.env.tree.get(&unit.path);
        let ignored = *verdict == Verdict::TrackIgnored;
        match self.env.fs.lstat(&unit.path) {
            Ok(Some(stat)) if is_dir(&stat) => {
                if unit.tries < TRIES_MAX {
                    let above = Some((Arc::clone(above), *verdict));
                    more.push(Unit::Dir(DirUnit {
                        tries: unit.tries + 1,
                        above,
                        ..unit
                    }));
                } else {
                    found.uncovered(unit.path, "the directory cannot be listed", error);
                }
            }
            Ok(Some(stat)) => {
                found.seen.retain(|seen| seen.path != unit.path);
                if known.is_some_and(|known| known.state.is_dir()) {
                    found.ended.push(unit.path.clone());
                    self.gone_beneath(&unit.path, found);
                }
                self.report(
                    &Question {
                        path: &unit.path,
                        known,
                        ignored,
                        strict: false,
                    },
                    Some(stat),
                    true,
                    found,
                );
            }
            _ => {
                // It was seen as a directory a moment ago; that is void now.
                found.seen.retain(|seen| seen.path != unit.path);
                found.ended.push(unit.path.clone());
                self.gone_beneath(&unit.path, found);
                found.see(unit.path, Outcome::Gone);
            }
        }
    }

    fn file(&self, file: Candidate, found: &mut Found) {
        if self.progress.is_cancelled() {
            return;
        }
        let question = Question {
            path: &file.path,
            known: file.known,
            ignored: file.ignored,
            strict: false,
        };
        self.report(&question, Some(file.stat), false, found);
        self.progress.files.fetch_add(1, Ordering::Relaxed);
    }

    /// Looks at a path and notes what it is. Without `always`, an answer that changes nothing is left out.
    pub(super) fn report(
        &self,
        question: &Question<'_>,
        stat: Option<StatSig>,
        always: bool,
        found: &mut Found,
    ) {
        match self.reader.look(question, stat) {
            Looked::Unreachable(error) => {
                found.uncovered(question.path.clone(), "cannot be reached", &error)
            }
            Looked::Seen(outcome, bytes) => {
                self.progress.bytes.fetch_add(bytes, Ordering::Relaxed);
                let says_nothing = match outcome {
                    Outcome::Unchanged { stat: None } => !always,
                    Outcome::Gone => question.known.is_none(),
                    _ => false,
                };
                if !says_nothing {
                    found.see(question.path.clone(), outcome);
                }
            }
        }
    }
}
