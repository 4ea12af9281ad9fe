//! Errands that are cut short, kills, power cuts and ends in good order, and what must hold when it comes back.

use aft_daemon::workspace::{SaveState, Stepped};
use aft_model::{OperationKind, RelPath};
use aft_store::Intent;
use aft_testkit::manifest::Manifest;

use super::Violation;
use super::history::is_as;
use super::run::Run;
use super::user::differing;

/// How often a recovery is cut short itself.
const CUT_RECOVERIES_MAX: u32 = 3;

/// True for a directory with entries: those that are not the plan's keep it where it is.
fn holds_something(disk: &Manifest, dir: &[u8]) -> bool {
    disk.entries.keys().any(|path| {
        path.strip_prefix(dir)
            .is_some_and(|rest| rest.first() == Some(&b'/'))
    })
}

impl Run {
    /// The errand worker's turn, in which users act and the power may fail.
    pub(super) fn errand(&mut self) -> Result<(), Violation> {
        if self
            .workspace
            .as_ref()
            .is_none_or(|workspace| workspace.load().errands == 0)
        {
            return Ok(());
        }
        // Looking is a call too, in which an action may wait.
        let since = self.users.now();
        let before = self.signatures();
        let disk = self.world.root.manifest();
        self.plant_actions();
        self.plant_meddling();
        if self.rng.chance(self.options.cut_amid) {
            let after = self.rng.below(60);
            self.log.say(format!("power off after {after} changes"));
            self.world.faults.power_off_after(after);
        }
        self.run_errand(since, &disk, &before)
    }

    /// The same with nobody in between.
    pub(super) fn errand_uncut(&mut self) -> Result<(), Violation> {
        if self
            .workspace
            .as_ref()
            .is_none_or(|workspace| workspace.load().errands == 0)
        {
            return self.come_back_if_off();
        }
        // Looking is a call too, in which an action may wait.
        let since = self.users.now();
        let before = self.signatures();
        let disk = self.world.root.manifest();
        self.run_errand(since, &disk, &before)
    }

    fn run_errand(
        &mut self,
        since: usize,
        disk: &Manifest,
        before: &std::collections::BTreeMap<Vec<u8>, aft_model::StatSig>,
    ) -> Result<(), Violation> {
        let head = self.history.ids.last().copied().unwrap_or(0);
        let Some(workspace) = &mut self.workspace else {
            return Ok(());
        };
        workspace.errand();
        self.log.say("errand");
        self.read_news();
        // Whatever number it has, it is one that was not seen before.
        self.last_errand = (head, since);
        // Until it is told, nobody knows whether a refused intent could be taken back.
        self.is_cut = self.world.faults.is_off() || self.is_in_doubt();
        if self.world.faults.is_off() {
            let touched = self.users.touched_since(since);
            let is_ours =
                |path: &Vec<u8>| !path.starts_with(b".afterimage") && !touched.contains(path);
            self.half_done =
                differing(disk, &self.world.root.manifest()).any(|path| is_ours(&path));
            return self.come_back_if_off();
        }
        if let Some(workspace) = &self.workspace {
            for intent in workspace.reader().open_intents().map_err(Violation::of)? {
                self.applied_at
                    .entry(intent.operation.id.0)
                    .or_insert(since);
            }
        }
        self.judge_errand(since, disk, before)
    }

    fn is_in_doubt(&self) -> bool {
        let save = |workspace: &Stepped| workspace.shared().standing.lock().save.clone();
        matches!(
            self.workspace.as_ref().map(save),
            Some(SaveState::Error { .. })
        )
    }

    pub(super) fn errand_idle(&mut self) -> Result<(), Violation> {
        let Some(workspace) = &mut self.workspace else {
            return Ok(());
        };
        workspace.errand_idle();
        self.come_back_if_off()?;
        self.judge_displaced()
    }

    /// What goes wrong between two steps.
    pub(super) fn trouble(&mut self) -> Result<(), Violation> {
        self.plant_fault();
        self.come_back_if_off()?;
        if self.rng.chance(self.options.kill) {
            self.down(false)?;
        }
        if self.rng.chance(self.options.crash) {
            self.down(true)?;
        }
        if self.rng.chance(self.options.close) {
            self.close()?;
        }
        Ok(())
    }

