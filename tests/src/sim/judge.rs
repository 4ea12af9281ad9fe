//! What is promised, held against what the users did and what is on disk. The engine's own tree is judged, never
//! believed.

mod back;

use std::collections::{BTreeMap, BTreeSet};

use aft_daemon::workspace::Done;
use aft_model::{ContentId, FileState, RelPath, StatSig};
use aft_os::ReadDir;
use aft_testkit::manifest::{Entry, Kind, Manifest};

use super::Violation;
use super::history::{States, is_as, is_tracked};
use super::requests::{Answer, Asked, What};
use super::run::Run;
use super::user::{Path, differing, is_ruled};

impl Run {
    /// Holds every answer that came against what is promised with it.
    pub(super) fn judge_answers(&mut self) -> Result<(), Violation> {
        for (id, answer) in self.answers.take() {
            let Some(asked) = self.asked.remove(&id) else {
                return Err(Violation(format!("request {id} was answered twice")));
            };
            let named = |violation: Violation| Violation(format!("request {id}: {}", violation.0));
            self.judge_answer(&asked, answer).map_err(named)?;
        }
        Ok(())
    }

    fn judge_answer(&mut self, asked: &Asked, answer: Answer) -> Result<(), Violation> {
        match answer {
            Answer::Sync(Ok(synced)) => {
                self.log.say(format!("answer: {synced:?}"));
                self.tally.fences += 1;
                self.judge_fence(asked)?;
                if synced.durable {
                    self.history.durable = self.history.durable.max(synced.head.0);
                }
            }
            Answer::Checkpoint(Ok(checkpoint)) => {
                self.log.say(format!(
                    "answer: {} at {}",
                    checkpoint.name, checkpoint.operation
                ));
                self.tally.checkpoints += 1;
                self.judge_fence(asked)?;
                self.history.durable = self.history.durable.max(checkpoint.operation.0);
                self.checkpoints
                    .insert(checkpoint.name.as_str().to_owned(), checkpoint.operation.0);
            }
            Answer::Back(Ok(Done::Plan(plan))) => self
                .log
                .say(format!("answer: {} steps planned", plan.steps.len())),
            Answer::Back(Ok(Done::Ran {
                operation,
                kept,
                not_covered,
                ..
            })) => {
                self.log.say(format!(
                    "answer: {operation:?} kept {kept:?} not covered {not_covered:?}"
                ));
                self.tally.went_back += 1;
                let left = kept.into_iter().map(|(path, _)| path);
                let left: BTreeSet<RelPath> = left
                    .chain(not_covered.into_iter().map(|left| left.path))
                    .collect();
                self.judge_back(asked, operation.as_deref(), &left)?;
            }
            Answer::Sync(Err(failure))
            | Answer::Checkpoint(Err(failure))
            | Answer::Back(Err(failure)) => {
                self.log.say(format!("answer: {failure:?}"));
                self.tally.refused += 1;
                let is_refusal = matches!(failure, aft_daemon::workspace::Failure::Refused(_));
                self.tally.failed += u64::from(!is_refusal);
            }
        }
        Ok(())
    }

    /// True for a path that rules never leave out in this run.
    pub(super) fn is_judged(&self, path: &[u8]) -> bool {
        is_tracked(path) && !(self.options.rules && is_ruled(path))
    }

    /// C1: the history's newest state, and the engine's tree, are the tree that was there when it was asked for,
    /// where nobody touched it since.
    pub(super) fn judge_fence(&mut self, asked: &Asked) -> Result<(), Violation> {
        let Some(workspace) = &self.workspace else {
            return Ok(());
        };
        if !self.history.can_follow(workspace.reader(), self.faulted)? {
            return Ok(());
        }
        let now = self.world.root.manifest();
        let touched = self.users.touched_since(asked.since);
        let mut tree = States::new();
        workspace
            .tree()
            .each_beneath(&RelPath::root(), &mut |path, known| {
                tree.insert(path.clone(), known.state);
            });
        for (name, states) in [("history", &self.history.states), ("tree", &tree)] {
            for path in all_paths(&[&asked.disk, &now], &[states]) {
                let entry = asked.disk.entries.get(&path);
                if !self.is_judged(&path)
                    || touched.contains(&path)
                    || entry != now.entries.get(&path)
                {
                    continue;
                }
                // A directory of that name is ignored as a whole: nothing of it is in the history, but that it is
                // there, where it became one while it was looked at.
                let is_left_out =
                    path.ends_with(b".log") && entry.is_some_and(|entry| entry.kind == Kind::Dir);
                let state = state_of(states, &path);
                let is_nothing = is_left_out && state == FileState::Absent;
                if !is_nothing && !is_as(entry, state) {
                    let shown = String::from_utf8_lossy(&path);
                    return Err(Violation(format!(
                        "C1: the {name} has {shown} as {state:?}, on disk is {entry:?}; history: {}",
                        self.history.about(&path)
                    )));
                }
            }
        }
        Ok(())
    }

    /// Stat of every file and link that belongs to somebody, before an errand.
    pub(super) fn signatures(&self) -> BTreeMap<Path, StatSig> {
        let disk = self.world.root.manifest();
        let files = disk.entries.iter().filter(|(path, entry)| {
            !path.starts_with(b".afterimage")
                && matches!(entry.kind, Kind::File { .. } | Kind::Symlink { .. })
        });
        files
            .filter_map(|(path, _)| {
                let at = RelPath::new(path).ok()?;
                Some((path.clone(), self.world.root.lstat(&at).ok()??))
            })
            .collect()
    }

