//! What `status` says of a workspace that is not simply whole: why it is in its state, and which paths the
//! history does not hold.
//! Does not find anything out: the looks and the tree already know.

use aft_engine::Selection;
use aft_model::{FileState, OpaqueReason, RelPath};
use aft_rpc::types::workspace::{
    LeftOut, LeftOutView, NotCovered, Reason, UncoveredView, WorkspaceState,
};

use crate::capture;
use crate::daemon::Closed;
use crate::rules::SkipReason;
use crate::workspace::{Standing, Workspace};

/// Paths that are named; the rest is counted.
const SHOWN: usize = 50;

/// Why the workspace is in this state; nothing where it is armed.
pub(super) fn reasons(state: WorkspaceState, standing: &Standing) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = standing
        .reasons
        .iter()
        .map(|message| Reason {
            code: "coverage".to_owned(),
            message: message.clone(),
            path: None,
            remedy: None,
        })
        .collect();
    if state == WorkspaceState::Detached {
        reasons.push(root_moved());
    }
    reasons
}

fn root_moved() -> Reason {
    Reason {
        code: "root-moved".to_owned(),
        message: "the directory was moved, deleted, unmounted or replaced by another".to_owned(),
        path: None,
        remedy: Some(
            "put it back, or run `aft watch` on the directory that is to go on with its history"
                .to_owned(),
        ),
    }
}

/// Why a workspace was not opened when the daemon started.
pub(super) fn why_closed(closed: Closed) -> Reason {
    if closed.root_gone {
        return root_moved();
    }
    Reason {
        code: "not-open".to_owned(),
        message: closed.reason,
        path: None,
        remedy: Some("`aft doctor` says what is wrong".to_owned()),
    }
}

/// The store itself where it lies inside, directories that could not be looked into, and entries whose bytes
/// are not held.
pub(super) fn not_covered(
    workspace: &Workspace,
    standing: &Standing,
    store: Option<&RelPath>,
) -> NotCovered {
    let mut shown = NotCovered {
        count: standing.n_not_covered,
        paths: Vec::new(),
    };
    if let Some(store) = store {
        shown.count += 1;
        shown.paths.push(UncoveredView {
            path: store.into(),
            reason: "the histories themselves are kept here".to_owned(),
        });
    }
    shown
        .paths
        .extend(standing.not_covered.iter().map(UncoveredView::from));
    let Some(tree) = workspace.tree().filter(|tree| tree.n_opaque() > 0) else {
        return shown;
    };
    shown.count += tree.n_opaque();
    let mut opaque = Vec::new();
    tree.each_beneath(&RelPath::root(), &mut |path, known| {
        if let FileState::Opaque { reason, .. } = known.state {
            opaque.push((path.clone(), reason));
        }
    });
    opaque.sort();
    let room = SHOWN.saturating_sub(shown.paths.len());
    let view = |(path, reason): &(RelPath, OpaqueReason)| UncoveredView {
        path: path.into(),
        reason: in_words(*reason).to_owned(),
    };
    shown.paths.extend(opaque.iter().take(room).map(view));
    shown
}

fn in_words(reason: OpaqueReason) -> &'static str {
    match reason {
        OpaqueReason::TooLarge => {
            "larger than `track.file_max`, or `track.ignored_max` where it is ignored"
        }
        OpaqueReason::Unreadable => "it cannot be read",
        OpaqueReason::Unsupported => "not a file, link or directory",
        OpaqueReason::StoreFull => "the store has no room",
        OpaqueReason::NotCovered => "a rule leaves it out since it was last captured",
        OpaqueReason::Expired => "it was a secret, and `store.secret_keep` is over",
    }
}

/// What rules leave out at or beneath the chosen paths. Of what has no name only all or nothing is known.
pub(super) fn left_out(left_out: &capture::LeftOut, selection: &Selection) -> LeftOut {
    let chosen = left_out
        .named()
        .filter(|(path, _)| selection.contains(path));
    let paths: Vec<LeftOutView> = chosen
        .map(|(path, left)| LeftOutView {
            path: path.into(),
            reason: why_left_out(left.reason).to_owned(),
            gone: left.gone,
        })
        .collect();
    let count = if selection.is_all() {
        left_out.count()
    } else {
        paths.len() as u64
    };
    LeftOut { count, paths }
}

fn why_left_out(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::Git => "a repository's own data is never covered",
        SkipReason::Staging => "Afterimage puts files back from there",
        SkipReason::NestedWorkspace => "it is a workspace of its own",
        SkipReason::Excluded => "`track.exclude` names it",
        SkipReason::Ignored => "an ignore rule names it",
        SkipReason::Secret => "it is a secret, and `track.secrets` is \"never\"",
    }
}