    fn come_back_if_off(&mut self) -> Result<(), Violation> {
        if !self.world.faults.is_off() {
            return Ok(());
        }
        let power_cut = self.rng.chance(500);
        self.down(power_cut)
    }

    /// Ends in good order and comes back.
    fn close(&mut self) -> Result<(), Violation> {
        let Some(workspace) = self.workspace.take() else {
            return Ok(());
        };
        let disk = self.world.root.manifest();
        let since = self.users.now();
        self.last_errand = (self.history.ids.last().copied().unwrap_or(0), since);
        let closed = workspace.close();
        self.log.say(format!("closed: {closed:?}"));
        self.forget_requests();
        self.world.faults.heal();
        if self.world.faults.is_off() || self.faulted && closed.is_err() {
            return self.down(true);
        }
        self.faulted = false;
        self.world.kill();
        self.users.went_down(&disk, &self.world.root.manifest());
        self.come_back(false)
    }

    fn forget_requests(&mut self) {
        drop(self.answers.take());
        self.asked.clear();
    }

    /// A kill or a power cut, and what follows.
    fn down(&mut self, power_cut: bool) -> Result<(), Violation> {
        let power_cut = self.fall(power_cut);
        self.come_back(power_cut)
    }

    fn fall(&mut self, power_cut: bool) -> bool {
        self.faulted = false;
        self.log.say(if power_cut { "power cut" } else { "kill" });
        if power_cut {
            self.tally.crashes += 1;
        } else {
            self.tally.kills += 1;
        }
        let before = self.world.root.manifest();
        self.world.faults.heal();
        if power_cut {
            self.world.crash();
        } else {
            self.world.kill();
        }
        // Whatever it still tries in dying meets handles that are dead.
        self.workspace = None;
        self.watch = None;
        self.forget_requests();
        self.users.went_down(&before, &self.world.root.manifest());
        power_cut
    }

    fn come_back(&mut self, power_cut: bool) -> Result<(), Violation> {
        let mut power_cut = power_cut;
        let mut fallen = self.world.root.manifest();
        // Those that a recovery finished before it was cut short itself count too.
        let mut intents = std::collections::BTreeMap::new();
        for cut in 0.. {
            if cut < CUT_RECOVERIES_MAX && self.rng.chance(self.options.cut_amid) {
                let after = self.rng.below(80);
                self.log
                    .say(format!("power off after {after} changes of the recovery"));
                self.world.faults.power_off_after(after);
            }
            let opened = self.open_once();
            self.read_news();
            for intent in &self.found_intents {
                intents.insert(intent.operation.id.0, intent.clone());
            }
            match opened {
                Ok(workspace) if !self.world.faults.is_off() => {
                    self.workspace = Some(workspace);
                    break;
                }
                Err(error) if !self.world.faults.is_off() => {
                    return Err(Violation(format!("C2: it does not open again: {error}")));
                }
                _ => {}
            }
            drop(opened);
            let cut = self.rng.chance(500);
            power_cut |= self.fall(cut);
            fallen = self.world.root.manifest();
        }
        let intents: Vec<Intent> = intents.into_values().collect();
        self.judge_recovery(&intents, &fallen, power_cut)
    }

    /// Opens the workspace for the first time.
    pub(super) fn open(&mut self) -> Result<(), Violation> {
        self.come_back(false)
    }

    fn judge_recovery(
        &mut self,
        intents: &[Intent],
        fallen: &Manifest,
        power_cut: bool,
    ) -> Result<(), Violation> {
        let Some(workspace) = &self.workspace else {
            return Ok(());
        };
        let reader = workspace.reader().clone();
        self.history.reread(&reader, power_cut)?;
        for (name, operation) in &self.checkpoints {
            let named = aft_model::CheckpointName::new(name).map_err(Violation::of)?;
            let found = reader.checkpoint(&named).map_err(Violation::of)?;
            if found.as_ref().map(|checkpoint| checkpoint.operation.0) != Some(*operation) {
                return Err(Violation(format!(
                    "C2: checkpoint {name} at {operation} is {found:?} now"
                )));
            }
        }
        if std::mem::take(&mut self.half_done) && !power_cut && intents.is_empty() {
            return Err(Violation(
                "C3: an apply was cut short and no intent tells of it".to_owned(),
            ));
        }
        for intent in intents {
            self.tally.recovered += 1;
            let id = intent.operation.id;
            if !self.is_cut && !self.applied_at.contains_key(&id.0) {
                return Err(Violation(format!(
                    "C3: operation {id} was refused and is carried out by a start: {intent:?}"
                )));
            }
            self.judge_intent(intent, fallen)?;
            // It may be held open, and found again by the next start.
            let since = self.since_of(intent);
            self.applied_at.entry(id.0).or_insert(since);
        }
        self.is_cut = false;
        self.judge_carried_out()?;
        self.judge_displaced()
    }

