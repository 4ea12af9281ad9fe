//! What a store asks of the directory it lies in, whoever implements that: the disk, memory, memory that fails, two tiers.
//!
//! Does: keep a history in a store over each implementation, with rewriting, collecting and new openings in between, and
//! compare every version that was acknowledged with what was put in. The laws of single calls are in the testkit's own
//! tests, which hold the simulated directory against the real one.
//! Does not: cut the power; the crash tests do. `AFT_HEAVY=1` takes ten times the steps.

use std::collections::BTreeMap;
use std::sync::Arc;

use aft_model::{Change, FileState, Operation, OperationId, OperationKind, RelPath};
use aft_os::StoreDir;
use aft_os::store_dir::real::RealStoreDir;
use aft_store::{Collection, Level, Maintenance, Opened, Options, prepare};
use aft_testkit::SimWorld;
use aft_testkit::sim::{Op, Rng};
use aft_testkit::tiered::{Objects, TieredDir};
use rustix::io::Errno;

use super::rot_damage::frames;
use crate::e2e_real::{heavy, seed};

const FILES: [&str; 4] = ["a.rs", "b.bin", "dir/c", ".env"];
/// The kind of the record that ends a segment.
const SEAL: u8 = 2;
/// How often one thing is tried while a directory fails.
const TRIES: usize = 40;

/// A history over some directory, and what it must hold.
struct Bench<'a> {
    dir: Arc<dyn StoreDir>,
    store: Option<Opened>,
    rng: Rng,
    /// Called before each step: faults are planted, files are shipped.
    between: &'a mut dyn FnMut(&mut Rng),
    /// Called where something failed, before it is tried again.
    after_failure: &'a mut dyn FnMut(),
    /// The files right after each operation that was acknowledged.
    versions: BTreeMap<u64, BTreeMap<&'static str, Vec<u8>>>,
    failures: u64,
}

fn options() -> Options {
    Options {
        segment_max: 16 * 1024,
        ..super::rot_template::options()
    }
}

fn state_of(bytes: &[u8]) -> FileState {
    FileState::File {
        content: aft_model::ContentId(*blake3::hash(bytes).as_bytes()),
        size: bytes.len() as u64,
        mode: 0o644,
    }
}

