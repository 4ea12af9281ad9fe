//! The daemon is killed at every system call by which a rollback of forty entries changes something.
//!
//! What must hold: after the next start the tree is the one before or the one that was asked for, entry by entry;
//! the history says the same; staging is gone; and a second start changes nothing in the project any more.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aft_testkit::manifest::{assert_same, diff};
use aft_testkit::sim::Rng;
use aft_testkit::{Manifest, TestDaemon};

use super::rig::Rig;
use super::strace::{TracedBinary, Tracer, counts, is_there, thread_of};
use super::{option, seed};

/// The thread that carries rollbacks out.
const THREAD: &str = "aft-errand";
/// Every how many kills the second start is traced: tracing a whole start takes longer than all the rest.
const SECOND_STARTS: usize = 4;

/// The two states, and what each is.
struct World {
    rig: Rig,
    binary: TracedBinary,
    looks: [Manifest; 2],
}

const NAMES: [&str; 2] = ["state-0", "state-1"];

/// A kill: in a rollback to `target`, when `call` is made for the `n`-th time.
#[derive(Clone, Debug)]
struct Point {
    target: usize,
    call: String,
    n: usize,
}

#[test]
fn a_rollback_killed_at_any_system_call_ends_whole() {
    if !is_there() {
        return;
    }
    let mut rng = Rng::new(seed("killed at a system call"));
    let mut world = World::new(&mut rng);
    let mut points = in_turn(world.points(), &mut rng);
    let n_points = points.len();
    assert!(
        n_points > 150,
        "only {n_points} places to kill at: {points:?}"
    );
    let wanted = option("AFT_KILL_POINTS", 48).min(n_points);
    let mut slowest = Duration::ZERO;
    let (mut n_hit, mut ends) = (0, [0, 0]);
    for round in 0..wanted {
        let point = points.pop().expect("more places than kills");
        let Some((there, took)) = world.kill_at(&point) else {
            continue;
        };
        n_hit += 1;
        ends[usize::from(there)] += 1;
        slowest = slowest.max(took);
        if round % SECOND_STARTS == 0 {
            world.assert_second_start_changes_nothing(&point);
        }
    }
    println!(
        "{n_hit} of {wanted} kills (of {n_points} places) hit; {} ended at the target, {} at the start; slowest \
         recovery {slowest:?}",
        ends[1], ends[0]
    );
    assert!(n_hit * 10 >= wanted * 9, "too many kills came too late");
}

/// Every kind of call has its turn, so that a few kills meet them all; most calls are opens, of which few make a file.
/// The first are at the end.
fn in_turn(points: Vec<Point>, rng: &mut Rng) -> Vec<Point> {
    let mut by_call: BTreeMap<(String, usize), Vec<Point>> = BTreeMap::new();
    for point in points {
        let kind = (point.call.clone(), point.target);
        by_call.entry(kind).or_default().push(point);
    }
    let mut turns = Vec::new();
    for mut of_call in by_call.into_values() {
        let mut turn = 0;
        while !of_call.is_empty() {
            turns.push((turn, of_call.swap_remove(rng.index(of_call.len()))));
            turn += 1;
        }
    }
    turns.sort_by_key(|(turn, _)| std::cmp::Reverse(*turn));
    turns.into_iter().map(|(_, point)| point).collect()
}

impl World {
    fn new(rng: &mut Rng) -> Self {
        let binary = TracedBinary::new();
        let mut daemon = TestDaemon::of_binary(binary.path.clone());
        daemon.run();
        let rig = Rig::of(daemon);
        forty(&rig, rng, 0);
        rig.project.mkdir("bystander");
        rig.project.write("bystander/file", rng.bytes(300));
        rig.watch();
        rig.ok(&["checkpoint", NAMES[0]]);
        let first = rig.project.manifest();
        forty(&rig, rng, 1);
        rig.ok(&["checkpoint", NAMES[1]]);
        let second = rig.project.manifest();
        Self {
            rig,
            binary,
            looks: [first, second],
        }
    }

    /// Which of the two states the tree is in.
    fn at(&self) -> Option<usize> {
        let now = self.rig.project.manifest();
        self.looks
            .iter()
            .position(|look| diff(look, &now).is_empty())
    }

    /// Every place to kill at: what one undisturbed rollback in each direction calls.
    fn points(&self) -> Vec<Point> {
        let mut points = Vec::new();
        for target in [0, 1] {
            self.go_to(1 - target);
            let pid = self.rig.daemon.pid().expect("a daemon serves");
            let output = self.binary.scratch("profile");
            let tracer = Tracer::attach(thread_of(pid, THREAD), None, output);
            self.go_to(target);
            self.rig.wait_settled();
            for (call, count) in counts(&tracer.end()) {
                let of_call = (1..=count).map(|n| Point {
                    target,
                    call: call.clone(),
                    n,
                });
                points.extend(of_call);
            }
        }
        points
    }