    /// C5 and C4 after an errand: what was not meant keeps inode and time, nothing outside of coverage moved, and
    /// all that was displaced can be read.
    pub(super) fn judge_errand(
        &mut self,
        since: usize,
        disk: &Manifest,
        before: &BTreeMap<Path, StatSig>,
    ) -> Result<(), Violation> {
        let after = self.signatures();
        let now = self.world.root.manifest();
        let touched = self.users.touched_since(since);
        for path in differing(disk, &now) {
            let is_ours = path.starts_with(b".afterimage");
            if !is_ours && !touched.contains(&path) && !is_tracked(&path) {
                return Err(Violation(format!(
                    "C5: {} was changed",
                    String::from_utf8_lossy(&path)
                )));
            }
        }
        for (path, sig) in before {
            let is_same =
                disk.entries.get(path) == now.entries.get(path) && !touched.contains(path);
            if let Some(now) = after.get(path).filter(|_| is_same)
                && (now.ino, now.mtime_ns) != (sig.ino, sig.mtime_ns)
            {
                let shown = String::from_utf8_lossy(path);
                return Err(Violation(format!(
                    "C5: {shown} was the same and is another file now: {sig:?}, {now:?}"
                )));
            }
        }
        self.judge_displaced()
    }

    /// C4: what a user's write returned for and nobody else did away with is on disk, or an operation names it.
    pub(super) fn judge_displaced(&mut self) -> Result<(), Violation> {
        let Some(workspace) = &self.workspace else {
            return Ok(());
        };
        let displaced = self.users.displaced(&self.world.root.manifest());
        self.tally.displaced += displaced.len() as u64;
        if displaced.is_empty() || !self.history.can_follow(workspace.reader(), self.faulted)? {
            return Ok(());
        }
        let named = self.history.contents();
        for hash in displaced {
            let id = ContentId(hash);
            if !named.contains(&id) {
                let is_held = workspace.reader().contains(&id).map_err(Violation::of)?;
                return Err(Violation(format!(
                    "C4: bytes that a user wrote are in no operation: {id}; in the store: {is_held}"
                )));
            }
        }
        Ok(())
    }

    /// V1: a version that was read is in an operation of its own, where the one that was saved over it was read too.
    fn judge_versions(&self) -> Result<(), Violation> {
        let Some(workspace) = &self.workspace else {
            return Ok(());
        };
        let named = self.history.contents();
        for (path, both) in self.users.replaced() {
            let [id, next] = both.map(ContentId);
            let reader = workspace.reader();
            if self.is_judged(&path)
                && !named.contains(&id)
                && reader.contains(&id).map_err(Violation::of)?
                && reader.contains(&next).map_err(Violation::of)?
            {
                let shown = String::from_utf8_lossy(&path);
                return Err(Violation(format!(
                    "V1: a version of {shown} was captured and is in no operation: {id}; history: {}",
                    self.history.about(&path)
                )));
            }
        }
        Ok(())
    }

    /// At the end: a fence over a tree at rest, everything readable, nothing left behind.
    pub(super) fn final_look(&mut self) -> Result<(), Violation> {
        self.sync(false);
        self.rest()?;
        let disk = self.world.root.manifest();
        let is_ours = |path: &&Path| path.starts_with(b".afterimage");
        let left: Vec<_> = disk.entries.keys().filter(is_ours).collect();
        if !left.is_empty() {
            let left = left.into_iter().map(|path| String::from_utf8_lossy(path));
            return Err(Violation(format!(
                "C5: {:?} was left behind",
                left.collect::<Vec<_>>()
            )));
        }
        let asked = Asked {
            since: self.users.now(),
            disk,
            what: What::Sync,
        };
        self.judge_fence(&asked)?;
        self.judge_displaced()?;
        self.judge_versions()?;
        let Some(workspace) = &self.workspace else {
            return Ok(());
        };
        self.history.read_everything(workspace.reader())?;
        self.tally.operations += self.history.ids.len() as u64;
        let gaps = self
            .history
            .operations()
            .filter(|operation| operation.kind == aft_model::OperationKind::Gap);
        self.tally.gaps += gaps.count() as u64;
        let kinds: Vec<String> = self
            .history
            .operations()
            .map(|operation| {
                format!(
                    "{} {} {}",
                    operation.id,
                    operation.kind.as_str(),
                    operation.changes.len()
                )
            })
            .collect();
        self.log.say(format!("history: {kinds:?}"));
        Ok(())
    }
}

fn state_of(states: &States, path: &[u8]) -> FileState {
    RelPath::new(path)
        .ok()
        .and_then(|path| states.get(&path).copied())
        .unwrap_or(FileState::Absent)
}

fn without_set_id(entry: &Entry) -> Entry {
    Entry {
        mode: entry.mode & !0o6000,
        ..entry.clone()
    }
}

fn without_set_id_in(state: FileState) -> FileState {
    match state {
        FileState::File {
            content,
            size,
            mode,
        } => FileState::File {
            content,
            size,
            mode: mode & !0o6000,
        },
        other => other,
    }
}

fn all_paths(disks: &[&Manifest], states: &[&States]) -> BTreeSet<Path> {
    let on_disk = disks.iter().flat_map(|disk| disk.entries.keys().cloned());
    let in_history = states
        .iter()
        .flat_map(|states| states.keys().map(|path| path.as_bytes().to_vec()));
    on_disk.chain(in_history).collect()
}
