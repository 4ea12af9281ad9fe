//! The parts of a change that can be taken back by themselves: its hunks and its mode, or all of it where it has no lines.
//!
//! Does: list them, name each by what is in it, and make of a choice the changes that are to be taken out.
//! Does not: read contents, compare lines (`diff` does), or take anything back (`goback` does).
//!
//! I1 All parts of a change, taken back in any order, are the change taken back.
//! I2 A part's name depends on the path and on what the part changes: not on line numbers, nor on other parts except those
//!    before it that are the same.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use aft_model::{Change, ContentId, FileState, RelPath};

use crate::Tree;
use crate::diff::{FileDiff, Hunk, split_lines};

/// Digits of a name.
const NAME_LEN: usize = 16;

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// What it changes.
    pub kind: PartKind,
}

/// What a part changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// Lines.
    Lines(Hunk),
    /// The permission bits.
    Mode,
    /// That the path is there, or where: what has no lines to choose from is one part, and so is a move.
    Whole,
}

/// A change with where it was moved from.
#[derive(Clone, Copy, Debug)]
pub struct Divided<'a> {
    /// The change.
    pub change: &'a Change,
    /// What was where it was moved from; `None` where it was not moved.
    pub source: Option<FileState>,
}

impl<'a> Divided<'a> {
    /// What the file was before, wherever it was.
    fn before(&self) -> FileState {
        self.source.unwrap_or(self.change.before)
    }

    /// The name it had before, where it was moved.
    fn from(&self) -> Option<&'a RelPath> {
        let from = self.change.renamed_from.as_ref();
        from.filter(|_| self.source.is_some())
    }

    /// Both sides, where there are lines to choose from.
    fn files(&self) -> Option<(File, File)> {
        Some((File::of(&self.before())?, File::of(&self.change.after)?))
    }

    /// The parts, whose lines are told by `diff`, which is of this change.
    #[must_use]
    pub fn parts(&self, diff: &FileDiff) -> Vec<Part> {
        let mut names = Names::of(self);
        let mut parts = Vec::new();
        let has_lines = !diff.binary && !diff.omitted && !diff.degraded;
        match self.files() {
            Some((before, after)) if has_lines || before.content == after.content => {
                if self.from().is_some() {
                    parts.push(names.part(PartKind::Whole, b""));
                }
                if before.mode != after.mode {
                    let modes = format!("{:o} {:o}", before.mode, after.mode);
                    parts.push(names.part(PartKind::Mode, modes.as_bytes()));
                }
                for hunk in diff
                    .hunks
                    .iter()
                    .filter(|_| before.content != after.content)
                {
                    let text = diff.text.get(hunk.range.clone()).unwrap_or_default();
                    let body = text.splitn(2, |byte| *byte == b'\n').nth(1);
                    let kind = PartKind::Lines(hunk.clone());
                    parts.push(names.part(kind, body.unwrap_or_default()));
                }
            }
            _ => {
                // It has no lines to be told by, and what is there later is another part.
                let states = [self.before(), self.change.after];
                let body = states.map(|state| {
                    let content = state.content().map(|id| id.to_string());
                    format!("{state:?} {}\n", content.unwrap_or_default())
                });
                parts.push(names.part(PartKind::Whole, body.concat().as_bytes()));
            }
        }
        parts
    }

    /// The changes that take the `chosen` of `parts` out, with the content they need where it is none of the two
    /// that are held. `bytes` are those of before and after; they are looked at for lines only.
    #[must_use]
    pub fn chosen(
        &self,
        parts: &[Part],
        chosen: &dyn Fn(&Part) -> bool,
        (old, new): (&[u8], &[u8]),
    ) -> (Vec<Change>, Option<(ContentId, Vec<u8>)>) {
        let state = |state| Change {
            before: state,
            ..self.change.clone()
        };
        let Some((before, after)) = self.files().filter(|_| !parts.iter().all(chosen)) else {
            return (self.moved(self.before(), state), None);
        };
        let all_lines = parts.iter().filter_map(Part::hunk).count();
        let picked = parts.iter().filter(|part| chosen(part));
        let hunks: Vec<&Hunk> = picked.clone().filter_map(Part::hunk).collect();
        let mut made = None;
        let side = match hunks.len() {
            0 => after,
            some if some == all_lines => before,
            _ => {
                let bytes = without(old, new, &hunks);
                let content = ContentId(*blake3::hash(&bytes).as_bytes());
                let size = bytes.len() as u64;
                made = Some((content, bytes));
                File {
                    content,
                    size,
                    ..after
                }
            }
        };
        let is_mode = |part: &Part| part.kind == PartKind::Mode;
        let mode = if picked.clone().any(is_mode) {
            before.mode
        } else {
            after.mode
        };
        let target = FileState::File {
            content: side.content,
            size: side.size,
            mode,
        };
        if picked.clone().any(|part| part.kind == PartKind::Whole) {
            return (self.moved(target, state), made);
        }
        let stays = Change {
            renamed_from: None,
            ..state(target)
        };
        (vec![stays], made)
    }

    /// The change with `target` as what it is taken back to, at the name it had then.
    fn moved(&self, target: FileState, state: impl Fn(FileState) -> Change) -> Vec<Change> {
        let Some(from) = self.from() else {
            return vec![state(target)];
        };
        let gone = Change {
            path: from.clone(),
            before: target,
            after: FileState::Absent,
            renamed_from: None,
        };
        vec![state(FileState::Absent), gone]
    }
}

