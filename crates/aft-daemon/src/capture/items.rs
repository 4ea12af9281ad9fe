//! Single paths: an item is looked at where it is, and leads to a walk where it turns out to be a directory
//! that is not known. Does not list directories ([`super::walk`]).

use aft_model::{Known, RelPath};

use super::look::{Question, is_dir, leads_elsewhere};
use super::walk::{Found, Unit, Walk};
use super::{Item, Outcome, What};
use crate::rules::Verdict;

impl Walk<'_> {
    /// The unit for a directory that items led to.
    pub(super) fn top(&self, path: &RelPath) -> Option<Unit> {
        let Some((parent, name)) = path.split() else {
            return Some(Unit::root());
        };
        let rules = self.env.rules.dir(self.env.fs, &parent);
        let verdict = self.env.rules.verdict_in(&rules, name, true);
        if matches!(verdict, Verdict::Skip(_)) {
            return None;
        }
        Some(Unit::dir(path.clone(), rules, verdict))
    }

    /// Looks at one item.
    pub(super) fn item(&self, item: &Item, found: &mut Found) {
        let path = &item.path;
        let Some((parent, name)) = path.split() else {
            if item.what == What::Subtree {
                found.tops.push(path.clone());
            }
            return;
        };
        let known = self.env.tree.get(path);
        let stat = match self.env.fs.lstat(path) {
            Ok(Some(_)) if self.spelling.is_other(path) => {
                return self.gone_item(item, known, found);
            }
            Ok(Some(stat)) => stat,
            Ok(None) => return self.gone_item(item, known, found),
            Err(error) if leads_elsewhere(&error) => return self.gone_item(item, known, found),
            Err(error) => return found.uncovered(path.clone(), "cannot be reached", &error),
        };
        let rules = self.env.rules.dir(self.env.fs, &parent);
        let ignored = match self.env.rules.verdict_in(&rules, name, is_dir(&stat)) {
            Verdict::Track => false,
            Verdict::TrackIgnored => true,
            Verdict::Skip(reason) => {
                found.coverage.left_out.note(path.clone(), reason);
                return self.leave(path, known, is_dir(&stat), found);
            }
        };
        if let Some(unknown) = self.topmost_unknown(&parent) {
            return self.adopt(unknown, found);
        }
        let question = Question {
            path,
            known,
            ignored,
            strict: item.what == What::Strict,
        };
        if is_dir(&stat) {
            let was_dir = known.is_some_and(|known| known.state.is_dir());
            if !was_dir || item.what == What::Subtree || self.may_be_walked_now(path, found) {
                found.tops.push(path.clone());
            }
        } else if item.what == What::Subtree || known.is_some_and(|known| known.state.is_dir()) {
            self.env.watch.remove_tree(path);
            self.gone_beneath(path, found);
        }
        self.report(&question, Some(stat), true, found);
    }

    /// A signal about a known directory itself: its owner or mode has changed, and with them whether it can be listed.
    /// True where it can and nothing in it is known, because it could not be listed before.
    fn may_be_walked_now(&self, dir: &RelPath, found: &mut Found) -> bool {
        match self.env.fs.scan(dir) {
            Ok(entries) => {
                let mut n_known = 0;
                self.env.tree.children(dir, &mut |_, _| n_known += 1);
                n_known == 0 && !entries.is_empty()
            }
            Err(error) => {
                if !leads_elsewhere(&error) {
                    found.uncovered(dir.clone(), "the directory cannot be listed", &error);
                }
                false
            }
        }
    }

    /// The highest directory on the way to an item that is not known as one.
    fn topmost_unknown(&self, parent: &RelPath) -> Option<RelPath> {
        std::iter::successors(Some(parent.clone()), RelPath::parent)
            .take_while(|dir| !dir.is_root() && !self.env.tree.is_known_dir(dir))
            .last()
    }

    /// Takes in a directory that no signal told of. It stands in for the item that led to it.
    fn adopt(&self, dir: RelPath, found: &mut Found) {
        let Some((parent, name)) = dir.split() else {
            return;
        };
        let rules = self.env.rules.dir(self.env.fs, &parent);
        let ignored = self.env.rules.verdict_in(&rules, name, true) == Verdict::TrackIgnored;
        let question = Question {
            path: &dir,
            known: self.env.tree.get(&dir),
            ignored,
            strict: false,
        };
        self.report(&question, None, true, found);
        found.tops.push(dir);
    }

    fn gone_item(&self, item: &Item, known: Option<Known>, found: &mut Found) {
        let path = &item.path;
        // What is beneath may still be known when the directory itself is not any more, because it was removed by
        // ourselves while something in it was moved away.
        if item.what == What::Subtree || known.is_some_and(|known| known.state.is_dir()) {
            // At once: its inodes may be armed under another name next.
            self.env.watch.remove_tree(path);
            self.gone_beneath(path, found);
        }
        let Some(known) = known else { return };
        if !known.state.is_dir() && self.is_left_out(path) {
            // What happens there is not ours to tell, and that it is gone no reason to put it back.
            self.leave(path, Some(known), false, found);
        } else {
            found.see(path.clone(), Outcome::Gone);
        }
    }

    fn is_left_out(&self, path: &RelPath) -> bool {
        let Some((parent, name)) = path.split() else {
            return false;
        };
        let rules = self.env.rules.dir(self.env.fs, &parent);
        matches!(
            self.env.rules.verdict_in(&rules, name, false),
            Verdict::Skip(_)
        )
    }
}
