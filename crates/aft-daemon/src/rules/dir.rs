//! The rules as they stand inside one directory: what its ancestors' ignore files and its own say, ready to be
//! asked about its entries. Built and asked by [`super::Rules`] only.

use std::sync::Arc;

use aft_model::RelPath;

use super::SkipReason;
use super::list::PatternList;

/// Which ignore files a directory has, as a listing of it told. Saves opening files that are not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IgnoreFiles([bool; 3]);

impl IgnoreFiles {
    /// The names, strongest first.
    pub const NAMES: [&'static [u8]; 3] = [b".afterimageignore", b".ignore", b".gitignore"];

    /// Each may be there: nobody has looked.
    pub const ALL: Self = Self([true; 3]);

    /// Notes an entry of the directory.
    pub fn note(&mut self, name: &[u8]) {
        if name.first() != Some(&b'.') {
            return;
        }
        for (slot, candidate) in self.0.iter_mut().zip(Self::NAMES) {
            *slot |= name == candidate;
        }
    }

    pub(super) fn has(self, index: usize) -> bool {
        self.0.get(index).copied().unwrap_or(false)
    }

    pub(super) fn any(self) -> bool {
        self.0.contains(&true)
    }
}

/// What holds for all entries of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Each entry is judged by the ignore files.
    Plain,
    /// `track.include` names the directory: everything beneath is tracked.
    Included,
    /// Ignored as a whole, and `track.ignored = "all"`.
    AllIgnored,
    /// Left out as a whole, for this reason, but an include leads into it.
    Passage(SkipReason),
    /// Left out as a whole.
    Out(SkipReason),
}

/// One ignore file within the chain of its kind, innermost first.
pub(super) struct Link {
    /// Length of the prefix (directory and slash) that paths lose before this file's patterns see them.
    pub(super) base_len: usize,
    pub(super) list: PatternList,
    pub(super) outer: Option<Arc<Link>>,
}

/// The rules inside one directory.
pub struct DirRules {
    pub(super) path: RelPath,
    /// Length of `path` and its slash; 0 at the root.
    pub(super) prefix_len: usize,
    pub(super) standing: Standing,
    /// One chain for each of [`IgnoreFiles::NAMES`].
    pub(super) chains: [Option<Arc<Link>>; 3],
}

impl DirRules {
    pub(super) fn at_root() -> Self {
        Self {
            path: RelPath::root(),
            prefix_len: 0,
            standing: Standing::Plain,
            chains: [None, None, None],
        }
    }

    /// The directory.
    pub fn path(&self) -> &RelPath {
        &self.path
    }

    /// The directory `name` in here, before its own ignore files.
    pub(super) fn child(&self, name: &[u8], standing: Standing) -> Self {
        // A name that is no component cannot come from a listing; such a "directory" is left out.
        let (path, standing) = match self.path.join(name) {
            Ok(path) => (path, standing),
            Err(_) => (self.path.clone(), Standing::Out(SkipReason::Ignored)),
        };
        let prefix_len = path.as_bytes().len() + 1;
        Self {
            path,
            prefix_len,
            standing,
            chains: self.chains.clone(),
        }
    }

    /// The path of an entry, from the root.
    pub(super) fn join(&self, name: &[u8]) -> Vec<u8> {
        let mut path = Vec::with_capacity(self.prefix_len + name.len());
        path.extend_from_slice(self.path.as_bytes());
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        path
    }

    /// Whether the ignore files name an entry: `Some(false)` where a negation does.
    pub(super) fn decide(&self, path: &[u8], name: &[u8], is_dir: bool) -> Option<bool> {
        self.chains.iter().find_map(|chain| {
            let mut link = chain.as_deref();
            while let Some(here) = link {
                let within = path.get(here.base_len..).unwrap_or_default();
                if let Some(decision) = here.list.decide(within, name, is_dir) {
                    return Some(decision);
                }
                link = here.outer.as_deref();
            }
            None
        })
    }
}
