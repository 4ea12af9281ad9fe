//! Which of the paths that a walk found new had been there all along, left out by the rules before.
//! Does: ask the rules that were replaced, and those of the walk before over the ignore files as the history has them,
//! which also serve where nobody was told that an ignore file changed: after a restart, and where signals were lost.
//! Does not: look at the disk.

use std::cell::LazyCell;

use aft_engine::{Outcome, Seen, Tree};
use aft_model::{FileState, RelPath};
use aft_os::ReadDir;

use super::rules_cell::WalkRules;
use super::sink::Sink;
use crate::capture::KnownTree;
use crate::rules::{IgnoreTexts, Rules, Verdict};

/// An ignore file is read up to here, as on disk.
const TEXT_MAX: u64 = 1 << 20;

/// The ignore files of a tree as the history has them.
pub(super) struct PastTexts<'a> {
    pub(super) tree: &'a Tree,
    pub(super) sink: &'a Sink,
}

impl IgnoreTexts for PastTexts<'_> {
    fn text(&self, path: &RelPath) -> Option<Vec<u8>> {
        let FileState::File { content, size, .. } = self.tree.state(path) else {
            return None;
        };
        self.sink.read(&content).filter(|_| size <= TEXT_MAX)
    }
}

/// Marks what a walk found new and the rules before left out: it was there, and nobody made it now.
pub(super) fn mark_walked(seen: &mut [Seen], past: &PastTexts<'_>, rules: &WalkRules) {
    // Most walks find nothing new, and nobody is asked.
    let before = LazyCell::new(|| Rules::new(rules.before.clone()));
    let replaced = rules.replaced.as_deref();
    mark(seen, |path, is_dir| {
        past.tree.get(path).is_none()
            && (replaced.is_some_and(|rules| leaves_out(rules, past, path, is_dir))
                || leaves_out(&before, past, path, is_dir))
    });
}

/// As [`mark_walked`], for what a look at some paths found between a change of the rules and the walk that follows.
pub(super) fn mark_looked(
    seen: &mut [Seen],
    root: &dyn ReadDir,
    known: &dyn KnownTree,
    replaced: &Rules,
) {
    mark(seen, |path, is_dir| {
        known.get(path).is_none() && leaves_out(replaced, root, path, is_dir)
    });
}

fn mark(seen: &mut [Seen], had_been_left_out: impl Fn(&RelPath, bool) -> bool) {
    for Seen { path, outcome } in seen {
        if let Outcome::State(known) = *outcome
            && had_been_left_out(path, known.state.is_dir())
        {
            *outcome = Outcome::Entered(known);
        }
    }
}

fn leaves_out<T: IgnoreTexts + ?Sized>(
    rules: &Rules,
    texts: &T,
    path: &RelPath,
    is_dir: bool,
) -> bool {
    matches!(rules.verdict(texts, path, is_dir), Verdict::Skip(_))
}
