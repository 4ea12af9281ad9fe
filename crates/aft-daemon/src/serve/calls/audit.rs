//! `audit.list`: pages of the audit log.
//!
//! Does not: write entries (`serve::audited`), or check the chain (`integrity`).

use std::ops::ControlFlow;
use std::sync::Arc;

use aft_model::Point;
use aft_rpc::types::audit::{AuditEntry, AuditListParams, AuditListResult};
use aft_rpc::{ErrorKind, Request, RpcError, WirePath, WirePoint, WireTime};

use super::{Answer, reading, result};
use crate::audit::Entry;
use crate::serve::connection::Peer;

/// Entries in a page unless the client says otherwise, and at most.
const PAGE: u64 = 50;
const PAGE_MAX: u64 = 1000;

/// Which entries are wanted.
struct Wanted {
    params: AuditListParams,
    since: Option<WireTime>,
    /// Id of the workspace that is meant, where it is still known.
    id: Option<String>,
}

impl Wanted {
    fn matches(&self, entry: &Entry) -> bool {
        let params = &self.params;
        params.socket.is_none_or(|wanted| entry.socket == wanted)
            && params.method.as_deref().is_none_or(|wanted| {
                let is_family = wanted.ends_with('.');
                entry.method == wanted || (is_family && entry.method.starts_with(wanted))
            })
            && (!params.refused || entry.outcome != "done")
            && params
                .workspace
                .as_ref()
                .is_none_or(|wanted| self.is_of(wanted, entry))
    }

    /// By its id, by the id of the workspace that is there now, or by the root it had.
    fn is_of(&self, wanted: &WirePath, entry: &Entry) -> bool {
        let named = std::str::from_utf8(wanted.as_bytes()).ok();
        let id = entry.workspace.as_deref();
        id.is_some_and(|id| Some(id) == self.id.as_deref() || Some(id) == named)
            || entry.root.as_ref() == Some(wanted)
    }
}

pub(super) fn list(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: AuditListParams = request.params()?;
    let limit = usize::try_from(params.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX)).unwrap_or(50);
    let before = params.cursor.as_deref().map(cursor).transpose()?;
    let since = params.since.as_ref();
    let since = since
        .map(|since| time_of(since, peer.now_ns()))
        .transpose()?;
    let of_path = |wanted: &WirePath| Some(peer.daemon.resolve(wanted.as_bytes())?.0.id);
    let id = params.workspace.as_ref().and_then(of_path);
    let wanted = Wanted { params, since, id };
    let mut entries: Vec<AuditEntry> = Vec::new();
    let mut has_more = false;
    peer.daemon.refusals.write_all(&peer.daemon);
    let read = reading(|| {
        peer.daemon.audit.newest_first(before, |number, entry| {
            // Clocks may jump: a day further back nothing more is looked for.
            let is_long_before = |since: WireTime| entry.time.0.saturating_add(DAY_NS) < since.0;
            if wanted.since.is_some_and(is_long_before) {
                return ControlFlow::Break(());
            }
            let is_old = wanted.since.is_some_and(|since| entry.time < since);
            if is_old || !wanted.matches(&entry) {
                return ControlFlow::Continue(());
            }
            if entries.len() == limit {
                has_more = true;
                return ControlFlow::Break(());
            }
            entries.push(view(number, entry));
            ControlFlow::Continue(())
        })
    });
    read.map_err(|error| {
        RpcError::new(
            ErrorKind::StoreFull,
            format!("the audit log cannot be written or read: {error}"),
        )
        .with_remedy("`aft doctor` says how much room there is")
    })?;
    let last = entries.last().filter(|_| has_more);
    let cursor = last.map(|entry| entry.number.to_string());
    let gone_through = match cursor {
        Some(_) => None,
        // Where even that cannot be read, what there is was told.
        None => reading(|| peer.daemon.audit.gone_through()).unwrap_or(None),
    };
    result(&AuditListResult {
        entries,
        cursor,
        gone_through,
    })
}

const DAY_NS: i64 = 24 * 3600 * 1_000_000_000;

fn view(number: u64, entry: Entry) -> AuditEntry {
    AuditEntry {
        number,
        time: entry.time,
        socket: entry.socket,
        uid: entry.uid,
        pid: entry.pid,
        method: entry.method,
        workspace: entry.workspace,
        root: entry.root,
        params: entry.params,
        outcome: entry.outcome,
        operation: entry.operation,
        repeated: entry.repeated,
    }
}

fn cursor(text: &str) -> Result<u64, RpcError> {
    text.parse().map_err(|_| {
        RpcError::new(
            ErrorKind::Invalid,
            "that cursor is not one of ours; begin again without one",
        )
    })
}

/// The log is of no workspace, so of the points only times mean something.
fn time_of(point: &WirePoint, now_ns: i64) -> Result<WireTime, RpcError> {
    let time = match Point::parse(&point.0) {
        Ok(Point::Ago(ns)) => {
            let ago = i64::try_from(ns).unwrap_or(i64::MAX);
            Some(WireTime(now_ns.saturating_sub(ago)))
        }
        Ok(Point::Time(text)) => WireTime::parse(&text),
        _ => None,
    };
    time.ok_or_else(|| {
        RpcError::new(
            ErrorKind::Invalid,
            format!(
                "`{}` is no time; write 10m, 2h, 1d or an RFC 3339 time",
                point.0
            ),
        )
    })
}
