//! A daemon without rights, as uid 65534: directories and files it may not change, before the plan and in the middle of
//! it.
//!
//! Does: have the rollback refused whole, or told path by path, and see that nothing was given rights to make it work.
//! Does not: run where this machine has no other user to become; then it says so.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aft_testkit::Manifest;
use aft_testkit::manifest::{assert_same, diff};
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use serde_json::Value;

use crate::e2e_real::not_covered::{am_root, give, rig_without_rights};
use crate::e2e_real::rig::Rig;
use crate::e2e_real::{heavy, seed};

const FILES: usize = 1000;

/// Mode and owner, by path.
type Rights = BTreeMap<PathBuf, (u32, u32)>;

/// What takes a right away, and gives it back when dropped.
struct Taken {
    path: PathBuf,
    by: Means,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// The mode of a directory that holds files of the plan.
    ClosedDir,
    /// `chattr +i`.
    Immutable,
    /// Root's file, in the daemon's directory, which is sticky.
    Foreign,
    /// The whole workspace is mounted anew, to be read only.
    ReadOnly,
}

impl Taken {
    /// `None` where this machine cannot; it says so.
    fn take(rig: &Rig, path: &str, by: Means) -> Option<Self> {
        let at = rig.root().join(path);
        let text = at.to_str().expect("UTF-8").to_owned();
        let root = rig.root().to_str().expect("UTF-8").to_owned();
        let done = match by {
            Means::ClosedDir => fs::set_permissions(&at, fs::Permissions::from_mode(0o555)).is_ok(),
            Means::Foreign => {
                let parent = at.parent().expect("a parent");
                chown(parent, Some(0), Some(0)).is_ok()
                    && fs::set_permissions(parent, fs::Permissions::from_mode(0o1777)).is_ok()
                    && chown(&at, Some(0), Some(0)).is_ok()
            }
            Means::Immutable => rig.project.try_run("chattr", &["+i", &text]).status == 0,
            Means::ReadOnly => {
                rig.project
                    .try_run("mount", &["-o", "remount,bind,ro", &root])
                    .status
                    == 0
            }
        };
        if !done {
            println!("SKIPPED: {by:?} cannot be made here");
        }
        done.then_some(Self { path: at, by })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let text = self.path.to_string_lossy().into_owned();
        let place = aft_testkit::Workspace::new();
        match self.by {
            Means::ClosedDir => {
                drop(fs::set_permissions(
                    &self.path,
                    fs::Permissions::from_mode(0o755),
                ));
            }
            Means::Immutable => drop(place.try_run("chattr", &["-i", &text])),
            Means::Foreign => {
                give(&self.path);
                if let Some(parent) = self.path.parent() {
                    give(parent);
                    drop(fs::set_permissions(
                        parent,
                        fs::Permissions::from_mode(0o755),
                    ));
                }
            }
            Means::ReadOnly => {
                drop(place.try_run("mount", &["-o", "remount,bind,rw", &text]));
            }
        }
    }
}

/// A project of `nobody` with an edit of every file since `start`, as `nobody` would make it.
fn edited() -> Option<(Rig, Rights, Manifest)> {
    if !am_root() {
        println!("SKIPPED: only root can take rights away from another user");
        return None;
    }
    let rig = rig_without_rights()?;
    for number in 0..FILES {
        let path = format!("d{}/f{number}", number % 10);
        rig.project.write(path, format!("start {number}\n"));
    }
    rig.project.write("sub/foreign", "start\n");
    rig.project.sh("chown -R 65534:65534 .");
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    let start = rig.project.manifest();
    rig.project.sh(
        "for f in d*/f*; do echo edited >> $f; done; rm d2/*; echo edited >> sub/foreign; mkdir new; echo new > new/file; chown -R 65534:65534 .",
    );
    rig.ok(&["sync"]);
    let rights = rights(rig.root());
    Some((rig, rights, start))
}

/// Mode and owner of everything that is there.
fn rights(root: &Path) -> Rights {
    let mut found = BTreeMap::new();
    let mut pending = vec![root.to_path_buf()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir).expect("a directory").flatten() {
            let meta = entry.path().symlink_metadata().expect("an entry");
            if meta.is_dir() {
                pending.push(entry.path());
            }
            found.insert(entry.path(), (meta.mode(), meta.uid()));
        }
    }
    found
}

/// The history has the file as it is. Asked by the command, because the sockets serve their own user only.
#[track_caller]
fn assert_held(rig: &Rig, path: &str, what: &str) {
    rig.ok(&["sync"]);
    let held = rig.ok(&["cat", path, "--at", "@"]);
    assert_eq!(held, rig.project.text(path), "{path}: {what}");
}

