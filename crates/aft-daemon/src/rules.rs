//! Which paths are tracked: ignore files, git's excludes, and the `[track]` section.
//!
//! Does: answer for a path whether it is tracked, tracked although ignored, or left out and why; in a walk,
//! hand the answer's basis down from directory to directory so that a path costs its own name only.
//! Does not: look at sizes or contents, walk, or notice that an ignore file changed (it says which paths would:
//! [`Rules::affects_rules`]).
//!
//! Precedence, strongest first: `.git`, staging and nested workspaces are never tracked, nor are secrets where
//! `track.secrets` says so; `track.include`;
//! `track.exclude`; then `.afterimageignore`, `.ignore`, `.gitignore` (each from the innermost directory
//! outwards), `.git/info/exclude`, and git's global excludes. As in git, nothing below an ignored directory
//! is looked at again, except by an `include` that names a path into it.
//!
//! Patterns have git's exact semantics on bytes (`pattern`). The crate `ignore` is not used: it reads `{a,b}`
//! as alternatives, lets a class match `/`, and compiles regular expressions for each directory's file.
//!
//! Limitations: ignore files above the workspace's root, and `info/exclude` of nested repositories and of
//! linked work trees, are not read.

mod basis;
mod dir;
mod excludes;
mod list;
mod pattern;

#[cfg(test)]
mod tests;

pub use basis::Basis;
pub use dir::{DirRules, IgnoreFiles};
pub use excludes::global_excludes;

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use aft_model::{RelPath, SecretNames};
use aft_os::ReadDir;
use parking_lot::Mutex;

use crate::config::{IgnoredFiles, TrackConfig};
use dir::{Link, Standing};
use list::PatternList;

/// An ignore file longer than this is read up to here.
const IGNORE_FILE_BYTES_MAX: u64 = 1 << 20;

/// Directories whose rules are remembered between questions; beyond, the memory starts afresh.
const CACHED_DIRS_MAX: usize = 16_384;

/// Whether a path belongs to the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does. A directory is watched and walked.
    Track,
    /// It does although an ignore rule names it: limits for ignored files apply. A directory is watched and
    /// walked, and each entry has its own verdict.
    TrackIgnored,
    /// It does not. A directory is neither watched nor walked.
    Skip(SkipReason),
}

/// Why a path does not belong to the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// A repository's own data.
    Git,
    /// Staging of a rollback.
    Staging,
    /// Another workspace, which tracks itself, or the store, which must not.
    NestedWorkspace,
    /// `track.exclude` names it.
    Excluded,
    /// An ignore file names it or a directory above it.
    Ignored,
    /// It is a secret, and `track.secrets` says that those are never captured.
    Secret,
}

/// Where the texts of a tree's ignore files come from: its files, or what the history holds of them.
pub trait IgnoreTexts {
    /// The text of an ignore file; `None` where there is none that counts.
    fn text(&self, path: &RelPath) -> Option<Vec<u8>>;
}

impl<T: ReadDir + ?Sized> IgnoreTexts for T {
    fn text(&self, path: &RelPath) -> Option<Vec<u8>> {
        read_ignore_file(self, path)
    }
}

/// The rules of one workspace. Immutable: when an ignore file changes, load them anew.
pub struct Rules {
    basis: Basis,
    /// `track.include`, from the root.
    include: PatternList,
    /// `track.exclude`, from the root.
    exclude: PatternList,
    /// Git's excludes outside the tree, strongest first.
    outer: Vec<PatternList>,
    ignored: IgnoredFiles,
    nested: HashSet<RelPath>,
    /// Secrets that are not captured.
    never: Option<SecretNames>,
    cache: Mutex<HashMap<RelPath, Arc<DirRules>>>,
}

impl Rules {
    /// Loads the rules of the tree at `root`. Ignore files inside are read when their directory is asked for.
    ///
    /// `global_excludes` are texts in gitignore syntax that apply to the whole tree, strongest first, after
    /// the repository's own `info/exclude`; `nested` are what is inside this one and not
    /// its own: roots of other workspaces, the store.
    pub fn load(
        root: &dyn ReadDir,
        global_excludes: &[&[u8]],
        nested: &[RelPath],
        track: &TrackConfig,
    ) -> Self {
        Self::new(Basis::read(root, global_excludes, nested, track))
    }

