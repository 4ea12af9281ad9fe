//! A store whose disk is full. Needs root for a small file system, and says so where there is none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aft_testkit::workspace::wait_until;
use aft_testkit::{TestDaemon, Workspace};
use serde_json::Value;

use super::rig::{Rig, am_root};

/// The store tries again by itself; a busy machine is late.
const MENDED: Duration = Duration::from_secs(60);

/// A file system of few megabytes, unmounted when dropped. Drop the daemon first.
struct SmallDisk {
    place: Workspace,
    at: PathBuf,
}

impl SmallDisk {
    fn mount() -> Option<Self> {
        let place = Workspace::new();
        let at = place
            .outside()
            .canonicalize()
            .expect("its path")
            .join("disk");
        std::fs::create_dir(&at).expect("a mount point");
        let options = "size=8m,mode=0700";
        let target = at.to_str().expect("UTF-8");
        if !am_root() {
            println!("SKIPPED: only root can mount a small disk");
            return None;
        }
        let mounted = place.try_run(
            "mount",
            &["-t", "tmpfs", "-o", options, "aft-small", target],
        );
        if mounted.status != 0 {
            println!("SKIPPED: no small disk can be mounted: {}", mounted.stderr);
            return None;
        }
        Some(Self { place, at })
    }

    fn filling(&self) -> PathBuf {
        self.at.join("filling")
    }

    /// Takes all the room that is left, to the last page.
    fn fill(&self) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.filling()).expect("a file");
        let mut size = 1 << 20;
        while size > 0 {
            if file.write_all(&vec![7; size]).is_err() {
                size /= 2;
            }
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.filling()).expect("room again");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let target = self.at.to_string_lossy().into_owned();
        let gone = self.place.try_run("umount", &["-l", &target]);
        if gone.status != 0 {
            println!("cannot unmount {target}: {}", gone.stderr);
        }
    }
}

/// A rig with its store on the small disk.
fn rig_on(disk: &SmallDisk) -> Rig {
    let mut daemon = TestDaemon::prepare();
    daemon.set_env("AFT_HOME", disk.at.join("store").to_str().expect("UTF-8"));
    daemon.run();
    Rig::of(daemon)
}

/// Bytes that do not get smaller.
fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..len).map(|_| next()).collect()
}

#[track_caller]
fn status(rig: &Rig) -> Value {
    rig.json(&["status"])
}

/// Between two tries the daemon rests: a second of its life costs far less than a second of a core.
#[track_caller]
fn assert_does_not_spin(rig: &Rig) {
    let pid = rig.daemon.pid().expect("a daemon");
    let ticks = || -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("its figures");
        let rest = stat.rsplit(") ").next().unwrap_or_default();
        let figures: Vec<u64> = rest
            .split(' ')
            .map(|figure| figure.parse().unwrap_or(0))
            .collect();
        figures[11] + figures[12]
    };
    let before = ticks();
    std::thread::park_timeout(std::time::Duration::from_secs(1));
    let used = ticks() - before;
    assert!(used < 40, "{used} of 100 ticks while nothing can be done");
}

