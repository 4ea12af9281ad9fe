//! A disk that remembers the order it was written in, so that every state can be made that a machine may find after its
//! power went: what was flushed, and any part of what was written since.
//!
//! Does: put `recordfs` between an image and who mounts it, read its log, and make an image as it was. Parts are blocks
//! of 4 KiB, which a disk writes whole.
//! Does not: know a file system, or choose what to try.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::fuse::Fuse;
use super::machine;

const HEAD: u64 = 16;
const FLUSH: u32 = 2;
/// What a disk writes whole.
pub(super) const BLOCK: u64 = 4096;

/// Who remembers.
#[derive(Debug)]
pub(super) struct Recorder {
    fuse: Fuse,
}

/// What was remembered.
pub(super) struct Recording {
    base: PathBuf,
    log: fs::File,
    entries: Vec<Entry>,
    _place: tempfile::TempDir,
}

/// A write, or a flush, which has no bytes.
struct Entry {
    /// Where on the disk.
    at: u64,
    len: u64,
    is_flush: bool,
    /// Where its bytes begin in the log.
    bytes: u64,
}

/// A moment: everything up to a flush, and of what was written between it and the next only some blocks.
pub(super) struct Wanted {
    /// Number of the flush among the entries.
    pub(super) flush: usize,
    /// Which blocks of the later entries are there too: entry, and number of the block within it.
    pub(super) later: BTreeSet<(usize, u64)>,
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

impl Recorder {
    /// Between an image that nobody has mounted and who will.
    #[track_caller]
    pub(super) fn over(image: &Path) -> Option<Self> {
        let prepare = |place: &Path| {
            let base = place.join("base");
            machine("cp", &["--sparse=always", text(image), text(&base)]).expect("a copy");
            vec![image.to_owned(), place.join("log")]
        };
        let fuse = Fuse::mount("recordfs", prepare, |at| at.join("disk").exists())?;
        Some(Self { fuse })
    }

    /// What is to be mounted.
    pub(super) fn disk(&self) -> PathBuf {
        self.fuse.at.join("disk")
    }

    /// Where it is told how much was written.
    pub(super) fn log(&self) -> PathBuf {
        self.fuse.place.path().join("log")
    }

    /// Nobody has it mounted any more.
    pub(super) fn end(self) -> Recording {
        let place = self.fuse.unmount();
        let log = fs::File::open(place.path().join("log")).expect("the log");
        let len = log.metadata().expect("its length").len();
        let mut entries = Vec::new();
        let mut at = 0;
        while at < len {
            let mut head = [0; HEAD as usize];
            log.read_exact_at(&mut head, at).expect("a head");
            let (offset, rest) = head.split_first_chunk::<8>().expect("eight bytes");
            let (length, kind) = rest.split_first_chunk::<4>().expect("four bytes");
            let is_flush = kind == FLUSH.to_le_bytes().as_slice();
            let entry = Entry {
                at: u64::from_le_bytes(*offset),
                len: u64::from(u32::from_le_bytes(*length)),
                is_flush,
                bytes: at + HEAD,
            };
            at = entry.end();
            entries.push(entry);
        }
        Recording {
            base: place.path().join("base"),
            log,
            entries,
            _place: place,
        }
    }
}

impl Entry {
    /// Where it ends in the log.
    fn end(&self) -> u64 {
        self.bytes + self.len
    }
}

impl Recording {
    /// The flushes that were logged between two lengths of the log.
    pub(super) fn flushes(&self, from: u64, until: u64) -> Vec<usize> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter(|(_, entry)| entry.is_flush && entry.bytes > from && entry.end() <= until)
            .map(|(number, _)| number)
            .collect()
    }

    /// How long the log was right after an entry.
    pub(super) fn end_of(&self, entry: usize) -> u64 {
        self.entries[entry].end()
    }

    /// The blocks that were written between that flush and the next, and how long the log was then.
    pub(super) fn between(&self, flush: usize) -> (Vec<(usize, u64)>, u64) {
        let mut blocks = Vec::new();
        let mut end = self.end_of(flush);
        for (number, entry) in self.entries.iter().enumerate().skip(flush + 1) {
            if entry.is_flush {
                break;
            }
            blocks.extend((0..entry.len.div_ceil(BLOCK)).map(|block| (number, block)));
            end = entry.end();
        }
        (blocks, end)
    }

    /// Makes the image as it was then.
    pub(super) fn build(&self, image: &Path, wanted: &Wanted) {
        machine("cp", &["--sparse=always", text(&self.base), text(image)]).expect("a copy");
        let file = fs::File::options().write(true).open(image);
        let file = file.expect("the image");
        for entry in self.entries.iter().take(wanted.flush) {
            self.write(&file, entry, 0..entry.len);
        }
        for (number, block) in &wanted.later {
            let entry = &self.entries[*number];
            let from = block * BLOCK;
            self.write(&file, entry, from..entry.len.min(from + BLOCK));
        }
        file.sync_all().expect("the image");
    }

    fn write(&self, file: &fs::File, entry: &Entry, part: std::ops::Range<u64>) {
        let mut bytes = vec![0; (part.end - part.start) as usize];
        self.log
            .read_exact_at(&mut bytes, entry.bytes + part.start)
            .expect("the log");
        file.write_all_at(&bytes, entry.at + part.start)
            .expect("the image");
    }
}
