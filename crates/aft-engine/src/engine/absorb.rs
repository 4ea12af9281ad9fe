//! From what looks found to operations.

use std::collections::BTreeMap;
use std::sync::Arc;

use aft_model::{
    Author, Change, FileState, Known, OpaqueReason, Operation, OperationKind, RelPath, SessionId,
    StatSig,
};

use super::{Engine, LookKind, Walk};
use crate::Tree;
use crate::burst::{Burst, Fit};
use crate::claims::{Owner, Share};
use crate::event::{Effect, Hint, JobId, Now, Outcome, ScanMode, Seen, WorkspaceState};
use crate::evidence::Witnessed;

/// Paths that are named of an operation whose owner is not known.
const OVERLAPS_TOLD: usize = 10;

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
        let Walk { gap, reason } = std::mem::take(&mut self.walk);
        if gap {
            self.end_burst(now);
            let mut burst = Burst::new(now.mono_ns, Arc::clone(&self.claims));
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
            Outcome::State(known) | Outcome::Entered(known) | Outcome::Unstable(known) => {
                Some((seen.path.clone(), known))
            }
            Outcome::Unchanged(_) | Outcome::Gone | Outcome::Skipped | Outcome::Behind => None,
        });
        let changes = |(path, known): (RelPath, Known)| Change {
            path,
            before: FileState::Absent,
            after: known.state,
            renamed_from: None,
        };
        self.tree = std::sync::Arc::new(Tree::from_entries(states.clone()));
        let changes = states.map(changes).collect();
        for Seen { path, outcome } in &seen {
            match outcome {
                Outcome::Unstable(_) => self.look_again(now, path),
                Outcome::Behind => self.fall_behind(now, path),
                _ => {}
            }
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

    /// Looked at again when the store accepts contents again; until then no fence is true.
    fn fall_behind(&mut self, now: Now, path: &RelPath) {
        self.behind.add(Hint::Look(path.clone()), now.mono_ns, 0, 0);
    }

    fn absorb(&mut self, now: Now, seen: Vec<Seen>) {
        let nothing = || crate::event::known(FileState::Absent, None, false);
        let (mut left, mut entered) = (Vec::new(), Vec::new());
        // What is gone goes first, the deepest before what held it: where a second version ends the burst in between,
        // each of the two operations leaves a tree in which every file has its directories.
        let (mut gone, rest): (Vec<Seen>, Vec<Seen>) = seen
            .into_iter()
            .partition(|seen| seen.outcome == Outcome::Gone);
        gone.sort_by(|a, b| b.path.cmp(&a.path));
        for Seen { path, outcome } in gone.into_iter().chain(rest) {
            match outcome {
                Outcome::Unchanged(stat) => self.trust(&path, stat),
                Outcome::State(known) if !self.is_left_out(&path) => self.step(now, &path, known),
                Outcome::State(known) | Outcome::Entered(known) => entered.push((path, known)),
                Outcome::Gone if self.is_left_out(&path) => entered.push((path, nothing())),
                Outcome::Gone => self.step(now, &path, nothing()),
                Outcome::Skipped => left.extend(self.leaving(path)),
                Outcome::Behind => self.fall_behind(now, &path),
                Outcome::Unstable(known) => {
                    self.step(now, &path, known);
                    self.look_again(now, &path);
                }
            }
        }
        self.record_leaving(now, left);
        self.record_entering(now, entered);
    }

    /// A rule left it out when it was last heard of.
    fn is_left_out(&self, path: &RelPath) -> bool {
        let FileState::Opaque { reason, .. } = self.tree.state(path) else {
            return false;
        };
        reason == OpaqueReason::NotCovered
    }

    /// What it means that a rule leaves a path out which was covered: something is there, and nobody knows what. A
    /// directory has no bytes to know, so it stays one.
    fn leaving(&self, path: RelPath) -> Option<Change> {
        let before = self.tree.get(&path)?.state;
        let (size, mode) = match before {
            FileState::File { size, mode, .. } | FileState::Opaque { size, mode, .. } => {
                (size, mode)
            }
            FileState::Symlink { .. } => (0, 0o777),
            FileState::Absent | FileState::Dir { .. } => return None,
        };
        let after = FileState::Opaque {
            reason: OpaqueReason::NotCovered,
            size,
            mode,
        };
        (before != after).then_some(Change {
            path,
            before,
            after,
            renamed_from: None,
        })
    }

    /// Paths that leave coverage are an operation of their own, so that the history still folds to the tree. It is
    /// a gap: from here on nothing is known of them, and there is nothing to take back.
    fn record_leaving(&mut self, now: Now, left: Vec<Change>) {
        if left.is_empty() {
            return;
        }
        self.end_burst(now);
        // A burst on the way may hold one of them: what it says comes first, and is where this begins.
        for change in &left {
            self.set(&change.path, crate::event::known(change.after, None, false));
        }
        let mut operation = self.operation(now, OperationKind::Gap, left);
        operation.note = Some("a rule leaves these out from here on; they stay on disk".into());
        self.record(operation);
    }

    /// Paths that come into coverage are an operation of their own as well: they were there, so nobody made them, and
    /// to take that back would remove what somebody had all along. What they were is not "nothing" but unknown, so
    /// that going back to a point before leaves them.
    fn record_entering(&mut self, now: Now, entered: Vec<(RelPath, Known)>) {
        if entered.is_empty() {
            return;
        }
        let mut changes = Vec::with_capacity(entered.len());
        self.end_burst(now);
        for (path, known) in entered {
            let before = match self.tree.get(&path) {
                Some(held) => held.state,
                None => unknown_until_now(&known.state),
            };
            if before != known.state {
                changes.push(Change {
                    path: path.clone(),
                    before,
                    after: known.state,
                    renamed_from: None,
                });
            }
            self.set(&path, known);
        }
        if changes.is_empty() {
            return;
        }
        let mut operation = self.operation(now, OperationKind::Gap, changes);
        operation.note = Some("rules cover these from here on; they were there before".into());
        self.record(operation);
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
        if let Some(evidence) = self.wrote.remove(path) {
            self.open_burst(now).witness(path, &evidence);
        }
        self.set(path, after);
    }

    fn open_burst(&mut self, now: Now) -> &mut Burst {
        let claims = &self.claims;
        self.burst
            .get_or_insert_with(|| Burst::new(now.mono_ns, Arc::clone(claims)))
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
        let Some(mut burst) = self.burst.take() else {
            return;
        };
        if burst.is_empty() && burst.gap.is_none() {
            return;
        }
        let claims = Arc::clone(&burst.claims);
        let gap = burst.gap.clone();
        let witnessed = burst.take_witnessed();
        let changes = burst.into_changes();
        if gap.is_some() {
            // Events were lost, and with them when it happened.
            let owner = claims.of_everything().unwrap_or_else(Owner::unknown);
            let mut operation = self.operation(now, OperationKind::Gap, changes);
            owner.attribution.sign(&mut operation);
            operation.note = gap;
            self.record(operation);
            return;
        }
        for share in claims.divide(changes, &witnessed) {
            self.record_share(now, share, &witnessed);
        }
    }

    fn record_share(&mut self, now: Now, share: Share, witnessed: &Witnessed) {
        let Share { owner, changes } = share;
        let Owner {
            attribution,
            shared_by,
            ..
        } = owner;
        let paths = changes.iter().map(|change| change.path.clone());
        let told = (paths.take(OVERLAPS_TOLD).collect(), changes.len());
        let processes = witnessed.processes(&changes);
        let mut operation = self.operation(now, attribution.kind, changes);
        attribution.sign(&mut operation);
        operation.note = (self.state == WorkspaceState::Arming)
            .then(|| "changed while nobody watched".to_owned())
            .or_else(|| shared_note(&shared_by))
            .into_iter()
            .chain(processes)
            .reduce(|note, processes| format!("{note}; {processes}"));
        let id = operation.id;
        self.record(operation);
        if !shared_by.is_empty() {
            self.effects.push(Effect::Overlap {
                operation: id,
                sessions: shared_by,
                paths: told.0,
                n_paths: told.1,
            });
        }
    }

    /// A new operation with the next number and nobody's name on it.
    pub(super) fn operation(
        &mut self,
        now: Now,
        kind: OperationKind,
        changes: Vec<Change>,
    ) -> Operation {
        Operation {
            time_ns: now.wall_ns,
            head: self.git_head.clone(),
            ..Operation::bare(self.take_number(), kind, changes)
        }
    }
}

/// Why an operation is nobody's that several had claimed.
fn shared_note(shared_by: &[(SessionId, Author)]) -> Option<String> {
    let mut names: Vec<String> = shared_by.iter().map(|(_, author)| author.label()).collect();
    names.truncate(4);
    match names.as_slice() {
        [] => None,
        [only] => Some(format!("shared: {only} and somebody else")),
        several => Some(format!("shared: claimed at once by {}", several.join(", "))),
    }
}

/// What a path was that comes into coverage and is `found`: something was there, and nobody knows what.
fn unknown_until_now(found: &FileState) -> FileState {
    let (size, mode) = match *found {
        FileState::File { size, mode, .. } | FileState::Opaque { size, mode, .. } => (size, mode),
        FileState::Dir { mode } => (0, mode),
        FileState::Symlink { .. } => (0, 0o777),
        FileState::Absent => return FileState::Absent,
    };
    FileState::Opaque {
        reason: OpaqueReason::NotCovered,
        size,
        mode,
    }
}
