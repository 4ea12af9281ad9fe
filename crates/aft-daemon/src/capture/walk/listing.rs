//! The listing of one directory held against what is known of it.
//!
//! Does: pair entries with what is known, look after what is known and not listed, and sort out what must be walked or read.
//! Does not: list, arm or read.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aft_model::{FileState, Known, RelPath};
use aft_os::ScanEntry;

use super::super::Outcome;
use super::super::look::{Question, is_dir, leads_elsewhere, permissions};
use super::{Candidate, DirUnit, Found, Unit, Walk};
use crate::rules::{DirRules, Verdict};

impl Walk<'_> {
    /// What is known of each entry of a listing. Looks after what is known and not listed.
    pub(super) fn pair_with_known(
        &self,
        dir: &RelPath,
        mut entries: Vec<ScanEntry>,
        found: &mut Found,
    ) -> (Vec<ScanEntry>, Vec<Option<Known>>) {
        let mut known = Vec::with_capacity(entries.len());
        let mut names = entries.iter().map(|entry| &*entry.name);
        let n_known = self
            .env
            .tree
            .in_dir(dir, &mut names, &mut |one| known.push(one.copied()));
        // Most directories of most scans have what they had.
        if n_known.is_some_and(|n_known| n_known == known.iter().flatten().count()) {
            return (entries, known);
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        known.clear();
        known.resize(entries.len(), None);
        let mut missing = Vec::new();
        self.env.tree.children(dir, &mut |name, one| {
            let at = entries.binary_search_by(|entry| entry.name.as_ref().cmp(name));
            match at.ok().and_then(|at| known.get_mut(at)) {
                Some(slot) => *slot = Some(*one),
                None => missing.push((Box::<[u8]>::from(name), *one)),
            }
        });
        for (name, known) in missing {
            self.missing(dir, &name, known, found);
        }
        (entries, known)
    }

    /// Something known was not listed. A listing can miss an entry that is renamed while it runs, so `lstat` decides.
    fn missing(&self, dir: &RelPath, name: &[u8], known: Known, found: &mut Found) {
        let Ok(path) = dir.join(name) else { return };
        match self.env.fs.lstat(&path) {
            Ok(Some(_)) if self.spelling.is_still_other(&path) => {
                self.gone_known(path, known, found)
            }
            // It is back, and the signal of that is on its way, since the directory is armed.
            Ok(Some(_)) => {}
            Ok(None) => self.gone_known(path, known, found),
            Err(error) if leads_elsewhere(&error) => self.gone_known(path, known, found),
            Err(error) => found.uncovered(path, "cannot be reached", &error),
        }
    }

    fn gone_known(&self, path: RelPath, known: Known, found: &mut Found) {
        if known.state.is_dir() {
            found.ended.push(path.clone());
            self.gone_beneath(&path, found);
        }
        found.see(path, Outcome::Gone);
    }

    /// One entry of a listing. A file that must be read is returned.
    pub(super) fn entry(
        &self,
        rules: &Arc<DirRules>,
        entry: ScanEntry,
        known: Option<Known>,
        may_arm: bool,
        more: &mut Vec<Unit>,
        found: &mut Found,
    ) -> Option<Candidate> {
        let entry_is_dir = is_dir(&entry.stat);
        let verdict = self.env.rules.verdict_in(rules, &entry.name, entry_is_dir);
        let path = || rules.path().join(&entry.name).ok();
        let ignored = verdict == Verdict::TrackIgnored;
        if let Verdict::Skip(reason) = verdict {
            let path = path()?;
            self.leave(&path, known, entry_is_dir, found);
            found.coverage.left_out.note(path, reason);
            return None;
        }
        if entry_is_dir {
            let path = path()?;
            let state = FileState::Dir {
                mode: permissions(&entry.stat),
            };
            if known.is_none_or(|known| known.state != state || known.ignored != ignored) {
                let known = Known {
                    state,
                    stat: Some(entry.stat),
                    ignored,
                };
                found.see(path.clone(), Outcome::State(known));
            }
            let above = Some((Arc::clone(rules), verdict));
            more.push(Unit::Dir(DirUnit {
                path,
                above,
                may_arm,
                tries: 0,
            }));
            return None;
        }
        // Most entries of most scans end here, so the path is not even put together before it is needed: only a strict
        // question uses it.
        let is_same =
            known.is_some_and(|known| known.stat.is_some_and(|stat| stat.same(&entry.stat)));
        let path = if is_same && !self.reader.strict {
            let question = Question {
                path: rules.path(),
                known,
                ignored,
                strict: false,
            };
            if self.reader.is_as_known(&question, &entry.stat) {
                self.progress.files.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            path()?
        } else {
            path()?
        };
        if let Some(Known {
            state: FileState::Dir { .. },
            ..
        }) = known
        {
            found.ended.push(path.clone());
            self.gone_beneath(&path, found);
        }
        Some(Candidate {
            path,
            stat: entry.stat,
            known,
            ignored,
        })
    }
}
