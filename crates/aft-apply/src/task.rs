//! What is to be done: the task, its conflict policy, and each change read as a kind of step.
//! Decides nothing about the disk.

use aft_model::{Change, FileState, Operation, RelPath, StatSig};
use aft_os::WriteDir;

use crate::contents::Contents;
use crate::steps::{NoStops, Steps};

/// Set-user-id and set-group-id.
const SET_ID: u32 = 0o6000;

/// The one writer in a workspace.
#[derive(Clone, Copy)]
pub struct Applier<'a> {
    pub(crate) root: &'a dyn WriteDir,
    pub(crate) contents: &'a dyn Contents,
    pub(crate) steps: &'a dyn Steps,
    pub(crate) two_writers: bool,
}

impl<'a> Applier<'a> {
    /// Writes beneath `root` what `contents` holds.
    #[must_use]
    pub fn new(root: &'a dyn WriteDir, contents: &'a dyn Contents) -> Self {
        Self {
            root,
            contents,
            steps: &NoStops,
            two_writers: false,
        }
    }

    /// Stages a large plan with two threads. Without this the order of all calls follows from the plan alone,
    /// which a simulation needs.
    #[must_use]
    pub fn with_two_writers(self) -> Self {
        Self {
            two_writers: true,
            ..self
        }
    }

    /// Asks `steps` at every named point whether to go on.
    #[must_use]
    pub fn with_steps(self, steps: &'a dyn Steps) -> Self {
        Self { steps, ..self }
    }
}

/// An operation to carry out.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// Its changes are the steps: `before` must be there now, `after` is the target. Its number names the
    /// staged files, so two tasks never meet.
    pub operation: &'a Operation,
    /// What to do where something else is there.
    pub policy: OnConflict,
    /// Whether set-user-id and set-group-id bits of files may come back.
    pub set_id: SetIdBits,
    /// The signature each path had when it was last known to be in its `before` state, safely later than
    /// its last change. `None` means: look at the bytes.
    pub stats: &'a (dyn Fn(&RelPath) -> Option<StatSig> + Sync),
}

/// What to do with a path that is neither in its `before` nor in its target state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Capture what is there, leave it, report.
    Keep,
    /// Capture what is there, put the target in its place. Directories and special files are left even so.
    Force,
}

/// Whether set-user-id and set-group-id bits of files come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SetIdBits {
    /// Only those the file has now.
    #[default]
    Drop,
    /// As recorded.
    Restore,
}

/// The state a change really leads to: its `after`, without the set-id bits that may not come back.
/// An operation that is recorded should carry these states, so that history and disk agree.
#[must_use]
pub fn target_of(change: &Change, set_id: SetIdBits) -> FileState {
    let FileState::File {
        content,
        size,
        mode,
    } = change.after
    else {
        return change.after;
    };
    let has_now = if let FileState::File { mode, .. } = change.before {
        mode & SET_ID
    } else {
        0
    };
    let mode = match set_id {
        SetIdBits::Restore => mode,
        SetIdBits::Drop => mode & (!SET_ID | has_now),
    };
    FileState::File {
        content,
        size,
        mode,
    }
}

/// The same operation read backwards: what takes a partial one back.
#[must_use]
pub fn swapped(operation: &Operation) -> Operation {
    let mut operation = operation.clone();
    for change in &mut operation.changes {
        std::mem::swap(&mut change.before, &mut change.after);
        change.renamed_from = None;
    }
    operation
}

/// One change, with its index and what kind of step it is.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) index: usize,
    pub(crate) change: &'a Change,
    pub(crate) target: FileState,
    pub(crate) kind: Kind,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Makes a directory where nothing is.
    MakeDir,
    /// Exchanges a file or link for an empty directory.
    FileToDir,
    /// Changes a directory's mode so that it can be written in, before its entries are touched.
    OpenDir,
    /// Changes a directory's mode, after its entries were touched.
    CloseDir,
    /// Changes a file's mode only.
    FileMode,
    /// Makes or replaces a file or link.
    Put,
    /// Removes a file or link.
    Delete,
    /// Removes a directory.
    RemoveDir,
    /// Exchanges an emptied directory for a file or link.
    DirToFile,
    /// Nothing differs once set-id bits are dropped.
    Nothing,
    /// A state without content on one side; refused by the check and by the apply.
    Impossible,
}

impl Kind {
    /// True where something is written to `stage/` for the step.
    pub(crate) fn is_staged(self) -> bool {
        matches!(self, Self::FileToDir | Self::Put | Self::DirToFile)
    }
}

impl<'a> Task<'a> {
    /// The changes as steps, in the operation's order.
    pub(crate) fn steps(&self) -> Vec<Step<'a>> {
        let changes = self.operation.changes.iter().enumerate();
        changes
            .map(|(index, change)| {
                let target = target_of(change, self.set_id);
                Step {
                    index,
                    change,
                    target,
                    kind: kind_of(change.before, target),
                }
            })
            .collect()
    }
}

fn kind_of(before: FileState, target: FileState) -> Kind {
    use FileState::{Absent, Dir, File, Opaque, Symlink};
    match (before, target) {
        (Opaque { .. }, _) | (_, Opaque { .. }) => Kind::Impossible,
        (before, target) if before == target => Kind::Nothing,
        (Absent, Dir { .. }) => Kind::MakeDir,
        (File { .. } | Symlink { .. }, Dir { .. }) => Kind::FileToDir,
        (Dir { mode: old }, Dir { mode: new }) => {
            if new & 0o300 & !old == 0 {
                Kind::CloseDir
            } else {
                Kind::OpenDir
            }
        }
        (File { content: old, .. }, File { content: new, .. }) if old == new => Kind::FileMode,
        (Absent | File { .. } | Symlink { .. }, File { .. } | Symlink { .. }) => Kind::Put,
        (File { .. } | Symlink { .. }, Absent) => Kind::Delete,
        (Dir { .. }, Absent) => Kind::RemoveDir,
        (Dir { .. }, File { .. } | Symlink { .. }) => Kind::DirToFile,
        (Absent, Absent) => Kind::Nothing,
    }
}
