//! The root moves, comes back, is unmounted, is deleted, or another directory stands in its place.
//!
//! Does: play each while files are written, while fences are asked for and in the middle of a rollback.
//! Does not: repeat the quiet case, which `e2e_real` has.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aft_testkit::StopAtEnd;
use aft_testkit::manifest::{assert_same, diff};
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use aft_testkit::{Manifest, Workspace};
use serde_json::{Value, json};

use crate::e2e_real::not_covered::am_root;
use crate::e2e_real::rig::{Rig, manifest_of};
use crate::e2e_real::{heavy, seed};

use super::history::{self, is_deletion};

/// The promise is a second; a busy machine with a debug build is late.
const DETACHED_WITHIN: Duration = Duration::from_secs(5);
const ARMED_WITHIN: Duration = Duration::from_secs(60);
const FILES: usize = 400;
/// Writes in one round, so that the history stays short enough to be read whole.
const WRITES_MAX: usize = 300;

fn rounds() -> usize {
    if heavy() { 60 } else { 6 }
}

fn project() -> Rig {
    let rig = Rig::new();
    for number in 0..FILES {
        let path = format!("d{}/f{number}", number % 20);
        rig.project.write(path, format!("start {number}\n"));
    }
    rig.watch();
    rig
}

/// What `status` says of the workspace by the path it was tracked at.
#[track_caller]
fn status(rig: &Rig) -> Value {
    let root = rig.root().to_str().expect("UTF-8");
    rig.daemon
        .aft_json(rig.project.outside(), &["status", "-w", root])
}

#[track_caller]
fn wait_for(rig: &Rig, state: &str, within: Duration) {
    let started = Instant::now();
    wait_until(within, &format!("the workspace is {state}"), || {
        status(rig)["state"] == state
    });
    println!("{state} after {:.2?}", started.elapsed());
}

/// Somebody else's directory in the place of the root.
struct Impostor {
    at: PathBuf,
    was: Manifest,
}

impl Impostor {
    fn stand_in(at: &Path) -> Self {
        fs::create_dir_all(at.join("d0")).expect("a directory");
        for (path, text) in [
            ("d0/f0", "theirs\n"),
            ("d0/other", "theirs\n"),
            ("f", "theirs\n"),
        ] {
            fs::write(at.join(path), text).expect("a file");
        }
        Self {
            at: at.to_path_buf(),
            was: Manifest::of(at),
        }
    }

    /// Not a byte was written into it; then it goes.
    #[track_caller]
    fn leave(self) {
        assert_same(&self.was, &Manifest::of(&self.at), "the impostor");
        fs::remove_dir_all(&self.at).expect("it goes");
    }
}

/// No operation after `head` takes a file away: nobody deleted any.
#[track_caller]
fn assert_no_deletion(rig: &Rig, head: u64) {
    for told in history::since(rig, head).values() {
        if told.operation["kind"] == "rollback" || told.operation["kind"] == "undo" {
            continue;
        }
        let gone = told.changes.iter().filter(|change| is_deletion(change));
        let gone = gone.count();
        assert!(
            gone == 0,
            "{gone} deletions that nobody made: {}",
            told.operation
        );
    }
}

#[test]
fn a_root_that_moves_while_files_are_written_loses_nothing() {
    let rig = project();
    let head = rig.head();
    let away = rig.root().with_file_name("away");
    let mut rng = Rng::new(seed("root_games::capture"));
    for round in 0..rounds() {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // It holds the directory, as a shell that stands in it does, and writes wherever that is.
            let inside = fs::File::open(rig.root()).expect("the root");
            let stop = &stop;
            let stopping = StopAtEnd(stop);
            scope.spawn(move || {
                use std::os::fd::AsRawFd as _;
                let held = PathBuf::from(format!("/proc/self/fd/{}", inside.as_raw_fd()));
                for number in 0..WRITES_MAX {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let path = held.join(format!("d{}/f{}", number % 20, number % FILES));
                    fs::write(path, format!("round {round} write {number}\n")).expect("a write");
                }
            });
            for _ in 0..rng.below(8) {
                rig.ok(&["status"]);
            }
            fs::rename(rig.root(), &away).expect("the root moves");
            let impostor = (round % 2 == 0).then(|| Impostor::stand_in(rig.root()));
            wait_for(&rig, "detached", DETACHED_WITHIN);
            drop(stopping);
            if let Some(impostor) = impostor {
                impostor.leave();
            }
        });
        fs::rename(&away, rig.root()).expect("the root comes back");
        wait_for(&rig, "armed", ARMED_WITHIN);
        rig.assert_recorded(&format!("round {round}: moved back"));
    }
    assert_no_deletion(&rig, head);
}

