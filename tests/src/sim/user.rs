//! What everybody else does in the simulated workspace, and a plain book about it: which paths were touched when,
//! which bytes a write returned for, and which of them somebody other than Afterimage did away with.
//! Knows nothing of the engine's tree or of the history.

mod draw;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use aft_testkit::manifest::{Entry, Kind, Manifest};
use aft_testkit::sim::{SimRoot, UserFile};
pub(crate) use draw::{draw, draw_rules, is_ruled};
use parking_lot::Mutex;

/// Bytes of a path.
pub(super) type Path = Vec<u8>;

/// One action of somebody else.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Write(Path, Vec<u8>),
    Append(Path, Vec<u8>),
    Save(Path, Vec<u8>),
    Mkdir(Path, Vec<(Path, Vec<u8>)>),
    Rename(Path, Path),
    Exchange(Path, Path),
    Remove(Path),
    Chmod(Path, u32),
    Symlink(Path, Path),
    Fifo(Path),
    SetMtime(Path, i64),
    MoveOut(Path),
    MoveIn(Path, Vec<u8>),
    /// Whatever is there makes room for a directory with a file in it.
    ToDir(Path, Vec<u8>),
    /// Whatever is there makes room for a file.
    ToFile(Path, Vec<u8>),
    Hold(Path),
    HeldWrite(usize, Vec<u8>),
    HeldClose(usize),
    /// Somebody edits, by its name, what was displaced and not removed yet.
    Meddle(usize, Vec<u8>),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| {
            bytes
                .iter()
                .take(24)
                .copied()
                .flat_map(std::ascii::escape_default)
                .collect()
        };
        let one: fn(&[u8]) -> String = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let bytes = |bytes: &[u8]| -> String {
            let shown: Vec<u8> = text(bytes);
            format!("{}+{}", one(&shown), bytes.len())
        };
        match self {
            Self::Write(path, data) => write!(f, "write {} {}", one(path), bytes(data)),
            Self::Append(path, data) => write!(f, "append {} {}", one(path), bytes(data)),
            Self::Save(path, data) => write!(f, "save {} {}", one(path), bytes(data)),
            Self::Mkdir(path, files) => write!(f, "mkdir {} and {} files", one(path), files.len()),
            Self::Rename(from, to) => write!(f, "rename {} {}", one(from), one(to)),
            Self::Exchange(a, b) => write!(f, "exchange {} {}", one(a), one(b)),
            Self::Remove(path) => write!(f, "remove {}", one(path)),
            Self::Chmod(path, mode) => write!(f, "chmod {mode:o} {}", one(path)),
            Self::Symlink(path, target) => write!(f, "symlink {} to {}", one(path), one(target)),
            Self::Fifo(path) => write!(f, "fifo {}", one(path)),
            Self::SetMtime(path, _) => write!(f, "set mtime {}", one(path)),
            Self::MoveOut(path) => write!(f, "move out {}", one(path)),
            Self::MoveIn(path, data) => write!(f, "move in {} {}", one(path), bytes(data)),
            Self::ToDir(path, data) => write!(f, "to directory {} {}", one(path), bytes(data)),
            Self::ToFile(path, data) => write!(f, "to file {} {}", one(path), bytes(data)),
            Self::Hold(path) => write!(f, "hold {}", one(path)),
            Self::HeldWrite(at, data) => write!(f, "write held {at} {}", bytes(data)),
            Self::HeldClose(at) => write!(f, "close held {at}"),
            Self::Meddle(at, data) => write!(f, "meddle with displaced {at} {}", bytes(data)),
        }
    }
}

/// The book.
#[derive(Default)]
pub(super) struct Book {
    /// For each action, the paths it touched.
    touched: Vec<BTreeSet<Path>>,
    /// Which of them are no actions but a power cut or a kill.
    falls: BTreeSet<usize>,
    /// Hashes of bytes that a user's write returned for.
    written: BTreeSet<[u8; 32]>,
    /// Those of them that users or a power cut did away with.
    destroyed: BTreeSet<[u8; 32]>,
    /// Paths at which bytes ever lay that were written since the last fall.
    places: BTreeMap<[u8; 32], BTreeSet<Path>>,
    /// Bytes that were there at the last fall.
    older: BTreeSet<[u8; 32]>,
    /// Saved versions that the very next thing to happen to their path replaced by another, since the last fall.
    replaced: Vec<(Path, [[u8; 32]; 2])>,
    held: Vec<UserFile>,
    n_tokens: u64,
    /// What happened since it was last asked for, for the log.
    pub(super) news: Vec<String>,
}

