//! Diffs of real files: pairs of versions that were published, judged by `git apply` and `patch -p1`.
//!
//! Does: take files from two trees that exist on this machine, diff them, apply the patches with both
//! tools and compare every byte. `AFT_DIFF_OLD` and `AFT_DIFF_NEW` name the trees; without them the
//! sources of crates that cargo holds in two versions are taken. `AFT_DIFF_PAIRS` is how many pairs.
//! Does not: look at modes, links or names, which the engine's own tests cover; download anything.
#![expect(
    clippy::disallowed_methods,
    reason = "the corpus is named by the environment, the tools are children, trees are made by path"
)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use aft_engine::diff::{FileDiff, Options, Side, is_binary, reverse, unified};
use aft_model::{ContentId, FileState, RelPath};

/// Pairs that go into one run of a tool.
const BATCH: usize = 500;

/// Two contents and the name they are diffed under; `None` where the file is absent.
pub(crate) struct Pair {
    name: PathBuf,
    old: Option<Vec<u8>>,
    new: Option<Vec<u8>>,
}

/// What a run did.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pairs: usize,
    created: usize,
    deleted: usize,
    binary: usize,
    degraded: usize,
    hunks: usize,
    added: u64,
    removed: u64,
    content_bytes: usize,
    patch_bytes: usize,
    diff_time: Duration,
    slowest: Duration,
}

/// Diffs and judges `pairs` in both directions.
pub(crate) fn check(pairs: &[Pair]) -> Report {
    let mut report = Report::default();
    for batch in pairs.chunks(BATCH) {
        check_batch(batch, &mut report);
    }
    report
}

fn check_batch(batch: &[Pair], report: &mut Report) {
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let mut judged = Vec::new();
    for (at, pair) in batch.iter().enumerate() {
        // A folder each, so that one file may stand in several pairs.
        let name = RelPath::new(
            [
                format!("{at}/").as_bytes(),
                pair.name.as_os_str().as_bytes(),
            ]
            .concat(),
        )
        .unwrap();
        let (before, after) = (state(pair.old.as_deref()), state(pair.new.as_deref()));
        let before = Side {
            state: &before,
            bytes: pair.old.as_deref(),
        };
        let after = Side {
            state: &after,
            bytes: pair.new.as_deref(),
        };
        let clock = Instant::now();
        let diff = unified(&name, &name, before, after, &Options::default());
        report.count(pair, &diff, clock.elapsed());
        there.extend_from_slice(&diff.text);
        back.extend_from_slice(&reverse(&name, &name, before, after, &Options::default()).text);
        if !diff.binary {
            judged.push((name, pair));
        }
    }
    for tool in [
        &["git", "apply"][..],
        &["patch", "-p1", "--batch", "--no-backup-if-mismatch", "-i"],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir(&tree).unwrap();
        for (name, pair) in &judged {
            put(&place(&tree, name), pair.old.as_deref());
        }
        apply(tool, &there, dir.path(), &tree);
        compare(tool, &tree, &judged, |pair| pair.new.as_deref());
        apply(tool, &back, dir.path(), &tree);
        compare(tool, &tree, &judged, |pair| pair.old.as_deref());
    }
}

impl Report {
    fn count(&mut self, pair: &Pair, diff: &FileDiff, took: Duration) {
        self.pairs += 1;
        self.created += usize::from(pair.old.is_none());
        self.deleted += usize::from(pair.new.is_none());
        self.binary += usize::from(diff.binary);
        self.degraded += usize::from(diff.degraded);
        self.hunks += diff.hunks.len();
        self.added += u64::from(diff.added);
        self.removed += u64::from(diff.removed);
        self.content_bytes += [&pair.old, &pair.new]
            .into_iter()
            .flatten()
            .map(Vec::len)
            .sum::<usize>();
        self.patch_bytes += diff.text.len();
        self.diff_time += took;
        self.slowest = self.slowest.max(took);
        assert!(!diff.text.is_empty(), "{:?}", pair.name);
    }
}

fn state(bytes: Option<&[u8]>) -> FileState {
    bytes.map_or(FileState::Absent, |bytes| FileState::File {
        content: ContentId([0; 32]),
        size: bytes.len() as u64,
        mode: 0o644,
    })
}

fn place(tree: &Path, name: &RelPath) -> PathBuf {
    tree.join(OsStr::from_bytes(name.as_bytes()))
}

fn put(at: &Path, bytes: Option<&[u8]>) {
    if let Some(bytes) = bytes {
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, bytes).unwrap();
    }
}

