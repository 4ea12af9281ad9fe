//! What every watcher with a kernel queue promises, run against each of them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use aft_model::RelPath;
use parking_lot::{Mutex, MutexGuard};

use super::{Signal, SignalKind, SignalSink, Watch, WatchError};
use crate::fs::ReadDir;
use crate::fs::real::RealRoot;

const DEADLINE: Duration = Duration::from_secs(20);

pub(super) type Start = fn(Arc<RealRoot>, &Path, Arc<dyn SignalSink>) -> Box<dyn Watch>;

pub(super) fn path(bytes: impl AsRef<[u8]>) -> RelPath {
    RelPath::new(bytes).unwrap()
}

/// Hands every batch on; whoever holds the gate stops the watcher's thread.
pub(super) struct Sink {
    gate: Mutex<()>,
    batches: Sender<Vec<Signal>>,
}

impl SignalSink for Sink {
    fn push(&self, batch: Vec<Signal>) {
        let _gate = self.gate.lock();
        // The receiver goes first when a test ends.
        drop(self.batches.send(batch));
    }
}

/// A workspace, its cookie directory and a watcher with nothing armed.
pub(super) struct Fixture {
    // Dropped in this order: the thread ends before what it signals about goes.
    pub(super) watch: Box<dyn Watch>,
    pub(super) root: Arc<RealRoot>,
    pub(super) sink: Arc<Sink>,
    batches: Receiver<Vec<Signal>>,
    /// What came in one batch with a cookie, but after it.
    later: Mutex<Vec<Signal>>,
    next_cookie: Mutex<u64>,
    cookies: tempfile::TempDir,
    dir: tempfile::TempDir,
}

impl Fixture {
    pub(super) fn new(start: Start) -> Self {
        let (dir, cookies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = Arc::new(RealRoot::open(dir.path()).unwrap());
        let (sender, batches) = channel();
        let sink = Arc::new(Sink {
            gate: Mutex::new(()),
            batches: sender,
        });
        let watch = start(
            Arc::clone(&root),
            cookies.path(),
            Arc::clone(&sink) as Arc<dyn SignalSink>,
        );
        Self {
            watch,
            root,
            sink,
            batches,
            later: Mutex::default(),
            next_cookie: Mutex::new(1_000),
            cookies,
            dir,
        }
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn cookie_dir(&self) -> &Path {
        self.cookies.path()
    }

    pub(super) fn make_dir(&self, name: &str) {
        std::fs::create_dir(self.at(name)).unwrap();
    }

    pub(super) fn write(&self, name: &str) {
        File::create(self.at(name))
            .unwrap()
            .write_all(b"bytes")
            .unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "somebody else renames by path")]
    pub(super) fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.at(from), self.at(to)).unwrap();
    }

    pub(super) fn hold_sink(&self) -> MutexGuard<'_, ()> {
        self.sink.gate.lock()
    }

    pub(super) fn next(&self) -> Vec<Signal> {
        self.batches
            .recv_timeout(DEADLINE)
            .expect("no signal came before the deadline")
    }

    pub(super) fn wait_for(&self, wanted: impl Fn(&Signal) -> bool) {
        while !self.next().iter().any(&wanted) {}
    }

    /// Everything the kernel queued before now.
    pub(super) fn until_cookie(&self) -> Vec<Signal> {
        let number = {
            let mut next = self.next_cookie.lock();
            *next += 1;
            *next
        };
        self.watch.place_cookie(number).unwrap();
        let mut later = self.later.lock();
        let mut signals = std::mem::take(&mut *later);
        loop {
            signals.extend(self.next());
            let cookie = signals
                .iter()
                .position(|signal| *signal == Signal::Cookie(number));
            if let Some(at) = cookie {
                *later = signals.split_off(at);
                return signals;
            }
        }
    }

    pub(super) fn paths_until_cookie(&self) -> BTreeSet<RelPath> {
        self.until_cookie()
            .into_iter()
            .filter_map(|signal| match signal {
                Signal::Changed { path, .. } => Some(path),
                _ => None,
            })
            .collect()
    }

    /// The recipe: arm, then scan, and the same for every directory the scan finds.
    fn arm_and_scan(&self, dir: &RelPath, found: &mut BTreeSet<RelPath>) {
        match self.watch.add(dir) {
            Ok(()) => {}
            Err(WatchError::Gone) => return,
            Err(error) => panic!("{dir:?}: {error}"),
        }
        let Ok(entries) = self.root.scan(dir) else {
            return;
        };
        for entry in entries {
            let at = dir.join(&entry.name).unwrap();
            found.insert(at.clone());
            if entry.stat.mode & libc::S_IFMT == libc::S_IFDIR {
                self.arm_and_scan(&at, found);
            }
        }
    }

    /// Follows the signals until the cookie, arming and scanning what is new, to transitive closure.
    fn follow(&self, found: &mut BTreeSet<RelPath>) {
        for signal in self.until_cookie() {
            let Signal::Changed { path, kind } = signal else {
                continue;
            };
            found.insert(path.clone());
            if let SignalKind::Created { dir: true } | SignalKind::MovedTo { dir: true, .. } = kind
            {
                self.arm_and_scan(&path, found);
            }
        }
    }
}

