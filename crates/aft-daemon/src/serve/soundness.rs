//! Whether a plan that is shown could be carried out: every content it needs is read to its end, which verifies
//! its hash.
//!
//! Does: turn the steps whose content is missing or damaged into conflicts, as carrying it out would.
//! Does not: change the plan's identity, or look at the workspace.

use std::collections::BTreeMap;
use std::io;

use aft_model::{Conflict, ConflictReason, ContentId, Plan};

use crate::workspace::Workspace;

/// Reads what the plan needs.
pub(crate) fn check(workspace: &Workspace, plan: &mut Plan) {
    let mut known: BTreeMap<ContentId, bool> = BTreeMap::new();
    let mut is_sound = |id| *known.entry(id).or_insert_with(|| is_whole(workspace, &id));
    let mut sound = Vec::with_capacity(plan.steps.len());
    for step in std::mem::take(&mut plan.steps) {
        let needed = step.target.content();
        if needed == step.now.content() || needed.is_none_or(&mut is_sound) {
            sound.push(step);
        } else {
            plan.conflicts.push(Conflict {
                path: step.path,
                reason: ConflictReason::ContentDamaged,
            });
        }
    }
    plan.steps = sound;
}

fn is_whole(workspace: &Workspace, id: &ContentId) -> bool {
    if workspace.shared.ring.read().content(id).is_some() {
        return true;
    }
    let read = workspace.reader.open_content(id);
    read.is_ok_and(|mut content| io::copy(&mut content, &mut io::sink()).is_ok())
}