fn apply(tool: &[&str], patch: &[u8], dir: &Path, tree: &Path) {
    if patch.is_empty() {
        return;
    }
    let patch_file = dir.join("patch");
    fs::write(&patch_file, patch).unwrap();
    let run = Command::new(tool[0])
        .args(&tool[1..])
        .arg(&patch_file)
        .current_dir(tree)
        .envs([
            ("LC_ALL", "C"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
        ])
        .env("GIT_CEILING_DIRECTORIES", dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    assert!(run.status.success(), "{tool:?}: {said}");
    let inexact = said.contains("with fuzz") || said.contains("(offset ");
    assert!(!inexact, "{tool:?} had to search: {said}");
}

fn compare<'a>(
    tool: &[&str],
    tree: &Path,
    judged: &[(RelPath, &'a Pair)],
    want: impl Fn(&'a Pair) -> Option<&'a [u8]>,
) {
    for (name, pair) in judged {
        let found = fs::read(place(tree, name)).ok();
        assert!(
            found.as_deref() == want(pair),
            "{tool:?} made something else of {name:?}"
        );
    }
}

/// Pairs of files of two trees, picked at random from a fixed seed: first those of one name, then each
/// with others of the newer tree, which are large changes. A file that only one tree has makes a pair
/// with nothing. Equal pairs say nothing and are left out; so are binary files paired with others.
pub(crate) fn pairs_of_trees(old: &Path, new: &Path, count: usize) -> Vec<Pair> {
    let (old_files, new_files) = (files(old), files(new));
    let mut names: Vec<&PathBuf> = old_files.keys().collect();
    names.extend(
        new_files
            .keys()
            .filter(|name| !old_files.contains_key(*name)),
    );
    Random(0x5eed).shuffle(&mut names);
    let read = |at: Option<&PathBuf>| at.map(|at| fs::read(at).unwrap());
    let binary = |side: &Option<Vec<u8>>| side.as_deref().is_some_and(is_binary);
    (0..names.len())
        .flat_map(|round| {
            names
                .iter()
                .enumerate()
                .map(move |(at, name)| (round, at, *name))
        })
        .map(|(round, at, name)| {
            let other = names[(at + round) % names.len()];
            let (old, new) = (read(old_files.get(name)), read(new_files.get(other)));
            (
                round,
                Pair {
                    name: name.clone(),
                    old,
                    new,
                },
            )
        })
        .filter(|(_, pair)| pair.old != pair.new)
        .filter(|(round, pair)| *round == 0 || !(binary(&pair.old) || binary(&pair.new)))
        .map(|(_, pair)| pair)
        .take(count)
        .collect()
}

/// Every regular file beneath `root`, by its path from there.
fn files(root: &Path) -> BTreeMap<PathBuf, PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let (at, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() && entry.file_name() != ".git" {
                folders.push(at);
            } else if kind.is_file() {
                found.insert(at.strip_prefix(root).unwrap().to_path_buf(), at);
            }
        }
    }
    found
}

/// Trees of crates that cargo's registry holds in more than one version.
fn registry_trees() -> Vec<(PathBuf, PathBuf)> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let registries = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok());
    let mut versions: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for registry in registries.into_iter().flatten().flatten() {
        for source in fs::read_dir(registry.path())
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = source.file_name().to_string_lossy().into_owned();
            let is_version = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
            let split = name
                .match_indices('-')
                .find(|(at, _)| is_version(&name[at + 1..]));
            if let Some((at, _)) = split {
                versions
                    .entry(name[..at].to_owned())
                    .or_default()
                    .push(source.path());
            }
        }
    }
    let mut trees = Vec::new();
    for mut found in versions.into_values() {
        found.sort();
        trees.extend(
            found
                .windows(2)
                .map(|pair| (pair[0].clone(), pair[1].clone())),
        );
    }
    trees
}

/// A small generator (splitmix64): runs are repeatable.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = (self.next() % (at as u64 + 1)) as usize;
            items.swap(at, other);
        }
    }
}

#[test]
fn both_tools_make_the_newer_version_of_real_files_and_the_older_again() {
    let count: usize = std::env::var("AFT_DIFF_PAIRS").map_or(300, |n| n.parse().unwrap());
    let named = (
        std::env::var_os("AFT_DIFF_OLD"),
        std::env::var_os("AFT_DIFF_NEW"),
    );
    let trees = match named {
        (Some(old), Some(new)) => vec![(PathBuf::from(old), PathBuf::from(new))],
        (None, None) => registry_trees(),
        _ => panic!("AFT_DIFF_OLD and AFT_DIFF_NEW go together"),
    };
    if trees.is_empty() {
        println!(
            "SKIPPED: no AFT_DIFF_OLD and AFT_DIFF_NEW, and cargo holds no crate in two versions"
        );
        return;
    }
    let share = count.div_ceil(trees.len());
    let pairs: Vec<Pair> = trees
        .iter()
        .flat_map(|(old, new)| pairs_of_trees(old, new, share))
        .collect();
    assert!(!pairs.is_empty(), "no file in {trees:?}");
    let report = check(&pairs);
    println!("{report:#?}");
    assert!(report.pairs > report.binary, "nothing was compared");
}
