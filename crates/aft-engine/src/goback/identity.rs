//! The name of a plan: a hash over its steps, and the same under a key.

use aft_model::{ContentId, FileState, Plan, PlanId, PlanStep};

/// The same plan by a name that tells nothing to whoever does not know the key.
pub(crate) fn named_under(plan: Plan, key: &[u8; 32]) -> Plan {
    let name = blake3::keyed_hash(key, &plan.id.0.0);
    Plan {
        id: PlanId(ContentId(*name.as_bytes())),
        ..plan
    }
}

pub(super) fn identity(steps: &[PlanStep]) -> PlanId {
    let mut hasher = blake3::Hasher::new();
    for step in steps {
        hasher.update(&(step.path.as_bytes().len() as u64).to_le_bytes());
        hasher.update(step.path.as_bytes());
        for state in [&step.now, &step.target] {
            let (kind, content, mode) = match state {
                FileState::Absent => (0_u8, None, 0),
                FileState::File { content, mode, .. } => (1, Some(content), *mode),
                FileState::Symlink { target } => (2, Some(target), 0),
                FileState::Dir { mode } => (3, None, *mode),
                FileState::Opaque { mode, .. } => (4, None, *mode),
            };
            hasher.update(&[kind]);
            hasher.update(content.map_or(&[0; 32], |content| &content.0));
            hasher.update(&mode.to_le_bytes());
        }
    }
    PlanId(ContentId(*hasher.finalize().as_bytes()))
}
