//! A small disk that is nearly full while a rollback runs: the store's, and the workspace's own.
//!
//! Free space is swept in pages. The tree is the one from before or the target, never a mix; what could not be done
//! is said; and when there is room again, the daemon goes on by itself and nothing was lost.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use aft_testkit::manifest::{assert_same, diff};
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use aft_testkit::{Manifest, TestDaemon, Workspace};
use serde_json::Value;

use crate::e2e_real::{heavy, seed};

const PAGE: u64 = 4096;
/// From this on a rollback of these files always has room.
const PAGES_MAX: u64 = 32;
/// Steps of a run that is not nightly.
const SAMPLE: u64 = 8;
/// Files that are put back.
const FILES: u64 = 12;
/// When there is room again.
const RESUMES: Duration = Duration::from_secs(5);
/// When there is none.
const FLAGGED: Duration = Duration::from_secs(5);

/// How the small disk is made.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Memory,
    Ext4,
}

/// A file system of few megabytes, unmounted when dropped. Drop the daemon first.
struct SmallDisk {
    at: PathBuf,
    _place: tempfile::TempDir,
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

impl SmallDisk {
    fn mount(kind: Kind) -> Option<Self> {
        if !std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0) {
            println!("SKIPPED: only root can mount a small disk");
            return None;
        }
        let place = tempfile::tempdir().expect("a directory");
        let at = place.path().join("disk");
        std::fs::create_dir(&at).expect("a mount point");
        let target = at.to_str().expect("UTF-8");
        let mounted = match kind {
            Kind::Memory => run(
                "mount",
                &[
                    "-t",
                    "tmpfs",
                    "-o",
                    "size=16m,mode=0700",
                    "aft-small",
                    target,
                ],
            ),
            Kind::Ext4 => {
                let image = place.path().join("image");
                let file = std::fs::File::create(&image).expect("an image");
                file.set_len(32 << 20).expect("its size");
                let image = image.to_str().expect("UTF-8");
                run("mkfs.ext4", &["-q", "-m", "0", image])
                    && run("mount", &["-o", "loop", image, target])
                    && run("chmod", &["0700", target])
            }
        };
        if !mounted {
            println!("SKIPPED: no small disk of kind {kind:?} can be mounted");
            return None;
        }
        Some(Self { at, _place: place })
    }

    /// Takes all the room but so many pages.
    fn fill_but(&self, pages: u64) {
        let mut file = std::fs::File::create(self.at.join("filling")).expect("a file");
        let mut size = 1 << 20;
        while size > 0 {
            if file.write_all(&vec![7; size]).is_err() {
                size /= 2;
            }
        }
        let len = file.metadata().expect("its length").len();
        file.set_len(len.saturating_sub(pages * PAGE))
            .expect("it gets shorter");
    }

    fn free(&self) {
        std::fs::remove_file(self.at.join("filling")).expect("room again");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if !run("umount", &["-l", &self.at.to_string_lossy()]) {
            println!("cannot unmount {}", self.at.display());
        }
    }
}

struct Rig {
    daemon: TestDaemon,
    project: Workspace,
    disk: SmallDisk,
    target: Manifest,
    rng: Rng,
}

impl Rig {
    fn new(daemon: TestDaemon, project: Workspace, disk: SmallDisk, mut rng: Rng) -> Self {
        for n in 0..FILES {
            project.write(format!("d{}/f{n}", n % 3), rng.bytes(6000));
        }
        let target = project.manifest();
        let rig = Self {
            daemon,
            project,
            disk,
            target,
            rng,
        };
        rig.ok(&["watch", "--detach"]);
        rig.ok(&["checkpoint", "target"]);
        rig
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        self.daemon.aft_in(self.project.root(), arguments).ok()
    }

    fn status(&self) -> Value {
        self.daemon.aft_json(self.project.root(), &["status"])
    }

    /// A person edits files, deletes some and makes others.
    fn edit(&mut self) {
        for n in 0..FILES / 2 {
            let bytes = self.rng.bytes(5000);
            self.project.write(format!("d{}/f{n}", n % 3), bytes);
        }
        self.project.remove(format!("d0/f{}", FILES - 3));
        self.project.write("new/file", "new\n");
    }

