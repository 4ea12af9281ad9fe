//! Capture over the simulated file system: what each path turns out to be, and the order of watching and listing.

mod folded;
mod outcomes;
mod timing;
mod walks;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use aft_model::{ContentId, FileState, Known, RelPath};
use aft_testkit::SimWorld;
use aft_testkit::sim::{Collector, SimWatch};
use parking_lot::Mutex;

use super::*;
use crate::rules::Rules;

fn rel(path: impl AsRef<[u8]>) -> RelPath {
    RelPath::new(path).unwrap()
}

/// A tree as a map; what a capture sees is folded into it.
#[derive(Default)]
struct MapTree(BTreeMap<RelPath, Known>);

impl KnownTree for MapTree {
    fn get(&self, path: &RelPath) -> Option<Known> {
        self.0.get(path).copied()
    }

    fn children(&self, dir: &RelPath, each: &mut dyn FnMut(&[u8], &Known)) {
        for (path, known) in self
            .0
            .iter()
            .filter(|(path, _)| path.parent().as_ref() == Some(dir))
        {
            each(path.file_name(), known);
        }
    }

    fn subtree(&self, dir: &RelPath, each: &mut dyn FnMut(&RelPath, &Known)) {
        for (path, known) in self
            .0
            .iter()
            .filter(|(path, _)| *path != dir && path.is_within(dir))
        {
            each(path, known);
        }
    }

    fn is_known_dir(&self, dir: &RelPath) -> bool {
        self.get(dir).is_some_and(|known| known.state.is_dir())
    }
}

/// Content by identity; refuses everything when told to.
#[derive(Default)]
struct MapSink {
    held: Mutex<BTreeMap<ContentId, Vec<u8>>>,
    puts: Mutex<Vec<(RelPath, Option<ContentId>)>>,
    full: Mutex<bool>,
}

impl ContentSink for MapSink {
    fn put(
        &self,
        path: &RelPath,
        id: ContentId,
        bytes: Vec<u8>,
        predecessor: Option<ContentId>,
    ) -> io::Result<()> {
        if *self.full.lock() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        assert_eq!(
            id.0,
            *blake3::hash(&bytes).as_bytes(),
            "an identity is the hash of its bytes"
        );
        self.puts.lock().push((path.clone(), predecessor));
        self.held.lock().insert(id, bytes);
        Ok(())
    }

    fn put_stream(
        &self,
        path: &RelPath,
        source: &mut dyn io::Read,
        predecessor: Option<ContentId>,
    ) -> io::Result<(ContentId, u64)> {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes)?;
        let (id, len) = (
            ContentId(*blake3::hash(&bytes).as_bytes()),
            bytes.len() as u64,
        );
        self.put(path, id, bytes, predecessor)?;
        Ok((id, len))
    }
}

/// A simulated workspace with what is known of it.
struct Bench {
    world: SimWorld,
    signals: Collector,
    watch: SimWatch,
    track: TrackConfig,
    tree: MapTree,
    sink: MapSink,
    coverage: Coverage,
}

impl Bench {
    fn new() -> Self {
        Self::over(SimWorld::of_seed(7))
    }

    fn over(world: SimWorld) -> Self {
        let signals = Collector::new();
        let watch = world.watch(signals.sink());
        let (track, tree, sink) = (
            TrackConfig::default(),
            MapTree::default(),
            MapSink::default(),
        );
        Self {
            world,
            signals,
            watch,
            track,
            tree,
            sink,
            coverage: Coverage::default(),
        }
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        self.world.root.user_write(path, bytes).unwrap();
    }

    fn mkdir(&self, path: &str) {
        self.world.root.user_mkdir(path).unwrap();
    }

    /// Some time, so that what was written before is no longer fresh.
    fn wait(&self) {
        self.world.clock.advance_ms(5_000);
    }

    fn with_env<T>(&self, threads: usize, run: impl FnOnce(&Env<'_>) -> T) -> T {
        let rules = Rules::load(&self.world.root, &[], &[], &self.track);
        run(&Env {
            fs: &self.world.root,
            watch: &self.watch,
            rules: &rules,
            tree: &self.tree,
            sink: &self.sink,
            track: &self.track,
            threads,
        })
    }

    fn scan(&mut self, mode: Mode) -> BTreeMap<String, Outcome> {
        let captured = self.with_env(2, |env| scan(env, &Progress::default(), mode));
        self.take(captured)
    }

    fn look(&mut self, paths: &[&str], what: What) -> BTreeMap<String, Outcome> {
        let items: Vec<Item> = paths
            .iter()
            .map(|path| Item {
                path: rel(path),
                what,
            })
            .collect();
        let captured = self.with_env(2, |env| capture_paths(env, &items));
        self.take(captured)
    }

    /// Folds what was seen into what is known.
    fn take(&mut self, captured: Captured) -> BTreeMap<String, Outcome> {
        self.coverage = captured.coverage;
        let mut told = BTreeMap::new();
        for Seen { path, outcome } in captured.seen {
            match outcome {
                Outcome::State(known) | Outcome::Unstable(known) => {
                    self.tree.0.insert(path.clone(), known);
                }
                Outcome::Gone | Outcome::Skipped => {
                    self.tree.0.remove(&path);
                }
                Outcome::Unchanged { stat: Some(stat) } => {
                    self.tree.0.get_mut(&path).unwrap().stat = Some(stat);
                }
                Outcome::Unchanged { stat: None } => {}
            }
            assert!(
                told.insert(path.display(), outcome).is_none(),
                "{path:?} was told twice"
            );
        }
        told
    }

    fn armed(&self) -> Vec<String> {
        let mut armed: Vec<String> = self.watch.armed().iter().map(RelPath::display).collect();
        armed.sort();
        armed
    }

    /// What is known must be what is there, byte for byte.
    fn assert_exact(&self) {
        let manifest = self.world.root.manifest();
        for (path, known) in &self.tree.0 {
            let bytes = self.world.root.peek(path.as_bytes());
            match known.state {
                FileState::File { content, size, .. } => {
                    let bytes = bytes.unwrap_or_else(|| panic!("{path:?} is not there"));
                    assert_eq!(content.0, *blake3::hash(&bytes).as_bytes(), "{path:?}");
                    assert_eq!(size, bytes.len() as u64);
                    assert_eq!(self.sink.held.lock().get(&content), Some(&bytes));
                }
                _ => assert!(
                    manifest.get(path.as_bytes()).is_some(),
                    "{path:?} is not there"
                ),
            }
        }
    }
}

fn file(bytes: impl AsRef<[u8]>, mode: u32) -> FileState {
    let bytes = bytes.as_ref();
    FileState::File {
        content: ContentId(*blake3::hash(bytes).as_bytes()),
        size: bytes.len() as u64,
        mode,
    }
}

/// The state that was told of a path.
fn state(told: &BTreeMap<String, Outcome>, path: &str) -> FileState {
    match told.get(path) {
        Some(Outcome::State(known)) => known.state,
        other => panic!("{path} was told as {other:?}"),
    }
}

fn keys(told: &BTreeMap<String, Outcome>) -> Vec<&str> {
    told.keys().map(String::as_str).collect()
}

fn shared<T>(value: T) -> Arc<Mutex<T>> {
    Arc::new(Mutex::new(value))
}