impl Bench<'_> {
    fn open(&mut self) {
        for _ in 0..TRIES {
            match aft_store::open(Arc::clone(&self.dir), &options()) {
                Ok(opened) => {
                    self.store = Some(opened);
                    return;
                }
                Err(_) => self.failed(),
            }
        }
        panic!("the store does not open");
    }

    fn failed(&mut self) {
        self.failures += 1;
        (self.after_failure)();
    }

    fn store(&mut self) -> &mut Opened {
        self.store.as_mut().expect("it is open")
    }

    fn edit(&mut self) {
        let last = self.versions.last_key_value();
        let mut files = last.map(|(_, files)| files.clone()).unwrap_or_default();
        let name = *self.rng.pick(&FILES).expect("a name");
        let before = files.get(name).cloned();
        let mut bytes = before.clone().unwrap_or_else(|| self.rng.bytes(600));
        let at = self.rng.index(bytes.len());
        let (extra, fresh) = (self.rng.below(900) as usize, self.rng.chance(300));
        let new = self.rng.bytes(1 + extra);
        if fresh {
            bytes = new;
        } else {
            bytes.splice(at..at, new);
        }
        bytes.truncate(6000);
        let id = self.store().reader.head().0 + 1;
        let id = id.max(self.store().recovery.next_operation.0);
        let change = Change {
            path: RelPath::new(name).expect("a path"),
            before: before.as_deref().map_or(FileState::Absent, state_of),
            after: state_of(&bytes),
            renamed_from: None,
        };
        if change.before == change.after {
            return;
        }
        let operation = Operation {
            time_ns: 1_700_000_000_000_000_000 + id as i64,
            ..Operation::bare(
                OperationId(id),
                OperationKind::Observed,
                vec![change.clone()],
            )
        };
        let base = change.before.content();
        let base = base.and_then(|id| self.store().reader.base_for(&id));
        let content = prepare(&bytes, base.as_ref(), Level::Normal);
        let writer = &mut self.store().writer;
        let put = writer
            .put_content(content)
            .and_then(|_| writer.put_operation(&operation))
            .and_then(|()| writer.commit(true));
        if put.is_err() {
            self.retry(&operation, &bytes);
        }
        files.insert(name, bytes);
        self.versions.insert(id, files);
    }

    /// What was put is held by the writer and written anew; what was not is put again.
    fn retry(&mut self, operation: &Operation, bytes: &[u8]) {
        for _ in 0..TRIES {
            self.failed();
            let Opened { writer, reader, .. } = self.store();
            let again = writer.reopen().and_then(|()| {
                if reader
                    .operation(operation.id)
                    .is_ok_and(|found| found.is_none())
                {
                    writer.put_content(prepare(bytes, None, Level::Normal))?;
                    writer.put_operation(operation)?;
                }
                writer.commit(true)
            });
            if again.is_ok() {
                return;
            }
        }
        panic!("the store does not come back");
    }

    fn maintain(&mut self, collects: bool) {
        let how = Collection {
            dry_run: false,
            seal: true,
            forget: true,
            dead_min: 1,
        };
        let writer = &mut self.store().writer;
        let begun = !collects || writer.begin_collection(how).is_ok();
        let mut works = begun;
        while works {
            works = matches!(self.store().writer.maintain(), Ok(Maintenance::Working));
        }
        if self.store().writer.commit(true).is_err() {
            self.reopen();
        }
    }

    /// A new process, after an orderly end where there can be one.
    fn reopen(&mut self) {
        if let Some(store) = self.store.take()
            && store.writer.close().is_err()
        {
            self.failed();
        }
        self.open();
    }

    #[track_caller]
    fn check(&mut self) {
        (self.after_failure)();
        let versions = std::mem::take(&mut self.versions);
        let reader = &self.store().reader;
        for (id, files) in &versions {
            for (name, bytes) in files {
                let path = RelPath::new(name).expect("a path");
                let state = reader.state_at(&path, OperationId(*id)).expect("readable");
                assert_eq!(state, Some(state_of(bytes)), "{name} after {id}");
                let content = state.and_then(|state| state.content()).expect("a file");
                let read = reader.read_content(&content).expect("its bytes");
                assert!(*read == **bytes, "{name} after {id}");
            }
        }
        self.versions = versions;
    }

    fn run(&mut self, steps: u64) {
        self.open();
        for step in 0..steps {
            (self.between)(&mut self.rng);
            match self.rng.below(20) {
                0 => self.maintain(false),
                1 => self.maintain(true),
                2 => self.reopen(),
                _ => self.edit(),
            }
            if step % 25 == 24 {
                self.check();
            }
        }
        (self.after_failure)();
        self.reopen();
        self.check();
        let report = self.store().reader.check(true).expect("a check");
        let lens = |name: String| {
            let len = self.dir.read(&name).and_then(|file| file.len());
            format!("{name} {}", len.unwrap_or(u64::MAX))
        };
        let files: Vec<String> = self
            .dir
            .list()
            .expect("names")
            .into_iter()
            .map(lens)
            .collect();
        assert!(report.is_clean(), "{report:?}\n{files:?}");
        assert!(self.versions.len() > 10, "it did something");
    }
}

fn steps() -> u64 {
    if heavy() { 2000 } else { 200 }
}

/// Runs the suite over a directory; how often something failed.
#[track_caller]
fn conforms(
    name: &str,
    dir: Arc<dyn StoreDir>,
    between: &mut dyn FnMut(&mut Rng),
    after_failure: &mut dyn FnMut(),
) -> u64 {
    let mut bench = Bench {
        dir,
        store: None,
        rng: Rng::new(seed(name)),
        between,
        after_failure,
        versions: BTreeMap::new(),
        failures: 0,
    };
    bench.run(steps());
    bench.failures
}

