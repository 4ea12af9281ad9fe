//! How long a real tree takes. Runs where `AFT_TIMING_TREE` names one; prints, and holds no figure.

use std::collections::HashMap;
use std::path::PathBuf;

use aft_os::{Clock as _, InotifyWatch, RealRoot, SystemClock};

use super::*;

type Entries = Vec<(Box<[u8]>, Known)>;

/// Knows a tree by directory, as the daemon's does.
#[derive(Default)]
struct DirTree(HashMap<RelPath, Entries>);

impl KnownTree for DirTree {
    fn get(&self, path: &RelPath) -> Option<Known> {
        let (parent, name) = path.split()?;
        self.0
            .get(&parent)?
            .iter()
            .find(|(known, _)| known.as_ref() == name)
            .map(|(_, known)| *known)
    }

    fn children(&self, dir: &RelPath, each: &mut dyn FnMut(&[u8], &Known)) {
        self.0
            .get(dir)
            .into_iter()
            .flatten()
            .for_each(|(name, known)| each(name, known));
    }

    fn subtree(&self, _: &RelPath, _: &mut dyn FnMut(&RelPath, &Known)) {}
}

struct NullSink;

impl ContentSink for NullSink {
    fn put(&self, _: &RelPath, _: ContentId, _: Vec<u8>, _: Option<ContentId>) -> io::Result<()> {
        Ok(())
    }

    fn put_stream(
        &self,
        _: &RelPath,
        source: &mut dyn io::Read,
        _: Option<ContentId>,
    ) -> io::Result<(ContentId, u64)> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(source)?;
        Ok((ContentId(*hasher.finalize().as_bytes()), hasher.count()))
    }
}

#[test]
fn a_real_tree_in_milliseconds() {
    let Some(path) = std::env::var_os("AFT_TIMING_TREE").map(PathBuf::from) else {
        return;
    };
    let clock = SystemClock;
    let cookies = tempfile::tempdir().unwrap();
    let root = Arc::new(RealRoot::open(&path).unwrap());
    let (track, mut tree) = (TrackConfig::default(), DirTree::default());
    for (name, mode) in [
        ("baseline", Mode::Baseline),
        ("reconcile", Mode::Reconcile),
        ("again", Mode::Reconcile),
        ("strict", Mode::Strict),
    ] {
        let watch = InotifyWatch::start(Arc::clone(&root), cookies.path(), Collector::new().sink())
            .unwrap();
        for armed in ["arming", "armed"] {
            let rules = Rules::load(root.as_ref(), &[], &[], &track);
            let env = Env {
                fs: root.as_ref(),
                watch: &watch,
                rules: &rules,
                tree: &tree,
                sink: &NullSink,
                track: &track,
                threads: 2,
            };
            let progress = Progress::default();
            let (captured, time) = timed(&clock, || scan(&env, &progress, mode));
            let files = progress.files.load(Ordering::Relaxed);
            println!(
                "{name:10} {armed:7} {time}, {files} files, {} differences",
                captured.seen.len()
            );
            assert_eq!(captured.coverage, Coverage::default());
            if mode == Mode::Baseline && armed == "armed" {
                learn(&mut tree, captured);
            }
        }
    }
    let rules = Rules::load(root.as_ref(), &[], &[], &track);
    let (dirs, time) = timed(&clock, || {
        tree.0
            .keys()
            .map(|dir| rules.dir(root.as_ref(), dir))
            .collect::<Vec<_>>()
    });
    println!("rules of directories {time}, {}", dirs.len());
    // What a walk pays for the rules alone, where directories have none of their own.
    let (tracked, time) = timed(&clock, || {
        let verdicts = dirs.iter().flat_map(|dir| {
            let rules = &rules;
            tree.0[dir.path()]
                .iter()
                .map(move |(name, known)| rules.verdict_in(dir, name, known.state.is_dir()))
        });
        verdicts
            .filter(|verdict| *verdict == crate::rules::Verdict::Track)
            .count()
    });
    println!("verdicts           {time}, {tracked} tracked");
}

/// What a call gives, and how long it took by the clock and by the processors: on a busy machine only the latter
/// means anything.
fn timed<T>(clock: &SystemClock, call: impl FnOnce() -> T) -> (T, String) {
    let cpu_ns = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        now.tv_sec * 1_000_000_000 + now.tv_nsec
    };
    let (wall, cpu) = (clock.mono_ns(), cpu_ns());
    let value = call();
    let (wall, cpu) = (clock.mono_ns() - wall, cpu_ns() - cpu);
    (
        value,
        format!(
            "{:8.1} ms, {:8.1} ms of processor",
            wall as f64 / 1e6,
            cpu as f64 / 1e6
        ),
    )
}

fn learn(tree: &mut DirTree, captured: Captured) {
    for Seen { path, outcome } in captured.seen {
        let Outcome::State(known) = outcome else {
            panic!("{path:?} is {outcome:?}")
        };
        let (parent, name) = path.split().unwrap();
        tree.0.entry(parent).or_default().push((name.into(), known));
    }
}
