//! `store.check`: what the stores' own look at themselves found, as problems with an operation, a path and
//! a remedy.
//!
//! Does not: mend, or look into the store of a workspace that is not open; it says which those are.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use aft_rpc::types::store::{Problem, StoreCheckParams, StoreCheckResult};
use aft_rpc::{Request, RpcError, WirePath};
use aft_store::CheckReport;

use super::milestones::of_milestone;
use super::{Answer, result};
use crate::audit::Audit;
use crate::serve::connection::Peer;
use crate::serve::failure::of_read;
use crate::workspace::Workspace;

/// Problems in one answer; what is beyond is counted.
const PROBLEMS_MAX: usize = 1000;

const NEVER_PUT_BACK: &str = "everything else is still served; what is damaged is never put back, and heals when the same bytes \
     are seen again";
const KEPT: &str = "everything else is still served, and nothing was cut or mended";
const INDEX: &str = "no history is lost: `aft daemon stop`, remove `index.sqlite` and its `-wal` and \
     `-shm` from the workspace's directory in the store; it is made anew at the next start";
const AUDIT: &str = "no history is lost; somebody or something other than the daemon changed the files in `audit` of the \
     store: keep a copy of them. They are left as they are, and what is noted from now on follows";
const NOT_OPEN: &str = "keep the store's directory as it is; `aft doctor` says what is wrong";

pub(super) async fn check(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: StoreCheckParams = request.params()?;
    let workspaces = peer.daemon.all();
    let daemon = Arc::clone(&peer.daemon);
    let work = move || -> Result<StoreCheckResult, RpcError> {
        let mut sum = StoreCheckResult {
            ok: true,
            ..StoreCheckResult::default()
        };
        for (record, open) in workspaces {
            match open {
                Ok(workspace) => {
                    let report = workspace.reader.check(params.read_data);
                    add(&mut sum, &report.map_err(|error| of_read(&error))?);
                    add_milestones(&mut sum, &workspace, &record.root)?;
                }
                Err(closed) if closed.root_gone => {
                    sum.not_checked.push(record.root.as_path().into());
                }
                Err(closed) => {
                    let root = record.root.display();
                    let message = format!("the store of `{root}` is not open: {}", closed.reason);
                    sum.ok = false;
                    sum.problems.push(problem(message, NOT_OPEN));
                }
            }
        }
        add_audit(&mut sum, &daemon.audit);
        bound(&mut sum.problems);
        Ok(sum)
    };
    let checked = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| RpcError::internal(error.to_string()))??;
    result(&checked)
}

fn problem(message: String, remedy: &str) -> Problem {
    Problem {
        message,
        remedy: Some(remedy.to_owned()),
        operation: None,
        path: None,
    }
}

/// Adds what one store's check found.
fn add(sum: &mut StoreCheckResult, report: &CheckReport) {
    sum.ok &= report.is_clean();
    sum.n_records += report.records;
    sum.n_contents += report.contents;
    sum.n_bytes += report.bytes;
    let problems = &mut sum.problems;
    for damage in &report.damage {
        let (place, range) = (&damage.segment, &damage.range);
        let message = format!("{place} at {range:?}: {}", damage.reason);
        problems.push(problem(message, KEPT));
    }
    for id in &report.lost_operations {
        let message = format!("operation {id} cannot be read whole");
        problems.push(Problem {
            operation: Some(id.0),
            ..problem(message, KEPT)
        });
    }
    add_contents(problems, report);
    if !report.chain_ok {
        let message = "the chain over the operations does not verify".to_owned();
        problems.push(problem(message, KEPT));
    }
    let index = report.index.iter().cloned();
    problems.extend(index.map(|message| problem(message, INDEX)));
}

/// Adds what following the chain of the audit log found.
fn add_audit(sum: &mut StoreCheckResult, audit: &Audit) {
    match audit.check() {
        Ok(checked) => {
            sum.ok &= checked.problems.is_empty();
            sum.n_records += checked.n_lines;
            sum.n_bytes += checked.n_bytes;
            let told = checked.problems.into_iter();
            sum.problems
                .extend(told.map(|told| problem(format!("audit log: {told}"), AUDIT)));
        }
        Err(error) => {
            sum.ok = false;
            let message = format!("the audit log cannot be written or read: {error}");
            sum.problems.push(problem(message, AUDIT));
        }
    }
}

/// Adds the milestones that are not whole.
fn add_milestones(
    sum: &mut StoreCheckResult,
    workspace: &Workspace,
    root: &Path,
) -> Result<(), RpcError> {
    let Some(milestones) = workspace.milestones() else {
        return Ok(());
    };
    let broken = milestones.not_whole();
    for (name, reason) in broken.map_err(|error| of_milestone(&error))? {
        let name = name.as_str();
        let remedy =
            format!("no history is lost; `aft milestone verify {name}` there makes it anew");
        sum.ok = false;
        let message = format!("milestone {name} of `{}`: {reason}", root.display());
        sum.problems.push(problem(message, &remedy));
    }
    Ok(())
}

fn add_contents(problems: &mut Vec<Problem>, report: &CheckReport) {
    for missing in &report.missing {
        for (operation, path) in &missing.places {
            let at = operation.map_or_else(
                || "the first scan".to_owned(),
                |id| format!("operation {id}"),
            );
            let shown = WirePath::from(path);
            problems.push(Problem {
                operation: operation.map(|id| id.0),
                ..problem(
                    format!(
                        "`{}` as {at} left it cannot be served: content {} is damaged or missing",
                        shown.display(),
                        missing.content
                    ),
                    NEVER_PUT_BACK,
                )
            });
            if let Some(problem) = problems.last_mut() {
                problem.path = Some(shown);
            }
        }
        if missing.more > 0 {
            let (n, id) = (missing.more, missing.content);
            let message = format!("content {id} is named in {n} more places");
            problems.push(problem(message, NEVER_PUT_BACK));
        }
    }
    if report.more_missing > 0 {
        let message = format!("{} more contents cannot be served", report.more_missing);
        problems.push(problem(message, NEVER_PUT_BACK));
    }
    let told: BTreeSet<_> = report.missing.iter().map(|m| m.content.0).collect();
    for id in report
        .bad_contents
        .iter()
        .filter(|id| !told.contains(&id.0))
    {
        let message = format!("a copy of content {id} is damaged");
        problems.push(problem(message, NEVER_PUT_BACK));
    }
}

/// An answer is bounded however much is damaged.
fn bound(problems: &mut Vec<Problem>) {
    let more = problems.len().saturating_sub(PROBLEMS_MAX);
    if more > 0 {
        problems.truncate(PROBLEMS_MAX);
        problems.push(problem(format!("and {more} more problems"), KEPT));
    }
}
