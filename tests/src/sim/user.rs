//! What everybody else does in the simulated workspace, and a plain book about it: which paths were touched when,
//! which bytes a write returned for, and which of them somebody other than Afterimage did away with.
//! Knows nothing of the engine's tree or of the history.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use aft_testkit::SimWorld;
use aft_testkit::manifest::{Entry, Kind, Manifest};
use aft_testkit::sim::{Rng, SimRoot, UserFile};
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

/// Draws an action about the tree as it is now.
pub(super) fn draw(world: &SimWorld, users: &Users, rng: &mut Rng) -> Action {
    let disk = world.root.manifest();
    let at = |rng: &mut Rng| place(&disk, rng);
    let number = {
        let mut book = users.0.lock();
        book.n_tokens += 1;
        book.n_tokens
    };
    let bytes = token(number, rng);
    match rng.below(116) {
        0..22 => Action::Write(at(rng), bytes),
        22..30 => Action::Append(at(rng), bytes),
        30..44 => Action::Save(at(rng), bytes),
        44..52 => {
            let dir = [fresh_dir(&disk, rng), b"/e".to_vec()].concat();
            let file = [&dir[..], b"/f"].concat();
            Action::Mkdir(dir, vec![(file, bytes)])
        }
        52..62 => Action::Rename(existing(&disk, rng), at(rng)),
        62..64 => Action::Exchange(existing(&disk, rng), existing(&disk, rng)),
        64..72 => Action::Remove(existing(&disk, rng)),
        72..77 => {
            let path = existing(&disk, rng);
            let is_dir = disk
                .entries
                .get(&path)
                .is_some_and(|entry| entry.kind == Kind::Dir);
            let modes: &[u32] = if is_dir {
                &[0o755, 0o700, 0o555, 0o755]
            } else {
                &[0o644, 0o600, 0o755, 0o700, 0o444, 0o000, 0o4755]
            };
            Action::Chmod(path, rng.pick(modes).copied().unwrap_or(0o755))
        }
        77..81 => Action::Symlink(at(rng), at(rng)),
        81..83 => Action::Fifo(at(rng)),
        83..84 => Action::SetMtime(existing(&disk, rng), 1_700_000_000_000_000_000),
        84..86 => Action::MoveOut(existing(&disk, rng)),
        86..88 => Action::MoveIn(fresh_dir(&disk, rng), bytes),
        88..90 => Action::ToDir(existing(&disk, rng), bytes),
        90..92 => Action::ToFile(existing(&disk, rng), bytes),
        92..95 => Action::Hold(at(rng)),
        95..98 => Action::HeldWrite(rng.index(8), bytes),
        98..100 => Action::HeldClose(rng.index(8)),
        100..104 => Action::Hold(existing(&disk, rng)),
        104..110 => Action::HeldWrite(rng.index(8), bytes),
        _ => Action::Meddle(rng.index(8), bytes),
    }
}

/// Names that rules may leave out.
const RULED: [&[u8]; 2] = [b"n0", b"n1"];

/// True at and beneath a name that rules may leave out.
pub(super) fn is_ruled(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/')
        .any(|name| RULED.contains(&name))
}

/// Draws other rules, in some directory.
pub(super) fn draw_rules(world: &SimWorld, rng: &mut Rng) -> Action {
    // A part of any of them, as a power cut may leave it, names nothing else either.
    const RULES: [&str; 5] = ["", "n0/\n", "n0\n", "n0/\nn1/\n", "/n1\n!n0/\n"];
    let dir = a_dir(&world.root.manifest(), rng);
    let file = join(&dir, b".gitignore");
    if rng.chance(200) {
        return Action::Remove(file);
    }
    let rules = rng.pick(&RULES).copied().unwrap_or_default();
    if rng.chance(500) {
        Action::Save(file, rules.as_bytes().to_vec())
    } else {
        Action::Write(file, rules.as_bytes().to_vec())
    }
}

/// Bytes nobody wrote before. Half of them have one length, for edits that stat alone does not show.
fn token(number: u64, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = format!("token {number:06}\n").into_bytes();
    match rng.below(20) {
        0 => Vec::new(),
        1..10 => bytes,
        19 => {
            bytes.extend(rng.bytes(5000));
            bytes
        }
        _ => {
            let len = rng.index(200);
            bytes.extend(std::iter::repeat_n(b'.', len));
            bytes
        }
    }
}

/// What the rules are made from stays as it is.
const FIXED: [&[u8]; 1] = [b"target"];

fn is_private(path: &[u8]) -> bool {
    path.starts_with(b".afterimage") || path.starts_with(b".git")
}

const NAMES: [&str; 8] = ["a", "b", "c.txt", "d.rs", "e", "run.log", "f", "g"];

/// Something that is there, or a place for something new.
fn place(disk: &Manifest, rng: &mut Rng) -> Path {
    if rng.chance(550) {
        return existing(disk, rng);
    }
    let dir = a_dir(disk, rng);
    let name = rng.pick(&NAMES).unwrap_or(&"a");
    join(&dir, name.as_bytes())
}

fn existing(disk: &Manifest, rng: &mut Rng) -> Path {
    let paths: Vec<&Path> = disk
        .entries
        .keys()
        .filter(|path| !is_private(path) && !FIXED.contains(&path.as_slice()))
        .collect();
    rng.pick(&paths)
        .map_or_else(|| b"a".to_vec(), |path| (*path).clone())
}

fn a_dir(disk: &Manifest, rng: &mut Rng) -> Path {
    let dirs: Vec<&Path> = disk
        .entries
        .iter()
        .filter(|(path, entry)| entry.kind == Kind::Dir && !is_private(path))
        .map(|(path, _)| path)
        .collect();
    match rng.pick(&dirs) {
        Some(dir) if rng.chance(700) => (*dir).clone(),
        _ => Vec::new(),
    }
}

fn fresh_dir(disk: &Manifest, rng: &mut Rng) -> Path {
    let dir = a_dir(disk, rng);
    join(&dir, format!("n{}", rng.below(5)).as_bytes())
}

fn join(dir: &[u8], name: &[u8]) -> Path {
    if dir.is_empty() {
        return name.to_vec();
    }
    [dir, b"/", name].concat()
}
