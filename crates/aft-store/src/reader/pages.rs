//! Lists of operations: pages newest first, polling oldest first, each narrowed by a filter.
//!
//! Does: merge the index with the tail in memory, and read of each operation only what a list shows.
//! Does not: look one operation up, or follow one path; that is its neighbour's business.

mod matching;

use std::collections::BTreeMap;

use aft_model::{Change, OperationId, OperationKind, RelPath, SessionId, TurnId};
use rusqlite::params;

use matching::take_places;

use super::history::{OperationSummary, count, number};
use super::{Reader, undecodable};
use crate::entry::{Loc, PartOwner, body};
use crate::error::ReadError;
use crate::records::{self, ChangesV1, ListedV1, PartRefV1};

/// So many changes of a large operation are kept for the next list.
const LISTED: usize = 20;
/// A summary is whole up to this many changes, unless fewer are asked for.
const SUMMARY_CHANGES: usize = 2000;

/// Which operations are asked for. The default asks for all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those that changed this path or one beneath it.
    pub path: Option<RelPath>,
    /// Those of this session.
    pub session: Option<SessionId>,
    /// Those of this turn.
    pub turn: Option<TurnId>,
    /// Those of this kind.
    pub kind: Option<OperationKind>,
    /// Those after this operation.
    pub since_op: Option<OperationId>,
    /// Those up to and with this operation.
    pub until_op: Option<OperationId>,
    /// Those recorded at this time or later.
    pub since_ns: Option<i64>,
}

impl Filter {
    /// True where nothing but a path and numbers narrow the list.
    fn only_path(&self) -> bool {
        self.session.is_none()
            && self.turn.is_none()
            && self.kind.is_none()
            && self.since_ns.is_none()
    }
}

impl Reader {
    /// At most `limit` operations that pass `filter`, newest first, all before `before`, with all their
    /// changes up to 2000.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn operations(
        &self,
        filter: &Filter,
        before: Option<OperationId>,
        limit: usize,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let page = self.page(filter, before, limit, SUMMARY_CHANGES)?;
        Ok(page.into_iter().map(whole_or_none).collect())
    }

    /// As [`Self::operations`], with the first `shown` changes of each; what is not shown is not read
    /// where that can be helped.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn page(
        &self,
        filter: &Filter,
        before: Option<OperationId>,
        limit: usize,
        shown: usize,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let _held = self.shared.hold();
        let found = self.matching(filter, before, limit)?;
        self.summaries(found.into_iter().rev().collect(), shown)
    }

    /// At most `limit` operations after `operation`, oldest first, with all their changes up to 2000.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn operations_after(
        &self,
        operation: OperationId,
        limit: usize,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let page = self.page_after(operation, limit, SUMMARY_CHANGES)?;
        Ok(page.into_iter().map(whole_or_none).collect())
    }

    /// As [`Self::operations_after`], with the first `shown` changes of each.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn page_after(
        &self,
        operation: OperationId,
        limit: usize,
        shown: usize,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let _held = self.shared.hold();
        let start = operation.0.saturating_add(1);
        let mut found: BTreeMap<u64, Loc> = {
            let tail = self.shared.tail.read();
            let rows = tail.ops.range(start..).take(limit);
            rows.map(|(id, row)| (*id, row.loc)).collect()
        };
        self.shared.index.read(|connection| {
            let mut ask = connection
                .prepare_cached("SELECT op, loc FROM ops WHERE op >= ?1 ORDER BY op LIMIT ?2")?;
            take_places(ask.query(params![number(start), count(limit)])?, &mut found)
        })?;
        self.summaries(found.into_iter().take(limit).collect(), shown)
    }

    /// The summaries of operations whose places are at hand, in their order.
    fn summaries(
        &self,
        found: Vec<(u64, Loc)>,
        shown: usize,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let mut in_order: Vec<(Loc, u64, usize)> = found
            .iter()
            .enumerate()
            .map(|(at, (id, loc))| (*loc, *id, at))
            .collect();
        in_order.sort_unstable();
        let places: Vec<Loc> = in_order.iter().map(|(loc, ..)| *loc).collect();
        let mut page: Vec<(usize, OperationSummary)> = Vec::with_capacity(found.len());
        self.each_record(&places, |number, payload| {
            let Some((_, id, at)) = in_order.get(number) else {
                return Ok(());
            };
            page.push((*at, self.listed(OperationId(*id), payload?, shown)?));
            Ok(())
        })?;
        page.sort_unstable_by_key(|(at, _)| *at);
        Ok(page.into_iter().map(|(_, summary)| summary).collect())
    }

    /// The operation in `payload` with its first `shown` changes.
    fn listed(
        &self,
        id: OperationId,
        payload: &[u8],
        shown: usize,
    ) -> Result<OperationSummary, ReadError> {
        let wrong = |e: &records::RecordError| undecodable("operation", e);
        let ListedV1 {
            mut operation,
            n_changes,
        } = body(payload)
            .and_then(|body| records::decode_listed(body, shown))
            .map_err(|e| wrong(&e))?;
        if operation.id != id.0 {
            return Err(ReadError::corrupt(
                format!("operation {id}"),
                "another one lies in its place",
            ));
        }
        let changes = std::mem::replace(&mut operation.changes, ChangesV1::Inline(Vec::new()));
        let mut operation = records::operation_value(operation).map_err(|e| wrong(&e))?;
        let (first, parts) = match changes {
            ChangesV1::Inline(first) => (first, Vec::new()),
            ChangesV1::Parts { first, parts, .. } => (first, parts),
            ChangesV1::Baseline { .. } => (Vec::new(), Vec::new()),
        };
        let more = n_changes.min(shown as u64) > first.len() as u64;
        // Whoever wants whole summaries does without those of the very large.
        let worth = shown < SUMMARY_CHANGES || n_changes <= SUMMARY_CHANGES as u64;
        operation.changes = if more && worth && !parts.is_empty() {
            self.first_in_parts(PartOwner::Operation(id.0), &parts, shown)?
        } else {
            let first: Result<_, _> = first.iter().take(shown).map(Change::try_from).collect();
            first.map_err(|e| wrong(&e))?
        };
        Ok(OperationSummary {
            operation,
            n_changes,
        })
    }

    /// Reads parts until there are `wanted` changes.
    fn first_in_parts(
        &self,
        owner: PartOwner,
        parts: &[PartRefV1],
        wanted: usize,
    ) -> Result<Vec<Change>, ReadError> {
        let key = parts.first().map(|part| part.commitment);
        let held = key.and_then(|key| self.shared.listed.lock().get(&key).cloned());
        if let Some(held) = held.filter(|held| held.len() >= wanted) {
            return Ok(held.iter().take(wanted).cloned().collect());
        }
        let mut changes = Vec::new();
        for part in parts {
            if changes.len() >= wanted {
                break;
            }
            changes.extend(self.owned_part(owner, part.part)?);
        }
        if let Some(key) = key {
            let first = changes.iter().take(LISTED).cloned().collect();
            self.shared.listed.lock().put(key, first);
        }
        changes.truncate(wanted);
        Ok(changes)
    }
}

/// A part of the changes could be taken for all of them.
fn whole_or_none(mut summary: OperationSummary) -> OperationSummary {
    if !summary.is_whole() {
        summary.operation.changes.clear();
    }
    summary
}
