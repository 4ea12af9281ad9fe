//! A scratch tree is exact, costs what differs, and undoes what a check did in it.
#![expect(
    clippy::disallowed_methods,
    reason = "plays a check that writes where it runs"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use aft_model::ContentId;
use aft_os::clock::SystemClock;
use aft_os::store_dir::real::RealStoreDir;
use aft_store::{Level, Opened, Options, prepare};

use super::*;

struct Rig {
    _dir: tempfile::TempDir,
    store: Opened,
    scratches: Arc<Scratches>,
}

impl Rig {
    fn new(keep_warm: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let store_dir = RealStoreDir::open(&dir.path().join("store"), true).unwrap();
        let store = aft_store::open(Arc::new(store_dir), &Options::default()).unwrap();
        let limits = Limits {
            bytes: 1 << 30,
            age: Duration::from_secs(3600),
            keep_warm: keep_warm.iter().map(|name| (*name).to_owned()).collect(),
        };
        let scratches = Scratches::new(
            dir.path(),
            store.reader.clone(),
            Arc::new(SystemClock),
            Box::new(|_| Err("not asked here".to_owned())),
            limits,
        );
        Self {
            _dir: dir,
            store,
            scratches,
        }
    }

    fn content(&mut self, bytes: &[u8]) -> ContentId {
        let prepared = prepare(bytes, None, Level::Normal);
        self.store.writer.put_content(prepared).unwrap();
        self.store.writer.commit(false).unwrap();
        ContentId(*blake3::hash(bytes).as_bytes())
    }

    /// `path`, text or link's target behind `->`, mode.
    fn wanted(&mut self, operation: u64, entries: &[(&str, &str, u32)]) -> Wanted {
        let mut all = BTreeMap::new();
        for (path, text, mode) in entries {
            let path = RelPath::new(path).unwrap();
            let mut parent = path.parent();
            while let Some(dir) = parent.filter(|dir| !dir.is_root()) {
                all.entry(dir.clone())
                    .or_insert(FileState::Dir { mode: 0o755 });
                parent = dir.parent();
            }
            let state = match text.strip_prefix("->") {
                Some(target) => FileState::Symlink {
                    target: self.content(target.as_bytes()),
                },
                None if *text == "/" => FileState::Dir { mode: *mode },
                None => FileState::File {
                    content: self.content(text.as_bytes()),
                    size: text.len() as u64,
                    mode: *mode,
                },
            };
            all.insert(path, state);
        }
        Wanted {
            operation: OperationId(operation),
            entries: Arc::new(all.into_iter().collect()),
            made: Arc::default(),
        }
    }
}

/// Path, type and mode, text of everything.
fn listing(dir: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    fn walk(root: &Path, dir: &Path, into: &mut BTreeMap<String, (u32, Vec<u8>)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let text = if meta.is_dir() {
                walk(root, &path, into);
                Vec::new()
            } else if meta.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                target.into_os_string().into_encoded_bytes()
            } else {
                fs::read(&path).unwrap()
            };
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let mode = if meta.is_symlink() {
                0o120_000
            } else {
                meta.mode()
            };
            into.insert(name, (mode, text));
        }
    }
    let mut all = BTreeMap::new();
    walk(dir, dir, &mut all);
    all
}

/// The same from what is wanted.
fn expected(entries: &[(&str, &str, u32)]) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    for (path, text, mode) in entries {
        for (at, _) in path.match_indices('/') {
            all.entry(path[..at].to_owned())
                .or_insert((0o040_755, Vec::new()));
        }
        let entry = match text.strip_prefix("->") {
            Some(target) => (0o120_000, target.as_bytes().to_vec()),
            None if *text == "/" => (0o040_000 | mode, Vec::new()),
            None => (0o100_000 | mode, text.as_bytes().to_vec()),
        };
        all.insert((*path).to_owned(), entry);
    }
    all
}

const FIRST: [(&str, &str, u32); 6] = [
    ("a.txt", "one", 0o644),
    ("src/main.rs", "fn main() {}", 0o600),
    ("src/deep/run.sh", "#!/bin/sh", 0o755),
    ("link", "->src/main.rs", 0),
    ("empty", "/", 0o700),
    ("closed", "/", 0o500),
];

#[test]
fn a_state_is_exact_and_the_next_one_costs_what_differs() {
    let mut rig = Rig::new(&[]);
    let first = rig.wanted(1, &FIRST);
    let lease = rig.scratches.showing(&first).unwrap();
    assert_eq!(listing(lease.dir()), expected(&FIRST));
    assert_eq!(lease.n_written, 4);
    let kept = fs::metadata(lease.dir().join("src/main.rs")).unwrap();
    drop(lease);
    let second = [
        ("a.txt", "two", 0o644),
        ("src/main.rs", "fn main() {}", 0o600),
        ("src/deep", "now a file", 0o644),
        ("closed/in.txt", "in", 0o644),
        ("link/is/dir", "x", 0o644),
    ];
    let wanted = rig.wanted(2, &second);
    let lease = rig.scratches.showing(&wanted).unwrap();
    assert_eq!(listing(lease.dir()), expected(&second));
    assert_eq!(lease.n_written, 4);
    let still = fs::metadata(lease.dir().join("src/main.rs")).unwrap();
    assert_eq!(
        (kept.ino(), kept.mtime_nsec()),
        (still.ino(), still.mtime_nsec())
    );
    drop(lease);
    // Nothing differs: nothing is written.
    let lease = rig.scratches.showing(&wanted).unwrap();
    assert_eq!(
        (lease.n_written, listing(lease.dir())),
        (0, expected(&second))
    );
}