impl Part {
    fn hunk(&self) -> Option<&Hunk> {
        match &self.kind {
            PartKind::Lines(hunk) => Some(hunk),
            PartKind::Mode | PartKind::Whole => None,
        }
    }
}

/// A regular file.
#[derive(Clone, Copy)]
struct File {
    content: ContentId,
    size: u64,
    mode: u32,
}

impl File {
    fn of(state: &FileState) -> Option<Self> {
        match *state {
            FileState::File {
                content,
                size,
                mode,
            } => Some(Self {
                content,
                size,
                mode,
            }),
            _ => None,
        }
    }
}

/// Makes names; those of parts that are the same are told apart by their order.
struct Names {
    base: blake3::Hasher,
    seen: BTreeMap<[u8; 32], u64>,
}

impl Names {
    fn of(divided: &Divided<'_>) -> Self {
        let mut base = blake3::Hasher::new();
        let from = divided.from().map(RelPath::as_bytes);
        for path in [divided.change.path.as_bytes(), from.unwrap_or_default()] {
            base.update(&(path.len() as u64).to_le_bytes()).update(path);
        }
        Self {
            base,
            seen: BTreeMap::new(),
        }
    }

    fn part(&mut self, kind: PartKind, body: &[u8]) -> Part {
        let tag: u8 = match kind {
            PartKind::Lines(_) => 0,
            PartKind::Mode => 1,
            PartKind::Whole => 2,
        };
        let mut hasher = self.base.clone();
        hasher.update(&[tag]).update(body);
        let seen = self.seen.entry(*hasher.finalize().as_bytes()).or_default();
        hasher.update(&seen.to_le_bytes());
        *seen += 1;
        let name = hasher.finalize().to_hex();
        Part {
            name: name.chars().take(NAME_LEN).collect(),
            kind,
        }
    }
}

/// `new` with the lines that these hunks of its diff from `old` had before.
fn without(old: &[u8], new: &[u8], hunks: &[&Hunk]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(old.len().max(new.len()));
    let (mut olds, mut news) = (split_lines(old), split_lines(new));
    let (mut old_at, mut new_at) = (0, 0);
    let first = |start: u32, len: u32| start as usize - usize::from(len > 0 && start > 0);
    for hunk in hunks {
        let (old_first, new_first) = (
            first(hunk.old_start, hunk.old_len),
            first(hunk.new_start, hunk.new_len),
        );
        for line in news.by_ref().take(new_first - new_at) {
            bytes.extend_from_slice(line);
        }
        news.by_ref().take(hunk.new_len as usize).for_each(drop);
        olds.by_ref().take(old_first - old_at).for_each(drop);
        for line in olds.by_ref().take(hunk.old_len as usize) {
            bytes.extend_from_slice(line);
        }
        old_at = old_first + hunk.old_len as usize;
        new_at = new_first + hunk.new_len as usize;
    }
    for line in news {
        bytes.extend_from_slice(line);
    }
    bytes
}

/// Whether a change is a part of its own. A directory that came or went with what is in it goes or comes with that.
/// `all` are the changes of the same operation, by path.
#[must_use]
pub fn stands_alone(change: &Change, all: &[Change]) -> bool {
    if !is_directory_alone(change) {
        return true;
    }
    let path = change.path.as_bytes();
    let beneath = |other: &Change| {
        let other = other.path.as_bytes();
        other
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with(b"/"))
    };
    // What begins with the path comes after it, mixed with what is beneath it.
    let after = all.partition_point(|other| other.path.as_bytes() <= path);
    let mut near = all
        .iter()
        .skip(after)
        .take_while(|other| other.path.as_bytes().starts_with(path));
    !near.any(beneath)
}

fn is_directory_alone(change: &Change) -> bool {
    matches!(
        (change.before, change.after),
        (FileState::Absent, FileState::Dir { .. }) | (FileState::Dir { .. }, FileState::Absent)
    )
}

/// The directories that came or went with the `chosen` of `all`, and that go or come back with them: one that came goes
/// when nothing else is in it.
#[must_use]
pub fn directories(chosen: &[Change], all: &[Change], tree: &Tree) -> Vec<Change> {
    let mut taken: BTreeMap<&RelPath, &Change> =
        chosen.iter().map(|change| (&change.path, change)).collect();
    let by_path: BTreeMap<&RelPath, &Change> = all
        .iter()
        .filter(|change| is_directory_alone(change))
        .map(|change| (&change.path, change))
        .collect();
    let mut above: Vec<RelPath> = chosen
        .iter()
        .flat_map(|change| std::iter::successors(change.path.parent(), RelPath::parent))
        .collect();
    above.sort_unstable();
    above.dedup();
    let mut found = Vec::new();
    // The deepest first, so that it is known of what is in a directory whether it goes.
    for dir in above.iter().rev() {
        let Some(change) = by_path
            .get(dir)
            .filter(|one| !taken.contains_key(&one.path))
        else {
            continue;
        };
        let goes = |(name, _): (&[u8], _)| {
            let child = dir.join(name).ok();
            let taken = child.and_then(|child| taken.get(&child));
            taken.is_some_and(|change| !change.before.exists())
        };
        let is_as_it_was_left = tree.state(dir) == change.after;
        let comes = change.before.is_dir();
        if is_as_it_was_left && (comes || tree.children(dir).all(goes)) {
            taken.insert(&change.path, change);
            found.push((*change).clone());
        }
    }
    found
}
