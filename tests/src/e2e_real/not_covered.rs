//! What a history cannot hold: special files, files that are too large, files that may not be read.
//! It is shown, and no rollback deletes it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use aft_testkit::{Manifest, TestDaemon, daemon};

use super::rig::{Rig, has};

/// A user without rights: `nobody` on every Debian.
const NOBODY: u32 = 65_534;

#[test]
fn special_and_large_files_are_shown_and_never_deleted() {
    let mut prepared = TestDaemon::prepare();
    prepared.write_config("[track]\nfile_max = \"64 KiB\"\n");
    prepared.run();
    let rig = Rig::of(prepared);
    rig.project.write("src/ordinary", "one\n");
    rig.project
        .sh("mkfifo fifo-before; head -c 100000 /dev/zero > large-before");
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    rig.project
        .sh("mkfifo fifo; head -c 100000 /dev/urandom > src/large; echo x >> large-before");
    let socket = UnixListener::bind(rig.root().join("socket")).expect("a socket");
    rig.project.write("src/ordinary", "two\n");
    rig.project.write("src/new", "new\n");
    let names = ["fifo-before", "large-before", "fifo", "src/large", "socket"];
    assert_shown(&rig, &names);
    go_back_around(&rig, &names);
    drop(socket);
}

#[test]
fn a_file_that_grows_too_large_and_comes_back_has_its_history() {
    let mut prepared = TestDaemon::prepare();
    prepared.write_config("[track]\nfile_max = \"64 KiB\"\n");
    prepared.run();
    let rig = Rig::of(prepared);
    rig.project.write("data", "small\n");
    rig.watch();
    rig.ok(&["checkpoint", "small"]);
    rig.project.write("data", vec![b'x'; 70_000]);
    assert_shown(&rig, &["data"]);
    // Its bytes are in no history, so nothing may replace them unless it is forced or kept out of the way.
    let back = rig.aft(&["rollback", "small"]);
    assert!(
        back.status == 3 || back.status == 5,
        "{}: {}{}",
        back.status,
        back.stdout,
        back.stderr
    );
    assert_eq!(
        rig.project.read("data").map(|bytes| bytes.len()),
        Some(70_000)
    );
    rig.project.write("data", "small again\n");
    rig.ok(&["rollback", "small"]);
    assert_eq!(rig.project.text("data"), "small\n");
}

#[test]
fn a_file_that_may_not_be_read_is_shown_and_never_deleted() {
    let Some(rig) = rig_without_rights() else {
        return;
    };
    rig.project.write("src/ordinary", "one\n");
    rig.project.write("secret-before", "secret\n");
    lock(&rig.root().join("secret-before"));
    rig.project.write("closed-before/inside", "hidden\n");
    hand_over(&rig, rig.root());
    lock(&rig.root().join("secret-before"));
    lock(&rig.root().join("closed-before"));
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    rig.project.write("src/ordinary", "two\n");
    rig.project.write("src/new", "new\n");
    for path in ["src/ordinary", "src/new", "src"] {
        hand_over(&rig, &rig.root().join(path));
    }
    rig.project.write("secret", "another\n");
    rig.project.mkdir("closed");
    rig.project.write("closed/inside", "hidden too\n");
    lock(&rig.root().join("secret"));
    // Listed while it could be, and closed afterwards.
    hand_over(&rig, &rig.root().join("closed"));
    rig.ok(&["sync"]);
    lock(&rig.root().join("closed"));
    let names = ["secret-before", "secret", "closed-before", "closed"];
    assert_shown(&rig, &names);
    go_back_around(&rig, &names);
    assert!(
        rig.root().join("closed/inside").symlink_metadata().is_ok() || !am_root(),
        "what is in it is there"
    );
    // So that the directory can be removed by whoever made it.
    for closed in ["closed", "closed-before"] {
        rig.project.chmod(closed, 0o755);
    }
}

