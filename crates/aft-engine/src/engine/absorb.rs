//! From what looks found to operations.

use std::collections::BTreeMap;

use aft_model::{Change, FileState, Known, Operation, OperationKind, RelPath, StatSig};

use super::{Engine, LookKind};
use crate::Tree;
use crate::burst::{Burst, Fit};
use crate::event::{Hint, JobId, Now, Outcome, ScanMode, Seen, WorkspaceState};

impl Engine {
    pub(super) fn captured(&mut self, now: Now, job: JobId, seen: Vec<Seen>) {
        let Some(look) = self.looking.filter(|look| look.job == job) else {
            return;
        };
        self.looking = None;
        let linked = self.other_names(&seen);
        self.absorb(now, seen);
        if !linked.is_empty() && look.kind == LookKind::Paths {
            // The write is not wholly in the history before its other names are, so fences wait for them too.
            for path in linked {
                self.pending.look(path, false);
            }
            self.fences_wait_again(job);
        }
        if look.kind == LookKind::Plan {
            self.end_burst(now);
            self.plan_looked(job);
        }
    }

    pub(super) fn scanned(&mut self, now: Now, job: JobId, seen: Vec<Seen>) {
        let Some(look) = self.looking.filter(|look| look.job == job) else {
            return;
        };
        self.looking = None;
        if look.kind == LookKind::Tree(ScanMode::Baseline) {
            self.take_baseline(now, seen);
            return;
        }
        let gap = std::mem::take(&mut self.scan_gap);
        let reason = self.scan_reason.take();
        if gap {
            self.end_burst(now);
            let mut burst = Burst::new(now.mono_ns, self.attribution.clone());
            burst.gap = Some(reason.unwrap_or_else(|| "events were lost".to_owned()));
            self.burst = Some(burst);
        }
        let arming = self.state == WorkspaceState::Arming;
        self.absorb(now, seen);
        if gap || arming {
            self.end_burst(now);
        }
    }

    fn take_baseline(&mut self, now: Now, mut seen: Vec<Seen>) {
        seen.sort_by(|a, b| a.path.cmp(&b.path));
        let states = seen.iter().filter_map(|seen| match seen.outcome {
            Outcome::State(known) | Outcome::Unstable(known) => Some((seen.path.clone(), known)),
            Outcome::Unchanged(_) | Outcome::Gone | Outcome::Skipped => None,
        });
        let changes = |(path, known): (RelPath, Known)| Change {
            path,
            before: FileState::Absent,
            after: known.state,
            renamed_from: None,
        };
        self.tree = std::sync::Arc::new(Tree::from_entries(states.clone()));
        let changes = states.map(changes).collect();
        for seen in seen
            .iter()
            .filter(|seen| matches!(seen.outcome, Outcome::Unstable(_)))
        {
            self.look_again(now, &seen.path);
        }
        let operation = self.operation(now, OperationKind::Baseline, changes);
        self.record(operation);
    }

    fn look_again(&mut self, now: Now, path: &RelPath) {
        let hint = Hint::LookWhenQuiet(path.clone());
        self.pending.add(
            hint,
            now.mono_ns,
            self.settings.settle_ns,
            self.settings.burst_max_ns,
        );
    }

    fn absorb(&mut self, now: Now, seen: Vec<Seen>) {
        for Seen { path, outcome } in seen {
            match outcome {
                Outcome::Unchanged(stat) => self.trust(&path, stat),
                Outcome::State(known) => self.step(now, &path, known),
                Outcome::Gone => self.step(
                    now,
                    &path,
                    crate::event::known(FileState::Absent, None, false),
                ),
                Outcome::Skipped => {
                    self.set(&path, crate::event::known(FileState::Absent, None, false))
                }
                Outcome::Unstable(known) => {
                    self.step(now, &path, known);
                    self.look_again(now, &path);
                }
            }
        }
    }

