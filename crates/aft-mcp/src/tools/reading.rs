//! Tools that read. Each fences first, so that an agent sees what it wrote a moment ago.

use aft_rpc::WireBytes;
use aft_rpc::types::blame::{BlameParams, BlameRange};
use aft_rpc::types::checkpoint::CheckpointListParams;
use aft_rpc::types::diff::{DiffFormat, DiffParams};
use aft_rpc::types::file::FileReadParams;
use aft_rpc::types::history::HistoryListParams;
use aft_rpc::types::operation::{ChangeView, DiffDetail, OperationShowParams};
use aft_rpc::types::workspace::WorkspaceStatusParams;

use super::arguments::{Blame, Cat, Checkpoints, Diff, Log, Show, Workspace};
use super::hunks;
use super::{Given, as_json, to_value};
use crate::daemon::{Daemon, Failed};

const LOG_LIMIT: u64 = 20;
const CHECKPOINTS_LIMIT: u64 = 50;
const CAT_LENGTH: u64 = 64 * 1024;

pub(super) fn status(daemon: &Daemon, asked: Workspace) -> Result<Given, Failed> {
    as_json(&daemon.call(&WorkspaceStatusParams {
        workspace: asked.workspace,
        wait_ms: None,
    })?)
}

pub(super) fn log(daemon: &Daemon, asked: Log) -> Result<Given, Failed> {
    let params = HistoryListParams {
        limit: Some(asked.limit.unwrap_or(LOG_LIMIT)),
        cursor: asked.cursor,
        paths: asked.paths,
        session: asked.session,
        turn: asked.turn,
        since: asked.since,
        stat: true,
        ..HistoryListParams::new(asked.workspace.clone())
    };
    as_json(&daemon.read(&asked.workspace, &params)?)
}

pub(super) fn show(daemon: &Daemon, asked: Show) -> Result<Given, Failed> {
    let workspace = asked.workspace.clone();
    let params = OperationShowParams {
        workspace: asked.workspace,
        operation: asked.operation,
        diff: if asked.hunks {
            DiffDetail::Hunks
        } else {
            DiffDetail::Unified
        },
        paths: asked.paths,
        limit: None,
        cursor: asked.cursor,
    };
    let shown = daemon.read(&workspace, &params)?;
    let operation = &shown.operation;
    let head = format!(
        "operation {} ({} by {}, {})\n",
        operation.operation,
        operation.kind.as_str(),
        operation.author,
        operation.time
    );
    let told = told_as(asked.hunks);
    let text = head + &told(&operation.changes, shown.cursor.as_deref());
    Ok(Given {
        structured: to_value(&shown)?,
        text,
    })
}

pub(super) fn diff(daemon: &Daemon, asked: Diff) -> Result<Given, Failed> {
    let workspace = asked.workspace.clone();
    let params = DiffParams {
        workspace: asked.workspace,
        from: asked.from,
        to: asked.to,
        paths: asked.paths,
        format: match (asked.stat, asked.hunks) {
            (true, _) => DiffFormat::Stat,
            (false, true) => DiffFormat::Hunks,
            (false, false) => DiffFormat::Unified,
        },
        limit: None,
        cursor: asked.cursor,
    };
    let shown = daemon.read(&workspace, &params)?;
    if asked.stat {
        return as_json(&shown);
    }
    let text = if shown.files.is_empty() {
        format!("operations {} and {} are the same", shown.from, shown.to)
    } else {
        told_as(asked.hunks)(&shown.files, shown.cursor.as_deref())
    };
    Ok(Given {
        structured: to_value(&shown)?,
        text,
    })
}

/// Changes as a diff, or by their hunks.
fn told_as(by_hunks: bool) -> fn(&[ChangeView], Option<&str>) -> String {
    if by_hunks { hunks::by_name } else { patches }
}

/// Unified diffs one after the other, and what is not among them.
pub(crate) fn patches(changes: &[ChangeView], cursor: Option<&str>) -> String {
    let mut text = String::new();
    for change in changes {
        match &change.diff {
            Some(WireBytes(diff)) => text.push_str(&String::from_utf8_lossy(diff)),
            None => text.push_str(&format!("({}: no diff)\n", change.path.display())),
        }
        if change.incomplete {
            text.push_str(&format!(
                "({}: the diff does not hold all of the change)\n",
                change.path.display()
            ));
        }
    }
    if let Some(cursor) = cursor {
        text.push_str(&format!("(more: cursor {cursor})\n"));
    }
    text
}

pub(super) fn cat(daemon: &Daemon, asked: Cat) -> Result<Given, Failed> {
    let params = FileReadParams {
        workspace: asked.workspace.clone(),
        path: asked.path,
        at: asked.at,
        offset: asked.offset,
        length: Some(asked.length.unwrap_or(CAT_LENGTH)),
    };
    let read = daemon.read(&asked.workspace, &params)?;
    let text = match std::str::from_utf8(&read.content.0) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("({} bytes that are no text)", read.content.0.len()),
    };
    Ok(Given {
        structured: to_value(&read)?,
        text,
    })
}

pub(super) fn blame(daemon: &Daemon, asked: Blame) -> Result<Given, Failed> {
    let params = BlameParams {
        workspace: asked.workspace.clone(),
        path: asked.path,
        at: asked.at,
    };
    let blamed = daemon.read(&asked.workspace, &params)?;
    let line = |range: &BlameRange| {
        let last = (range.start + range.count).saturating_sub(1);
        format!(
            "{}-{last}: #{} {} by {}\n",
            range.start,
            range.operation,
            range.kind.as_str(),
            range.author
        )
    };
    let mut text: String = blamed.ranges.iter().map(line).collect();
    if blamed.approximate {
        text.push_str("(some lines may be older than that)\n");
    }
    Ok(Given {
        structured: to_value(&blamed)?,
        text,
    })
}

pub(super) fn checkpoints(daemon: &Daemon, asked: Checkpoints) -> Result<Given, Failed> {
    as_json(&daemon.call(&CheckpointListParams {
        workspace: asked.workspace,
        limit: Some(asked.limit.unwrap_or(CHECKPOINTS_LIMIT)),
        cursor: asked.cursor,
    })?)
}
