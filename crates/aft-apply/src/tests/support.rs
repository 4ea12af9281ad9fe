//! Trees as literals, the operation between two of them, contents and sink in memory, one run of the protocol.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read};

use aft_model::{
    Change, ContentId, FileState, Operation, OperationId, OperationKind, RelPath, StatSig,
};
use aft_os::{ReadDir, WriteDir};

use crate::look;
use crate::{
    Applier, Checked, ContentFault, Contents, Found, LateSink, OnConflict, Report, SetIdBits, Task,
};

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

#[derive(Clone, Debug)]
pub(crate) enum Item {
    File(Vec<u8>, u32),
    Link(Vec<u8>),
    Dir(u32),
}

pub(crate) fn file(bytes: impl AsRef<[u8]>) -> Item {
    Item::File(bytes.as_ref().to_vec(), 0o644)
}

pub(crate) fn link(target: &str) -> Item {
    Item::Link(target.as_bytes().to_vec())
}

pub(crate) const DIR: Item = Item::Dir(0o755);

pub(crate) type Tree = BTreeMap<String, Item>;

pub(crate) fn tree<const N: usize>(items: [(&str, Item); N]) -> Tree {
    items
        .into_iter()
        .map(|(name, item)| (name.to_owned(), item))
        .collect()
}

pub(crate) fn build(root: &dyn WriteDir, tree: &Tree) {
    for (name, item) in tree {
        let at = path(name);
        match item {
            Item::File(bytes, mode) => drop(root.create(&at, *mode, bytes).unwrap()),
            Item::Link(target) => drop(root.make_link(&at, target).unwrap()),
            Item::Dir(mode) => root.make_dir(&at, *mode).unwrap(),
        }
    }
}

fn state(item: Option<&Item>) -> FileState {
    match item {
        None => FileState::Absent,
        Some(Item::File(bytes, mode)) => FileState::File {
            content: look::hash(bytes),
            size: bytes.len() as u64,
            mode: *mode,
        },
        Some(Item::Link(target)) => FileState::Symlink {
            target: look::hash(target),
        },
        Some(Item::Dir(mode)) => FileState::Dir { mode: *mode },
    }
}

pub(crate) fn states(tree: &Tree) -> BTreeMap<String, FileState> {
    tree.iter()
        .map(|(name, item)| (name.clone(), state(Some(item))))
        .collect()
}

/// Everything on disk, staging included.
pub(crate) fn on_disk(root: &dyn ReadDir) -> BTreeMap<String, FileState> {
    let mut found = BTreeMap::new();
    let mut pending = vec![RelPath::root()];
    while let Some(dir) = pending.pop() {
        for entry in root.scan(&dir).unwrap() {
            let at = dir.join(&entry.name).unwrap();
            let state = look::state_at(root, &at, &entry.stat).unwrap().0;
            if state.is_dir() {
                pending.push(at.clone());
            }
            found.insert(at.display(), state);
        }
    }
    found
}

pub(crate) fn operation(before: &Tree, after: &Tree) -> Operation {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changes = names.into_iter().map(|name| Change {
        path: path(name),
        before: state(before.get(name)),
        after: state(after.get(name)),
        renamed_from: None,
    });
    Operation::bare(
        OperationId(7),
        OperationKind::Rollback,
        changes
            .filter(|change| change.before != change.after)
            .collect(),
    )
}

/// Contents of the trees it was made from.
#[derive(Default)]
pub(crate) struct Blobs(pub(super) HashMap<ContentId, Vec<u8>>);

impl Blobs {
    pub(crate) fn of(trees: &[&Tree]) -> Self {
        let items = trees.iter().flat_map(|tree| tree.values());
        let bytes = items.filter_map(|item| match item {
            Item::File(bytes, _) | Item::Link(bytes) => Some(bytes.clone()),
            Item::Dir(_) => None,
        });
        Self(bytes.map(|bytes| (look::hash(&bytes), bytes)).collect())
    }
}

impl Contents for Blobs {
    fn open(&self, id: &ContentId) -> Result<Box<dyn io::Read + '_>, ContentFault> {
        let bytes = self.0.get(id).ok_or(ContentFault::Missing)?;
        Ok(Box::new(bytes.as_slice()))
    }
}

/// Keeps what was late; can be made to refuse.
#[derive(Default)]
pub(crate) struct Sink {
    pub(crate) kept: Vec<(String, Vec<u8>)>,
    pub(crate) refuses: bool,
}