#[test]
fn what_a_check_did_in_the_tree_is_undone_and_what_is_kept_warm_stays() {
    let mut rig = Rig::new(&["target"]);
    let first = rig.wanted(1, &FIRST);
    let lease = rig.scratches.showing(&first).unwrap();
    let dir = lease.dir().to_path_buf();
    // Same size, within the same tick, and the old stamp put back.
    let before = fs::metadata(dir.join("a.txt")).unwrap().modified().unwrap();
    fs::write(dir.join("a.txt"), "eno").unwrap();
    let file = fs::File::options()
        .write(true)
        .open(dir.join("a.txt"))
        .unwrap();
    file.set_modified(before).unwrap();
    fs::remove_file(dir.join("link")).unwrap();
    symlink("/etc", dir.join("link")).unwrap();
    fs::remove_dir_all(dir.join("src/deep")).unwrap();
    symlink("/tmp", dir.join("src/deep")).unwrap();
    fs::set_permissions(dir.join("src/main.rs"), fs::Permissions::from_mode(0o777)).unwrap();
    fs::create_dir_all(dir.join("made/target/x")).unwrap();
    fs::write(dir.join("made/target/x/y"), "strange").unwrap();
    fs::set_permissions(dir.join("made/target/x"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::create_dir_all(dir.join("src/target")).unwrap();
    fs::write(dir.join("src/target/warm"), "built").unwrap();
    fs::set_permissions(dir.join("empty"), fs::Permissions::from_mode(0o000)).unwrap();
    drop(lease);
    let lease = rig.scratches.showing(&first).unwrap();
    let mut with_warm = expected(&FIRST);
    let mode = fs::metadata(dir.join("src/target")).unwrap().mode();
    with_warm.insert("src/target".to_owned(), (mode, Vec::new()));
    let mode = fs::metadata(dir.join("src/target/warm")).unwrap().mode();
    with_warm.insert("src/target/warm".to_owned(), (mode, b"built".to_vec()));
    assert_eq!(listing(lease.dir()), with_warm);
    assert!(Path::new("/etc/passwd").exists() && Path::new("/tmp").is_dir());
}

#[test]
fn a_bit_flipped_right_after_it_was_placed_is_seen_by_its_bytes() {
    let mut rig = Rig::new(&[]);
    let wanted = rig.wanted(1, &FIRST);
    let lease = rig.scratches.showing(&wanted).unwrap();
    let path = lease.dir().join("a.txt");
    drop(lease);
    // A note that says of the changed file what the changed file says of itself, as within one tick of the clock.
    fs::write(&path, "eno").unwrap();
    let parent = ScratchRoot::open(&rig.scratches.dir).unwrap();
    let mut shown = Shown::load(parent.files(), 1).unwrap();
    let root = ScratchRoot::open(&rig.scratches.dir.join("1")).unwrap();
    let at = RelPath::new("a.txt").unwrap();
    let stat = aft_os::ReadDir::lstat(root.files(), &at).unwrap().unwrap();
    shown
        .placed
        .iter_mut()
        .find(|placed| placed.path == at)
        .unwrap()
        .sig = stat;
    Shown::forget(&parent, 1).unwrap();
    shown.save(&parent, 1).unwrap();
    let lease = rig.scratches.showing(&wanted).unwrap();
    assert_eq!(listing(lease.dir()), expected(&FIRST));
}

#[test]
fn trees_are_lent_once_noted_for_the_next_daemon_and_removed_beyond_the_limits() {
    let mut rig = Rig::new(&[]);
    let first = rig.wanted(1, &FIRST);
    let leases: Vec<Lease> = (0..TREES_MAX)
        .map(|_| rig.scratches.showing(&first).unwrap())
        .collect();
    let dirs: std::collections::BTreeSet<_> = leases.iter().map(|one| one.dir()).collect();
    assert_eq!(dirs.len(), TREES_MAX);
    let again = rig.scratches.showing(&first);
    assert!(matches!(again, Err(ScratchError::Busy)));
    let dir = leases[0].dir().to_path_buf();
    drop(leases);
    let store = rig.scratches.dir.parent().unwrap().to_path_buf();
    let limits = rig.scratches.limits.lock().clone();
    let next = Scratches::new(
        &store,
        rig.store.reader.clone(),
        Arc::new(SystemClock),
        Box::new(|_| Err("not asked here".to_owned())),
        limits,
    );
    let lease = next.showing(&first).unwrap();
    assert_eq!((lease.n_written, lease.dir()), (0, dir.as_path()));
    next.limit(Limits {
        bytes: 1,
        age: Duration::from_secs(3600),
        keep_warm: Vec::new(),
    });
    next.sweep();
    assert_eq!(
        fs::read_dir(&next.dir).unwrap().count(),
        2,
        "the lent one and its note"
    );
    drop(lease);
    next.sweep();
    assert_eq!(fs::read_dir(&next.dir).unwrap().count(), 0);
}

#[test]
fn what_the_history_does_not_hold_is_named() {
    let mut rig = Rig::new(&[]);
    let mut wanted = rig.wanted(1, &FIRST);
    let gone = RelPath::new("gone").unwrap();
    let lost = FileState::File {
        content: ContentId([9; 32]),
        size: 4,
        mode: 0o644,
    };
    Arc::make_mut(&mut wanted.entries).push((gone.clone(), lost));
    let lease = rig.scratches.showing(&wanted).unwrap();
    assert_eq!(lease.missing, [gone]);
    assert_eq!(listing(lease.dir()), expected(&FIRST));
}