#[test]
fn a_fence_while_the_root_moves_is_true_or_refused() {
    let rig = project();
    let head = rig.head();
    let away = rig.root().with_file_name("away");
    let (stop, params) = (
        AtomicBool::new(false),
        json!({"workspace": rig.root().to_str().expect("UTF-8")}),
    );
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut agent = rig.daemon.connect(aft_testkit::daemon::Socket::Agent);
            let (mut true_ones, mut refused) = (0, 0);
            while !stop.load(Ordering::Relaxed) {
                match agent.call("sync", &params) {
                    Ok(_) => true_ones += 1,
                    Err(error) => {
                        let kind = error["data"]["kind"].as_str().unwrap_or_default();
                        assert!(["detached", "not_armed", "busy"].contains(&kind), "{error}");
                        refused += 1;
                    }
                }
            }
            (true_ones, refused)
        });
        let stopping = StopAtEnd(&stop);
        for round in 0..rounds() {
            rig.project
                .write(format!("d1/f{}", round * 20 + 1), format!("edit {round}\n"));
            fs::rename(rig.root(), &away).expect("the root moves");
            let impostor = Impostor::stand_in(rig.root());
            wait_for(&rig, "detached", DETACHED_WITHIN);
            impostor.leave();
            fs::rename(&away, rig.root()).expect("the root comes back");
            wait_for(&rig, "armed", ARMED_WITHIN);
        }
        drop(stopping);
        let (true_ones, refused) = asked.join().expect("the fences");
        println!("{true_ones} fences true, {refused} refused");
        assert!(true_ones > 0 && refused > 0, "both happen");
    });
    rig.assert_recorded("at the end");
    assert_no_deletion(&rig, head);
}

#[test]
fn a_rollback_while_the_root_moves_ends_whole_and_writes_nowhere_else() {
    let rig = project();
    rig.ok(&["checkpoint", "start"]);
    let start = rig.project.manifest();
    rig.project
        .sh("for f in d*/f*; do echo edited >> $f; done; rm d3/*; mkdir new; echo new > new/file");
    rig.ok(&["sync"]);
    let edited = rig.project.manifest();
    let away = rig.root().with_file_name("away");
    let mut rng = Rng::new(seed("root_games::rollback"));
    for round in 0..rounds() {
        let mut going = rig
            .daemon
            .command(&["rollback", "start"])
            .current_dir(rig.root())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("a rollback");
        // The moment is somewhere between before it began and after it ended: so many answers of another daemon's call.
        for _ in 0..rng.below(12) {
            drop(rig.daemon.aft(&["--version"]));
        }
        fs::rename(rig.root(), &away).expect("the root moves");
        let impostor = Impostor::stand_in(rig.root());
        let ended = going.wait().expect("the rollback ends");
        println!("round {round}: the rollback ended with {ended}");
        wait_for(&rig, "detached", DETACHED_WITHIN);
        impostor.leave();
        fs::rename(&away, rig.root()).expect("the root comes back");
        wait_for(&rig, "armed", ARMED_WITHIN);
        let now = rig.project.manifest();
        let to_start = diff(&start, &now);
        assert!(
            to_start.is_empty() || diff(&edited, &now).is_empty(),
            "round {round}: neither where it started nor its target\n{}",
            to_start.join("\n")
        );
        rig.assert_recorded(&format!("round {round}"));
        assert!(!ended.success() || to_start.is_empty(), "it said done");
        if to_start.is_empty() {
            rig.ok(&["undo"]);
            assert_same(&edited, &rig.project.manifest(), "undone");
        }
    }
}

