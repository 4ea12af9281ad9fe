//! Seeded changes to a tree: the same ones for every peer.
//!
//! Does: edit, delete and make files; say whether going back undid it; undo it itself.
//! Does not: measure.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::shell;

/// A small generator with a published algorithm (SplitMix64), so that a seed means the same on every machine.
pub(crate) struct Random(u64);

impl Random {
    /// A generator for the words of `name`.
    pub(crate) fn new(name: &str) -> Self {
        // FNV-1a.
        let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// `count` different items, fewer if there are fewer.
    pub(crate) fn choose<'a, T>(&mut self, items: &'a [T], count: usize) -> Vec<&'a T> {
        let mut left: Vec<&T> = items.iter().collect();
        let mut chosen = Vec::with_capacity(count);
        while chosen.len() < count && !left.is_empty() {
            let at = self.below(left.len());
            chosen.push(left.swap_remove(at));
        }
        chosen
    }
}

/// A file and what it held.
pub(crate) struct Original {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it held.
    pub(crate) bytes: Vec<u8>,
}

/// Reads files before they are changed.
pub(crate) fn remember(paths: &[&PathBuf]) -> anyhow::Result<Vec<Original>> {
    paths
        .iter()
        .map(|path| {
            let bytes =
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(Original {
                path: (*path).clone(),
                bytes,
            })
        })
        .collect()
}

/// Three lines put in at a random line, and the whole file written again in place, as most editors and tools do.
pub(crate) fn edit(file: &Original, tag: &str, random: &mut Random) -> anyhow::Result<()> {
    let lines: Vec<&[u8]> = file.bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let at = random.below(lines.len());
    let mut bytes = Vec::with_capacity(file.bytes.len() + 128);
    for (line, number) in lines.iter().zip(0..) {
        if number == at {
            for _ in 0..3 {
                bytes.extend_from_slice(
                    format!("// edit {tag} {:08x}\n", random.next() >> 32).as_bytes(),
                );
            }
        }
        bytes.extend_from_slice(line);
    }
    rewrite(&file.path, &bytes)
}

/// Truncates and writes: the inode stays.
pub(crate) fn rewrite(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    file.write_all(bytes)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Puts files back as they were remembered.
pub(crate) fn put_back(originals: &[Original]) -> anyhow::Result<()> {
    originals
        .iter()
        .try_for_each(|original| rewrite(&original.path, &original.bytes))
}

/// `count` edited files, a tenth as many deleted and as many new (at least one of each).
pub(crate) struct Churn {
    edited: Vec<Original>,
    deleted: Vec<Original>,
    created: Vec<PathBuf>,
}

impl Churn {
    /// Changes the tree.
    pub(crate) fn apply(
        files: &[PathBuf],
        count: usize,
        tag: &str,
        random: &mut Random,
    ) -> anyhow::Result<Self> {
        let tenth = (count / 10).max(1);
        let mut edited = remember(&random.choose(files, count + tenth))?;
        let deleted = edited.split_off(edited.len().saturating_sub(tenth));
        for file in &edited {
            edit(file, tag, random)?;
        }
        for file in &deleted {
            shell::remove_file(&file.path)?;
        }
        let mut created = Vec::new();
        for (number, near) in random.choose(files, tenth).into_iter().enumerate() {
            let path = near.with_file_name(format!("new_{tag}_{number}.rs"));
            let text: String = (0..60)
                .map(|line| format!("let x{line} = {};\n", random.next() >> 24))
                .collect();
            rewrite(&path, text.as_bytes())?;
            created.push(path);
        }
        Ok(Self {
            edited,
            deleted,
            created,
        })
    }

    /// How many paths are not as they were before.
    pub(crate) fn wrong(&self) -> usize {
        let differs =
            |file: &&Original| std::fs::read(&file.path).ok().as_ref() != Some(&file.bytes);
        let changed = self
            .edited
            .iter()
            .chain(&self.deleted)
            .filter(differs)
            .count();
        changed + self.created.iter().filter(|path| path.exists()).count()
    }

    /// Undoes it by hand.
    pub(crate) fn undo(&self) -> anyhow::Result<()> {
        put_back(&self.edited)?;
        put_back(&self.deleted)?;
        self.created
            .iter()
            .filter(|path| path.exists())
            .try_for_each(|path| shell::remove_file(path))
    }
}

#[cfg(test)]
mod tests;
