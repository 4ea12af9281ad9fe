//! `verify.bisect`: a search for the operation that broke a check, and for its hunks, on a thread of its own.
//!
//! Does not: search; `verify::bisect` does.

mod pieces;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use aft_engine::bisect::Seen;
use aft_model::{Operation, OperationId};
use aft_rpc::types::bisect::{
    BisectHunks, BisectLook, BisectSeen, VerifyBisectParams, VerifyBisectResult,
};
use aft_rpc::types::operation::OperationView;
use aft_rpc::{ErrorKind, Request, RpcError, WirePoint};

use pieces::Pieces;

use super::histories::whole;
use super::{Answer, result, workspace};
use crate::causes::chain;
use crate::serve::connection::Peer;
use crate::serve::diffs::{self, Detail};
use crate::serve::points;
use crate::serve::sight::Sight;
use crate::verify::Checks;
use crate::verify::bisect::{Failed, Found, Look, Question, Search};
use crate::verify::run::Cancel;
use crate::workspace::Workspace;

/// A command that was typed runs this long.
const TIMEOUT: Duration = Duration::from_secs(60);
/// States looked at together; the trees for them are few.
const AT_ONCE_MAX: usize = 3;
/// Changes of the operation that are shown.
const CHANGES_SHOWN: usize = 100;

pub(super) async fn bisect(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: VerifyBisectParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let checks = workspace.checks().map(Arc::clone);
    let busy = || RpcError::new(ErrorKind::Busy, "the workspace is being closed; try again");
    let checks = checks.ok_or_else(busy)?;
    let search = search(peer, &workspace, &checks, &params)?;
    let cancel = checks.begin_search().ok_or_else(|| {
        let message = "another search is under way here; `aft verify --cancel` ends it";
        RpcError::new(ErrorKind::Busy, message)
    })?;
    let work = Work {
        workspace: Arc::clone(&workspace),
        checks: Arc::clone(&checks),
        cancel: Arc::clone(&cancel),
        sight: Sight::of(peer, &workspace),
        has_hunks: params.hunks,
        search,
    };
    // A thread of its own: searches are long, and those that serve are few.
    let (tell, told) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("aft-bisect".to_owned());
    let begun = thread.spawn(move || drop(tell.send(work.run())));
    let ending = Ending { checks, cancel };
    if let Err(error) = begun {
        return Err(RpcError::internal(format!(
            "no thread can be made: {error}"
        )));
    }
    let found = tokio::select! {
        told = told => told.map_err(|_| RpcError::internal("the search broke off"))?,
        () = peer.outgoing.closed() => return Err(super::verify::left()),
    };
    drop(ending);
    let (found, hunks) = found?;
    view(peer, &workspace, &found, hunks)
}

/// What the thread does.
struct Work {
    workspace: Arc<Workspace>,
    checks: Arc<Checks>,
    cancel: Arc<Cancel>,
    sight: Sight,
    has_hunks: bool,
    search: Search,
}

impl Work {
    fn run(&self) -> Result<(Found, Option<BisectHunks>), RpcError> {
        let found = self.checks.bisect(&self.search, &self.cancel);
        let found = found.map_err(of_failed)?;
        let hunks = match found.suspects.as_slice() {
            [only] if self.has_hunks => self.hunks(*only)?,
            _ => None,
        };
        Ok((found, hunks))
    }

    /// Which hunks of it did it.
    fn hunks(&self, id: OperationId) -> Result<Option<BisectHunks>, RpcError> {
        let operation = whole(&self.workspace, id)?;
        let pieces = Pieces::of(&self.workspace, &self.sight, &operation);
        let after = self.checks.state_at(id).map_err(of_failed)?;
        let n = pieces.len();
        if n == 0 {
            return Ok(None);
        }
        let without = |chosen: &BTreeSet<usize>| pieces.without(&after, chosen);
        let found = self
            .checks
            .bisect_parts(&self.search, n, &without, &self.cancel)
            .map_err(of_failed)?;
        let hunks = pieces.names(&found.parts);
        let looks = found.looks.iter().map(|(out, look)| BisectLook {
            without: pieces.names(out),
            ..look_view(look)
        });
        Ok(Some(BisectHunks {
            all: hunks.len() == n,
            least: found.is_least,
            changes: pieces.views(&self.sight, &hunks),
            looks: looks.collect(),
            hunks,
        }))
    }
}

