//! Which operation wrote each line of a file.
//!
//! Does: follow every line back from version to version, through renames, until the one that wrote it; through what
//! took something back, to whoever wrote it first.
//! Does not: read contents or the history ([`Past`] does), or know who made an operation.
//!
//! I1 Every line of the content belongs to exactly one operation.
//! I2 An operation that went back (`undo`, `redo`, `rollback`, `restore`) is blamed only for lines that stood in
//! neither the state it found nor the one it went to.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use aft_model::{ContentId, FileState, OperationId, OperationKind, RelPath};

use crate::diff::{self, Options, is_binary};

/// Versions that one question follows at most; the lines that are left belong to the oldest one looked at.
pub const VERSIONS_MAX: usize = 20_000;

/// A version of a file: what an operation left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The operation.
    pub operation: OperationId,
    /// Why it is there.
    pub kind: OperationKind,
    /// Operations it took back, or made again.
    pub reverts: Vec<OperationId>,
    /// The state it went to.
    pub target: Option<OperationId>,
    /// What the path became.
    pub after: FileState,
    /// Where it was moved from.
    pub renamed_from: Option<RelPath>,
}

/// The versions of files, as a history knows them.
pub trait Past {
    /// What goes wrong with reading.
    type Error;

    /// The version of `path` that stood right after `at`: the newest change of it at `at` or before. None where
    /// the history has none.
    ///
    /// # Errors
    /// [`Self::Error`].
    fn version(&mut self, path: &RelPath, at: OperationId) -> Result<Option<Version>, Self::Error>;

    /// The bytes of a content; none where the history does not hold them any more.
    ///
    /// # Errors
    /// [`Self::Error`].
    fn content(&mut self, id: &ContentId) -> Result<Option<Arc<[u8]>>, Self::Error>;
}

/// Lines that follow each other and were written by one operation under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first of them, counted from 0.
    pub start: usize,
    /// How many.
    pub count: usize,
    /// The operation that wrote them.
    pub operation: OperationId,
    /// What the file was called then.
    pub path: RelPath,
}

/// Who wrote what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// In the order of the lines, all of them.
    pub ranges: Vec<Range>,
    /// Some lines may belong to an older operation: a comparison was given up, a content is not held any more, or
    /// there are too many versions.
    pub approximate: bool,
}

/// Why lines cannot be blamed.
#[derive(Debug, thiserror::Error)]
pub enum Unblamed<E> {
    /// It has no lines.
    #[error("it is not text")]
    Binary,
    /// The history does not know the bytes.
    #[error("its bytes are not in the history")]
    NotHeld,
    /// Reading failed.
    #[error(transparent)]
    Past(#[from] E),
}

/// A line that is still followed: its place in the result, and in the version it is looked for in.
#[derive(Clone, Copy)]
struct Line {
    result: usize,
    here: usize,
}

/// Follows every line of `newest` back. The version must be one of a file.
///
/// # Errors
/// [`Unblamed`].
pub fn blame<P: Past>(
    path: &RelPath,
    newest: Version,
    past: &mut P,
    options: &Options,
) -> Result<Blame, Unblamed<P::Error>> {
    let content = match newest.after.content() {
        Some(id) => past.content(&id)?,
        None => None,
    };
    let content = content.ok_or(Unblamed::NotHeld)?;
    if is_binary(&content) {
        return Err(Unblamed::Binary);
    }
    let mut run = Run {
        past,
        options,
        owners: Vec::new(),
        open: BTreeMap::new(),
        approximate: false,
    };
    let lines: Vec<Line> = (0..diff::count_lines(&content))
        .map(|at| Line {
            result: at,
            here: at,
        })
        .collect();
    run.owners.resize(lines.len(), None);
    run.look_in(path.clone(), newest, lines);
    run.follow()?;
    Ok(Blame {
        ranges: ranges(&run.owners),
        approximate: run.approximate,
    })
}

struct Run<'a, P: Past> {
    past: &'a mut P,
    options: &'a Options,
    /// Who wrote each line of the result, as far as that is known.
    owners: Vec<Option<(OperationId, RelPath)>>,
    /// Versions with lines to look for, by operation and name; the newest is looked at first, so that each is looked
    /// at once.
    open: BTreeMap<(OperationId, RelPath), (Version, Vec<Line>)>,
    approximate: bool,
}

