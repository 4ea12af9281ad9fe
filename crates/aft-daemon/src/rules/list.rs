//! The patterns of one ignore file, indexed so that a name is compared with few of them.

use std::collections::HashMap;

use super::pattern::{Form, Pattern};

/// Patterns in the order of their file; the last one that matches decides.
#[derive(Debug, Default)]
pub(super) struct PatternList {
    patterns: Vec<Pattern>,
    /// Indices of patterns that are a whole name, in order.
    names: HashMap<Box<[u8]>, Vec<usize>>,
    /// Indices of `*.ext` patterns, by `.ext`, in order.
    extensions: HashMap<Box<[u8]>, Vec<usize>>,
    /// All others, in order.
    others: Vec<Other>,
    /// Which of them are worth a try; `None` where they are too few for it to pay, or too many.
    sieve: Option<Box<Sieve>>,
}

/// With so many others a sieve is worth its memory, and with more they do not fit.
const SIEVED: std::ops::RangeInclusive<usize> = 8..=128;

/// For each byte, which of the others a text may match that begins or ends with it, a bit for each.
#[derive(Debug)]
struct Sieve {
    name_begins: [u128; 256],
    path_begins: [u128; 256],
    ends: [u128; 256],
}

impl Sieve {
    fn of(others: &[Other]) -> Box<Self> {
        let mut sieve = Box::new(Self {
            name_begins: [0; 256],
            path_begins: [0; 256],
            ends: [0; 256],
        });
        for (at, other) in others.iter().enumerate() {
            let begins = if other.by_path {
                &mut sieve.path_begins
            } else {
                &mut sieve.name_begins
            };
            let bit = 1 << at;
            let set = |table: &mut [u128; 256], byte: Option<u8>| {
                let all = table.iter_mut().zip(0_u8..=255);
                for (bits, _) in all.filter(|(_, at)| byte.is_none_or(|byte| byte == *at)) {
                    *bits |= bit;
                }
            };
            set(begins, other.first);
            set(&mut sieve.ends, other.last);
        }
        sieve
    }

    /// The path ends as its last component does.
    fn candidates(&self, path: &[u8], name: &[u8]) -> u128 {
        let bits = |table: &[u128; 256], byte: Option<&u8>| {
            let at = byte.map(|byte| usize::from(*byte));
            at.and_then(|at| table.get(at))
                .copied()
                .unwrap_or(u128::MAX)
        };
        (bits(&self.name_begins, name.first()) | bits(&self.path_begins, path.first()))
            & bits(&self.ends, name.last())
    }
}

/// A pattern that must be tried, with what rules most of them out at one glance.
#[derive(Debug)]
struct Other {
    index: usize,
    first: Option<u8>,
    last: Option<u8>,
    by_path: bool,
}

impl Other {
    fn may_match(&self, path: &[u8], name: &[u8]) -> bool {
        let text = if self.by_path { path } else { name };
        (self.first.is_none() || self.first.as_ref() == text.first())
            && (self.last.is_none() || self.last.as_ref() == text.last())
    }
}

impl PatternList {
    /// Reads a file's text.
    pub(super) fn parse(text: &[u8]) -> Self {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        Self::from_lines(
            text.split(|b| *b == b'\n')
                .map(|line| line.strip_suffix(b"\r").unwrap_or(line)),
        )
    }

    /// Reads lines that have no line end.
    pub(super) fn from_lines<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut list = Self::default();
        for pattern in lines.filter_map(Pattern::parse) {
            let index = list.patterns.len();
            match pattern.form() {
                Form::Name(name) => list.names.entry(name.into()).or_default().push(index),
                Form::Extension(extension) => list
                    .extensions
                    .entry(extension.into())
                    .or_default()
                    .push(index),
                Form::Other => {
                    let (first, last, by_path) = pattern.ends();
                    list.others.push(Other {
                        index,
                        first,
                        last,
                        by_path,
                    });
                }
            }
            list.patterns.push(pattern);
        }
        if SIEVED.contains(&list.others.len()) {
            list.sieve = Some(Sieve::of(&list.others));
        }
        list
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether the last pattern that matches ignores (`true`) or takes it back (`false`). `path` is relative to
    /// the file's directory, `name` its last component.
    pub(super) fn decide(&self, path: &[u8], name: &[u8], is_dir: bool) -> Option<bool> {
        if self.patterns.is_empty() {
            return None;
        }
        let mut best = None;
        if let Some(indices) = self.names.get(name) {
            best = self.last_applicable(indices, is_dir);
        }
        if !self.extensions.is_empty()
            && let Some(dot) = name.iter().rposition(|b| *b == b'.')
            && let Some(indices) = name
                .get(dot..)
                .and_then(|extension| self.extensions.get(extension))
        {
            best = best.max(self.last_applicable(indices, is_dir));
        }
        let candidates = match &self.sieve {
            Some(sieve) => sieve.candidates(path, name),
            None => u128::MAX,
        };
        if candidates == 0 {
            return self.verdict(best);
        }
        for (at, other) in self.others.iter().enumerate().rev() {
            if at < 128 && candidates >> at & 1 == 0 {
                continue;
            }
            if best.is_some_and(|best| best > other.index) {
                break;
            }
            let matches = |pattern: &Pattern| pattern.matches(path, name, is_dir);
            if other.may_match(path, name) && self.patterns.get(other.index).is_some_and(matches) {
                best = Some(other.index);
                break;
            }
        }
        self.verdict(best)
    }

    fn verdict(&self, best: Option<usize>) -> Option<bool> {
        best.and_then(|index| self.patterns.get(index))
            .map(|pattern| !pattern.negated)
    }

    /// True when a pattern that names a path could match beneath the directory `dir`.
    pub(super) fn reaches_into(&self, dir: &[u8]) -> bool {
        let mut others = self
            .others
            .iter()
            .filter_map(|other| self.patterns.get(other.index));
        others.any(|pattern| pattern.reaches_into(dir))
    }

    fn last_applicable(&self, indices: &[usize], is_dir: bool) -> Option<usize> {
        let applies = |index: &usize| {
            self.patterns
                .get(*index)
                .is_some_and(|pattern| is_dir || !pattern.dir_only)
        };
        indices.iter().rev().copied().find(applies)
    }
}