#[test]
fn the_disk_conforms() {
    let place = tempfile::tempdir().expect("a directory");
    let dir = RealStoreDir::open(&place.path().join("store"), true).expect("a directory");
    let failures = conforms("real", Arc::new(dir), &mut |_| {}, &mut || {});
    assert_eq!(failures, 0);
}

#[test]
fn memory_conforms() {
    let world = SimWorld::of_seed(seed("memory"));
    let dir = Arc::new(world.store.clone());
    assert_eq!(conforms("memory", dir, &mut |_| {}, &mut || {}), 0);
}

#[test]
fn memory_that_fails_at_random_loses_nothing_that_was_acknowledged() {
    let world = SimWorld::of_seed(seed("failing"));
    let dir = Arc::new(world.store.clone());
    let faults = world.faults.clone();
    let mut plant = |rng: &mut Rng| {
        let ops = [
            Op::StoreAppend,
            Op::StoreSync,
            Op::StoreOpen,
            Op::StoreRename,
            Op::StoreRemove,
            Op::StoreSyncDir,
            Op::StoreTruncate,
        ];
        if rng.chance(400) {
            let op = *rng.pick(&ops).expect("one");
            let errno = *rng.pick(&[Errno::IO, Errno::NOSPC]).expect("one");
            faults.fail_after(op, rng.below(3), 1 + rng.below(2), errno);
        }
    };
    let healing = world.faults.clone();
    let failures = conforms("failing", dir, &mut plant, &mut || healing.heal());
    assert!(failures > 5, "only {failures} failures were met");
}

#[test]
fn a_tier_far_away_fits_behind_the_same_seam() {
    let world = SimWorld::of_seed(seed("tiered"));
    let (near, far) = (Arc::new(world.store.clone()), Objects::default());
    let dir = TieredDir::new(near.clone(), far.clone());
    let mut shipped = 0;
    let mut ship = |rng: &mut Rng| {
        let mut names = near.list().expect("names");
        // Only what is sealed never changes again.
        let is_sealed = |name: &String| {
            let bytes = near.peek(name).unwrap_or_default();
            let whole = name.starts_with("seg-") && bytes.len() > 8;
            whole
                && frames(&bytes)
                    .last()
                    .is_some_and(|frame| frame.kind == SEAL)
        };
        names.retain(is_sealed);
        for name in names {
            if rng.chance(500) {
                dir.ship(&name).expect("it is shipped");
                shipped += 1;
            }
        }
    };
    let failures = conforms("tiered", Arc::new(dir.clone()), &mut ship, &mut || {});
    assert_eq!(failures, 0);
    assert!(shipped > 10, "only {shipped} segments were shipped");
    assert!(!far.list().expect("names").is_empty());
}

#[test]
fn what_is_far_and_out_of_reach_is_an_error_and_never_damage() {
    let world = SimWorld::of_seed(seed("reach"));
    let (near, far) = (Arc::new(world.store.clone()), Objects::default());
    let dir = TieredDir::new(near, far.clone());
    let store = aft_store::open(Arc::new(dir.clone()), &options()).expect("a store");
    let mut writer = store.writer;
    let bytes = vec![5; 500];
    writer
        .put_content(prepare(&bytes, None, Level::Normal))
        .expect("a content");
    writer.commit(true).expect("a commit");
    writer.close().expect("an orderly end");
    drop(store.reader);
    let names = dir.list().expect("names");
    for name in names.iter().filter(|name| name.starts_with("seg-")) {
        dir.ship(name).expect("it is shipped");
    }
    far.set_reach(false);
    let refused = aft_store::open(Arc::new(dir.clone()), &options());
    let told = refused.map(drop).expect_err("nothing can be read");
    assert!(matches!(told, aft_store::OpenError::Io { .. }), "{told:?}");
    far.set_reach(true);
    let store = aft_store::open(Arc::new(dir), &options()).expect("a store");
    assert_eq!(store.recovery.corrupt, Vec::new());
    let content = state_of(&bytes).content().expect("a file");
    assert_eq!(*store.reader.read_content(&content).expect("it"), *bytes);
}