fn check_cookie_order(start: Start) {
    let fixture = Fixture::new(start);
    fixture.make_dir("d");
    fixture.watch.add(&RelPath::root()).unwrap();
    fixture.watch.add(&path("d")).unwrap();
    for round in 0..300 {
        let names = [format!("f{round}"), format!("d/f{round}")];
        for name in &names {
            fixture.write(name);
        }
        let seen = fixture.paths_until_cookie();
        for name in names {
            assert!(
                seen.contains(&path(&name)),
                "{name} is not told before the cookie"
            );
        }
    }
}

fn check_kinds(start: Start) {
    let fixture = Fixture::new(start);
    fixture.watch.add(&RelPath::root()).unwrap();
    let kinds = |name: &str| -> Vec<SignalKind> {
        let of_path = |signal| match signal {
            Signal::Changed { path: at, kind } if at == path(name) => Some(kind),
            _ => None,
        };
        fixture
            .until_cookie()
            .into_iter()
            .filter_map(of_path)
            .collect()
    };
    fixture.write("f");
    assert_eq!(
        kinds("f"),
        [
            SignalKind::Created { dir: false },
            SignalKind::Modified,
            SignalKind::Closed
        ]
    );
    rustix::fs::chmod(fixture.at("f"), rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    assert_eq!(kinds("f"), [SignalKind::Attributes]);
    fixture.make_dir("sub");
    assert_eq!(kinds("sub"), [SignalKind::Created { dir: true }]);
    fixture.rename("f", "g");
    assert!(matches!(
        kinds("g")[..],
        [SignalKind::MovedTo { dir: false, .. }]
    ));
    rustix::fs::unlink(fixture.at("g")).unwrap();
    assert_eq!(kinds("g").last(), Some(&SignalKind::Removed { dir: false }));
    rustix::fs::rmdir(fixture.at("sub")).unwrap();
    assert_eq!(
        kinds("sub").last(),
        Some(&SignalKind::Removed { dir: true })
    );
    rustix::fs::symlink("nowhere", fixture.at("link")).unwrap();
    assert_eq!(kinds("link"), [SignalKind::Created { dir: false }]);
}

fn check_nothing_is_lost_in_new_directories(start: Start) {
    let fixture = Fixture::new(start);
    let mut found = BTreeSet::new();
    fixture.watch.add(&RelPath::root()).unwrap();
    let top = fixture.dir.path().to_path_buf();
    let (done, finished) = channel();
    let writer = std::thread::spawn(move || {
        for round in 0..300 {
            let dir = top.join(format!("d{round}"));
            std::fs::create_dir(&dir).unwrap();
            File::create(dir.join("f")).unwrap();
            for deeper in [dir.join("a"), dir.join("a/b"), dir.join("a/b/c")] {
                std::fs::create_dir(&deeper).unwrap();
            }
            File::create(dir.join("a/b/c/f")).unwrap();
        }
        done.send(()).unwrap();
    });
    // Fences while the writer works, so that arming and making race at every offset.
    while finished.try_recv().is_err() {
        fixture.follow(&mut found);
    }
    writer.join().unwrap();
    // What returned before the last fence is found by it, directories that it finds included.
    fixture.follow(&mut found);
    for round in 0..300 {
        for name in ["f", "a/b/c/f"] {
            let at = path(format!("d{round}/{name}"));
            assert!(found.contains(&at), "{at:?} is lost");
        }
    }
    assert_eq!(fixture.watch.len(), 1 + 300 * 4);
    // And every one of those directories is armed.
    fixture.write("d7/a/b/late");
    fixture.write("d299/late");
    let late = fixture.paths_until_cookie();
    assert!(
        late.contains(&path("d7/a/b/late")) && late.contains(&path("d299/late")),
        "{late:?}"
    );
}

fn check_root_gone(start: Start) {
    let fixture = Fixture::new(start);
    fixture.watch.add(&RelPath::root()).unwrap();
    let moved = fixture.cookies.path().join("moved");
    rustix::fs::rename(fixture.dir.path(), &moved).unwrap();
    fixture.wait_for(|signal| *signal == Signal::RootGone);
    rustix::fs::rename(&moved, fixture.dir.path()).unwrap();
}

fn check_what_cannot_be_armed(start: Start) {
    let fixture = Fixture::new(start);
    fixture.write("file");
    std::os::unix::fs::symlink(fixture.cookies.path(), fixture.at("link")).unwrap();
    assert!(matches!(
        fixture.watch.add(&path("none")),
        Err(WatchError::Gone)
    ));
    assert!(matches!(
        fixture.watch.add(&path("file")),
        Err(WatchError::Gone)
    ));
    assert!(fixture.watch.add(&path("link")).is_err());
    assert!(fixture.watch.is_empty());
    fixture.watch.remove_tree(&path("none"));
    let name = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    std::fs::create_dir(fixture.dir.path().join(name)).unwrap();
    fixture.watch.add(&path(b"\xff\xfe")).unwrap();
    fixture.watch.add(&path(b"\xff\xfe")).unwrap();
    assert_eq!(fixture.watch.len(), 1);
    File::create(fixture.dir.path().join(name).join("f")).unwrap();
    assert!(fixture.paths_until_cookie().contains(&path(b"\xff\xfe/f")));
}

fn check_a_removed_tree_is_silent(start: Start) {
    let fixture = Fixture::new(start);
    for name in ["d", "d/e", "d-e"] {
        fixture.make_dir(name);
        fixture.watch.add(&path(name)).unwrap();
    }
    fixture.until_cookie();
    fixture.watch.remove_tree(&path("d"));
    assert_eq!(fixture.watch.len(), 1);
    for name in ["d/f", "d/e/f", "d-e/f"] {
        fixture.write(name);
    }
    assert_eq!(
        fixture.paths_until_cookie(),
        BTreeSet::from([path("d-e/f")])
    );
}

macro_rules! for_each_backend {
    ($($name:ident: $check:ident;)*) => {
        mod inotify_backend {
            use super::*;
            fn start(root: Arc<RealRoot>, cookies: &Path, sink: Arc<dyn SignalSink>) -> Box<dyn Watch> {
                Box::new(crate::watch::inotify::InotifyWatch::start(root, cookies, sink).unwrap())
            }
            $(#[test] fn $name() { $check(start); })*
        }
        mod notify_backend {
            use super::*;
            fn start(root: Arc<RealRoot>, cookies: &Path, sink: Arc<dyn SignalSink>) -> Box<dyn Watch> {
                Box::new(crate::watch::notify::NotifyWatch::start(root, cookies, sink).unwrap())
            }
            $(#[test] fn $name() { $check(start); })*
        }
    };
}

for_each_backend! {
    writes_before_a_cookie_are_told_before_it: check_cookie_order;
    each_change_has_its_kind: check_kinds;
    no_file_of_a_new_directory_is_lost: check_nothing_is_lost_in_new_directories;
    a_root_that_moves_is_gone: check_root_gone;
    what_cannot_be_armed_says_why: check_what_cannot_be_armed;
    a_removed_tree_is_silent_and_its_neighbour_is_not: check_a_removed_tree_is_silent;
}
