//! `verify.*`: running checks, and what they said.
//!
//! Does: turn requests into wishes, wait for them, show verdicts. What a check printed is shown on `control.sock` only.
//! Does not: run anything; the workspace's own thread does.

use std::sync::Arc;
use std::time::Duration;

use aft_model::{OperationId, Verdict};
use aft_rpc::types::hello::Role;
use aft_rpc::types::session::TurnEndResult;
use aft_rpc::types::verify::{
    CheckView, GoodView, RunView, VerdictStatus, VerdictView, VerifyCancelParams,
    VerifyCancelResult, VerifyListParams, VerifyListResult, VerifyRunParams, VerifyRunResult,
    VerifySuggestParams, VerifySuggestResult,
};
use aft_rpc::{ErrorKind, Request, RpcError, WireTime};

use super::{Answer, readable, reading, result, workspace};
use crate::causes::chain;
use crate::config::VerifyTrigger;
use crate::serve::connection::Peer;
use crate::serve::failure::of_read;
use crate::serve::points;
use crate::verify::wish::{Cause, Refused, Run, Said, Wish};
use crate::verify::{Checks, Which, checks, suggesting, verdicts};
use crate::workspace::Workspace;

/// Verdicts in a page unless the client says otherwise.
const PAGE: u64 = 50;
/// And at most.
const PAGE_MAX: u64 = 500;
/// Over so many operations is counted what changed since.
const COUNTED_MAX: u64 = 1000;

pub(super) async fn run(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: VerifyRunParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let checks = of(&workspace)?;
    let configured = reading(|| checks.configured()).map_err(|error| of_refused(error.into()))?;
    if let Some(names) = &params.names {
        configured
            .named(names)
            .map_err(|error| of_refused(error.into()))?;
    }
    if configured.all().is_empty() {
        return Err(RpcError::new(
            ErrorKind::NotFound,
            "no check is configured for this workspace",
        )
        .with_remedy("`aft verify --suggest` proposes some"));
    }
    let at = params.at.as_ref();
    let at = at.map(|at| points::resolve(&workspace.reader, at, peer.now_ns()));
    let wish = Wish {
        cause: Cause::of(VerifyTrigger::Manual),
        names: params.names,
        at: at.transpose()?,
        again: params.again,
    };
    let run = checks.submit(wish).map_err(of_refused)?;
    if !wait(peer, &run, params.wait_ms).await {
        checks.cancel(Some(run.number), Which::All);
        return Err(left());
    }
    let progress = run.progress.lock().clone();
    let running = !run.has_ended();
    if let Some(reason) = progress.failure.filter(|_| !running) {
        return Err(RpcError::new(ErrorKind::Invalid, reason));
    }
    result(&VerifyRunResult {
        run: run.number,
        operation: progress.operation.map(|operation| operation.0),
        running,
        verdicts: views(peer, &run),
        acted: progress.acted,
    })
}

/// `false` where who would have waited to the end has gone: Ctrl-C ends what was asked for.
async fn wait(peer: &Peer, run: &Run, wait_ms: Option<u64>) -> bool {
    match wait_ms {
        None => tokio::select! {
            () = run.ended() => true,
            () = peer.outgoing.closed() => false,
        },
        Some(wait_ms) => {
            let patience = Duration::from_millis(wait_ms);
            drop(tokio::time::timeout(patience, run.ended()).await);
            true
        }
    }
}

/// What nobody reads, except the audit log.
pub(super) fn left() -> RpcError {
    RpcError::new(ErrorKind::Invalid, "the client has gone; its run was ended")
}

fn views(peer: &Peer, run: &Run) -> Vec<VerdictView> {
    let progress = run.progress.lock().clone();
    let view = |said: &Said| match said {
        Said::Now(verdict) => verdicts::view(verdict, false, sees_output(peer)),
        Said::Before(verdict) => {
            let view = verdicts::view(verdict, true, sees_output(peer));
            let operation = progress.operation.map_or(view.operation, |at| at.0);
            VerdictView { operation, ..view }
        }
        Said::Untrusted(check, reason) => untrusted(check, reason, progress.operation, peer),
    };
    progress.said.iter().map(view).collect()
}

