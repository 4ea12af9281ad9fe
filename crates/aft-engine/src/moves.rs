//! Where files are by now that later operations moved.
//!
//! Does: follow the paths of operations that are to be taken back through the moves that stay, so that a change is taken
//! out of the file where it is now; also where a directory above it was moved.
//! Does not: read the history ([`Later`] does), guess, or look at moves that are taken back too.
//!
//! I1 A path is followed only where an operation proves the move: it says so, moved what a directory held, all to one place, or
//!    has just one place with the same content. Where there was another file of that name in between, it is not followed.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aft_model::{Change, FileState, Operation, OperationId, RelPath};

use crate::Tree;

/// Moves of one path that are followed at most.
const MOVES_MAX: usize = 64;

/// The last time something left a path.
#[derive(Clone, Debug)]
pub struct Gone {
    /// The operation after which nothing was there, with all its changes.
    pub by: Arc<Operation>,
    /// What was there has been there since this operation, or for longer.
    pub since: OperationId,
}

/// What a history tells of a path where nothing is now.
pub trait Later {
    /// What goes wrong with reading.
    type Error;

    /// The last time something left `path`; none where the history knows of none.
    ///
    /// # Errors
    /// [`Self::Error`].
    fn gone(&mut self, path: &RelPath) -> Result<Option<Gone>, Self::Error>;
}

/// The operations, which are newest first, with the paths that their files have now. Where nothing was moved they are the
/// same.
///
/// # Errors
/// Those of `later`.
pub fn follow<L: Later>(
    operations: Vec<Arc<Operation>>,
    tree: &Tree,
    later: &mut L,
) -> Result<Vec<Arc<Operation>>, L::Error> {
    let taken_back = operations.iter().map(|operation| operation.id).collect();
    let mut follower = Follower {
        tree,
        later,
        taken_back,
        kept: BTreeSet::new(),
        gone: BTreeMap::new(),
        told: BTreeMap::new(),
    };
    let mut followed = Vec::with_capacity(operations.len());
    for operation in operations {
        let places = follower.places(&operation)?;
        followed.push(if places.now.is_empty() {
            operation
        } else {
            Arc::new(moved(&operation, &places))
        });
    }
    Ok(followed)
}

/// Where the paths of an operation are now.
#[derive(Default)]
struct Places {
    now: BTreeMap<RelPath, RelPath>,
    /// Those that the operation moved to and that were moved again, by themselves: the later move stays, and with it its
    /// name.
    moved_again: BTreeSet<RelPath>,
}

/// The operation at the places its paths have now.
fn moved(operation: &Operation, places: &Places) -> Operation {
    let mut all: BTreeSet<RelPath> = operation
        .changes
        .iter()
        .map(|change| change.path.clone())
        .collect();
    let mut changes = Vec::with_capacity(operation.changes.len());
    let mut kept = BTreeSet::new();
    for change in &operation.changes {
        let place = places.now.get(&change.path);
        // Two changes of one path cannot both be right.
        let place = place.filter(|place| all.insert((*place).clone()));
        let from = change.renamed_from.as_ref();
        let source = from
            .filter(|_| places.moved_again.contains(&change.path))
            .and_then(|from| operation.changes.iter().find(|one| one.path == *from));
        let (before, from) = match source {
            Some(source) => {
                kept.insert(source.path.clone());
                (source.before, None)
            }
            None => (change.before, from),
        };
        changes.push(Change {
            path: place.unwrap_or(&change.path).clone(),
            before,
            after: change.after,
            renamed_from: from.map(|from| places.now.get(from).unwrap_or(from).clone()),
        });
    }
    changes.retain(|change| !kept.contains(&change.path));
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Operation {
        changes,
        ..operation.clone()
    }
}

struct Follower<'a, L> {
    tree: &'a Tree,
    later: &'a mut L,
    taken_back: BTreeSet<OperationId>,
    /// Moves of those that stay nevertheless, by where they moved something from.
    kept: BTreeSet<(OperationId, RelPath)>,
    /// What was asked before.
    gone: BTreeMap<RelPath, Option<Gone>>,
    /// Of operations that were looked at: from where to where they say they moved something.
    told: BTreeMap<OperationId, BTreeMap<RelPath, RelPath>>,
}

