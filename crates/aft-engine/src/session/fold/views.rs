//! A fold as entries: what each path came to, or step by step, with a move as one entry.
//!
//! Does not: change the fold, or look at contents.

use std::collections::{BTreeMap, HashMap};

use aft_model::{Change, OperationId, RelPath};

use super::stretch::without_formatting;
use super::{Detail, Entry, Fold};

impl Fold {
    /// The view. Of a fold that has no steps any more, [`Detail::Steps`] gives what [`Detail::Net`] gives.
    #[must_use]
    pub fn entries(&self, detail: Detail) -> Vec<Entry> {
        self.entries_without(detail, &|_, _| false)
    }

    /// As [`Self::entries`]; a step for which `is_formatting` holds becomes part of the one before it, or, being the
    /// first, of the one after it.
    #[must_use]
    pub fn entries_without(
        &self,
        detail: Detail,
        is_formatting: &dyn Fn(&RelPath, &Change) -> bool,
    ) -> Vec<Entry> {
        match detail.max(self.detail) {
            Detail::Net => self.net(),
            Detail::Steps => self.steps(is_formatting),
        }
    }

    pub(super) fn net(&self) -> Vec<Entry> {
        let mut entries: BTreeMap<&RelPath, Vec<Entry>> = BTreeMap::new();
        for (path, stretches) in &self.paths {
            let changed = stretches.iter().filter(|s| s.start != s.end);
            let found: Vec<Entry> = changed
                .map(|s| s.entry(path, stretches.len() > 1))
                .collect();
            if !found.is_empty() {
                entries.insert(path, found);
            }
        }
        for (path, origin) in &self.origins {
            let Some(from) = origin.as_ref().filter(|from| *from != path) else {
                continue;
            };
            let source = single(entries.get(from)).filter(|source| is_departure(source));
            let target = single(entries.get(path)).filter(|target| is_arrival(target));
            let (Some(source), Some(target)) = (source, target) else {
                continue;
            };
            let carried = self.paths.get(path).and_then(|stretches| {
                let stretch = stretches.last()?;
                stretch.carried
            });
            let (more, first) = carried.unwrap_or((0, source.first));
            let entry = Entry {
                renamed_from: Some(from.clone()),
                before: source.before,
                first,
                n_operations: target.n_operations + more,
                ..target.clone()
            };
            entries.remove(from);
            entries.insert(path, vec![entry]);
        }
        entries.into_values().flatten().collect()
    }

    pub(super) fn steps(&self, is_formatting: &dyn Fn(&RelPath, &Change) -> bool) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for (path, stretches) in &self.paths {
            for stretch in stretches {
                let kept = without_formatting(path, &stretch.steps, is_formatting);
                entries.extend(kept.into_iter().map(|step| Entry {
                    path: path.clone(),
                    renamed_from: step.renamed_from,
                    before: step.before,
                    after: step.after,
                    first: step.first,
                    last: step.last,
                    n_operations: step.n_operations,
                    apart: stretches.len() > 1,
                }));
            }
        }
        // By where each began, so that they can be played one after the other; a move stays where it happened, though it
        // is said to begin with what was done to its source.
        entries.sort_by(|a, b| (a.first, &a.path).cmp(&(b.first, &b.path)));
        join_moves(&mut entries);
        entries
    }
}

fn single(entries: Option<&Vec<Entry>>) -> Option<&Entry> {
    match entries.map(Vec::as_slice) {
        Some([entry]) if !entry.apart => Some(entry),
        _ => None,
    }
}

fn is_departure(entry: &Entry) -> bool {
    entry.before.content().is_some() && !entry.after.exists()
}

fn is_arrival(entry: &Entry) -> bool {
    !entry.before.exists() && entry.after.content().is_some()
}

/// A step that made a path by a move, and the step that took its source away at that moment, are one entry.
fn join_moves(entries: &mut Vec<Entry>) {
    let sources: HashMap<(RelPath, OperationId), usize> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| is_departure(entry))
        .map(|(at, entry)| ((entry.path.clone(), entry.last), at))
        .collect();
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for (at, entry) in entries.iter_mut().enumerate() {
        let source = entry
            .renamed_from
            .as_ref()
            .filter(|_| is_arrival(entry))
            .and_then(|from| sources.get(&(from.clone(), entry.first)));
        match source {
            Some(source) => joined.push((*source, at)),
            None => entry.renamed_from = None,
        }
    }
    let mut gone = Vec::new();
    for (source, target) in joined {
        let Some(left) = entries.get(source).cloned() else {
            continue;
        };
        if let Some(target) = entries.get_mut(target) {
            target.before = left.before;
            target.first = left.first;
            // The move itself is counted where it ends.
            target.n_operations += left.n_operations.saturating_sub(1);
        }
        gone.push(source);
    }
    gone.sort_unstable();
    for at in gone.into_iter().rev() {
        entries.remove(at);
    }
}
