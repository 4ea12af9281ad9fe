//! The disk beneath a simulated store: live files and directories, and what a crash leaves of them.
//! Does not know handles or planted faults.
//!
//! Bytes become durable by the file's own sync, names by the directory's. At a crash each file keeps its
//! synced prefix and some of the rest, perhaps torn; each directory keeps its unsynced changes up to one of
//! them, in order.

use std::collections::{BTreeMap, VecDeque};

use rustix::io::Errno;

use crate::sim::rng::Rng;

pub(super) type FileId = u64;
pub(super) type DirId = u64;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    File(FileId),
    Dir(DirId),
}

/// Largest piece of garbage at the end of a torn file.
const TORN_BLOCK: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct File {
    /// What everybody reads.
    pub(super) bytes: Vec<u8>,
    /// So many of them are durable.
    synced: usize,
    /// What the disk still holds behind `synced`, where a truncation was not synced.
    cut: Vec<u8>,
    /// A sync of these failed: they read well from the cache, and no later sync writes them.
    lied: Option<(usize, usize)>,
}

type Names = BTreeMap<String, Node>;
/// Names set or taken away together.
type Change = Vec<(String, Option<Node>)>;

#[derive(Debug, Default)]
struct Dir {
    live: Names,
    durable: Names,
    pending: VecDeque<Change>,
}

#[derive(Debug)]
pub(super) struct Disk {
    files: BTreeMap<FileId, File>,
    dirs: BTreeMap<DirId, Dir>,
    next: u64,
    pub(super) quota: u64,
    rng: Rng,
}

impl Disk {
    pub(super) const ROOT: DirId = 0;

    pub(super) fn new(rng: Rng, quota: u64) -> Self {
        let dirs = BTreeMap::from([(Self::ROOT, Dir::default())]);
        Self {
            files: BTreeMap::new(),
            dirs,
            next: 1,
            quota,
            rng,
        }
    }

    pub(super) fn file(&self, file: FileId) -> Option<&File> {
        self.files.get(&file)
    }

    pub(super) fn len(&self, file: FileId) -> u64 {
        self.file(file).map_or(0, |file| file.bytes.len() as u64)
    }

    pub(super) fn entry(&self, dir: DirId, name: &str) -> Option<Node> {
        self.dirs.get(&dir)?.live.get(name).copied()
    }

    /// The file at a path of several components.
    pub(super) fn find(&self, dir: DirId, path: &str) -> Option<FileId> {
        match path.split_once('/') {
            Some((first, rest)) => match self.entry(dir, first)? {
                Node::Dir(dir) => self.find(dir, rest),
                Node::File(_) => None,
            },
            None => match self.entry(dir, path)? {
                Node::File(file) => Some(file),
                Node::Dir(_) => None,
            },
        }
    }

    pub(super) fn list(&self, dir: DirId) -> Vec<String> {
        let names = self.dirs.get(&dir).into_iter().flat_map(|dir| &dir.live);
        names
            .filter(|(_, node)| matches!(node, Node::File(_)))
            .map(|(name, _)| name.clone())
            .collect()
    }