    /// Other names of files that were found changed: a write through one hard link changes all, and only
    /// the name it went through is signalled.
    fn other_names(&self, seen: &[Seen]) -> Vec<RelPath> {
        let mut changed = BTreeMap::new();
        for seen in seen {
            if let Outcome::State(Known {
                state,
                stat: Some(stat),
                ..
            }) = seen.outcome
                && stat.nlink > 1
                && matches!(state, FileState::File { .. })
            {
                changed.insert((stat.dev, stat.ino), state);
            }
        }
        let mut names = Vec::new();
        if !changed.is_empty() {
            self.tree
                .each_beneath(&RelPath::root(), &mut |path, known| {
                    let state = known
                        .stat
                        .and_then(|stat| changed.get(&(stat.dev, stat.ino)));
                    if state.is_some_and(|state| *state != known.state)
                        && !seen.iter().any(|seen| seen.path == *path)
                    {
                        names.push(path.clone());
                    }
                });
        }
        names
    }

    fn trust(&mut self, path: &RelPath, stat: Option<StatSig>) {
        if let Some(held) = self.tree.get(path).copied()
            && stat.is_some()
            && held.stat != stat
        {
            self.set(path, Known { stat, ..held });
        }
    }

    /// One path is in another state than the tree says, or has a newer signature.
    fn step(&mut self, now: Now, path: &RelPath, after: Known) {
        let before = self.tree.get(path).copied();
        let before_state = before.map_or(FileState::Absent, |known| known.state);
        if before_state == after.state {
            if after.state.exists() {
                self.set(path, after);
            }
            return;
        }
        let from = (before_state, before.and_then(|known| known.stat));
        let to = (after.state, after.stat);
        if self.open_burst(now).offer(path, from, to) == Fit::SecondVersion {
            self.end_burst(now);
            self.open_burst(now).offer(path, from, to);
        }
        self.set(path, after);
    }

    fn open_burst(&mut self, now: Now) -> &mut Burst {
        let attribution = &self.attribution;
        self.burst
            .get_or_insert_with(|| Burst::new(now.mono_ns, attribution.clone()))
    }

    /// Monotonic time at which the burst ends by itself.
    pub(super) fn burst_due(&self, burst: &Burst) -> u64 {
        let quiet = self.last_hint_ns + self.settings.settle_ns;
        quiet.min(burst.started_ns() + self.settings.burst_max_ns)
    }

    pub(super) fn end_quiet_burst(&mut self, now: Now) {
        let Some(burst) = &self.burst else { return };
        let at_cap = now.mono_ns >= burst.started_ns() + self.settings.burst_max_ns;
        let quiet = self.looking.is_none()
            && !self.pending.is_ready()
            && now.mono_ns >= self.burst_due(burst);
        if at_cap || quiet {
            self.end_burst(now);
        }
    }

    /// Makes an operation of what is gathered, if anything is.
    pub(super) fn end_burst(&mut self, now: Now) {
        let Some(burst) = self.burst.take() else {
            return;
        };
        if burst.is_empty() && burst.gap.is_none() {
            return;
        }
        let attribution = burst.attribution.clone();
        let gap = burst.gap.clone();
        let changes = burst.into_changes();
        let kind = if gap.is_some() {
            OperationKind::Gap
        } else {
            attribution.kind
        };
        let mut operation = self.operation(now, kind, changes);
        operation.author = attribution.author;
        operation.session = attribution.session;
        operation.turn = attribution.turn;
        operation.tool = attribution.tool;
        operation.note = gap.or_else(|| {
            (self.state == WorkspaceState::Arming).then(|| "changed while nobody watched".into())
        });
        self.record(operation);
    }

    /// A new operation with the next number and nobody's name on it.
    pub(super) fn operation(
        &mut self,
        now: Now,
        kind: OperationKind,
        changes: Vec<Change>,
    ) -> Operation {
        Operation {
            id: self.take_number(),
            kind,
            author: aft_model::Author::Unknown,
            time_ns: now.wall_ns,
            session: None,
            turn: None,
            tool: None,
            reverts: Vec::new(),
            target: None,
            head: self.git_head.clone(),
            note: None,
            changes,
        }
    }
}