fn untrusted(
    check: &str,
    reason: &str,
    operation: Option<OperationId>,
    peer: &Peer,
) -> VerdictView {
    VerdictView {
        verdict: 0,
        check: check.to_owned(),
        operation: operation.map_or(0, |operation| operation.0),
        state: String::new(),
        status: VerdictStatus::Error,
        acts: false,
        reason: reason.to_owned(),
        failing: Vec::new(),
        flaky: Vec::new(),
        cases: aft_rpc::types::verify::CaseCounts::default(),
        findings: Vec::new(),
        cause: String::new(),
        untrusted: true,
        reused: false,
        started: WireTime(peer.now_ns()),
        took_ms: 0.0,
        scratch_ms: None,
        n_missing: 0,
        acted: None,
        output: None,
    }
}

/// What a check printed may hold a secret that it read.
fn sees_output(peer: &Peer) -> bool {
    peer.role == Role::Control
}

pub(super) fn list(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: VerifyListParams = request.params()?;
    let (_, workspace) = readable(peer, &params.workspace)?;
    let reader = &workspace.reader;
    let at = params.at.as_ref();
    let at = at.map(|at| points::resolve(reader, at, peer.now_ns()));
    let at = at.transpose()?;
    let before: Option<u64> = params
        .cursor
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|_| {
            RpcError::new(
                ErrorKind::Invalid,
                "that cursor is not one of ours; begin again without one",
            )
        })?;
    let limit = params.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let limit = usize::try_from(limit).unwrap_or(50);
    let fits = |verdict: &Verdict| {
        params
            .name
            .as_ref()
            .is_none_or(|name| *name == verdict.check)
            && at.is_none_or(|at| at == verdict.operation)
    };
    let (found, cursor) = reading(|| page(&workspace, before, limit, &fits))?;
    let shown = found.iter();
    let shown = shown.map(|verdict| verdicts::view(verdict, false, sees_output(peer)));
    let checks = workspace.checks();
    let configured = checks.map(|checks| reading(|| checks.configured()));
    let configured = configured.transpose();
    let configured = configured.map_err(|error| of_refused(error.into()))?;
    let view = |check: &crate::config::VerifyConfig| CheckView {
        name: check.name.clone(),
        command: checks::command_line(check),
        on: check
            .on
            .iter()
            .map(|on| checks::trigger_name(*on).to_owned())
            .collect(),
    };
    result(&VerifyListResult {
        checks: configured.map_or_else(Vec::new, |all| all.all().iter().map(view).collect()),
        last_good: reader
            .last_good()
            .map_err(|error| of_read(&error))?
            .map(|operation| operation.0),
        verdicts: shown.collect(),
        cursor,
        running: checks
            .and_then(|checks| asked_for(checks, params.run))
            .map(|run| {
                let progress = run.progress.lock();
                let shown = sees_output(peer);
                RunView {
                    n_lines: if shown { progress.n_lines } else { 0 },
                    lines: progress.lines.iter().filter(|_| shown).cloned().collect(),
                    run: run.number,
                    check: progress.check.clone(),
                    operation: progress.operation.map(|operation| operation.0),
                }
            }),
    })
}

/// The run that is under way, or this one.
fn asked_for(checks: &Checks, run: Option<u64>) -> Option<Arc<Run>> {
    match run {
        Some(number) => checks.seen(number),
        None => checks.running(),
    }
}

/// One page, and where the next begins.
fn page(
    workspace: &Workspace,
    mut before: Option<u64>,
    limit: usize,
    fits: &dyn Fn(&Verdict) -> bool,
) -> Result<(Vec<Verdict>, Option<String>), RpcError> {
    let mut found = Vec::new();
    loop {
        let some = workspace.reader.verdicts(before, PAGE_MAX as usize);
        let some = some.map_err(|error| of_read(&error))?;
        let Some(last) = some.last() else {
            return Ok((found, None));
        };
        before = Some(last.number);
        for verdict in some.into_iter().filter(|verdict| fits(verdict)) {
            let number = verdict.number;
            found.push(verdict);
            if found.len() == limit {
                return Ok((found, Some(number.to_string())));
            }
        }
    }
}

