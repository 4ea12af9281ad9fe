//! How a milestone is made: the state of its operation is worked out, written, and its end told.
//!
//! Does: begin one, make what waits, one after another, on the thread of the milestones; say so where one failed.
//! Does not: read back what was made; `verifying` does.

use std::collections::BTreeMap;
use std::sync::Arc;

use aft_engine::Tree;
use aft_model::{Checkpoint, CheckpointName, FileState, OperationId, RelPath};
use aft_store::milestone::{Draft, Gauge, Milestone, MilestoneError, Status, generate};
use crossbeam_channel::{Receiver, bounded};
use tracing::{info, warn};

use super::super::inbox::{Failure, Input};
use super::super::shared::WorkspaceEvent;
use super::{Milestones, WorkError};
use crate::causes::chain;

impl Milestones {
    /// Begins the milestone of a checkpoint that was just made.
    pub(crate) fn begin(&self, checkpoint: &Checkpoint) -> Result<Milestone, MilestoneError> {
        let begun = Milestone::begun(checkpoint, self.before(checkpoint)?);
        self.shelf.put_head(&checkpoint.name, &begun)?;
        self.recount();
        self.enqueue(&checkpoint.name);
        Ok(begun)
    }

    pub(super) fn enqueue(&self, name: &CheckpointName) {
        if let Some(jobs) = &*self.jobs.lock() {
            drop(jobs.send(name.clone()));
        }
    }

    pub(super) fn run(&self, queue: &Receiver<CheckpointName>) {
        for name in queue {
            let gauge = self.gauge(1);
            let _working = self.working.lock();
            let begun = match self.get(&name) {
                Ok(Some(kept)) if kept.milestone.status == Status::Generating => kept.milestone,
                _ => continue,
            };
            match self.make(&name, begun.clone(), &gauge) {
                Ok(_) => {}
                Err(WorkError::Milestone(MilestoneError::Stopped)) => return,
                Err(error) => drop(self.fail(&name, begun, &chain(&error))),
            }
        }
        // What it read is not wanted again soon.
        aft_os::process::trim_memory();
    }

    pub(super) fn make(
        &self,
        name: &CheckpointName,
        begun: Milestone,
        gauge: &Gauge,
    ) -> Result<Milestone, WorkError> {
        let started_ns = self.clock.mono_ns();
        let entries = self.entries_at(begun.operation)?;
        let draft = Draft {
            name,
            begun,
            entries: &entries,
            now_ns: self.clock.wall_ns(),
        };
        let made = generate(&self.reader, &self.shelf, draft, gauge)?;
        let took_ms = self.clock.mono_ns().saturating_sub(started_ns) / 1_000_000;
        info!(workspace = %self.shared.id, status = made.status.as_str(), took_ms, "milestone made");
        self.tell(name, &made);
        aft_os::process::trim_memory();
        Ok(made)
    }

    pub(super) fn fail(&self, name: &CheckpointName, begun: Milestone, reason: &str) -> Milestone {
        warn!(workspace = %self.shared.id, reason, "a milestone failed");
        let failed = Milestone {
            status: Status::Failed(reason.to_owned()),
            finished_ns: Some(self.clock.wall_ns()),
            ..begun
        };
        if let Err(error) = self.shelf.put_head(name, &failed) {
            // It stays as generating, and the next start goes on with it.
            warn!(workspace = %self.shared.id, error = %chain(&error), "a milestone is not written");
        }
        self.tell(name, &failed);
        failed
    }

    pub(super) fn tell(&self, name: &CheckpointName, milestone: &Milestone) {
        self.recount();
        let told = Arc::new((name.clone(), milestone.clone()));
        self.shared.publish(WorkspaceEvent::Milestone(told));
    }

    /// Everything in the workspace right after `operation`, in order.
    ///
    /// The newest tree may be ahead of the history by a burst that is still open. So it is taken first; the fence then makes
    /// an operation of that burst, and what the history says changed since `operation` takes it back out.
    pub(crate) fn entries_at(
        &self,
        operation: OperationId,
    ) -> Result<Vec<(RelPath, FileState)>, WorkError> {
        let gone = || WorkError::Workspace("it is being closed".to_owned());
        let (tell, told) = bounded(1);
        self.inbox.send(Input::Tree(tell)).map_err(|_| gone())?;
        let tree = told.recv().map_err(|_| gone())?;
        self.fence()?;
        Ok(entries_of(&tree, self.reader.states_at(operation)?))
    }

    fn fence(&self) -> Result<(), WorkError> {
        let gone = || WorkError::Workspace("it is being closed".to_owned());
        let (fence, told) = Input::fence();
        self.inbox.send(fence).map_err(|_| gone())?;
        match told.recv().map_err(|_| gone())? {
            // Where the root is gone nothing comes any more.
            Ok(_) | Err(Failure::Refused(aft_engine::Refusal::Detached)) => Ok(()),
            Err(Failure::Closing) => Err(gone()),
            Err(failure) => Err(WorkError::Workspace(format!("{failure:?}"))),
        }
    }
}

/// The newest tree with what changed since put back.
fn entries_of(tree: &Tree, changed_since: Vec<(RelPath, FileState)>) -> Vec<(RelPath, FileState)> {
    let mut entries = BTreeMap::new();
    tree.each_beneath(&RelPath::root(), &mut |path, known| {
        entries.insert(path.clone(), known.state);
    });
    entries.extend(changed_since);
    entries
        .into_iter()
        .filter(|(path, state)| state.exists() && !path.is_root())
        .collect()
}
