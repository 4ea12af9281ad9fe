//! The daemon's own process, its log, and its stores.

use std::sync::{Arc, OnceLock};

use aft_rpc::types::daemon::{
    DaemonLogsParams, DaemonLogsResult, DaemonStatusParams, DaemonStatusResult, DaemonStopParams,
    DaemonStopResult, DiscoverParams,
};
use aft_rpc::types::store::{MemoryView, StoreStatsParams, StoreStatsResult, TierView};
use aft_rpc::{ErrorKind, Request, RpcError, WireTime};

use super::milestones::of_milestone;
use super::{Answer, reading, result, workspace};
use aft_store::Kind;
use serde_json::value::RawValue;

use crate::memory::resident_bytes;
use crate::serve::connection::Peer;
use crate::serve::failure::of_read;
use crate::workspace::Workspace;

/// Lines of the log in one answer unless the client says otherwise, and at most.
const LINES: u64 = 200;
const LINES_MAX: u64 = 10_000;

pub(super) fn status(peer: &Arc<Peer>, request: &Request) -> Answer {
    let _: DaemonStatusParams = request.params()?;
    let daemon = &peer.daemon;
    let uptime_ns = daemon.clock.wall_ns().saturating_sub(daemon.started_ns);
    result(&DaemonStatusResult {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: None,
        uptime: std::time::Duration::from_nanos(u64::try_from(uptime_ns).unwrap_or(0))
            .as_secs_f64(),
        started: WireTime(daemon.started_ns),
        instance: daemon.instance.clone(),
        home: daemon.paths.home.as_path().into(),
        runtime_dir: daemon.paths.runtime_dir.as_path().into(),
        n_workspaces: daemon.all().len() as u64,
        n_connections: daemon.room.n_taken(),
        memory_bytes: resident_bytes(),
    })
}

/// The document of the methods. Making it costs some milliseconds, which anybody may ask for again and again, so it
/// is made once.
pub(super) fn discover(request: &Request) -> Answer {
    let _: DiscoverParams = request.params()?;
    static DOCUMENT: OnceLock<Box<RawValue>> = OnceLock::new();
    if let Some(made) = DOCUMENT.get() {
        return Ok(made.clone());
    }
    let made = result(&aft_rpc::openrpc::document(env!("CARGO_PKG_VERSION")))?;
    Ok(DOCUMENT.get_or_init(|| made).clone())
}

pub(super) fn stop(peer: &Arc<Peer>, request: &Request) -> Answer {
    let _: DaemonStopParams = request.params()?;
    let daemon = Arc::clone(&peer.daemon);
    let outgoing = peer.outgoing.clone();
    tokio::spawn(async move {
        // The answer is on its way first: nothing else waits in front of it.
        while !outgoing.is_empty() {
            tokio::task::yield_now().await;
        }
        daemon.stopping.send_replace(true);
    });
    result(&DaemonStopResult {
        pid: std::process::id(),
    })
}

pub(super) fn logs(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: DaemonLogsParams = request.params()?;
    let wanted = usize::try_from(params.lines.unwrap_or(LINES).min(LINES_MAX)).unwrap_or(200);
    let dir = peer.daemon.paths.log_dir();
    reading(|| {
        let unreadable = |error: std::io::Error| {
            RpcError::new(
                ErrorKind::NotFound,
                format!("the log cannot be read: {error}"),
            )
        };
        let newest = std::fs::read_dir(&dir)
            .map_err(unreadable)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .max()
            .ok_or_else(|| RpcError::new(ErrorKind::NotFound, "there is no log yet"))?;
        let text = std::fs::read_to_string(&newest).map_err(unreadable)?;
        let mut lines: Vec<String> = text.lines().rev().take(wanted).map(str::to_owned).collect();
        lines.reverse();
        result(&DaemonLogsResult {
            file: newest.as_path().into(),
            lines,
        })
    })
}

fn chosen(
    peer: &Peer,
    wanted: Option<&aft_rpc::WirePath>,
) -> Result<Vec<Arc<Workspace>>, RpcError> {
    match wanted {
        Some(wanted) => Ok(vec![workspace(peer, wanted)?.1]),
        None => Ok(peer
            .daemon
            .all()
            .into_iter()
            .filter_map(|(_, open)| open.ok())
            .collect()),
    }
}

pub(super) fn stats(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: StoreStatsParams = request.params()?;
    let workspaces = chosen(peer, params.workspace.as_ref())?;
    reading(|| {
        let mut sum = StoreStatsResult {
            n_workspaces: workspaces.len() as u64,
            l1: l1(&workspaces),
            l2: l2(peer),
            memory: MemoryView {
                resident_bytes: resident_bytes(),
                level: peer.daemon.memory.level().to_owned(),
            },
            ..StoreStatsResult::default()
        };
        for workspace in &workspaces {
            let stats = workspace.reader.stats().map_err(|error| of_read(&error))?;
            let (n_contents, stored) = stats.by_kind.get(&Kind::Blob).copied().unwrap_or_default();
            sum.disk_bytes += stats.segment_bytes + stats.index_bytes;
            sum.segment_bytes += stats.segment_bytes;
            sum.index_bytes += stats.index_bytes;
            sum.n_segments += stats.segments;
            sum.n_contents += n_contents;
            sum.stored_bytes += stored;
            sum.n_operations += stats
                .by_kind
                .get(&Kind::Operation)
                .map_or(0, |(count, _)| *count);
            sum.n_checkpoints += workspace
                .reader
                .checkpoints()
                .map_err(|error| of_read(&error))?
                .len() as u64;
            sum.content_bytes += workspace.shared.standing.lock().n_bytes;
            if let Some(milestones) = workspace.milestones() {
                let all = milestones.all().map_err(|error| of_milestone(&error))?;
                sum.n_milestones += all.len() as u64;
                let bytes = milestones.shelf().bytes();
                sum.milestone_bytes += bytes;
                sum.disk_bytes += bytes;
            }
        }
        result(&sum)
    })
}

fn l1(workspaces: &[Arc<Workspace>]) -> TierView {
    let mut sum = TierView::default();
    for workspace in workspaces {
        let ring = workspace.shared.ring.read();
        let (hits, misses) = workspace.shared.ring_asked.counted();
        sum.entries += ring.len() as u64;
        sum.bytes += ring.content_bytes() as u64;
        sum.hits += hits;
        sum.misses += misses;
        sum.evictions += ring.n_evicted();
    }
    sum
}

/// The session cache is one over all workspaces.
fn l2(peer: &Peer) -> TierView {
    let stats = peer.daemon.caches.stats();
    TierView {
        entries: stats.entries,
        bytes: stats.bytes,
        hits: stats.hits,
        misses: stats.misses,
        evictions: stats.evictions,
    }
}