pub(super) fn cancel(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: VerifyCancelParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let checks = of(&workspace)?;
    // Who is checked does not end the check.
    let which = match peer.role {
        Role::Control => Which::All,
        Role::Agent | Role::Editor => Which::AskedFor,
    };
    let cancelled = checks.cancel(params.run, which);
    if cancelled.is_empty() {
        if which == Which::AskedFor && checks.running().is_some() {
            return Err(RpcError::new(
                ErrorKind::Forbidden,
                "what runs was not asked for by anybody; only control.sock ends it",
            ));
        }
        return Err(RpcError::new(ErrorKind::NotFound, "no check is running"));
    }
    result(&VerifyCancelResult { cancelled })
}

pub(super) fn suggest(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: VerifySuggestParams = request.params()?;
    let (record, _) = workspace(peer, &params.workspace)?;
    let found = reading(|| suggesting::of(&record.root)).map_err(|error| {
        let message = format!("`{}` cannot be read: {error}", record.root.display());
        RpcError::new(ErrorKind::Detached, message)
    })?;
    result(&VerifySuggestResult {
        toml: aft_verify::suggest::to_toml(&found),
        names: found.into_iter().map(|one| one.name).collect(),
    })
}

/// What runs when a turn ends; waits for it unless it is not to.
pub(super) async fn at_turn_end(
    peer: &Peer,
    workspace: &Workspace,
    ended: &mut TurnEndResult,
    no_wait: bool,
) {
    let Some(checks) = workspace.checks().filter(|one| one.may_run_at_turn_end()) else {
        return;
    };
    let wish = Wish {
        cause: Cause {
            trigger: VerifyTrigger::TurnEnd,
            turn: Some(ended.turn.clone()),
            session: Some(ended.session.clone()),
        },
        names: None,
        at: None,
        again: false,
    };
    match checks.submit(wish) {
        Ok(run) if !no_wait => {
            run.ended().await;
            ended.verdicts = views(peer, &run);
            ended.acted = run.progress.lock().acted.clone();
        }
        Ok(_) => {}
        Err(refused) => {
            tracing::warn!(reason = %chain(&refused), "no check runs at the end of a turn");
        }
    }
}

/// The newest verdict of each configured check, and the newest good state.
pub(super) fn last(
    peer: &Peer,
    workspace: &Workspace,
) -> Result<(Vec<VerdictView>, Option<GoodView>), RpcError> {
    let reader = &workspace.reader;
    let configured = workspace
        .checks()
        .and_then(|checks| checks.configured().ok());
    let names: Vec<String> = configured
        .iter()
        .flat_map(|configured| configured.all())
        .map(|check| check.name.clone())
        .collect();
    let newest = verdicts::newest(reader, &names).map_err(|error| of_read(&error))?;
    let shown = newest.iter();
    let shown = shown.map(|verdict| verdicts::view(verdict, false, sees_output(peer)));
    let good = reader.last_good().map_err(|error| of_read(&error))?;
    let good = good
        .map(|operation| good_view(workspace, operation))
        .transpose()?;
    Ok((shown.collect(), good))
}

fn good_view(workspace: &Workspace, operation: OperationId) -> Result<GoodView, RpcError> {
    let reader = &workspace.reader;
    let head = reader.head();
    let n_operations = head.0.saturating_sub(operation.0);
    let n_changed = if n_operations <= COUNTED_MAX {
        let since = reader.states_at(operation);
        let mut count = 0;
        for (path, before) in since.map_err(|error| of_read(&error))? {
            let now = reader
                .state_at(&path, head)
                .map_err(|error| of_read(&error))?;
            count += u64::from(now != Some(before));
        }
        Some(count)
    } else {
        None
    };
    Ok(GoodView {
        operation: operation.0,
        n_operations,
        n_changed,
    })
}

/// The checks of a workspace.
fn of(workspace: &Workspace) -> Result<&Arc<Checks>, RpcError> {
    workspace.checks().ok_or_else(|| {
        RpcError::new(
            ErrorKind::Detached,
            "no check can run while the workspace's directory is not there",
        )
    })
}

fn of_refused(refused: Refused) -> RpcError {
    match refused {
        Refused::Busy | Refused::Closing => RpcError::new(ErrorKind::Busy, chain(&refused)),
        Refused::Unknown(unknown) => {
            RpcError::new(ErrorKind::NotFound, unknown.to_string()).with_nearest(unknown.nearest)
        }
        Refused::Config(_) => RpcError::new(ErrorKind::Invalid, chain(&refused)),
        Refused::Io(_) => RpcError::internal(chain(&refused)),
    }
}
