//! What milestones take on the disk, and which of them are not whole.
//!
//! Does: tell the cap when one came or went, and read the file of each against its sums.
//! Does not: read the contents that they name; verifying a milestone does, and the check of the whole store.

use aft_model::CheckpointName;
use aft_store::milestone::{MilestoneError, Status};

use super::Milestones;
use crate::causes::chain;

impl Milestones {
    /// Has what they take counted towards the cap, as it is now.
    pub(crate) fn recount(&self) {
        let mut counted = self.counted.lock();
        let now = self.shelf.bytes();
        self.shared.space.note_beside(*counted, now);
        *counted = now;
    }

    /// Takes one away; tells whether there was one.
    pub(crate) fn remove(&self, name: &CheckpointName) -> Result<bool, MilestoneError> {
        let removed = self.shelf.remove(name);
        self.recount();
        removed
    }

    /// Those that failed, and those that are completed and whose own file cannot be read any more, each with the reason.
    pub(crate) fn not_whole(&self) -> Result<Vec<(CheckpointName, String)>, MilestoneError> {
        let mut found = Vec::new();
        for kept in self.all()? {
            let name = kept.checkpoint.name;
            match kept.milestone.status {
                Status::Generating => {}
                Status::Failed(reason) => found.push((name, reason)),
                Status::Completed => {
                    if let Err(error) = self.shelf.contents(&name) {
                        found.push((name, chain(&error)));
                    }
                }
            }
        }
        Ok(found)
    }
}
