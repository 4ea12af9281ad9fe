//! A large tree: first capture, a start with nothing changed, a thousand files at once, a million events, and rest.
//!
//! The limits count for a release binary (`AFT_BIN`) at the full size; in the small size only what comes out is judged.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use aft_testkit::Workspace;
use aft_testkit::sim::Rng;

use crate::e2e_real::rig::Rig;
use crate::e2e_real::{heavy, seed};

use super::gauge::Gauge;
use super::size;
use super::starvation::fill;

/// Figures that are above their limits.
#[derive(Default)]
struct Missed(Vec<String>);

impl Missed {
    fn judge(&mut self, what: &str, found: f64, limit: f64, unit: &str) {
        let line = format!("{what}: {found:.2} {unit} (at most {limit} {unit})");
        println!("{line}");
        if found > limit {
            self.0.push(line);
        }
    }

    /// Judged where the sizes are the full ones.
    #[track_caller]
    fn finish(self) {
        let counts = heavy() && std::env::var_os("AFT_BIN").is_some();
        assert!(!counts || self.0.is_empty(), "{:#?}", self.0);
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Saves that many files, from four programs at once.
fn events(project: &Workspace, n_files: u64, n: u64) {
    thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || {
                for n in (part..n).step_by(4) {
                    let file = n * 7919 % n_files;
                    let path = format!("d{}/e{}/f{file}.rs", file / 2500, file / 50);
                    project.write(path, format!("event {n} of {file}\n"));
                }
            });
        }
    });
}

#[test]
fn a_large_tree_is_captured_started_and_put_back_in_time() {
    let mut rng = Rng::new(seed("large tree"));
    let n = size("AFT_FILES", 2_000, 100_000);
    let mut missed = Missed::default();
    let mut rig = Rig::new();
    fill(&rig.project, &mut rng, n);
    let start = Instant::now();
    rig.watch();
    missed.judge("first capture", start.elapsed().as_secs_f64(), 5.0, "s");
    rig.ok(&["checkpoint", "start"]);
    let before = rig.project.manifest();

    let changed = 1000.min(n / 2);
    events(&rig.project, n, changed);
    rig.ok(&["sync"]);
    let start = Instant::now();
    rig.ok(&["rollback", "start"]);
    missed.judge(
        "going back over 1000 files",
        ms(start.elapsed()),
        100.0,
        "ms",
    );
    aft_testkit::manifest::assert_same(&before, &rig.project.manifest(), "the start");

    let start = Instant::now();
    events(&rig.project, n, n * 10);
    println!("{} events in {:?}", n * 10, start.elapsed());
    let start = Instant::now();
    rig.ok(&["sync"]);
    println!("a fence behind them: {:?}", start.elapsed());
    rig.assert_recorded("after many events");
    rig.ok(&["rollback", "start"]);
    aft_testkit::manifest::assert_same(&before, &rig.project.manifest(), "the start again");

    rig.daemon.stop();
    let start = Instant::now();
    rig.daemon.run();
    rig.ok(&["sync"]);
    missed.judge(
        "start, nothing changed",
        start.elapsed().as_secs_f64(),
        1.0,
        "s",
    );
    let gauge = Gauge::of(&rig.daemon);
    let idle = if heavy() { 60 } else { 1 };
    let (_held, never) = channel::<()>();
    // Background work of the start comes to its end; nothing is judged by how long that takes.
    never
        .recv_timeout(Duration::from_secs(idle))
        .unwrap_or_default();
    let used = gauge.cpu();
    never
        .recv_timeout(Duration::from_secs(idle))
        .unwrap_or_default();
    let used = gauge.cpu().saturating_sub(used);
    missed.judge(
        "processor while idle",
        used.as_secs_f64() * 100.0 / idle as f64,
        0.2,
        "%",
    );
    let rss = gauge.read().rss_kib as f64 / 1024.0;
    missed.judge("resident memory", rss, 150.0, "MiB");
    missed.finish();
}

#[test]
fn the_home_directory_is_refused_before_it_is_read() {
    let mut rng = Rng::new(seed("home guard"));
    let n = size("AFT_FILES", 2_000, 100_000);
    let mut daemon = aft_testkit::TestDaemon::prepare();
    let place = Workspace::new();
    fill(&place, &mut rng, n / 10);
    daemon.set_env("HOME", place.root().to_str().expect("UTF-8"));
    daemon.run();
    let gauge = Gauge::of(&daemon);
    let before = gauge.read();
    for root in [place.root(), std::path::Path::new("/")] {
        let start = Instant::now();
        let refused = daemon.aft_in(root, &["watch", "--detach"]);
        assert_ne!(refused.status, 0, "{} was taken", root.display());
        assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "it was read first"
        );
    }
    assert_eq!(
        gauge.read().n_watches,
        before.n_watches,
        "watches were left"
    );
}