    /// C3: what was carried out is an operation of its own, whenever it ended after that.
    fn judge_carried_out(&self) -> Result<(), Violation> {
        for id in self.applied_at.keys() {
            let operation = self.history.operation(*id);
            if operation.is_none_or(|operation| operation.kind == OperationKind::Observed) {
                return Err(Violation(format!(
                    "C3: operation {id} was carried out and is not in the history: {operation:?}"
                )));
            }
        }
        Ok(())
    }

    /// How many actions were done before its errand.
    fn since_of(&self, intent: &Intent) -> usize {
        let id = intent.operation.id.0;
        let since = self.applied_at.get(&id).copied();
        since
            .or((self.last_errand.0 < id).then_some(self.last_errand.1))
            .unwrap_or(0)
    }

    /// C3: every path that was in one of its two states is in its target state, unless somebody touched it.
    fn judge_intent(&mut self, intent: &Intent, fallen: &Manifest) -> Result<(), Violation> {
        let id = intent.operation.id;
        let since = self.since_of(intent);
        let touched = self.users.touched_by_users_since(since);
        let later = self
            .history
            .operations()
            .filter(|operation| operation.id > id);
        let later: std::collections::BTreeSet<_> = later
            .flat_map(|operation| operation.changes.iter().map(|change| change.path.clone()))
            .collect();
        let now = self.world.root.manifest();
        let recorded = self
            .history
            .operation(id.0)
            .map(|operation| operation.changes.as_slice())
            .unwrap_or_default();
        let is_planned = |path: &RelPath| {
            let mut changes = intent.operation.changes.iter();
            changes.any(|change| change.path == *path)
        };
        // A directory of somebody's that the power cut took, and that is none of the plan's.
        let has_no_directory = |path: &RelPath| {
            path.parent().is_some_and(|dir| {
                !dir.is_root() && !fallen.entries.contains_key(dir.as_bytes()) && !is_planned(&dir)
            })
        };
        let excused = |path: &RelPath| {
            let was = fallen.entries.get(path.as_bytes());
            let planned = intent
                .operation
                .changes
                .iter()
                .find(|change| change.path == *path);
            let was_planned =
                planned.is_some_and(|change| is_as(was, change.before) || is_as(was, change.after));
            !self.is_judged(path.as_bytes())
                || touched.contains(path.as_bytes())
                || later.contains(path)
                || has_no_directory(path)
                || !was_planned
        };
        // Where somebody was in the way of one path, others may have been left, and are then not recorded.
        let disturbed = intent
            .operation
            .changes
            .iter()
            .any(|change| excused(&change.path));
        for change in &intent.operation.changes {
            let path = change.path.as_bytes();
            let is_recorded = recorded.contains(change);
            let is_filled = !change.after.is_dir() && holds_something(&now, path);
            let is_left = disturbed && !is_recorded;
            if !excused(&change.path)
                && !is_filled
                && !is_left
                && !is_as(now.entries.get(path), change.after)
            {
                return Err(Violation(format!(
                    "C3: after recovery of operation {id}, {} is {:?}, not {:?}; it was {:?}; recorded: {is_recorded}; of {:?}, on disk: {:?}",
                    change.path.display(),
                    now.entries.get(path),
                    change.after,
                    fallen.entries.get(path),
                    intent.operation.changes,
                    now.entries
                        .keys()
                        .map(|path| String::from_utf8_lossy(path))
                        .collect::<Vec<_>>(),
                )));
            }
        }
        Ok(())
    }
}