/// A connection that ends takes its search along.
struct Ending {
    checks: Arc<Checks>,
    cancel: Arc<Cancel>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.checks.end_search(&self.cancel);
    }
}

fn search(
    peer: &Peer,
    workspace: &Workspace,
    checks: &Arc<Checks>,
    params: &VerifyBisectParams,
) -> Result<Search, RpcError> {
    let invalid = |message: String| RpcError::new(ErrorKind::Invalid, message);
    let question = match (&params.name, &params.command) {
        (Some(name), None) => {
            let configured = checks.configured();
            let configured = configured.map_err(|error| invalid(chain(&error)))?;
            let mut named = configured
                .named(std::slice::from_ref(name))
                .map_err(|error| RpcError::new(ErrorKind::NotFound, chain(&error)))?;
            let check = named
                .pop()
                .ok_or_else(|| invalid(format!("there is no check `{name}`")))?;
            Question::Check(Box::new(check), Box::new(configured))
        }
        (None, Some(command)) if !command.is_empty() => {
            let words = command.iter().map(OsString::from);
            let timeout = params.timeout_ms.map_or(TIMEOUT, Duration::from_millis);
            Question::Command(words.collect(), timeout)
        }
        _ => {
            return Err(invalid(
                "name a check, or give a command, and not both".to_owned(),
            ));
        }
    };
    let reader = &workspace.reader;
    let at = |point: &Option<WirePoint>, default: &str| {
        let default = WirePoint(default.to_owned());
        points::resolve(reader, point.as_ref().unwrap_or(&default), peer.now_ns())
    };
    let (good, bad): (OperationId, OperationId) =
        (at(&params.good, "good")?, at(&params.bad, "@")?);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let at_once = params.at_once.and_then(|count| usize::try_from(count).ok());
    Ok(Search {
        question,
        good,
        bad,
        at_once: at_once.unwrap_or(cores / 2).clamp(1, AT_ONCE_MAX),
        until_ns: None,
    })
}

fn view(peer: &Peer, workspace: &Workspace, found: &Found, hunks: Option<BisectHunks>) -> Answer {
    let Some(newest) = found.suspects.last() else {
        return Err(RpcError::internal("the search found nothing"));
    };
    let operation = whole(workspace, *newest)?;
    let sight = Sight::of(peer, workspace);
    let shown: Vec<_> = operation
        .changes
        .iter()
        .take(CHANGES_SHOWN)
        .cloned()
        .collect();
    let mut view = OperationView::from_model(&operation, 0);
    view.changes = diffs::views(workspace, &sight, &shown, Detail::Stat);
    let n_run = found.looks.iter().filter(|look| !look.was_known).count();
    let of_hunks = hunks.iter().flat_map(|hunks| &hunks.looks);
    let n_run = n_run + of_hunks.filter(|look| !look.known).count();
    let is_known = found.suspects.len() == 1 && operation.kind.is_undoable();
    result(&VerifyBisectResult {
        undo: is_known.then(|| undo(&operation, hunks.as_ref())),
        suspects: found.suspects.iter().map(|operation| operation.0).collect(),
        runs: n_run as u64,
        looks: found.looks.iter().map(look_view).collect(),
        operation: view,
        hunks,
    })
}

/// The command that takes back what was found.
fn undo(operation: &Operation, hunks: Option<&BisectHunks>) -> String {
    let mut line = format!("aft undo {}", operation.id.0);
    for hunk in hunks
        .filter(|hunks| !hunks.all)
        .iter()
        .flat_map(|hunks| &hunks.hunks)
    {
        line.push_str(" --hunk ");
        line.push_str(hunk);
    }
    line
}

fn look_view(look: &Look) -> BisectLook {
    BisectLook {
        operation: look.operation.0,
        seen: match look.seen {
            Seen::Good => BisectSeen::Good,
            Seen::Bad => BisectSeen::Bad,
            Seen::Nothing => BisectSeen::PassedOver,
        },
        reason: look.reason.clone(),
        took_ms: look.took.as_secs_f64() * 1e3,
        known: look.was_known,
        without: Vec::new(),
    }
}

fn of_failed(failed: Failed) -> RpcError {
    let kind = match &failed {
        Failed::Untrusted(_) => ErrorKind::Untrusted,
        Failed::NothingBetween { .. } => ErrorKind::NotFound,
        Failed::Cancelled => ErrorKind::Busy,
        _ => ErrorKind::Invalid,
    };
    RpcError::new(kind, chain(&failed))
}
