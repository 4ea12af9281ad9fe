//! The one fold from what went wrong to what a client is told: kind, sentence, remedy.

use aft_engine::Refusal;
use aft_rpc::types::travel::ConflictView;
use aft_rpc::{ErrorKind, RpcError};
use aft_store::ReadError;

use crate::causes::chain;
use crate::daemon::AddError;
use crate::workspace::{Failure, OpenError};

/// A failed request of a workspace.
pub(crate) fn of_failure(failure: Failure) -> RpcError {
    match failure {
        Failure::Refused(refusal) => of_refusal(refusal),
        Failure::NameTaken(name) => RpcError::new(
            ErrorKind::Invalid,
            format!("there is a checkpoint `{name}` already; use --force to move the name"),
        ),
        Failure::Store(reason) => RpcError::new(
            ErrorKind::StoreFull,
            format!("the store cannot be written: {reason}"),
        )
        .with_remedy("`aft status` shows the retry, `aft doctor` what to do"),
        Failure::StoreFull(reason) => RpcError::new(
            ErrorKind::StoreFull,
            format!("the store has no room: {reason}"),
        )
        .with_remedy("free space on its file system or move it with AFT_HOME"),
        Failure::Closing => {
            RpcError::new(ErrorKind::Busy, "the workspace is being closed; try again")
        }
    }
}

fn of_refusal(refusal: Refusal) -> RpcError {
    match refusal {
        Refusal::NothingToDo(what) => {
            RpcError::new(ErrorKind::NotFound, format!("there is nothing to {what}"))
        }
        Refusal::NotUndoable(operation, reason) => RpcError::new(
            ErrorKind::Invalid,
            format!("operation {operation} cannot be undone: {reason}"),
        )
        .with_remedy(format!(
            "go back before it with `aft rollback {}`",
            operation.0.saturating_sub(1)
        )),
        Refusal::VersionConflict { head } => RpcError::new(
            ErrorKind::VersionConflict,
            format!("the newest operation is {head} by now; look again"),
        )
        .with_head(head.0),
        Refusal::PlanChanged => RpcError::new(
            ErrorKind::VersionConflict,
            "the plan is another one by now; make it again and look",
        ),
        Refusal::Conflicts(conflicts) => {
            let views: Vec<ConflictView> = conflicts.iter().map(ConflictView::from).collect();
            let first = views
                .first()
                .map(|view| format!("{}: {}", view.path.display(), view.message))
                .unwrap_or_default();
            let message = match views.len() {
                1 => format!("nothing was touched; {first}"),
                n => {
                    format!("nothing was touched; {n} paths are in conflict, the first is {first}")
                }
            };
            RpcError::new(ErrorKind::EditConflict, message)
                .with_remedy(
                    "--dry-run shows the plan, --on-conflict keep does the rest of it, \
                     --on-conflict markers shows both sides in the file",
                )
                .with_conflicts(views)
        }
        Refusal::Failed(reason) => {
            RpcError::new(ErrorKind::Invalid, format!("nothing was touched: {reason}"))
        }
        Refusal::StoreFailed(reason) => of_failure(Failure::Store(reason)),
        Refusal::Detached => RpcError::new(
            ErrorKind::Detached,
            "the workspace's directory is not where it was",
        )
        .with_remedy("bring it back, or run `aft watch` on its new place"),
        Refusal::Busy => RpcError::new(
            ErrorKind::Busy,
            "too many requests wait for this workspace; try again",
        ),
        Refusal::UnknownPath(path) => RpcError::new(
            ErrorKind::NotFound,
            format!("`{}` was never in the history", path.display()),
        ),
    }
}

/// The history could not be read.
pub(crate) fn of_read(error: &ReadError) -> RpcError {
    match error {
        ReadError::NotFound(_) => RpcError::new(ErrorKind::NotFound, chain(error)),
        ReadError::Corrupt { .. } => RpcError::new(ErrorKind::Corrupt, chain(error)).with_remedy(
            "`aft check --read-data` lists what is damaged; everything else is still served",
        ),
        _ => RpcError::new(ErrorKind::Corrupt, chain(error)),
    }
}

/// A directory could not be watched.
pub(crate) fn of_add(error: &AddError) -> RpcError {
    let kind = match error {
        AddError::NotADirectory(_) => ErrorKind::NotFound,
        AddError::Root { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            ErrorKind::Forbidden
        }
        AddError::TooMuch(_) => ErrorKind::Forbidden,
        AddError::Open(OpenError::Store(error)) if error.is_full() => ErrorKind::StoreFull,
        AddError::Open(OpenError::Store(aft_store::OpenError::NewerFormat { .. })) => {
            ErrorKind::Invalid
        }
        AddError::Open(OpenError::Store(_)) => ErrorKind::Corrupt,
        _ => ErrorKind::Invalid,
    };
    RpcError::new(kind, chain(error))
}
