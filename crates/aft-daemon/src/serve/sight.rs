//! What a peer may see of the history: everything on `control.sock`; on the other sockets nothing of what secrets hold.
//!
//! Does: make the views of changes, states and steps, without hash, size and diff where a secret is behind a path; refuse
//! to read one.
//! Does not: know what a secret is (`aft_model::SecretNames` does), or hide that it changed, when, and by whom.
//!
//! I1 Nothing else in this crate makes a view of a change, a state or a step: tidy refuses it.

use std::sync::Arc;

use aft_model::{Change, Conflict, FileState, PlanStep, RelPath, SecretNames};
use aft_rpc::types::hello::Role;
use aft_rpc::types::operation::{ChangeView, StateView};
use aft_rpc::types::travel::{ClashView, ConflictView, StepView};
use aft_rpc::{ErrorKind, RpcError};

use super::connection::Peer;
use crate::workspace::Workspace;

/// Bytes of clashing lines in one answer.
const CLASH_BYTES_MAX: usize = 512 << 10;

/// What one peer may see of one workspace.
#[derive(Clone)]
pub(crate) struct Sight {
    role: Role,
    /// What is hidden; nothing where this is none.
    secrets: Option<Arc<SecretNames>>,
}

impl Sight {
    pub(crate) fn of(peer: &Peer, workspace: &Workspace) -> Self {
        Self::new(peer.role, &workspace.shared.secrets)
    }

    pub(crate) fn new(role: Role, secrets: &Arc<SecretNames>) -> Self {
        let hides = role != Role::Control && !secrets.is_none();
        Self {
            role,
            secrets: hides.then(|| Arc::clone(secrets)),
        }
    }

    /// Whether `path` is hidden, whatever is there.
    pub(crate) fn hides(&self, path: &RelPath) -> bool {
        let secrets = self.secrets.as_ref();
        secrets.is_some_and(|secrets| secrets.is_secret(path))
    }

    /// Whether something of a secret is in a change: also where it was moved to or from another name.
    pub(crate) fn hides_change(&self, change: &Change) -> bool {
        (has_bytes(&change.before) || has_bytes(&change.after))
            && (self.hides(&change.path)
                || change
                    .renamed_from
                    .as_ref()
                    .is_some_and(|from| self.hides(from)))
    }

    /// A change without diff and stat.
    pub(crate) fn change(&self, change: &Change) -> ChangeView {
        let view = ChangeView::from(change);
        if self.hides_change(change) {
            view.sealed()
        } else {
            view
        }
    }

    pub(crate) fn state(&self, path: &RelPath, state: &FileState) -> StateView {
        let view = StateView::from(state);
        if has_bytes(state) && self.hides(path) {
            view.sealed()
        } else {
            view
        }
    }

    pub(crate) fn step(&self, step: &PlanStep) -> StepView {
        StepView {
            path: (&step.path).into(),
            now: self.state(&step.path, &step.now),
            target: self.state(&step.path, &step.target),
        }
    }

    /// What is in the way, with the lines that clash as far as there is room for them.
    pub(crate) fn conflicts(&self, conflicts: &[Conflict]) -> Vec<ConflictView> {
        let mut room = CLASH_BYTES_MAX;
        let view = |conflict: &Conflict| {
            let mut view = ConflictView::from(conflict);
            if !self.hides(&conflict.path) {
                for clash in conflict.clashes.iter() {
                    let needed = clash.now.len() + clash.base.len() + clash.before.len();
                    let Some(left) = room.checked_sub(needed) else {
                        break;
                    };
                    room = left;
                    view.hunks.push(ClashView::from(clash));
                }
            }
            view
        };
        conflicts.iter().map(view).collect()
    }

    /// Refuses to tell what is in `path` where that is a secret.
    pub(crate) fn check(&self, path: &RelPath) -> Result<(), RpcError> {
        if !self.hides(path) {
            return Ok(());
        }
        let message = format!(
            "`{}` is a secret: what it holds is not told on {}.sock",
            path.display(),
            self.role.as_str()
        );
        Err(RpcError::new(ErrorKind::Forbidden, message).with_remedy(
            "ask on control.sock; a name that is no secret goes as \"!NAME\" into `track.secret_names` of the user's configuration",
        ))
    }
}

/// Directories and what is absent have nothing to hide.
fn has_bytes(state: &FileState) -> bool {
    !matches!(state, FileState::Absent | FileState::Dir { .. })
}

#[cfg(test)]
mod tests;
