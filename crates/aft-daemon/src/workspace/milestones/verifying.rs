//! What verifying a milestone does.
//!
//! Does: read every byte back, call the milestone what it is, and make one that failed anew.
//! Does not: look at the history beside it; the check of the whole store does.

use aft_model::CheckpointName;
use aft_store::milestone::{
    Counting, Examination, Gauge, Milestone, MilestoneError, Status, examine,
};

use super::{Kept, Milestones, WorkError};
use crate::causes::chain;

/// What verifying found.
pub(crate) struct Verified {
    pub(crate) milestone: Milestone,
    /// What reading came to; `None` where the milestone's own file could not be read.
    pub(crate) examination: Option<Examination>,
    /// What is wrong with that file.
    pub(crate) broken: Option<String>,
    pub(crate) took_ns: u64,
}

/// Threads that read while somebody waits for the answer.
const THREADS: usize = 2;

impl Milestones {
    /// Reads every byte of a milestone back and calls it what it is. One that failed is made anew, and one that is still to be
    /// made is made.
    pub(crate) fn verify(&self, name: &CheckpointName) -> Result<Verified, WorkError> {
        let _working = self.working.lock();
        let gone = || WorkError::Workspace("the milestone was taken away".to_owned());
        let kept = &self.get(name)?.ok_or_else(gone)?;
        let gauge = self.gauge(THREADS);
        let started_ns = self.clock.mono_ns();
        let took = || self.clock.mono_ns().saturating_sub(started_ns);
        if kept.milestone.status != Status::Completed {
            return self.make_again(kept, &gauge, took);
        }
        let (milestone, entries) = match self.shelf.contents(name) {
            Ok(read) => read,
            Err(error) => {
                let reason = chain(&error);
                let milestone = self.fail(name, kept.milestone.clone(), &reason);
                return Ok(Verified {
                    milestone,
                    examination: None,
                    broken: Some(reason),
                    took_ns: took(),
                });
            }
        };
        let examination = examine(&self.reader, &entries, Counting::Nothing, &gauge)?;
        let milestone = self.judge(name, milestone, &examination)?;
        Ok(Verified {
            milestone,
            examination: Some(examination),
            broken: None,
            took_ns: took(),
        })
    }

    fn make_again(
        &self,
        kept: &Kept,
        gauge: &Gauge,
        took: impl Fn() -> u64,
    ) -> Result<Verified, WorkError> {
        let name = &kept.checkpoint.name;
        let since = self.before(&kept.checkpoint)?;
        let begun = Milestone::begun(&kept.checkpoint, since);
        let milestone = self.make(name, begun, gauge)?;
        let took_ns = took();
        let examination = if milestone.status == Status::Completed {
            Examination {
                n_contents: milestone.n_contents,
                n_bytes: milestone.content_bytes,
                ..Examination::default()
            }
        } else {
            examine(
                &self.reader,
                &self.entries_at(milestone.operation)?,
                Counting::Nothing,
                gauge,
            )?
        };
        Ok(Verified {
            milestone,
            examination: Some(examination),
            broken: None,
            took_ns,
        })
    }

    /// One that is completed and cannot be read back any more has failed.
    fn judge(
        &self,
        name: &CheckpointName,
        milestone: Milestone,
        found: &Examination,
    ) -> Result<Milestone, MilestoneError> {
        if found.n_damaged == 0 || milestone.status != Status::Completed {
            return Ok(milestone);
        }
        let failed = Milestone {
            status: Status::Failed(found.reason()),
            finished_ns: Some(self.clock.wall_ns()),
            ..milestone
        };
        self.shelf.change_head(name, &failed)?;
        self.tell(name, &failed);
        Ok(failed)
    }
}