/// A directory that is mounted as the root, and unmounted when dropped.
struct Mounted<'a> {
    place: &'a Workspace,
    at: &'a Path,
    up: bool,
}

impl Mounted<'_> {
    fn mount(&mut self, from: &Path) -> bool {
        let (from, at) = (
            from.to_str().expect("UTF-8"),
            self.at.to_str().expect("UTF-8"),
        );
        let mounted = self.place.try_run("mount", &["--bind", from, at]);
        if mounted.status != 0 {
            println!("SKIPPED: nothing can be mounted: {}", mounted.stderr);
        }
        self.up = mounted.status == 0;
        self.up
    }

    fn unmount(&mut self) {
        let at = self.at.to_str().expect("UTF-8");
        let gone = self.place.try_run("umount", &["-l", at]);
        assert_eq!(gone.status, 0, "{}", gone.stderr);
        self.up = false;
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        if self.up {
            let at = self.at.to_string_lossy().into_owned();
            drop(self.place.try_run("umount", &["-l", &at]));
        }
    }
}

#[test]
fn a_root_that_is_unmounted_is_detached_until_the_same_directory_is_mounted_again() {
    if !am_root() {
        println!("SKIPPED: only root can mount");
        return;
    }
    let rig = Rig::new();
    let place = Workspace::new();
    let content = place.outside().join("content");
    fs::create_dir(&content).expect("a directory");
    fs::write(content.join("file"), "one\n").expect("a file");
    let at = rig.root().canonicalize().expect("the root");
    // What lies under the mount is somebody else's.
    fs::write(at.join("beneath"), "beneath\n").expect("a file");
    let mut mounted = Mounted {
        place: &place,
        at: &at,
        up: false,
    };
    if !mounted.mount(&content) {
        return;
    }
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    let head = rig.head();
    for round in 0..2 {
        fs::write(content.join("file"), format!("edit {round}\n")).expect("an edit");
        mounted.unmount();
        wait_for(&rig, "detached", DETACHED_WITHIN);
        let root = at.to_str().expect("UTF-8");
        let refused = rig.daemon.aft(&["rollback", "start", "-w", root]);
        assert_ne!(refused.status, 0, "{}", refused.stdout);
        let entries: Vec<_> = fs::read_dir(&at).expect("the place").flatten().collect();
        assert_eq!(
            entries.len(),
            1,
            "written into what lies beneath: {entries:?}"
        );
        assert!(mounted.mount(&content));
        wait_for(&rig, "armed", ARMED_WITHIN);
        rig.assert_recorded("mounted again");
    }
    assert_no_deletion(&rig, head);
    rig.ok(&["rollback", "start"]);
    assert_eq!(
        fs::read_to_string(content.join("file")).expect("it"),
        "one\n"
    );
    mounted.unmount();
}

#[test]
fn a_root_that_is_deleted_and_made_anew_is_another_directory() {
    let rig = project();
    rig.ok(&["checkpoint", "start"]);
    let start = rig.project.manifest();
    fs::remove_dir_all(rig.root()).expect("the project goes");
    let impostor = Impostor::stand_in(rig.root());
    wait_for(&rig, "detached", DETACHED_WITHIN);
    let root = rig.root().to_str().expect("UTF-8");
    for arguments in [["rollback", "start"], ["undo", "-n1"]] {
        let refused = rig.daemon.aft_in(
            rig.project.outside(),
            &[arguments[0], arguments[1], "-w", root],
        );
        assert_ne!(refused.status, 0, "{arguments:?}: {}", refused.stdout);
    }
    impostor.leave();
    fs::create_dir(rig.root()).expect("an empty root");
    assert!(manifest_of(rig.root()).entries.is_empty());
    // The history is still there, whole.
    rig.assert_history_is(&start, "start", "after the root was deleted");
}