/// Users, as the harness and actions in the middle of somebody's calls share them.
#[derive(Clone, Default)]
pub(super) struct Users(pub(super) Arc<Mutex<Book>>);

impl Users {
    /// Does `action` and writes it down.
    pub(super) fn act(&self, root: &SimRoot, action: &Action) {
        let mut book = self.0.lock();
        let before = root.manifest();
        let result = perform(root, &mut book, action);
        let after = root.manifest();
        let mut touched = named(action);
        touched.extend(differing(&before, &after));
        book.touched.push(touched);
        let (had, has) = (contents(&before), contents(&after));
        book.written.extend(has.difference(&had));
        book.lost_and_back(&had, &has);
        book.note_versions(&before, &after);
        let line = format!(
            "user {action}: {}",
            result.map_or_else(|e| e.kind().to_string(), |()| "ok".into())
        );
        book.news.push(line);
    }

    /// How many actions were done so far.
    pub(super) fn now(&self) -> usize {
        self.0.lock().touched.len()
    }

    /// The paths touched since then.
    pub(super) fn touched_since(&self, since: usize) -> BTreeSet<Path> {
        let book = self.0.lock();
        book.touched.iter().skip(since).flatten().cloned().collect()
    }

    /// The machine or the process went down between these two looks.
    pub(super) fn went_down(&self, before: &Manifest, after: &Manifest) {
        let mut book = self.0.lock();
        book.held.clear();
        let at = book.touched.len();
        book.falls.insert(at);
        book.touched.push(differing(before, after).collect());
        book.lost_and_back(&contents(before), &contents(after));
        // What was captured before may not have become an operation any more.
        book.replaced.clear();
        book.places.clear();
        // What lies there was captured in another life, perhaps under another name.
        book.older = after.entries.values().filter_map(version).collect();
    }

    /// Versions that lay at one path only, each with the one that replaced it there and lay nowhere else either.
    pub(super) fn replaced(&self) -> Vec<(Path, [[u8; 32]; 2])> {
        let book = self.0.lock();
        let only_there = |(path, both): &&(Path, [[u8; 32]; 2])| {
            let mut places = both.iter().map(|hash| book.places.get(hash));
            !both.iter().any(|hash| book.older.contains(hash))
                && places.all(|at| at.is_some_and(|at| at.len() == 1 && at.contains(path)))
        };
        book.replaced.iter().filter(only_there).cloned().collect()
    }

    /// The same without what a power cut did.
    pub(super) fn touched_by_users_since(&self, since: usize) -> BTreeSet<Path> {
        let book = self.0.lock();
        let actions = book.touched.iter().enumerate().skip(since);
        let by_users = actions.filter(|(at, _)| !book.falls.contains(at));
        by_users.flat_map(|(_, paths)| paths).cloned().collect()
    }

    /// Closes every file that is held open.
    pub(super) fn let_go(&self) {
        self.0.lock().held.clear();
    }

    /// Bytes that users wrote, nobody but Afterimage did away with, and that are not on disk.
    pub(super) fn displaced(&self, disk: &Manifest) -> Vec<[u8; 32]> {
        let book = self.0.lock();
        let there = contents(disk);
        let missing = book.written.difference(&book.destroyed);
        missing
            .filter(|hash| !there.contains(*hash))
            .copied()
            .collect()
    }
}

impl Book {
    fn note_versions(&mut self, before: &Manifest, after: &Manifest) {
        for (path, entry) in &after.entries {
            let Some(new) = version(entry) else { continue };
            let old = before.entries.get(path).and_then(version);
            if old != Some(new) {
                self.places.entry(new).or_default().insert(path.clone());
            }
            self.replaced.extend(
                old.filter(|old| *old != new)
                    .map(|old| (path.clone(), [old, new])),
            );
        }
    }

    fn lost_and_back(&mut self, had: &BTreeSet<[u8; 32]>, has: &BTreeSet<[u8; 32]>) {
        self.destroyed.extend(had.difference(has));
        for hash in has {
            self.destroyed.remove(hash);
        }
    }
}

/// The bytes of a file that is a version: not an empty one.
fn version(entry: &Entry) -> Option<[u8; 32]> {
    match entry.kind {
        Kind::File { size, hash } if size > 0 => Some(hash),
        _ => None,
    }
}