impl<P: Past> Run<'_, P> {
    fn look_in(&mut self, path: RelPath, version: Version, lines: Vec<Line>) {
        if lines.is_empty() {
            return;
        }
        let entry = self
            .open
            .entry((version.operation, path))
            .or_insert_with(|| (version, Vec::new()));
        entry.1.extend(lines);
    }

    fn follow(&mut self) -> Result<(), Unblamed<P::Error>> {
        let mut n_seen = 0;
        while let Some(((operation, path), (version, mut lines))) = self.open.pop_last() {
            n_seen += 1;
            if n_seen > VERSIONS_MAX {
                self.approximate = true;
            } else if let Some(content) = self.content_of(&version)? {
                for (path, parent) in self.parents(&path, &version)? {
                    lines = self.hand_down(&content, lines, path, parent)?;
                    if lines.is_empty() {
                        break;
                    }
                }
            }
            for line in lines {
                if let Some(owner) = self.owners.get_mut(line.result) {
                    *owner = Some((operation, path.clone()));
                }
            }
        }
        Ok(())
    }

    fn content_of(&mut self, version: &Version) -> Result<Option<Arc<[u8]>>, P::Error> {
        match version.after.content() {
            Some(id) => self.past.content(&id),
            None => Ok(None),
        }
    }

    /// The versions that lines of this one may come from, the likeliest first.
    fn parents(
        &mut self,
        path: &RelPath,
        version: &Version,
    ) -> Result<Vec<(RelPath, Version)>, P::Error> {
        let mut parents = Vec::new();
        let mut add = |run: &mut Self, path: &RelPath, at: OperationId| {
            if let Some(found) = run.past.version(path, at)?
                && found.operation < version.operation
            {
                parents.push((path.clone(), found));
            }
            Ok::<_, P::Error>(())
        };
        let before = |operation: OperationId| OperationId(operation.0.saturating_sub(1));
        let found = version.renamed_from.as_ref().unwrap_or(path);
        add(self, found, before(version.operation))?;
        if let Some(target) = version.target {
            add(self, path, target)?;
        }
        // The state before the first of what was taken back is where the lines that came again stood; the state
        // after each has what was made again.
        for reverted in &version.reverts {
            add(self, path, before(*reverted))?;
        }
        Ok(parents)
    }

    /// Gives the lines that stand in `parent` as they are to it, and returns the others.
    fn hand_down(
        &mut self,
        content: &[u8],
        lines: Vec<Line>,
        path: RelPath,
        parent: Version,
    ) -> Result<Vec<Line>, P::Error> {
        if !matches!(parent.after, FileState::File { .. }) {
            // It was not there, or no file: nothing of it can be in this one. What is too large to be held may.
            self.approximate |= matches!(parent.after, FileState::Opaque { .. });
            return Ok(lines);
        }
        let Some(old) = self.content_of(&parent)? else {
            self.approximate = true;
            return Ok(lines);
        };
        let kept = diff::kept_lines(&old, content, self.options);
        self.approximate |= kept.degraded;
        let mut runs = kept.runs.iter().peekable();
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        let mut lines = lines;
        lines.sort_unstable_by_key(|line| line.here);
        for line in lines {
            while runs.next_if(|run| run.new + run.len <= line.here).is_some() {}
            match runs.peek() {
                Some(run) if run.new <= line.here => theirs.push(Line {
                    result: line.result,
                    here: run.old + (line.here - run.new),
                }),
                _ => ours.push(line),
            }
        }
        self.look_in(path, parent, theirs);
        Ok(ours)
    }
}

fn ranges(owners: &[Option<(OperationId, RelPath)>]) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for (at, owner) in owners.iter().enumerate() {
        let Some((operation, path)) = owner else {
            continue;
        };
        match ranges.last_mut() {
            Some(last) if last.operation == *operation && last.path == *path => last.count += 1,
            _ => ranges.push(Range {
                start: at,
                count: 1,
                operation: *operation,
                path: path.clone(),
            }),
        }
    }
    ranges
}