/// Goes back to `start` over a tree with uncovered files: they stay, the rest is exact, and it is said.
fn go_back_around(rig: &Rig, names: &[&str]) {
    let before = uncovered(rig, names);
    let refused = rig.aft(&["rollback", "start"]);
    assert!(
        [0, 3, 5].contains(&refused.status),
        "{}: {}{}",
        refused.status,
        refused.stdout,
        refused.stderr
    );
    assert_eq!(before, uncovered(rig, names), "a rollback without consent");
    let kept = rig.aft(&["rollback", "start", "--on-conflict", "keep"]);
    let text = format!("{}{}", kept.stdout, kept.stderr);
    assert!([0, 5].contains(&kept.status), "{}: {text}", kept.status);
    assert_eq!(before, uncovered(rig, names), "a rollback that keeps");
    assert_eq!(
        rig.project.text("src/ordinary"),
        "one\n",
        "the rest goes back: {text}"
    );
    assert!(!rig.project.exists("src/new"), "the rest goes back: {text}");
    let log = rig.log();
    assert_eq!(
        log[0]["kind"],
        if refused.status == 0 {
            log[0]["kind"].clone()
        } else {
            "rollback".into()
        }
    );
}

/// Everything about these files that a rollback could change.
fn uncovered(rig: &Rig, names: &[&str]) -> Vec<(u64, u64, u32, i64)> {
    let look = |name: &&str| {
        let meta = rig
            .root()
            .join(name)
            .symlink_metadata()
            .expect("an uncovered file is there");
        (
            meta.ino(),
            if meta.is_dir() { 0 } else { meta.size() },
            meta.mode(),
            meta.mtime_nsec(),
        )
    };
    names.iter().map(look).collect()
}

/// `status` must name each of them.
fn assert_shown(rig: &Rig, names: &[&str]) {
    rig.ok(&["sync"]);
    let status = rig.json(&["status"]);
    let shown = status["not_covered"].to_string();
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !shown.contains(&format!("\"{name}\"")))
        .collect();
    assert!(
        missing.is_empty(),
        "not shown in status: {missing:?}\n{status}"
    );
}

pub(crate) fn am_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

/// A daemon for which permissions count: root's is run as nobody.
pub(crate) fn rig_without_rights() -> Option<Rig> {
    if !am_root() {
        return Some(Rig::new());
    }
    let probe = aft_testkit::Workspace::new();
    if !has(&probe, "setpriv") {
        return None;
    }
    let wrapper = probe
        .outside()
        .with_file_name(format!("aft-as-nobody-{}", std::process::id()));
    // Once for all tests of this process: who executes it must not meet somebody who writes it.
    static WRITTEN: OnceLock<()> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let script = format!(
            "#!/bin/sh\nexec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups {} \"$@\"\n",
            daemon::binary().display()
        );
        fs::write(&wrapper, script).expect("a wrapper");
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("its mode");
    });
    let runs = probe.try_run(&wrapper.to_string_lossy(), &["--version"]);
    if runs.status != 0 {
        println!("SKIPPED: nobody cannot run the binary: {}", runs.stderr);
        return None;
    }
    let mut prepared = TestDaemon::of_binary(wrapper.clone());
    let store = prepared.store();
    give(store.parent().expect("the daemon's directory"));
    for dir in fs::read_dir(store.parent().expect("the daemon's directory"))
        .expect("it can be read")
        .flatten()
    {
        give(&dir.path());
    }
    prepared.run();
    let rig = Rig::of(prepared);
    give(rig.project.outside());
    give(rig.root());
    Some(rig)
}

pub(crate) fn give(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).expect("chown");
}

/// Gives a tree to the daemon's user, when it is another.
fn hand_over(rig: &Rig, path: &Path) {
    if !am_root() {
        return;
    }
    give(path);
    if path.is_dir() {
        for relative in Manifest::of(path).entries.keys() {
            let relative = PathBuf::from(String::from_utf8(relative.clone()).expect("UTF-8"));
            give(&path.join(relative));
        }
    }
    assert!(rig.root().exists());
}

/// Nobody but root may look into it: root's own, or mode 0.
fn lock(path: &Path) {
    if am_root() {
        chown(path, Some(0), Some(0)).expect("chown");
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("its mode");
    } else {
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("its mode");
    }
}