    /// The rules over `basis`.
    pub fn new(basis: Basis) -> Self {
        let mut outer: Vec<PatternList> = basis
            .outer
            .iter()
            .map(|text| PatternList::parse(text))
            .collect();
        outer.retain(|list| !list.is_empty());
        let patterns =
            |lines: &[String]| PatternList::from_lines(lines.iter().map(String::as_bytes));
        let nested = basis.nested.iter();
        Self {
            include: patterns(&basis.include),
            exclude: patterns(&basis.exclude),
            outer,
            ignored: basis.ignored,
            nested: nested.filter_map(|path| RelPath::new(path).ok()).collect(),
            never: basis
                .never
                .as_ref()
                .map(|added| SecretNames::with(added).unwrap_or_default()),
            cache: Mutex::new(HashMap::new()),
            basis,
        }
    }

    /// What they rest on besides the ignore files in the tree.
    pub fn basis(&self) -> &Basis {
        &self.basis
    }

    /// Whether `path` is tracked. The root is.
    pub fn verdict<T: IgnoreTexts + ?Sized>(
        &self,
        root: &T,
        path: &RelPath,
        is_dir: bool,
    ) -> Verdict {
        match path.split() {
            None => Verdict::Track,
            Some((parent, name)) => self.verdict_in(&self.dir(root, &parent), name, is_dir),
        }
    }

    /// The rules inside `dir`, remembered between calls. `root` is asked for ignore files that were not read yet.
    pub fn dir<T: IgnoreTexts + ?Sized>(&self, root: &T, dir: &RelPath) -> Arc<DirRules> {
        if let Some(known) = self.cache.lock().get(dir) {
            return Arc::clone(known);
        }
        let rules = match dir.split() {
            None => self.root_rules(root, IgnoreFiles::ALL),
            Some((parent, name)) => {
                let parent = self.dir(root, &parent);
                let verdict = self.verdict_in(&parent, name, true);
                self.descend(root, &parent, name, verdict, IgnoreFiles::ALL)
            }
        };
        self.remember(&rules);
        rules
    }

    /// The rules inside the root, for a walk that has listed it.
    pub fn root_rules<T: IgnoreTexts + ?Sized>(
        &self,
        root: &T,
        present: IgnoreFiles,
    ) -> Arc<DirRules> {
        let mut rules = DirRules::at_root();
        self.read_own_files(root, &mut rules, present);
        let rules = Arc::new(rules);
        if present.any() {
            self.remember(&rules);
        }
        rules
    }

    /// The rules inside the directory `name` of `parent`, for a walk that has listed it and found `present`.
    /// `verdict` is what [`Self::verdict_in`] said about it.
    pub fn descend<T: IgnoreTexts + ?Sized>(
        &self,
        root: &T,
        parent: &DirRules,
        name: &[u8],
        verdict: Verdict,
        present: IgnoreFiles,
    ) -> Arc<DirRules> {
        let mut rules = parent.child(name, self.standing(parent, name, verdict));
        if matches!(rules.standing, Standing::Plain) {
            self.read_own_files(root, &mut rules, present);
        }
        let rules = Arc::new(rules);
        if present.any() {
            self.remember(&rules);
        }
        rules
    }

    /// Whether the entry `name` of a directory is tracked.
    pub fn verdict_in(&self, dir: &DirRules, name: &[u8], is_dir: bool) -> Verdict {
        if let Some(reason) = self.never(dir, name) {
            return Verdict::Skip(reason);
        }
        if let Standing::Out(reason) = dir.standing {
            return Verdict::Skip(reason);
        }
        let path = dir.join(name);
        if !is_dir && let Some(never) = &self.never {
            let whole = dir.path.join(name);
            if whole.is_ok_and(|whole| never.is_secret(&whole)) {
                return Verdict::Skip(SkipReason::Secret);
            }
        }
        if dir.standing == Standing::Included
            || self.include.decide(&path, name, is_dir) == Some(true)
        {
            return Verdict::Track;
        }
        let excluded = self.exclude.decide(&path, name, is_dir) == Some(true);
        if !excluded {
            match dir.standing {
                Standing::AllIgnored => return Verdict::TrackIgnored,
                Standing::Plain if !self.is_ignored(dir, &path, name, is_dir) => {
                    return Verdict::Track;
                }
                Standing::Plain if self.ignored == IgnoredFiles::All => {
                    return Verdict::TrackIgnored;
                }
                Standing::Plain if self.ignored == IgnoredFiles::Files && !is_dir => {
                    return Verdict::TrackIgnored;
                }
                _ => {}
            }
        }
        if is_dir && self.include.reaches_into(&path) {
            return Verdict::TrackIgnored;
        }
        let excluded = excluded || dir.standing == Standing::Passage(SkipReason::Excluded);
        Verdict::Skip(if excluded {
            SkipReason::Excluded
        } else {
            SkipReason::Ignored
        })
    }