    /// One rollback with so much room; whether it was done.
    #[track_caller]
    fn one(&mut self, pages: u64, of_store: bool) -> bool {
        if of_store {
            self.disk.fill_but(pages);
            self.edit();
        } else {
            self.edit();
            self.ok(&["sync", "--durable"]);
            self.disk.fill_but(pages);
        }
        let before = self.project.manifest();
        let output = self
            .daemon
            .aft_in(self.project.root(), &["rollback", "target"]);
        let said = format!(
            "{pages} pages: {}: {}{}",
            output.status, output.stdout, output.stderr
        );
        assert!(!said.contains("panicked"), "{said}");
        let done = output.status == 0;
        if !done && of_store {
            wait_until(FLAGGED, "the full disk is shown", || {
                let status = self.status();
                status["sync"]["state"] == "error" || status.to_string().contains("store-full")
            });
        }
        let expected = if done { &self.target } else { &before };
        assert_same(expected, &self.project.manifest(), &said);
        self.disk.free();
        let start = Instant::now();
        wait_until(RESUMES, "writing goes on", || {
            let synced = self
                .daemon
                .aft_in(self.project.root(), &["sync", "--durable"]);
            synced.status == 0
        });
        println!(
            "{pages} pages: done {done}, well after {:?}",
            start.elapsed()
        );
        if !done {
            assert_same(&before, &self.project.manifest(), "nothing comes by itself");
            self.ok(&["rollback", "target"]);
        }
        assert_same(&self.target, &self.project.manifest(), "the target");
        self.ok(&["undo"]);
        let undone = self.project.manifest();
        let lost = diff(&before, &undone);
        assert!(
            lost.is_empty(),
            "{said}: what was there before is not in the history: {lost:?}"
        );
        self.ok(&["rollback", "target"]);
        done
    }

    #[track_caller]
    fn sweep(mut self, of_store: bool) {
        let step = if heavy() { 1 } else { PAGES_MAX / SAMPLE };
        let first = self.rng.below(step);
        let (mut done, mut refused) = (0, 0);
        // With no room at all, and with plenty, too.
        let sweep = (first..PAGES_MAX).step_by(usize::try_from(step).expect("small"));
        for pages in [0].into_iter().chain(sweep).chain([1000]) {
            if self.one(pages, of_store) {
                done += 1;
            } else {
                refused += 1;
            }
        }
        assert!(
            done > 0 && refused > 0,
            "{done} done, {refused} refused: the sweep is too short"
        );
        self.daemon.kill();
        self.daemon.run();
        assert_same(&self.target, &self.project.manifest(), "after a restart");
        let root = self.project.root();
        let check = self.daemon.aft_json(root, &["check", "--read-data"]);
        assert_eq!(check["ok"], true, "{check}");
        drop(self.daemon);
        drop(self.project);
    }
}

#[test]
fn a_rollback_on_a_nearly_full_store_is_whole_or_not_at_all() {
    let rng = Rng::new(seed("store nearly full"));
    let kinds = [Kind::Memory, Kind::Ext4];
    let n = if heavy() { 2 } else { 1 };
    for kind in kinds.into_iter().take(n) {
        let Some(disk) = SmallDisk::mount(kind) else {
            return;
        };
        let mut daemon = TestDaemon::prepare();
        let home = disk.at.join("store");
        daemon.set_env("AFT_HOME", home.to_str().expect("UTF-8"));
        daemon.run();
        Rig::new(daemon, Workspace::new(), disk, rng.clone()).sweep(true);
    }
}

#[test]
fn a_rollback_in_a_nearly_full_workspace_is_whole_or_not_at_all() {
    let rng = Rng::new(seed("workspace nearly full"));
    let kinds = [Kind::Memory, Kind::Ext4];
    let n = if heavy() { 2 } else { 1 };
    for kind in kinds.into_iter().take(n) {
        let Some(disk) = SmallDisk::mount(kind) else {
            return;
        };
        let project = Workspace::beneath(&disk.at);
        Rig::new(TestDaemon::start(), project, disk, rng.clone()).sweep(false);
    }
}
