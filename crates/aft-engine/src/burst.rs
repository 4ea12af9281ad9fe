//! Changes that belong to one burst and are not an operation yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use aft_model::{Change, FileState, RelPath, StatSig};

use crate::claims::Claims;
use crate::evidence::{Evidence, Witnessed};

/// The open burst.
#[derive(Debug)]
pub(crate) struct Burst {
    changes: BTreeMap<RelPath, Gathered>,
    started_ns: u64,
    /// Why it is more than observed, e.g. a gap.
    pub(crate) gap: Option<String>,
    /// Whose its changes are.
    pub(crate) claims: Arc<Claims>,
    /// What the kernel said of who made them.
    witnessed: Witnessed,
}

#[derive(Clone, Copy, Debug)]
struct Gathered {
    before: FileState,
    before_stat: Option<StatSig>,
    after: FileState,
    after_stat: Option<StatSig>,
}

/// What became of a change that was offered to a burst.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is part of the burst now.
    Taken,
    /// It is a second version of a path: close the burst, then offer it again.
    SecondVersion,
}

impl Burst {
    pub(crate) fn new(now_ns: u64, claims: Arc<Claims>) -> Self {
        Self {
            changes: BTreeMap::new(),
            started_ns: now_ns,
            gap: None,
            claims,
            witnessed: Witnessed::default(),
        }
    }

    /// What the kernel said of who wrote a path.
    pub(crate) fn witness(&mut self, path: &RelPath, evidence: &Evidence) {
        self.witnessed.add(path, evidence);
    }

    /// What the kernel said.
    pub(crate) fn take_witnessed(&mut self) -> Witnessed {
        std::mem::take(&mut self.witnessed)
    }

    /// Offers the step from `before` to `after` of one path.
    pub(crate) fn offer(
        &mut self,
        path: &RelPath,
        before: (FileState, Option<StatSig>),
        after: (FileState, Option<StatSig>),
    ) -> Fit {
        let Some(held) = self.changes.get_mut(path) else {
            let gathered = Gathered {
                before: before.0,
                before_stat: before.1,
                after: after.0,
                after_stat: after.1,
            };
            self.changes.insert(path.clone(), gathered);
            return Fit::Taken;
        };
        if is_version(&held.after)
            && !same_bytes(&held.after, &after.0)
            && !(held.before == FileState::Absent && after.0 == FileState::Absent)
        {
            return Fit::SecondVersion;
        }
        held.after = after.0;
        held.after_stat = after.1;
        if held.before == held.after {
            // A temporary file that came and went, or an editor that moved the file aside and back.
            self.changes.remove(path);
        }
        Fit::Taken
    }

    /// What each path was before the burst, for a burst that is given up.
    pub(crate) fn into_befores(
        self,
    ) -> impl Iterator<Item = (RelPath, FileState, Option<StatSig>)> {
        let before =
            |(path, gathered): (RelPath, Gathered)| (path, gathered.before, gathered.before_stat);
        self.changes.into_iter().map(before)
    }

    /// True when no change is left in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Monotonic time it was opened.
    pub(crate) fn started_ns(&self) -> u64 {
        self.started_ns
    }

    /// The changes by path, renames shown where the inode or the content proves them.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        let sources = rename_sources(&self.changes);
        let to_change = |(path, gathered): (RelPath, Gathered)| Change {
            renamed_from: sources.get(&path).cloned(),
            path,
            before: gathered.before,
            after: gathered.after,
        };
        self.changes.into_iter().map(to_change).collect()
    }
}

/// A saved version: a file with bytes. An empty one may be the first half of truncate-then-write, a
/// missing one the first half of a replacement; neither is what the user saved.
fn is_version(state: &FileState) -> bool {
    matches!(state, FileState::File { size, .. } if *size > 0)
}

/// The same content under another mode: a save that sets its mode last is one version.
fn same_bytes(a: &FileState, b: &FileState) -> bool {
    let content = |state: &FileState| match state {
        FileState::File { content, .. } => Some(*content),
        _ => None,
    };
    content(a).is_some() && content(a) == content(b)
}

/// For each path that appeared, the path that disappeared and was the same untouched inode, or else the only
/// one that had the same, non-empty content.
fn rename_sources(changes: &BTreeMap<RelPath, Gathered>) -> BTreeMap<RelPath, RelPath> {
    let mut by_inode = BTreeMap::new();
    let mut by_content: BTreeMap<_, Vec<&RelPath>> = BTreeMap::new();
    for (path, change) in changes.iter().filter(|(_, change)| !change.after.exists()) {
        if let Some(stat) = change.before_stat {
            by_inode.insert((stat.dev, stat.ino), (path, stat.mtime_ns));
        }
        if let FileState::File { content, size, .. } = change.before
            && size > 0
        {
            by_content.entry(content.0).or_default().push(path);
        }
    }
    let mut sources = BTreeMap::new();
    let mut used = std::collections::BTreeSet::new();
    for (path, change) in changes.iter().filter(|(_, change)| !change.before.exists()) {
        // An inode number alone proves nothing: it is given out again at once. A move keeps the time stamp.
        let inode = change.after_stat.and_then(|stat| {
            by_inode
                .get(&(stat.dev, stat.ino))
                .map(|found| (found, stat))
        });
        let inode = inode
            .filter(|((_, mtime_ns), stat)| *mtime_ns == stat.mtime_ns)
            .map(|((from, _), _)| *from);
        let same_kind = |from: &&RelPath| {
            changes
                .get(*from)
                .is_some_and(|c| kind(&c.before) == kind(&change.after))
        };
        let content = match change.after {
            FileState::File { content, .. } => by_content.get(&content.0),
            _ => None,
        };
        let content = content.and_then(|paths| {
            if let [only] = paths.as_slice() {
                Some(*only)
            } else {
                None
            }
        });
        if let Some(from) = inode.filter(same_kind).or(content)
            && used.insert(from)
        {
            sources.insert(path.clone(), from.clone());
        }
    }
    sources
}

fn kind(state: &FileState) -> u8 {
    match state {
        FileState::Absent => 0,
        FileState::File { .. } => 1,
        FileState::Symlink { .. } => 2,
        FileState::Dir { .. } => 3,
        FileState::Opaque { .. } => 4,
    }
}