/// Hashes of all bytes on disk, staging included: what lies there is not lost.
fn contents(disk: &Manifest) -> BTreeSet<[u8; 32]> {
    let tracked = disk
        .entries
        .iter()
        .filter(|(path, _)| !path.starts_with(b"target"));
    tracked.filter_map(|(_, entry)| version(entry)).collect()
}

/// The paths that are not the same in both.
pub(super) fn differing(before: &Manifest, after: &Manifest) -> impl Iterator<Item = Path> {
    let mut paths: BTreeMap<&Path, (Option<&Entry>, Option<&Entry>)> = BTreeMap::new();
    for (path, entry) in &before.entries {
        paths.entry(path).or_default().0 = Some(entry);
    }
    for (path, entry) in &after.entries {
        paths.entry(path).or_default().1 = Some(entry);
    }
    let paths: Vec<Path> = paths
        .into_iter()
        .filter(|(_, (a, b))| a != b)
        .map(|(path, _)| path.clone())
        .collect();
    paths.into_iter()
}

fn named(action: &Action) -> BTreeSet<Path> {
    match action {
        Action::Rename(a, b) | Action::Exchange(a, b) => [a.clone(), b.clone()].into(),
        Action::Write(path, _)
        | Action::Append(path, _)
        | Action::Save(path, _)
        | Action::Mkdir(path, _)
        | Action::Remove(path)
        | Action::Chmod(path, _)
        | Action::Symlink(path, _)
        | Action::Fifo(path)
        | Action::SetMtime(path, _)
        | Action::MoveOut(path)
        | Action::MoveIn(path, _)
        | Action::ToDir(path, _)
        | Action::ToFile(path, _)
        | Action::Hold(path) => [path.clone()].into(),
        Action::HeldWrite(..) | Action::HeldClose(_) | Action::Meddle(..) => BTreeSet::new(),
    }
}

fn perform(root: &SimRoot, book: &mut Book, action: &Action) -> std::io::Result<()> {
    match action {
        Action::Write(path, bytes) => root.user_write(path, bytes),
        Action::Append(path, bytes) => root.user_append(path, bytes),
        Action::Save(path, bytes) => root.user_save(path, bytes),
        Action::Mkdir(path, files) => {
            root.user_mkdir(path)?;
            files
                .iter()
                .try_for_each(|(path, bytes)| root.user_write(path, bytes))
        }
        Action::Rename(from, to) => root.user_rename(from, to),
        Action::Exchange(a, b) => root.user_exchange(a, b),
        Action::Remove(path) => root.user_remove_all(path),
        Action::Chmod(path, mode) => root.user_chmod(path, *mode),
        Action::Symlink(path, target) => root.user_symlink(path, target),
        Action::Fifo(path) => root.user_fifo(path),
        Action::SetMtime(path, ns) => root.user_set_mtime(path, *ns),
        Action::MoveOut(path) => root.user_move_out(path),
        Action::MoveIn(path, bytes) => {
            root.user_move_in(path, &[("in", bytes), ("deep/er", bytes)])
        }
        Action::ToDir(path, bytes) => {
            root.user_remove_all(path)?;
            root.user_mkdir(path)?;
            root.user_write([path, &b"/was"[..]].concat(), bytes)
        }
        Action::ToFile(path, bytes) => {
            root.user_remove_all(path)?;
            root.user_write(path, bytes)
        }
        Action::Hold(path) => {
            let file = root.user_open(path)?;
            book.held.push(file);
            Ok(())
        }
        Action::HeldWrite(at, bytes) => match book.held.get(at % book.held.len().max(1)) {
            Some(file) => file.write(bytes),
            None => Ok(()),
        },
        Action::Meddle(at, bytes) => {
            let disk = root.manifest();
            let displaced: Vec<&Path> = disk
                .entries
                .iter()
                .filter(|(path, entry)| {
                    path.starts_with(b".afterimage/limbo/")
                        && matches!(entry.kind, Kind::File { .. })
                })
                .map(|(path, _)| path)
                .collect();
            match displaced.get(at % displaced.len().max(1)) {
                Some(path) => root.user_append(path, bytes),
                None => Ok(()),
            }
        }
        Action::HeldClose(at) => {
            if !book.held.is_empty() {
                let at = at % book.held.len();
                book.held.swap_remove(at);
            }
            Ok(())
        }
    }
}
