//! `kill -9` of the daemon in the middle of what it does, and what is left after a restart.
//!
//! The moment is a number of bytes that the daemon has read and written by then, drawn by the seed over what the whole work
//! comes to, or that a certain file is in its place: a run hits it at many places, on a slow machine as on a fast one.

use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use aft_testkit::Manifest;
use aft_testkit::manifest::{assert_same, diff};
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;

use super::rig::{Rig, manifest_of};
use super::{heavy, seed};

/// Starts `aft` in the project and lets it run.
fn spawn(rig: &Rig, arguments: &[&str]) -> Child {
    let mut command = rig.daemon.command(arguments);
    command
        .current_dir(rig.root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().expect("the command starts")
}

/// Bytes that the daemon has read and written since it began, files and sockets alike.
fn moved(rig: &Rig) -> u64 {
    let pid = rig.daemon.pid().expect("a daemon serves");
    moved_by(pid)
}

fn moved_by(pid: i32) -> u64 {
    let told = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let counts = told.lines().filter_map(|line| {
        let (_, count) = line.split_once("char: ")?;
        count.parse::<u64>().ok()
    });
    counts.sum()
}

/// Kills the daemon when `reached` holds, or the command has ended; waits for the command, and sees that a daemon serves
/// again: a command that loses its daemon may have started one itself.
fn kill_when(rig: &mut Rig, reached: impl Fn(&Rig) -> bool, mut command: Child) -> bool {
    wait_until(Duration::from_secs(120), "the moment of the kill", || {
        reached(rig) || command.try_wait().expect("a child").is_some()
    });
    rig.daemon.kill();
    let done = command.wait().expect("the command ends").success();
    if rig.daemon.pid().is_none() {
        rig.daemon.run();
    }
    done
}

/// The inode at a path, which is another one once a rollback has put something there.
fn inode(rig: &Rig, path: &str) -> Option<u64> {
    let found = std::fs::symlink_metadata(rig.root().join(path));
    found.ok().map(|found| found.ino())
}

#[test]
fn a_baseline_that_is_killed_is_resumed_and_exact() {
    let mut rng = Rng::new(seed("killed baseline"));
    let n_files = if heavy() { 20_000 } else { 2_500 };
    let mut took = None;
    let mut interrupted = 0;
    for round in 0..5 {
        let mut rig = Rig::new();
        for n in 0..n_files {
            let bytes = rng.bytes(if n % 50 == 0 { 40_000 } else { 400 });
            rig.project
                .write(format!("d{}/e{}/f{n}", n % 7, n % 60), bytes);
        }
        let expected = rig.project.manifest();
        let Some(took) = took else {
            let before = moved(&rig);
            rig.watch();
            took = Some(moved(&rig) - before);
            rig.assert_recorded("a baseline left alone");
            continue;
        };
        let share = part_of(took, &mut rng);
        let before = moved(&rig);
        let command = spawn(&rig, &["watch", "--detach"]);
        if !kill_when(&mut rig, |rig| moved(rig) >= before + share, command) {
            interrupted += 1;
        }
        rig.watch();
        assert_same(
            &expected,
            &rig.project.manifest(),
            "nobody writes into the project",
        );
        rig.assert_history_is(
            &expected,
            "@",
            &format!("round {round}, killed after {share} of {took} bytes"),
        );
        let kinds: Vec<_> = rig
            .log()
            .iter()
            .map(|operation| operation["kind"].clone())
            .collect();
        assert_eq!(
            kinds.last().and_then(|kind| kind.as_str()),
            Some("baseline"),
            "{kinds:?}"
        );
        rig.ok(&["checkpoint", "after"]);
        rig.project.remove("d3");
        rig.ok(&["rollback", "after"]);
        assert_same(
            &expected,
            &rig.project.manifest(),
            "a rollback over a resumed baseline",
        );
    }
    println!("{interrupted} of 4 baselines of {took:?} bytes were interrupted");
}

/// Writes and makes checkpoints, and notes each that is answered, until one is not or the daemon is gone.
fn write_and_name(
    rig: &Rig,
    content: &mut Rng,
    number: &mut usize,
    answered: &Mutex<Vec<(String, Manifest)>>,
) {
    let (daemon, project) = (&rig.daemon, &rig.project);
    loop {
        *number += 1;
        for _ in 0..1 + content.index(30) {
            let path = format!("d{}/f{}", content.index(9), content.index(40));
            let len = content.index(5000);
            project.write(path, content.bytes(len));
        }
        let (look, name) = (project.manifest(), format!("c-{number}"));
        if daemon.aft_in(project.root(), &["checkpoint", &name]).status != 0 {
            return;
        }
        answered.lock().expect("no panic").push((name, look));
        if number.is_multiple_of(1000) || daemon.pid().is_none() {
            return;
        }
    }
}

#[test]
fn every_checkpoint_that_was_answered_is_there_after_a_kill() {
    let mut rng = Rng::new(seed("killed burst"));
    let mut rig = Rig::new();
    rig.project.write("start", "start\n");
    rig.watch();
    let answered: Mutex<Vec<(String, Manifest)>> = Mutex::new(Vec::new());
    let mut number: usize = 0;
    for round in 0..if heavy() { 20 } else { 5 } {
        // Some checkpoints are answered, and the next is on its way, by some of the bytes that one costs.
        let (n_answered, share) = (1 + rng.index(8), rng.below(200_000));
        let before = answered.lock().expect("no panic").len();
        let mut content = rng.fork();
        thread::scope(|scope| {
            let (rig, daemon) = (&rig, &rig.daemon);
            let (answered, number) = (&answered, &mut number);
            let writer = scope.spawn(move || write_and_name(rig, &mut content, number, answered));
            let has_ended = || writer.is_finished();
            let deadline = Duration::from_secs(120);
            wait_until(deadline, "checkpoints are answered", || {
                has_ended() || answered.lock().expect("no panic").len() >= before + n_answered
            });
            let pid = daemon.pid().expect("a daemon serves");
            let begun = moved_by(pid);
            wait_until(deadline, "the writer goes on", || {
                has_ended() || moved_by(pid) >= begun + share
            });
            let killed = std::process::Command::new("kill")
                .args(["-9", &pid.to_string()])
                .status();
            assert!(killed.expect("kill runs").success());
            // The writer's next command may start a daemon by itself; then it goes on, and is stopped here.
            wait_until(deadline, "the writer ends", || {
                if let Some(next) = daemon.pid().filter(|next| *next != pid) {
                    drop(
                        std::process::Command::new("kill")
                            .args(["-9", &next.to_string()])
                            .status(),
                    );
                }
                has_ended()
            });
        });
        if rig.daemon.pid().is_none() {
            rig.daemon.run();
        }
        rig.assert_recorded(&format!(
            "round {round}, killed {share} bytes after {n_answered} answers"
        ));
    }
    let answered = answered.into_inner().expect("no panic");
    println!("{} checkpoints were answered", answered.len());
    assert!(answered.len() >= 5, "too few checkpoints to judge by");
    for (name, look) in &answered {
        rig.assert_history_is(look, name, "a checkpoint that was answered");
    }
    for _ in 0..5 {
        let (name, look) = &answered[rng.index(answered.len())];
        rig.ok(&["rollback", name]);
        assert_same(look, &rig.project.manifest(), name);
    }
}

#[test]
fn a_rollback_that_is_killed_ends_at_its_target_or_where_it_started() {
    let mut rng = Rng::new(seed("killed rollback"));
    let mut rig = Rig::new();
    let looks = [make_state(&rig, &mut rng, 0), make_state(&rig, &mut rng, 1)];
    let before = moved(&rig);
    rig.ok(&["rollback", "state-0"]);
    let took = moved(&rig) - before;
    assert_same(&looks[0], &rig.project.manifest(), "a rollback left alone");
    let mut outcomes = [0, 0];
    let mut answered = 0;
    for round in 0..if heavy() { 60 } else { 10 } {
        let at = usize::from(diff(&looks[1], &rig.project.manifest()).is_empty());
        let target = 1 - at;
        let share = part_of(took, &mut rng);
        // Bytes move while targets are made, and hardly any while they are put in their places: every other time the kill
        // comes when some file has just been put there.
        let placed = (round % 2 == 1).then(|| {
            let n = 6 + 10 * rng.index(50);
            format!("d{}/f{n}", n % 13)
        });
        let before = moved(&rig);
        let was = placed.as_ref().map(|path| inode(&rig, path));
        let command = spawn(&rig, &["rollback", &format!("state-{target}")]);
        let reached = |rig: &Rig| match (&placed, was) {
            (Some(path), Some(was)) => inode(rig, path) != was,
            _ => moved(rig) >= before + share,
        };
        let done = kill_when(&mut rig, reached, command);
        rig.ok(&["sync"]);
        let now = manifest_of(rig.root());
        let (there, stayed) = (diff(&looks[target], &now), diff(&looks[at], &now));
        assert!(
            there.is_empty() || (stayed.is_empty() && !done),
            "round {round}, killed after {share} of {took} bytes or with {placed:?}, answered: {done}: neither at the target ({} paths off) nor where it started ({} off)\n{}\n{}",
            there.len(),
            stayed.len(),
            there
                .iter()
                .take(10)
                .cloned()
                .collect::<Vec<_>>()
                .join("\n"),
            rig.ok(&["log", "-n", "8"]),
        );
        outcomes[usize::from(there.is_empty())] += 1;
        answered += usize::from(done);
        rig.assert_recorded(&format!(
            "round {round}, killed after {share} of {took} bytes or with {placed:?}"
        ));
        let staging = rig.root().join(".afterimage");
        wait_until(
            Duration::from_secs(10),
            "the staging directory goes",
            || !staging.exists(),
        );
    }
    println!(
        "a rollback moves {took} bytes; {} ended at the target ({answered} were answered), {} at the start",
        outcomes[1], outcomes[0]
    );
    // Whatever happened, both states can still be reached.
    for (number, look) in looks.iter().enumerate() {
        rig.ok(&["rollback", &format!("state-{number}")]);
        assert_same(
            look,
            &rig.project.manifest(),
            "a rollback after all the kills",
        );
    }
}

/// 500 files, of which most differ between the two states in content, kind, mode or presence.
fn make_state(rig: &Rig, rng: &mut Rng, state: usize) -> Manifest {
    for n in 0..500 {
        let path = format!("d{}/f{n}", n % 13);
        match n % 10 {
            0 if state == 1 => rig.project.remove(&path),
            1 if state == 1 => {
                rig.project.remove(&path);
                rig.project.symlink(&path, "elsewhere");
            }
            2 if state == 1 => rig.project.chmod(&path, 0o755),
            3 if state == 1 => {
                rig.project.remove(&path);
                rig.project.write(format!("{path}/now/a/directory"), "x");
            }
            4 if state == 1 => {}
            _ => rig.project.write(&path, rng.bytes(3000)),
        }
        if state == 1 && n % 10 == 5 {
            rig.project
                .write(format!("new{}/g{n}", n % 5), rng.bytes(500));
        }
    }
    if state == 0 {
        rig.watch();
    }
    rig.ok(&["checkpoint", &format!("state-{state}")]);
    rig.project.manifest()
}

/// Some share of a work of so many bytes, a little beyond its end too.
fn part_of(all: u64, rng: &mut Rng) -> u64 {
    rng.below(all + all / 10 + 1)
}