#[test]
fn a_plan_over_what_may_not_be_changed_is_refused_whole() {
    let Some((rig, ..)) = edited() else { return };
    let edited = rig.project.manifest_with_times();
    for (path, by, blamed) in [
        ("d3", Means::ClosedDir, "d3/f3"),
        ("d4/f4", Means::Immutable, "d4/f4"),
        ("d5", Means::Immutable, "d5/f5"),
        ("sub/foreign", Means::Foreign, "sub/foreign"),
    ] {
        let Some(taken) = Taken::take(&rig, path, by) else {
            continue;
        };
        // The change of a mode is a change of its own; what counts is what comes after it.
        rig.ok(&["sync"]);
        let (before, rights_before) = (rig.project.manifest_with_times(), rights(rig.root()));
        // By name, so that the mode of a closed directory is not gone back to first.
        let refused = rig.aft(&["rollback", "start", blamed, "d6"]);
        let what = format!("{by:?} {path}: {}{}", refused.stdout, refused.stderr);
        assert_eq!(refused.status, 3, "{what}");
        assert!(what.contains(blamed), "it names the path: {what}");
        assert_same(&before, &rig.project.manifest_with_times(), &what);
        assert_eq!(rights_before, rights(rig.root()), "{what}");
        // Other paths are captured all the same.
        rig.project.write("d0/f0", format!("while {by:?} {path}\n"));
        assert_held(&rig, "d0/f0", &what);
        drop(taken);
        rig.project.write("d0/f0", "start 0\nedited\n");
    }
    rig.ok(&["sync"]);
    let now = rig.project.manifest_with_times();
    let others =
        |manifest: &Manifest| manifest.filtered(|path, _| path != b"d0/f0" && path != b"sub");
    assert_same(
        &others(&edited),
        &others(&now),
        "nothing was touched by all of it",
    );
    let done = rig.aft(&["rollback", "start"]);
    assert_eq!(done.status, 0, "{}{}", done.stdout, done.stderr);
    assert_eq!(rig.project.text("d4/f4"), "start 4\n");
}

#[test]
fn rights_that_go_in_the_middle_of_a_rollback_leave_an_exact_list() {
    let mut rng = Rng::new(seed("permissions"));
    let rounds = if heavy() { 40 } else { 4 };
    let mut partly = 0;
    for round in 0..rounds {
        let Some((rig, rights_before, start)) = edited() else {
            return;
        };
        let edited = rig.project.manifest();
        let going = rig
            .daemon
            .command(&["rollback", "start", "--json"])
            .current_dir(rig.root())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("a rollback");
        // As soon as the first file is back, most of the others are not.
        wait_until(Duration::from_secs(60), "the rollback begins", || {
            rig.project
                .read("d0/f0")
                .is_none_or(|bytes| bytes == b"start 0\n")
        });
        let path = format!("d{}", 4 + rng.below(6));
        let taken = Taken::take(&rig, &path, Means::ClosedDir).expect("a mode");
        let ended = going.wait_with_output().expect("the rollback ends");
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        let code = ended.status.code();
        println!("round {round}: exit {code:?} with {path} closed");
        drop(taken);
        let answer: Value = serde_json::from_str(&said).expect("a document");
        let now = rig.project.manifest();
        match code {
            Some(3) => assert!(
                diff(&edited, &now).is_empty(),
                "refused, and touched: {said}"
            ),
            Some(0) => assert_eq!(rig.project.text("d1/f1"), "start 1\n", "{said}"),
            Some(5) => {
                partly += 1;
                assert_listed(&edited, &now, &answer);
            }
            other => panic!(
                "{other:?}: {said}{}",
                String::from_utf8_lossy(&ended.stderr)
            ),
        }
        for path in ["d0/f0", "d1/f1", "d9/f9"] {
            assert_held(&rig, path, "whatever came of it");
        }
        let after = rights(rig.root());
        for (path, before) in &rights_before {
            let now = after.get(path).unwrap_or(before);
            assert_eq!(before, now, "{} has other rights", path.display());
        }
        rig.ok(&["rollback", "start"]);
        assert_same(&start, &rig.project.manifest(), "with the rights back");
    }
    assert!(partly > 0, "no rollback was met in the middle");
}

/// Every path that is as it was although the plan changes it is in the list of what was not done.
#[track_caller]
fn assert_listed(edited: &Manifest, now: &Manifest, answer: &Value) {
    let text = answer.to_string();
    for (path, entry) in &edited.entries {
        let name = String::from_utf8_lossy(path);
        let planned = name.contains("/f") || name.starts_with("new");
        if planned && now.get(path) == Some(entry) {
            assert!(
                text.contains(&format!("\"{name}\"")),
                "{name} is not listed: {text}"
            );
        }
    }
}

/// A directory that is mounted on itself, so that it can be made to be read only.
#[test]
fn a_workspace_that_becomes_read_only_is_refused_and_served_again_afterwards() {
    let Some((rig, ..)) = edited() else { return };
    let root = rig.root().to_str().expect("UTF-8").to_owned();
    // A mount of its own is another place than the one that was tracked; it is tracked anew.
    rig.ok(&["unwatch"]);
    if rig
        .project
        .try_run("mount", &["--bind", &root, &root])
        .status
        != 0
    {
        println!("SKIPPED: nothing can be mounted here");
        return;
    }
    let _unmounted = Unmount { root: root.clone() };
    rig.watch();
    rig.ok(&["checkpoint", "--force", "start"]);
    let start = rig.project.manifest();
    rig.project.write("d0/f0", "edited again\n");
    rig.project.sh("chown 65534:65534 d0/f0");
    rig.ok(&["sync"]);
    let edited = rig.project.manifest();
    let Some(taken) = Taken::take(&rig, "", Means::ReadOnly) else {
        return;
    };
    let refused = rig.aft(&["rollback", "start"]);
    assert_eq!(refused.status, 3, "{}{}", refused.stdout, refused.stderr);
    assert_same(&edited, &rig.project.manifest(), "read only");
    assert_held(&rig, "d0/f0", "read only");
    drop(taken);
    rig.ok(&["rollback", "start"]);
    assert_same(&start, &rig.project.manifest(), "writable again");
}

struct Unmount {
    root: String,
}

impl Drop for Unmount {
    fn drop(&mut self) {
        let place = aft_testkit::Workspace::new();
        drop(place.try_run("umount", &["-l", &self.root]));
    }
}