    fn go_to(&self, target: usize) {
        if self.at() != Some(target) {
            self.rig.ok(&["rollback", NAMES[target]]);
            assert_eq!(self.at(), Some(target), "a rollback left alone");
        }
        self.rig.wait_settled();
    }

    /// Kills there, starts again and judges. Whether it ended at the target, and how long it took to be ready.
    /// `None` where the rollback was over before the call was made.
    fn kill_at(&mut self, point: &Point) -> Option<(bool, Duration)> {
        self.go_to(1 - point.target);
        let mut control = self.rig.daemon.control();
        let pid = self.rig.daemon.pid().expect("a daemon serves");
        let thread = thread_of(pid, THREAD);
        let output = self.binary.scratch("killed");
        let tracer = Tracer::attach(thread, Some((&point.call, point.n)), output);
        let answer = self.rig.try_rollback(&mut control, NAMES[point.target]);
        let gone = || self.rig.daemon.pid() != Some(pid);
        if answer.is_some() {
            // What comes after the answer may still be hit.
            self.rig.wait_settled_or(&gone);
        }
        let trace = tracer.end();
        // The call itself is told before the signal that it brings; the end may come after the tracer's.
        let n_calls = counts(&trace).get(&point.call).copied().unwrap_or(0);
        if answer.is_some() && n_calls < point.n {
            return None;
        }
        self.rig.daemon.wait_killed(pid);
        let start = Instant::now();
        self.rig.daemon.run();
        self.rig.ok(&["sync"]);
        let took = start.elapsed();
        let now = self.rig.project.manifest();
        let off = |look: usize| diff(&self.looks[look], &now);
        let (there, stayed) = (off(point.target), off(1 - point.target));
        assert!(
            there.is_empty() || (stayed.is_empty() && answer != Some(true)),
            "{point:?}, answer {answer:?}: the tree is mixed\nfrom the target: {there:#?}\nfrom the start: {stayed:#?}",
        );
        self.rig.wait_settled();
        let name = NAMES[if there.is_empty() {
            point.target
        } else {
            1 - point.target
        }];
        let mut control = self.rig.daemon.control();
        let n_steps = self.rig.n_steps_to(&mut control, name);
        assert_eq!(
            n_steps, 0,
            "{point:?}: the history says something else than the tree"
        );
        Some((there.is_empty(), took))
    }

    fn assert_second_start_changes_nothing(&mut self, point: &Point) {
        let before = self.rig.project.manifest_with_times();
        self.rig.daemon.kill();
        self.binary.arm();
        self.rig.daemon.run();
        self.rig.ok(&["sync"]);
        // Untraced from here on; and what was traced is all on disk then.
        self.rig.daemon.kill();
        let changes = self.binary.changes_beneath(self.rig.root());
        assert!(
            changes.is_empty(),
            "{point:?}: a second recovery changed the project: {changes:#?}"
        );
        self.rig.daemon.run();
        let after = self.rig.project.manifest_with_times();
        assert_same(&before, &after, "a second recovery");
    }
}

/// Forty entries that differ between the two states: 12 made, 12 changed, 8 deleted, 4 modes, 2 links, 2 that turn
/// from a directory into a file or back.
fn forty(rig: &Rig, rng: &mut Rng, state: usize) {
    let (project, second) = (&rig.project, state == 1);
    for n in 0..12 {
        if second {
            project.write(format!("made{}/sub/f{n}", n % 3), rng.bytes(900 + n * 700));
        }
        // One of them goes to disk in pieces, with a hole.
        let mut bytes = rng.bytes(if n == 11 { 400_000 } else { 2_000 });
        if n == 11 {
            bytes[100_000..300_000].fill(0);
        }
        project.write(format!("changed/f{n}"), bytes);
        if second {
            // Neither size nor time may be what tells the two states apart.
            project.save(format!("changed/f{n}"), rng.bytes(2_000));
        }
    }
    for n in 0..8 {
        let path = format!("goes{}/f{n}", n % 2);
        if second {
            project.remove(path);
        } else {
            project.write(path, rng.bytes(1_500));
        }
    }
    for n in 0..4 {
        let path = format!("mode/f{n}");
        if !second {
            project.write(&path, "the same\n");
        }
        project.chmod(&path, if second { 0o755 } else { 0o640 });
    }
    for n in 0..2 {
        let (link, turns) = (format!("link{n}"), format!("turns{n}"));
        if second {
            project.remove(&link);
            project.remove(&turns);
        }
        project.symlink(&link, format!("changed/f{}", n + state));
        if second == (n == 0) {
            project.write(&turns, "a file now\n");
        } else {
            project.write(format!("{turns}/inner"), "inside a directory\n");
        }
    }
}