impl LateSink for Sink {
    fn late(&mut self, path: &RelPath, found: Found<'_>) -> io::Result<()> {
        if self.refuses {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let bytes = match found {
            Found::File { bytes, .. } => {
                let mut all = Vec::new();
                bytes.read_to_end(&mut all)?;
                all
            }
            Found::Symlink { target } => target.to_vec(),
        };
        self.kept.push((path.display(), bytes));
        Ok(())
    }
}

impl Sink {
    pub(crate) fn has(&self, bytes: &[u8]) -> bool {
        self.kept.iter().any(|(_, kept)| kept == bytes)
    }
}

pub(crate) fn holds(root: &dyn ReadDir, at: &str, bytes: &[u8]) -> bool {
    let Ok(mut file) = root.open(&path(at)) else {
        return false;
    };
    let mut all = Vec::new();
    file.read_to_end(&mut all).unwrap();
    all == bytes
}

/// Signatures taken now, as a strict look just before would.
pub(crate) fn signatures(root: &dyn ReadDir, operation: &Operation) -> HashMap<RelPath, StatSig> {
    let paths = operation.changes.iter().map(|change| change.path.clone());
    paths
        .filter_map(|path| Some((path.clone(), root.lstat(&path).ok().flatten()?)))
        .collect()
}

pub(crate) struct Ran {
    pub(crate) report: Report,
    pub(crate) sink: Sink,
}

/// Check, stage, apply and settle, with `meddle` called between stage and apply.
pub(crate) fn run(
    root: &dyn WriteDir,
    blobs: &Blobs,
    operation: &Operation,
    policy: OnConflict,
    meddle: impl FnOnce(),
) -> Ran {
    let stats = signatures(root, operation);
    let stats = |path: &RelPath| stats.get(path).copied();
    let task = Task {
        operation,
        policy,
        set_id: SetIdBits::Drop,
        stats: &stats,
    };
    let applier = Applier::new(root, blobs);
    let Checked {
        conflicts,
        prepared,
        ..
    } = applier.check(&task);
    assert_eq!(conflicts, []);
    let staged = applier.stage(&task, &prepared).unwrap();
    meddle();
    let mut sink = Sink::default();
    let mut report = applier.apply(&task, staged, &mut sink).unwrap();
    applier.settle(&task, &mut report, &mut sink).unwrap();
    Ran { report, sink }
}

/// The plan that meets every kind of step, and files that no step touches.
pub(crate) fn every_kind() -> (Tree, Tree) {
    let mut before = tree([
        ("bystander", file("nobody touches this")),
        ("a", DIR),
        ("a/same", file("same")),
        ("gone", DIR),
        ("gone/deep", DIR),
        ("gone/deep/x", file("x")),
        ("to-file", DIR),
        ("to-file/sub", DIR),
        ("to-file/sub/one", file("one")),
        ("to-dir", file("was a file")),
        ("link-to-dir", link("a")),
        ("dir-to-link", DIR),
        ("link", link("old target")),
        ("file-to-link", file("becomes a link")),
        ("link-to-file", link("nowhere")),
        ("closed", Item::Dir(0o755)),
        ("closed/in", file("in")),
        ("opened", Item::Dir(0o500)),
    ]);
    let mut after = tree([
        ("bystander", file("nobody touches this")),
        ("a", DIR),
        ("a/same", file("same")),
        ("to-file", file("a file now")),
        ("to-dir", Item::Dir(0o750)),
        ("to-dir/inner", DIR),
        ("to-dir/inner/leaf", file("leaf")),
        ("link-to-dir", Item::Dir(0o555)),
        ("link-to-dir/leaf", file("leaf")),
        ("dir-to-link", link("a/same")),
        ("link", link("new target")),
        ("file-to-link", link("bystander")),
        ("link-to-file", Item::File(b"a file".to_vec(), 0o600)),
        ("closed", Item::Dir(0o555)),
        ("closed/in", file("in, changed")),
        ("opened", Item::Dir(0o755)),
        ("opened/new", file("new")),
        ("fresh", DIR),
        ("fresh/deep", Item::Dir(0o500)),
        ("fresh/deep/y", file("y")),
        ("fresh/empty", file("")),
        ("Case", file("case")),
    ]);
    before.insert("case".into(), file("case"));
    for n in 0..6 {
        before.insert(format!("a/m{n}"), file(format!("before {n}")));
        after.insert(format!("a/m{n}"), file(format!("after, longer {n}")));
        before.insert(format!("a/d{n}"), file(format!("deleted {n}")));
        after.insert(
            format!("a/c{n}"),
            Item::File(format!("created {n}").into_bytes(), 0o755),
        );
        before.insert(format!("a/mode{n}"), file(format!("mode {n}")));
        after.insert(
            format!("a/mode{n}"),
            Item::File(format!("mode {n}").into_bytes(), 0o755),
        );
    }
    (before, after)
}