impl<L: Later> Follower<'_, L> {
    /// The paths of an operation that are elsewhere now, and where.
    fn places(&mut self, operation: &Operation) -> Result<Places, L::Error> {
        let mut places = Places::default();
        for change in &operation.changes {
            if self.tree.get(&change.path).is_some() {
                continue;
            }
            let place = if change.after.exists() {
                self.place_of(&change.path, operation.id)?
            } else {
                self.place_in(change, operation)?
            };
            let Some(place) = place else { continue };
            if let Some(from) = &change.renamed_from
                && !self.went_along(change, &place, operation.id)?
            {
                places.moved_again.insert(change.path.clone());
                self.kept.insert((operation.id, from.clone()));
            }
            places.now.insert(change.path.clone(), place);
        }
        Ok(places)
    }

    /// Whether it is at `place` because a directory above it was moved.
    fn went_along(
        &mut self,
        change: &Change,
        place: &RelPath,
        since: OperationId,
    ) -> Result<bool, L::Error> {
        let Some(dir) = change.path.parent() else {
            return Ok(false);
        };
        let is_same_name = place.file_name() == change.path.file_name();
        Ok(is_same_name && self.place_of(&dir, since)? == place.parent())
    }

    /// Where what the operation left at `path` is now; none where it is not known to be elsewhere.
    fn place_of(
        &mut self,
        path: &RelPath,
        since: OperationId,
    ) -> Result<Option<RelPath>, L::Error> {
        let (mut here, mut since) = (path.clone(), since);
        for _ in 0..MOVES_MAX {
            if self.tree.get(&here).is_some() {
                break;
            }
            let Some(gone) = self.gone(&here)? else { break };
            let is_same = gone.since <= since && gone.by.id > since;
            let is_kept = |kept: &BTreeSet<_>| kept.contains(&(gone.by.id, here.clone()));
            if !is_same || (self.taken_back.contains(&gone.by.id) && !is_kept(&self.kept)) {
                break;
            }
            let Some(to) = self.target(&gone.by, &here) else {
                break;
            };
            since = gone.by.id;
            here = to;
        }
        Ok((here != *path).then_some(here))
    }

    /// Where what the operation removed belongs now: where the directory is that it was in.
    fn place_in(
        &mut self,
        change: &Change,
        operation: &Operation,
    ) -> Result<Option<RelPath>, L::Error> {
        let Some(dir) = change.path.parent().filter(|dir| !dir.is_root()) else {
            return Ok(None);
        };
        if self.tree.get(&dir).is_some() {
            return Ok(None);
        }
        let its_own = operation
            .changes
            .binary_search_by(|other| other.path.cmp(&dir));
        if its_own.is_ok() {
            // The operation itself took it away.
            return Ok(None);
        }
        let place = self.place_of(&dir, operation.id)?;
        let place = place.and_then(|dir| dir.join(change.path.file_name()).ok());
        // What is there now is another file.
        Ok(place.filter(|place| self.tree.get(place).is_none()))
    }

    /// Where an operation moved what was at `path`.
    fn target(&mut self, by: &Operation, path: &RelPath) -> Option<RelPath> {
        let told = self.told.entry(by.id).or_insert_with(|| {
            let to = |change: &Change| Some((change.renamed_from.clone()?, change.path.clone()));
            by.changes.iter().filter_map(to).collect()
        });
        let moved = told.get(path).cloned();
        moved
            .or_else(|| with_its_files(told, path))
            .or_else(|| same_file(by, path))
    }

    fn gone(&mut self, path: &RelPath) -> Result<Option<Gone>, L::Error> {
        if let Some(known) = self.gone.get(path) {
            return Ok(known.clone());
        }
        let gone = self.later.gone(path)?;
        self.gone.insert(path.clone(), gone.clone());
        Ok(gone)
    }
}

/// Where a directory went by what it held: all of it that was moved went to the same place, under the same names.
fn with_its_files(told: &BTreeMap<RelPath, RelPath>, dir: &RelPath) -> Option<RelPath> {
    let mut place = None;
    let beneath = told
        .range(dir.clone()..)
        .take_while(|(from, _)| from.as_bytes().starts_with(dir.as_bytes()))
        .filter(|(from, _)| from.is_within(dir));
    for (from, to) in beneath {
        let name = from.as_bytes().strip_prefix(dir.as_bytes())?;
        let found = RelPath::new(to.as_bytes().strip_suffix(name)?).ok()?;
        if *place.get_or_insert_with(|| found.clone()) != found {
            return None;
        }
    }
    place.filter(|place| !place.is_root())
}

/// The only path that came to hold what was at `path`, by its content.
fn same_file(by: &Operation, path: &RelPath) -> Option<RelPath> {
    let left = by.changes.iter().find(|change| change.path == *path)?;
    let same = by.changes.iter().filter(|change| {
        change.renamed_from.is_none() && is_same_file(&left.before, &change.before, &change.after)
    });
    let mut same = same.map(|change| change.path.clone());
    match (same.next(), same.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// Whether a path came to hold what was `moved`, and not held it before.
fn is_same_file(moved: &FileState, before: &FileState, after: &FileState) -> bool {
    match (moved, after) {
        (FileState::File { content, size, .. }, FileState::File { content: found, .. }) => {
            *size > 0 && content == found && before.content() != Some(*content)
        }
        _ => false,
    }
}