    pub(super) fn files(&self, dir: DirId) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        for (name, node) in self.dirs.get(&dir).into_iter().flat_map(|dir| &dir.live) {
            match node {
                Node::File(file) => found.push((name.clone(), self.len(*file))),
                Node::Dir(dir) => {
                    found.extend(
                        self.files(*dir)
                            .into_iter()
                            .map(|(rest, len)| (format!("{name}/{rest}"), len)),
                    );
                }
            }
        }
        found
    }

    pub(super) fn free(&self) -> u64 {
        if self.quota == u64::MAX {
            return 1 << 40;
        }
        let used: u64 = self.files(Self::ROOT).into_iter().map(|(_, len)| len).sum();
        self.quota.saturating_sub(used)
    }

    fn change(&mut self, dir: DirId, change: Change) {
        let Some(dir) = self.dirs.get_mut(&dir) else {
            return;
        };
        apply(&mut dir.live, &change);
        dir.pending.push_back(change);
    }

    pub(super) fn open_or_make(&mut self, dir: DirId, name: &str) -> Result<FileId, Errno> {
        match self.entry(dir, name) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Dir(_)) => Err(Errno::ISDIR),
            None => {
                let file = self.next;
                self.next += 1;
                self.files.insert(file, File::default());
                self.change(dir, vec![(name.to_owned(), Some(Node::File(file)))]);
                Ok(file)
            }
        }
    }

    pub(super) fn make_dir(&mut self, dir: DirId, name: &str) -> DirId {
        let made = self.next;
        self.next += 1;
        self.dirs.insert(made, Dir::default());
        self.change(dir, vec![(name.to_owned(), Some(Node::Dir(made)))]);
        made
    }

    pub(super) fn rename(&mut self, dir: DirId, from: &str, to: &str) -> Result<(), Errno> {
        let node = self.entry(dir, from).ok_or(Errno::NOENT)?;
        if from != to {
            self.change(
                dir,
                vec![(from.to_owned(), None), (to.to_owned(), Some(node))],
            );
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, dir: DirId, name: &str) -> Result<(), Errno> {
        match self.entry(dir, name).ok_or(Errno::NOENT)? {
            Node::File(_) => self.change(dir, vec![(name.to_owned(), None)]),
            Node::Dir(_) => return Err(Errno::ISDIR),
        }
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, dir: DirId) {
        if let Some(dir) = self.dirs.get_mut(&dir) {
            for change in dir.pending.drain(..) {
                apply(&mut dir.durable, &change);
            }
        }
    }

    /// Appends all of `bytes`, or as many as there is room for and `ENOSPC`.
    pub(super) fn append(&mut self, file: FileId, bytes: &[u8]) -> Result<(), Errno> {
        let room = usize::try_from(self.free()).unwrap_or(usize::MAX);
        let fits = bytes.len() <= room;
        let file = self.files.get_mut(&file).ok_or(Errno::STALE)?;
        file.bytes.extend(bytes.iter().take(room));
        if fits { Ok(()) } else { Err(Errno::NOSPC) }
    }

    /// Writes over what is there and beyond it. What was written again is written to the disk by the next sync,
    /// whatever became of an earlier one.
    pub(super) fn overwrite(&mut self, file: FileId, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        let at = usize::try_from(at).map_err(|_| Errno::FBIG)?;
        let end = at + bytes.len();
        let room = usize::try_from(self.free()).unwrap_or(usize::MAX);
        let file = self.files.get_mut(&file).ok_or(Errno::STALE)?;
        let more = end.saturating_sub(file.bytes.len());
        let fits = more <= room;
        let end = end - (more - more.min(room));
        if file.bytes.len() < end {
            file.bytes.resize(end, 0);
        }
        for (to, from) in file.bytes.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
        // What lies before and behind is still a lie; one on both sides stays whole, because a disk may do worse.
        file.lied = file
            .lied
            .map(
                |(lie_start, lie_end)| match (lie_start < at, lie_end > end) {
                    (true, false) => (lie_start, lie_end.min(at)),
                    (false, true) => (lie_start.max(end), lie_end),
                    (true, true) => (lie_start, lie_end),
                    (false, false) => (lie_end, lie_end),
                },
            )
            .filter(|(start, end)| start < end);
        if fits { Ok(()) } else { Err(Errno::NOSPC) }
    }

    pub(super) fn append_part(&mut self, file: FileId, bytes: &[u8]) {
        let part = self.rng.index(bytes.len());
        if let Some(file) = self.files.get_mut(&file) {
            file.bytes.extend(bytes.iter().take(part));
        }
    }

    pub(super) fn sync(&mut self, file: FileId) {
        self.sync_through(file, usize::MAX);
    }

    /// Makes the first `len` bytes durable, and nothing that came later.
    pub(super) fn sync_through(&mut self, file: FileId, len: usize) {
        if let Some(file) = self.files.get_mut(&file) {
            let end = len.min(file.bytes.len());
            if end >= file.synced {
                file.synced = end;
                file.cut.clear();
            }
        }
    }

    pub(super) fn sync_failed(&mut self, file: FileId) {
        if let Some(file) = self.files.get_mut(&file) {
            let start = file.lied.map_or(file.synced, |(start, _)| start);
            file.lied = Some((start, file.bytes.len())).filter(|(start, end)| start < end);
        }
    }

    pub(super) fn truncate(&mut self, file: FileId, len: u64) {
        let Some(file) = self.files.get_mut(&file) else {
            return;
        };
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len >= file.bytes.len() {
            file.bytes.resize(len.min(1 << 32), 0);
            return;
        }
        if len < file.synced {
            let mut cut = file
                .bytes
                .get(len..file.synced)
                .unwrap_or_default()
                .to_vec();
            cut.append(&mut file.cut);
            file.cut = cut;
            file.synced = len;
        }
        file.bytes.truncate(len);
        file.lied = file
            .lied
            .map(|(start, end)| (start, end.min(len)))
            .filter(|(start, end)| start < end);
    }

    pub(super) fn rot(&mut self, file: FileId, offset: u64, mask: u8) -> bool {
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let byte = self
            .files
            .get_mut(&file)
            .and_then(|file| file.bytes.get_mut(at));
        byte.map(|byte| *byte ^= mask).is_some()
    }

    pub(super) fn plant(&mut self, dir: DirId, name: &str, bytes: &[u8]) {
        if let Ok(file) = self.open_or_make(dir, name) {
            let planted = File {
                bytes: bytes.to_vec(),
                synced: bytes.len(),
                ..File::default()
            };
            self.files.insert(file, planted);
        }
        self.sync_dir(dir);
    }

    pub(super) fn sync_all(&mut self) {
        let files: Vec<FileId> = self.files.keys().copied().collect();
        files.into_iter().for_each(|file| self.sync(file));
        let dirs: Vec<DirId> = self.dirs.keys().copied().collect();
        dirs.into_iter().for_each(|dir| self.sync_dir(dir));
    }

    /// The power fails.
    pub(super) fn crash(&mut self, rng: &mut Rng) {
        for dir in self.dirs.values_mut() {
            let kept = rng.index(dir.pending.len() + 1);
            for change in dir.pending.drain(..).take(kept) {
                apply(&mut dir.durable, &change);
            }
            dir.live.clone_from(&dir.durable);
        }
        for file in self.files.values_mut() {
            file.crash(rng);
        }
    }
}