    /// True when a change of `path` changes the rules: load them anew, then compare the whole tree. To be asked
    /// for changed paths as well as for paths that a capture found changed.
    pub fn affects_rules(&self, path: &RelPath) -> bool {
        IgnoreFiles::NAMES.contains(&path.file_name()) || path.as_bytes() == b".git/info/exclude"
    }

    fn never(&self, dir: &DirRules, name: &[u8]) -> Option<SkipReason> {
        // Only names beginning so can be a spelling of `.git`: a dot, a `g`, or the first byte of a code point
        // that some file systems leave out of comparisons.
        if matches!(name.first(), Some(b'.' | b'g' | b'G' | 0xe2 | 0xef))
            && RelPath::new(name).is_ok_and(|name| name.is_git())
        {
            return Some(SkipReason::Git);
        }
        if dir.path.is_root() && name == b".afterimage" {
            return Some(SkipReason::Staging);
        }
        let nested = !self.nested.is_empty()
            && dir
                .path
                .join(name)
                .is_ok_and(|path| self.nested.contains(&path));
        nested.then_some(SkipReason::NestedWorkspace)
    }

    /// What the ignore files and excludes say, `track` apart.
    fn is_ignored(&self, dir: &DirRules, path: &[u8], name: &[u8], is_dir: bool) -> bool {
        let inside = dir.decide(path, name, is_dir);
        let outside = || {
            self.outer
                .iter()
                .find_map(|list| list.decide(path, name, is_dir))
        };
        inside.or_else(outside).unwrap_or(false)
    }

    /// What holds for every entry of the directory `name`, given the verdict on the directory itself.
    fn standing(&self, parent: &DirRules, name: &[u8], verdict: Verdict) -> Standing {
        let path = parent.join(name);
        match (verdict, parent.standing) {
            (Verdict::Skip(reason), _) => Standing::Out(reason),
            (Verdict::Track, Standing::Included) => Standing::Included,
            (Verdict::Track, _) if self.include.decide(&path, name, true) == Some(true) => {
                Standing::Included
            }
            (Verdict::Track, standing) => standing,
            (Verdict::TrackIgnored, Standing::Passage(reason)) => Standing::Passage(reason),
            (Verdict::TrackIgnored, _) if self.exclude.decide(&path, name, true) == Some(true) => {
                Standing::Passage(SkipReason::Excluded)
            }
            (Verdict::TrackIgnored, _) if self.ignored == IgnoredFiles::All => Standing::AllIgnored,
            (Verdict::TrackIgnored, _) => Standing::Passage(SkipReason::Ignored),
        }
    }

    fn read_own_files<T: IgnoreTexts + ?Sized>(
        &self,
        root: &T,
        rules: &mut DirRules,
        present: IgnoreFiles,
    ) {
        for (index, name) in IgnoreFiles::NAMES.into_iter().enumerate() {
            if !present.has(index) {
                continue;
            }
            let Ok(path) = rules.path.join(name) else {
                continue;
            };
            let Some(text) = root.text(&path) else {
                continue;
            };
            let list = PatternList::parse(&text);
            if let (false, Some(chain)) = (list.is_empty(), rules.chains.get_mut(index)) {
                let base_len = rules.prefix_len;
                *chain = Some(Arc::new(Link {
                    base_len,
                    list,
                    outer: chain.take(),
                }));
            }
        }
    }

    fn remember(&self, rules: &Arc<DirRules>) {
        let mut cache = self.cache.lock();
        if cache.len() >= CACHED_DIRS_MAX {
            cache.clear();
        }
        cache.insert(rules.path.clone(), Arc::clone(rules));
    }
}

/// The text of an ignore file; `None` where there is none, where it cannot be read, and where a link stands
/// in its place (git does not follow one either).
fn read_ignore_file<T: ReadDir + ?Sized>(root: &T, path: &RelPath) -> Option<Vec<u8>> {
    let mut file = root.open(path).ok()?;
    let mut text = Vec::new();
    file.as_mut()
        .take(IGNORE_FILE_BYTES_MAX)
        .read_to_end(&mut text)
        .ok()?;
    Some(text)
}
