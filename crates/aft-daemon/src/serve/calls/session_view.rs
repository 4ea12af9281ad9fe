//! `session.show`: a session, and what it changed.
//!
//! Does: show a page of the session's view; measure what it saves, later.
//! Does not: know who is at work; a session that only the history remembers is shown from there.

use std::sync::Arc;

use aft_engine::Selection;
use aft_engine::session::{Detail, Entry, Fold};
use aft_model::{Author, Change, OperationId, SessionId};
use aft_os::Clock;
use aft_rpc::types::operation::DiffDetail;
use aft_rpc::types::session::{
    SessionDiff, SessionEntry, SessionShowParams, SessionShowResult, SessionView, ViewLevel,
};
use aft_rpc::{ErrorKind, Request, RpcError, WireTime};
use aft_store::ReadError;
use tracing::debug;

use super::sessions::{Use, of_session, view};
use super::travel::selection;
use super::{Answer, readable, reading, result};
use crate::serve::connection::Peer;
use crate::serve::diffs::{self, TEXT_MAX};
use crate::serve::failure::of_read;
use crate::serve::sight::Sight;
use crate::serve::whose;
use crate::workspace::session_fold::{OPERATIONS_MAX, Whose, fold, gather};
use crate::workspace::{Compression, Session, Workspace, WorkspaceEvent};

/// Entries in one answer unless the client says otherwise, and at most.
const ENTRIES: u64 = 500;
const ENTRIES_MAX: u64 = 2000;

pub(super) fn show(peer: &Arc<Peer>, request: &Request) -> Answer {
    let mut params: SessionShowParams = request.params()?;
    let (workspace, chosen) = match &params.workspace {
        Some(wanted) => {
            let (record, workspace) = readable(peer, wanted)?;
            (workspace, selection(&record, params.paths.as_deref())?)
        }
        None if params.paths.is_some() => {
            return Err(RpcError::new(
                ErrorKind::Invalid,
                "say `workspace` as well as `paths`",
            ));
        }
        None => {
            let (workspace, _) = of_session(peer, None, &params.session, Use::Reading)?;
            (workspace, Selection(Vec::new()))
        }
    };
    params.session = whose::session(&workspace, &params.session)?;
    reading(|| {
        let session = described(&workspace, &params.session)?;
        let view = match params.view {
            DiffDetail::None => None,
            DiffDetail::Hunks => {
                return Err(RpcError::new(
                    ErrorKind::Invalid,
                    "what a session did in the end has no hunks that can be taken back; those of each operation have (`operation.show`)",
                ));
            }
            _ => Some(shown(peer, &workspace, &params, &chosen)?),
        };
        result(&SessionShowResult { session, view })
    })
}

/// A session that is remembered, else what the history tells of it.
fn described(workspace: &Workspace, id: &str) -> Result<SessionView, RpcError> {
    if let Some(session) = workspace.shared.sessions.get(id) {
        return view(workspace, &session);
    }
    let kept = workspace.reader.session(&SessionId(id.to_owned()));
    if let Some(kept) = kept.map_err(|error| of_read(&error))? {
        return view(workspace, &Session::of(kept));
    }
    let whose = Whose::of(id);
    let mut all = Vec::new();
    let _all_seen = whose
        .each(&workspace.reader, None, None, 0, &mut |operation| {
            all.push((operation.time_ns, operation.author.clone()));
            Ok(all.len() < OPERATIONS_MAX)
        })
        .map_err(|error| of_read(&error))?;
    let (Some((ended, author)), Some((started, _))) = (all.first(), all.last()) else {
        return Err(
            RpcError::new(ErrorKind::NotFound, format!("there is no session `{id}`"))
                .with_remedy("`aft session list` and `aft log` name them"),
        );
    };
    let agent = match author {
        Author::Agent(name) => name.clone(),
        other => other.label(),
    };
    Ok(SessionView {
        session: id.to_owned(),
        agent,
        label: None,
        pid: None,
        parent: None,
        metadata: None,
        started: WireTime(*started),
        ended: matches!(whose, Whose::Session(_)).then_some(WireTime(*ended)),
        turn: None,
        n_operations: all.len() as u64,
    })
}

/// A page of the view.
fn shown(
    peer: &Peer,
    workspace: &Arc<Workspace>,
    params: &SessionShowParams,
    chosen: &Selection,
) -> Result<SessionDiff, RpcError> {
    let clock = &peer.daemon.clock;
    let sight = Sight::of(peer, workspace);
    let started_ns = clock.mono_ns();
    let level = match params.level {
        ViewLevel::Net => Detail::Net,
        ViewLevel::Steps => Detail::Steps,
    };
    let (from, until) = cursor(params.cursor.as_deref())?;
    let failed = |error: ReadError| of_read(&error);
    let of = (workspace.shared.as_ref(), &workspace.reader);
    let fold = fold(of, &params.session, level, until).map_err(failed)?;
    let mut entries = match level {
        Detail::Net => fold.entries(level),
        Detail::Steps => fold.entries_without(level, &|_, change| {
            diffs::shown(workspace, change, None, diffs::Detail::Stat).formatting
        }),
    };
    entries.retain(|entry| touches(chosen, entry));
    let limit = params.limit.unwrap_or(ENTRIES).clamp(1, ENTRIES_MAX);
    let limit = usize::try_from(limit).unwrap_or(1);
    let mut room = TEXT_MAX;
    let mut page: Vec<SessionEntry> = Vec::new();
    // A page is over when its text is long enough; the next one goes on.
    for entry in entries.iter().skip(from).take(limit) {
        page.push(told(workspace, &sight, entry, (params.view, &mut room)));
        if room == 0 {
            break;
        }
    }
    let next = from + page.len();
    let cursor = (next < entries.len()).then(|| format!("{next}:{}", fold.through()));
    if from == 0 {
        let took_ns = clock.mono_ns().saturating_sub(started_ns);
        measure_later(workspace, &params.session, (&fold, took_ns), clock);
    }
    Ok(SessionDiff {
        level: params.level,
        first: fold.first().0,
        last: fold.through().0,
        n_operations: fold.n_operations(),
        n_changes: fold.n_changes(),
        truncated: fold.is_truncated(),
        n_entries: entries.len() as u64,
        entries: page,
        cursor,
    })
}