fn apply(names: &mut Names, change: &Change) {
    for (name, node) in change {
        match node {
            Some(node) => names.insert(name.clone(), *node),
            None => names.remove(name),
        };
    }
}

impl File {
    fn crash(&mut self, rng: &mut Rng) {
        if let Some((start, end)) = self.lied.take() {
            let never_written = self
                .bytes
                .get_mut(start..end.min(self.synced))
                .unwrap_or_default();
            never_written.fill(0);
        }
        let unsynced = self.bytes.split_off(self.synced.min(self.bytes.len()));
        let kept = rng.index(unsynced.len() + 1);
        if !self.cut.is_empty() && rng.chance(500) {
            // The truncation never reached the disk; of what was written over it, a part did.
            let mut tail = std::mem::take(&mut self.cut);
            for (old, new) in tail.iter_mut().zip(unsynced.iter().take(kept)) {
                *old = *new;
            }
            self.bytes.append(&mut tail);
        } else {
            self.bytes.extend(unsynced.iter().take(kept));
            let torn = (unsynced.len() - kept).min(TORN_BLOCK);
            let len = rng.index(torn + 1);
            match rng.below(4) {
                // The size was written before the bytes.
                0 => self.bytes.extend(std::iter::repeat_n(0, len)),
                // A block that was never written holds what was there before it was ours.
                1 => self.bytes.extend(rng.bytes(len)),
                // Blocks reach the disk out of order: zeros, then the true bytes that follow.
                2 => {
                    self.bytes.extend(std::iter::repeat_n(0, len));
                    self.bytes.extend(unsynced.iter().skip(kept + len));
                }
                _ => {}
            }
        }
        self.synced = self.bytes.len();
        self.cut.clear();
    }
}
