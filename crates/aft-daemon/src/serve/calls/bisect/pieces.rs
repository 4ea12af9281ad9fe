//! The hunks of one operation, as a search takes some of them out of the state that it led to.
//!
//! Does: list them in order, make the state without some of them, tell those that were found.
//! Does not: search (`verify::bisect` does), or decide what a hunk is (`aft_engine::parts` does).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use aft_engine::parts::{self, Divided, Part};
use aft_model::{Change, FileState, Operation, RelPath};
use aft_rpc::types::operation::ChangeView;

use super::super::hunks;
use crate::serve::diffs;
use crate::serve::sight::Sight;
use crate::verify::scratch::Wanted;
use crate::workspace::Workspace;

/// An operation, by its hunks.
pub(super) struct Pieces<'a> {
    workspace: &'a Workspace,
    changes: &'a [Change],
    files: Vec<(Divided<'a>, Vec<Part>)>,
}

impl<'a> Pieces<'a> {
    /// What may be seen of them; what has no hunk of its own stays as it is.
    pub(super) fn of(workspace: &'a Workspace, sight: &Sight, operation: &'a Operation) -> Self {
        let changes = operation.changes.as_slice();
        let sources = diffs::sources(changes);
        let seen = changes.iter().filter(|change| {
            !sight.hides_change(change)
                && !sources.contains_key(&change.path)
                && parts::stands_alone(change, changes)
        });
        let files = seen.map(|change| {
            let divided = hunks::divided(change, &sources);
            let parts = divided.parts(&hunks::diff_of(workspace, &divided));
            (divided, parts)
        });
        Self {
            workspace,
            changes,
            files: files.collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Part> {
        self.files.iter().flat_map(|(_, parts)| parts)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all().count()
    }

    /// Their ids, in order.
    pub(super) fn names(&self, chosen: &BTreeSet<usize>) -> Vec<String> {
        let all = self.all().enumerate();
        all.filter(|(at, _)| chosen.contains(at))
            .map(|(_, part)| part.name.clone())
            .collect()
    }

    /// The changes that these hunks are in, with these alone.
    pub(super) fn views(&self, sight: &Sight, names: &[String]) -> Vec<ChangeView> {
        let is_named = |part: &Part| names.contains(&part.name);
        let page = self.files.iter();
        let page = page.filter(|(_, parts)| parts.iter().any(is_named));
        let page: Vec<Change> = page.map(|(divided, _)| divided.change.clone()).collect();
        let mut views = hunks::views(self.workspace, sight, &page, self.changes);
        for view in &mut views {
            if let Some(hunks) = &mut view.hunks {
                hunks.retain(|hunk| names.contains(&hunk.hunk));
            }
        }
        views
    }

    /// The state that the operation led to, without these.
    pub(super) fn without(&self, after: &Wanted, chosen: &BTreeSet<usize>) -> Wanted {
        let mut entries: BTreeMap<RelPath, FileState> = after.entries.iter().cloned().collect();
        let mut contents = HashMap::new();
        let mut first = 0;
        for (divided, parts) in &self.files {
            let here = first..first + parts.len();
            first = here.end;
            let names: BTreeSet<&str> = here
                .zip(parts)
                .filter(|(at, _)| chosen.contains(at))
                .map(|(_, part)| part.name.as_str())
                .collect();
            if names.is_empty() {
                continue;
            }
            let is_chosen = |part: &Part| names.contains(part.name.as_str());
            let before = divided.source.unwrap_or(divided.change.before);
            let held = |state| diffs::content(self.workspace, state).unwrap_or_default();
            let (old, new) = (held(&before), held(&divided.change.after));
            let (changes, made) = divided.chosen(parts, &is_chosen, (&old, &new));
            contents.extend(made);
            for change in changes {
                put(&mut entries, &change.path, change.before);
            }
        }
        self.settle_directories(&mut entries);
        Wanted {
            operation: after.operation,
            entries: Arc::new(entries.into_iter().collect()),
            made: Arc::new(contents),
        }
    }

    /// A directory that came goes where nothing is in it any more, and one that went comes back with what is in it.
    fn settle_directories(&self, entries: &mut BTreeMap<RelPath, FileState>) {
        let alone = |change: &&Change| !parts::stands_alone(change, self.changes);
        // The deepest first.
        for change in self.changes.iter().rev().filter(alone) {
            let is_used = is_used(entries, &change.path);
            match (change.before.is_dir(), is_used) {
                (true, true) => put(entries, &change.path, change.before),
                (false, false) => put(entries, &change.path, FileState::Absent),
                _ => {}
            }
        }
    }
}

fn put(entries: &mut BTreeMap<RelPath, FileState>, path: &RelPath, state: FileState) {
    match state {
        FileState::Absent => entries.remove(path),
        state => entries.insert(path.clone(), state),
    };
}

/// Whether anything is in a directory. What begins with its name comes after it, mixed with what is beneath it.
fn is_used(entries: &BTreeMap<RelPath, FileState>, dir: &RelPath) -> bool {
    let name = dir.as_bytes();
    entries
        .range::<RelPath, _>((Bound::Excluded(dir), Bound::Unbounded))
        .take_while(|(path, _)| path.as_bytes().starts_with(name))
        .any(|(path, _)| path.as_bytes().get(name.len()) == Some(&b'/'))
}
