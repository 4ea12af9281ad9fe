//! The preconditions of a whole plan, looked at without touching anything.
//! Whether a plan with conflicts is refused or narrowed is the caller's decision.

use std::collections::{BTreeMap, HashMap, HashSet};

use aft_model::{Conflict, ConflictReason, ContentId, FileState, RelPath, StatSig};

use crate::contents::{self, Prepared};
use crate::folding;
use crate::look::{self, Seen};
use crate::pair::{TWO_THREADS_FROM, in_two_threads};
use crate::stage::{self, HOME};
use crate::task::{Applier, Kind, Step, Task};

const STICKY: u32 = 0o1000;

/// What becomes of each path of a plan.
type Planned<'a> = HashMap<&'a RelPath, &'a Step<'a>>;

/// What a check found.
#[derive(Debug, Default)]
pub struct Checked {
    /// At most one for each path, in the operation's order.
    pub conflicts: Vec<Conflict>,
    /// Contents that were read and verified, for [`Applier::stage`].
    pub prepared: Prepared,
    /// The file system has too little room; everything that needs some is a conflict.
    pub no_room: bool,
}

impl Applier<'_> {
    /// Looks at every precondition of `task`. Touches nothing.
    #[must_use]
    pub fn check(&self, task: &Task<'_>) -> Checked {
        let steps = task.steps();
        let plan: Planned<'_> = steps.iter().map(|step| (&step.change.path, step)).collect();
        let mut found = if self.two_writers && steps.len() >= TWO_THREADS_FROM {
            let (first, second) = steps.split_at(steps.len() / 2);
            let (mut found, more) = in_two_threads(
                || self.refusals(task, &plan, first),
                || self.refusals(task, &plan, second),
            );
            found.extend(more);
            found
        } else {
            self.refusals(task, &plan, &steps)
        };
        if self.root.may_fold_names() {
            for index in folding::collisions(&steps) {
                found.entry(index).or_insert(ConflictReason::SameName);
            }
        }
        let prepared = self.check_contents(&steps, &mut found);
        let no_room = !self.has_room(&steps);
        if no_room {
            for step in steps
                .iter()
                .filter(|step| step.kind.is_staged() || step.kind == Kind::MakeDir)
            {
                found
                    .entry(step.index)
                    .or_insert(ConflictReason::NotWritable);
            }
        }
        let conflicts = steps.iter().filter_map(|step| {
            let reason = found.get(&step.index)?;
            Some(Conflict::new(step.change.path.clone(), *reason))
        });
        Checked {
            conflicts: conflicts.collect(),
            prepared,
            no_room,
        }
    }

    fn refusals(
        &self,
        task: &Task<'_>,
        plan: &Planned<'_>,
        steps: &[Step<'_>],
    ) -> BTreeMap<usize, ConflictReason> {
        let mut look = Looks {
            applier: *self,
            device: self.root.identity().map(|id| id.dev).ok(),
            plan,
            parents: HashMap::new(),
        };
        let mut refusal = |step: &Step<'_>| look.refusal(step, (task.stats)(&step.change.path));
        steps
            .iter()
            .filter_map(|step| Some((step.index, refusal(step)?)))
            .collect()
    }

    fn check_contents(
        &self,
        steps: &[Step<'_>],
        found: &mut BTreeMap<usize, ConflictReason>,
    ) -> Prepared {
        let mut asked = HashSet::new();
        let needed: Vec<_> = steps
            .iter()
            .filter_map(stage::needed)
            .filter(|need| asked.insert(need.id))
            .collect();
        let (prepared, faulty) = contents::prepare(self.contents, &needed);
        let faulty: HashSet<ContentId> = faulty.into_iter().collect();
        for step in steps {
            let damaged = stage::needed(step).is_some_and(|need| faulty.contains(&need.id));
            if damaged || step.target.is_opaque() {
                found
                    .entry(step.index)
                    .or_insert(ConflictReason::ContentDamaged);
            }
        }
        prepared
    }

    fn has_room(&self, steps: &[Step<'_>]) -> bool {
        let (bytes, inodes) = stage::space_needed(steps);
        match self.root.free_space() {
            // Some file systems have no fixed number of inodes and report none at all.
            Ok((free, free_inodes)) => {
                free >= bytes + bytes / 10
                    && (free_inodes == 0 || free_inodes >= inodes + inodes / 10 + 3)
            }
            Err(error) => {
                tracing::warn!(%error, "free space is unknown");
                true
            }
        }
    }
}

/// What a parent directory allows.
#[derive(Clone, Copy)]
enum Verdict {
    /// Its entries can be looked at and changed; in a `guarded` one, which is sticky and somebody else's, only our own.
    Open { guarded: bool },
    /// The plan makes it; until then nothing beneath its path is meant.
    Made,
    /// It is gone, and with it whatever was in it.
    Gone,
    /// No.
    Refused(ConflictReason),
}

struct Looks<'a> {
    applier: Applier<'a>,
    device: Option<u64>,
    plan: &'a Planned<'a>,
    parents: HashMap<RelPath, Verdict>,
}

impl Looks<'_> {
    /// Why the step may not run, if so.
    fn refusal(&mut self, step: &Step<'_>, known: Option<StatSig>) -> Option<ConflictReason> {
        let path = &step.change.path;
        if path.is_root() || path.is_git() || path.components().next() == Some(HOME) {
            return Some(ConflictReason::Unsafe);
        }
        if step.change.before.is_opaque() {
            return Some(ConflictReason::NotCaptured);
        }
        if step.kind == Kind::Nothing || step.target.is_opaque() {
            return None;
        }
        let parent = path.parent()?;
        let verdict = match self.parents.get(&parent) {
            Some(verdict) => *verdict,
            None => {
                let verdict = self.refusal_of_parent(&parent);
                self.parents.insert(parent, verdict);
                verdict
            }
        };
        // Only a mode changes: the parent need not be written.
        let in_place = matches!(step.kind, Kind::OpenDir | Kind::CloseDir | Kind::FileMode);
        let guarded = match verdict {
            Verdict::Made if !step.change.before.exists() => return None,
            // What was to go has gone with it. To call that a change would keep the entry in the history without
            // the directory, whose own step is at its target.
            Verdict::Gone if !step.target.exists() => return None,
            Verdict::Gone => return Some(ConflictReason::ChangedNow),
            Verdict::Refused(ConflictReason::NotWritable) if in_place => false,
            Verdict::Refused(reason) => return Some(reason),
            Verdict::Made => false,
            Verdict::Open { guarded } => guarded,
        };
        // What is replaced becomes ours, and a mode is set by its owner; to remove needs the directory alone.
        let removed = matches!(step.kind, Kind::Delete | Kind::RemoveDir);
        self.refusal_of_entry(step, known, guarded || !removed)
    }

    fn refusal_of_parent(&self, parent: &RelPath) -> Verdict {
        let root = self.applier.root;
        let planned = self.plan.get(parent);
        let planned = planned.map(|step| (step.change.before, step.target));
        let is_made = planned.is_some_and(|(before, target)| !before.is_dir() && target.is_dir());
        match root.lstat_with_rights(parent) {
            Ok(Some((stat, rights))) if look::is_dir(&stat) => {
                let opened =
                    matches!(planned, Some((_, FileState::Dir { mode })) if mode & 0o300 == 0o300);
                if self.device.is_some_and(|device| device != stat.dev) {
                    Verdict::Refused(ConflictReason::Unsafe)
                } else if !opened && !root.may_write(parent).unwrap_or(false) {
                    Verdict::Refused(ConflictReason::NotWritable)
                } else {
                    Verdict::Open {
                        guarded: stat.mode & STICKY != 0 && !rights.owned,
                    }
                }
            }
            // Whatever is there now, its own step or that of a directory above it answers for it.
            _ if is_made => Verdict::Made,
            Err(error) if look::is_escape(&error) => Verdict::Refused(ConflictReason::Unsafe),
            Err(_) => Verdict::Refused(ConflictReason::NotWritable),
            Ok(Some((stat, _))) if look::is_link(&stat) => Verdict::Refused(ConflictReason::Unsafe),
            Ok(_) => Verdict::Gone,
        }
    }

    fn refusal_of_entry(
        &self,
        step: &Step<'_>,
        known: Option<StatSig>,
        must_own: bool,
    ) -> Option<ConflictReason> {
        let root = self.applier.root;
        let seen = root.lstat_with_rights(&step.change.path).and_then(|found| {
            let seen = look::see_found(root, step, known, found.map(|(stat, _)| stat))?;
            Ok((seen, found.map(|(_, rights)| rights)))
        });
        match seen {
            Ok((Seen::Before { .. }, Some(rights)))
                if rights.fixed || (must_own && !rights.owned) =>
            {
                Some(ConflictReason::NotWritable)
            }
            Ok((seen, _)) => self.refusal_of_seen(step, &seen),
            Err(error) if look::is_escape(&error) => Some(ConflictReason::Unsafe),
            Err(error) => {
                tracing::debug!(%error, "a path of the plan cannot be looked at");
                Some(ConflictReason::NotWritable)
            }
        }
    }

    fn refusal_of_seen(&self, step: &Step<'_>, seen: &Seen) -> Option<ConflictReason> {
        match seen {
            // A name nobody has was looked for, and a file of another name answered.
            Seen::Other(_) if self.is_folded(step) => Some(ConflictReason::SameName),
            Seen::Other(_) => Some(ConflictReason::ChangedNow),
            Seen::Target(_) => None,
            Seen::Before { .. } => match step.kind {
                Kind::RemoveDir | Kind::DirToFile => self.refusal_of_directory(&step.change.path),
                _ => None,
            },
        }
    }

    fn is_folded(&self, step: &Step<'_>) -> bool {
        let root = self.applier.root;
        if step.change.before.exists() || !root.may_fold_names() {
            return false;
        }
        let Some((parent, name)) = step.change.path.split() else {
            return false;
        };
        let entries = root.scan(&parent);
        entries.is_ok_and(|entries| entries.iter().all(|entry| *entry.name != *name))
    }

    /// A directory goes only when the plan removes every entry it has.
    fn refusal_of_directory(&self, dir: &RelPath) -> Option<ConflictReason> {
        let Ok(entries) = self.applier.root.scan(dir) else {
            return Some(ConflictReason::NotWritable);
        };
        let goes = |name: &[u8]| {
            let path = dir.join(name).ok()?;
            self.plan.get(&path).map(|step| !step.target.exists())
        };
        let all_go = entries.iter().all(|entry| goes(&entry.name) == Some(true));
        (!all_go).then_some(ConflictReason::DirectoryInUse)
    }
}