#[test]
fn a_full_disk_stops_capture_loudly_and_it_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let rig = rig_on(&disk);
    rig.project.write("f", "1\n");
    rig.ok(&["watch", "--detach"]);
    rig.edit("f", "2\n");
    rig.ok(&["sync", "--durable"]);
    disk.fill();
    let tree = |rig: &Rig| rig.project.manifest_with_times();
    rig.project.write("large", noise(1, 1 << 20));
    rig.project.write("f", "3\n");
    let (untouched, found) = (tree(&rig), rig.project.manifest());
    wait_until(MENDED, "status tells of the full disk", || {
        let status = status(&rig);
        let text = status.to_string();
        status["sync"]["state"] == "error" || text.contains("store-full")
    });
    assert_does_not_spin(&rig);
    let durable = rig.aft(&["sync", "--durable", "--json"]);
    assert_eq!(durable.status, 1, "{}{}", durable.stdout, durable.stderr);
    let error: Value = serde_json::from_str(&durable.stdout).expect("a document");
    assert_eq!(error["error"]["data"]["kind"], "store_full", "{error}");
    assert!(error["error"]["data"]["remedy"].is_string(), "{error}");
    rig.fails(&["checkpoint", "no-room"], 1);
    // The old content is in the store; what is on disk is not, and must not be overwritten.
    let refused = rig.aft(&["rollback", "1"]);
    assert!(
        [1, 3].contains(&refused.status),
        "{}: {}{}",
        refused.status,
        refused.stdout,
        refused.stderr
    );
    assert!(refused.stderr.starts_with("aft: "), "{}", refused.stderr);
    aft_testkit::manifest::assert_same(
        &untouched,
        &tree(&rig),
        "a rollback without room for its pre-image",
    );
    assert_eq!(
        rig.ok(&["cat", "f", "--at", "1"]),
        "1\n",
        "what is there is still served"
    );
    disk.free();
    wait_until(MENDED, "writing goes on", || {
        rig.aft(&["sync", "--durable"]).status == 0 && status(&rig)["sync"]["state"] == "saved"
    });
    assert_eq!(rig.ok(&["cat", "f"]), "3\n");
    assert!(
        rig.aft(&["cat", "large"]).stdout_bytes == noise(1, 1 << 20),
        "the large file is in the history"
    );
    rig.ok(&["rollback", "1"]);
    assert_eq!(rig.project.text("f"), "1\n");
    rig.ok(&["undo"]);
    aft_testkit::manifest::assert_same(&found, &rig.project.manifest(), "undone");
    assert_eq!(rig.json(&["check", "--read-data"])["ok"], true);
    drop(rig);
    drop(disk);
}

#[test]
fn a_daemon_that_dies_on_a_full_disk_has_its_history() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let mut rig = rig_on(&disk);
    rig.project.write("f", "1\n");
    rig.ok(&["watch", "--detach"]);
    rig.edit("f", "2\n");
    rig.ok(&["checkpoint", "two"]);
    disk.fill();
    rig.project.write("f", "3\n");
    rig.project.write("large", noise(2, 1 << 20));
    rig.daemon.kill();
    disk.free();
    rig.daemon.run();
    rig.ok(&["sync", "--durable"]);
    assert_eq!(rig.ok(&["cat", "f", "--at", "two"]), "2\n");
    assert_eq!(rig.ok(&["cat", "f"]), "3\n");
    rig.ok(&["rollback", "two"]);
    assert_eq!(rig.project.text("f"), "2\n");
    assert!(!rig.project.exists("large"));
    assert_eq!(rig.json(&["check", "--read-data"])["ok"], true);
    drop(rig);
    drop(disk);
}

#[test]
fn a_disk_that_is_full_at_the_start_is_told() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let rig = rig_on(&disk);
    rig.project.write("f", "1\n");
    disk.fill();
    let output = rig.daemon.aft_in(rig.root(), &["watch", "--detach"]);
    let told = format!("{}{}", output.stdout, output.stderr);
    assert!(output.status != 0, "a baseline without room: {told}");
    assert!(!told.contains("panicked"), "{told}");
    disk.free();
    wait_until(MENDED, "it is watched once there is room", || {
        rig.aft(&["watch", "--detach"]).status == 0
    });
    wait_until(MENDED, "it is armed", || status(&rig)["state"] == "armed");
    rig.ok(&["sync", "--durable"]);
    assert_eq!(rig.ok(&["cat", "f"]), "1\n");
    drop(rig);
    drop(disk);
}

#[test]
fn the_guard_unmounts() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let at = disk.at.clone();
    let mounts = |at: &Path| {
        std::fs::read_to_string("/proc/mounts")
            .is_ok_and(|text| text.contains(&*at.to_string_lossy()))
    };
    assert!(mounts(&at));
    drop(disk);
    assert!(!mounts(&at));
}