fn touches(chosen: &Selection, entry: &Entry) -> bool {
    let from = entry.renamed_from.as_ref();
    chosen.contains(&entry.path) || from.is_some_and(|from| chosen.contains(from))
}

fn change_of(entry: &Entry) -> Change {
    Change {
        path: entry.path.clone(),
        before: entry.before,
        after: entry.after,
        renamed_from: entry.renamed_from.clone(),
    }
}

fn told(
    workspace: &Workspace,
    sight: &Sight,
    entry: &Entry,
    (detail, room): (DiffDetail, &mut usize),
) -> SessionEntry {
    let change = change_of(entry);
    let (change, formatting) = match detail {
        DiffDetail::None => (sight.change(&change), false),
        DiffDetail::Stat => diffs::alone(workspace, sight, &change, (diffs::Detail::Stat, room)),
        DiffDetail::Unified | DiffDetail::Hunks => {
            diffs::alone(workspace, sight, &change, (diffs::Detail::Unified, room))
        }
    };
    SessionEntry {
        change,
        first: entry.first.0,
        last: entry.last.0,
        n_operations: entry.n_operations,
        formatting,
        apart: entry.apart,
    }
}

/// A cursor says where the page begins, and which operations the view is of: later ones would move it.
fn cursor(cursor: Option<&str>) -> Result<(usize, Option<OperationId>), RpcError> {
    let Some(text) = cursor else {
        return Ok((0, None));
    };
    let parts = text.split_once(':').and_then(|(from, until)| {
        let until = until.parse().ok().map(OperationId)?;
        Some((from.parse().ok()?, Some(until)))
    });
    parts.ok_or_else(|| {
        RpcError::new(
            ErrorKind::Invalid,
            "that cursor is not one of ours; begin again without one",
        )
    })
}

/// A session has ended: its fold is made while nobody waits for it.
pub(super) fn fold_later(peer: &Peer, workspace: &Arc<Workspace>, id: &str) {
    let (of, id) = (Arc::downgrade(workspace), id.to_owned());
    let clock = Arc::clone(&peer.daemon.clock);
    workspace.shared.l2.later(move || {
        let Some(workspace) = of.upgrade() else {
            return;
        };
        let started_ns = clock.mono_ns();
        let of = (workspace.shared.as_ref(), &workspace.reader);
        match fold(of, &id, Detail::Net, None) {
            Ok(fold) if fold.n_operations() > 0 => {
                let took_ns = clock.mono_ns().saturating_sub(started_ns);
                measure(&workspace, &id, (&fold, took_ns), clock.as_ref());
            }
            Ok(_) => {}
            Err(error) => debug!(%error, "a session's operations cannot be read"),
        }
    });
}

fn measure_later(
    workspace: &Arc<Workspace>,
    id: &str,
    (fold, took_ns): (&Arc<Fold>, u64),
    clock: &Arc<dyn Clock>,
) {
    let (of, id) = (Arc::downgrade(workspace), id.to_owned());
    let (fold, clock) = (Arc::clone(fold), Arc::clone(clock));
    workspace.shared.l2.later(move || {
        if let Some(workspace) = of.upgrade() {
            measure(&workspace, &id, (&fold, took_ns), clock.as_ref());
        }
    });
}

/// Says what the view saves, where somebody listens, and once for each newest operation.
fn measure(workspace: &Workspace, id: &str, (fold, took_ns): (&Fold, u64), clock: &dyn Clock) {
    let shared = &workspace.shared;
    if shared.events.receiver_count() == 0 || !shared.l2.is_first_of(id, fold.through()) {
        return;
    }
    let before = fold.first().0.checked_sub(1).map(OperationId);
    let whose = Whose::of(id);
    let until = Some(fold.through());
    let Ok((operations, _)) = gather(&workspace.reader, &whose, before, until, OPERATIONS_MAX)
    else {
        return;
    };
    let started_ns = clock.mono_ns();
    let entries = fold.entries(Detail::Net);
    let mut view_bytes = 0;
    for entry in &entries {
        view_bytes += diffs::text_len(workspace, &[change_of(entry)]);
    }
    let took_ns = took_ns + clock.mono_ns().saturating_sub(started_ns);
    let raw = operations.iter().map(|operation| &operation.changes);
    let raw_bytes = raw.map(|changes| diffs::text_len(workspace, changes)).sum();
    shared.publish(WorkspaceEvent::Compression(Arc::new(Compression {
        session: id.to_owned(),
        n_operations: fold.n_operations(),
        n_entries: entries.len() as u64,
        raw_bytes,
        view_bytes,
        took_us: took_ns / 1000,
    })));
}
