//! Every kind of thing a directory can hold.
//!
//! Does: put each there before and after tracking begins, and hold the history against the directory.
//! Does not: expect that the history keeps what has no content; only that it says so and never hangs on it.

use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use aft_testkit::manifest::{Entry, Kind, assert_same};
use aft_testkit::{Manifest, Workspace};
use rustix::fs::{Mode, OFlags};

use crate::e2e_real::not_covered::am_root;
use crate::e2e_real::{heavy, rig::Rig};

/// A look at the whole zoo, on a busy machine in a debug build.
const QUICK: Duration = Duration::from_secs(10);
/// What a sparse file may cost in the store.
const SPARSE_COST: u64 = 1 << 20;
/// What it may take, with the fence.
const SPARSE_TIME: Duration = Duration::from_secs(5);
/// One level of the deep directory: with a thousand of them its path is longer than the system takes in one call.
const LEVEL: &str = "deeper";

fn depth() -> u32 {
    if heavy() { 3000 } else { 700 }
}

/// Things that every system can make; `$1` makes their contents differ.
const ZOO: &str = r#"
mkfifo fifo
ln -s loop-b loop-a; ln -s loop-a loop-b; ln -s self self; ln -s /nowhere/at/all dangling; ln -s fifo to-fifo
ln -s ../.. up; ln -s . here; ln -s /dev/zero to-device
printf 'one inode %s\n' "$1" > hard-a; ln hard-a hard-b; mkdir sub; ln hard-a sub/hard-c
: > empty; mkdir -p empty-dir
if [ "$(id -u)" = 0 ]; then
  printf 'closed %s\n' "$1" > closed; chmod 0000 closed; mkdir closed-dir; printf x > closed-dir/in; chmod 0000 closed-dir
fi
printf 'suid %s\n' "$1" > suid; chmod 4755 suid; printf 'sgid\n' > sgid; chmod 2711 sgid
mkdir sticky; chmod 1777 sticky; mkdir sgid-dir; chmod 2755 sgid-dir
printf 'bytes %s\n' "$1" > "$(printf 'caf\351')"; printf x > "$(printf '\377\376\001')"
printf 'lines %s\n' "$1" > "two
lines"; printf x > ' '; printf x > '-rf'; printf x > 'a\b'; printf x > 'a"b'; mkdir "$(printf 'dir\200')"; printf x > "$(printf 'dir\200/in')"
long=$(printf '%0255d' 7); printf 'long %s\n' "$1" > "$long"; mkdir -p "sub/$long"; printf x > "sub/$long/$long"
wide=$(printf 'é%.0s' $(seq 1 127)); printf x > "$wide"
"#;

fn sparse(project: &Workspace, name: &str) {
    project.sh(&format!("truncate -s 6G {name}; printf end >> {name}"));
}

/// The directory at the bottom, step by step; made where it is missing.
fn bottom(project: &Workspace, name: &str) -> OwnedFd {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    project.mkdir(name);
    let top = rustix::fs::open(project.path(name), flags, Mode::empty());
    let mut dir = top.expect("the top");
    for _ in 0..depth() {
        match rustix::fs::mkdirat(&dir, LEVEL, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => panic!("cannot make a directory: {error}"),
        }
        dir = rustix::fs::openat(&dir, LEVEL, flags, Mode::empty()).expect("the next level");
    }
    dir
}

fn write_at(dir: &OwnedFd, name: &str, text: &str) {
    use std::io::Write as _;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(0o644)).expect("a file");
    let mut file = std::fs::File::from(file);
    file.write_all(text.as_bytes()).expect("a write");
}

/// Bytes of every file in the store, as the disk holds them.
fn allocated(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).expect("the store");
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => allocated(&entry.path()),
            Ok(meta) => meta.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

/// Everything that the directory holds is in the history: exactly, or as something that has no content there.
#[track_caller]
fn assert_whole(rig: &Rig, disk: &Manifest, what: &str) {
    let tree = rig.tree_at("@");
    for (path, entry) in &disk.entries {
        let name = String::from_utf8_lossy(path);
        let words = tree
            .get(path)
            .unwrap_or_else(|| panic!("{what}: {name} is missing in the history"));
        let fits = match &entry.kind {
            Kind::File { size, .. } if *size > 1 << 32 => words.starts_with("opaque"),
            Kind::File { .. } => words.starts_with(&format!("file {:04o}", entry.mode)),
            Kind::Dir => words.starts_with(&format!("dir {:04o}", entry.mode)),
            Kind::Symlink { .. } => words.starts_with("link"),
            Kind::Other => words.starts_with("opaque"),
        };
        assert!(fits, "{what}: {name} is {entry:?}, in the history {words}");
    }
    for path in tree.keys() {
        let name = String::from_utf8_lossy(path);
        assert!(disk.get(path).is_some(), "{what}: {name} is not there");
    }
}

#[test]
fn every_kind_of_file_is_captured_exactly_or_named() {
    let rig = Rig::new();
    if !am_root() {
        println!("SKIPPED in part: only root makes devices");
    }
    let make = |dir: &str, text: &str| {
        rig.project.mkdir(dir);
        rig.project.sh(&format!("cd {dir}; set -- {text}; {ZOO}"));
        if am_root() {
            rig.project
                .sh(&format!("cd {dir}; mknod null c 1 3; mknod block b 7 200"));
        }
        UnixListener::bind(rig.root().join(dir).join("socket")).expect("a socket")
    };
    let _before = make("before", "one");
    let started = Instant::now();
    rig.watch();
    assert!(started.elapsed() < QUICK, "tracking hangs on something");
    assert_whole(&rig, &rig.project.manifest(), "at the baseline");
    rig.ok(&["checkpoint", "start"]);
    let start = rig.look();
    let _after = make("after", "two");
    rig.project
        .sh("cd before; for f in hard-a suid \"$(printf 'caf\\351')\" 'two\nlines'; do echo more >> \"$f\"; done; rm dangling; ln -s /another dangling; chmod 0600 sgid; chmod 0700 suid");
    let started = Instant::now();
    rig.ok(&["sync"]);
    assert!(started.elapsed() < QUICK, "a fence hangs on something");
    let after = rig.look();
    assert_whole(&rig, &after.plain, "after a fence");
    back_and_forth(&rig, &start.plain, &after.plain);
}

/// Rolls back around what is not covered, and undoes it.
fn back_and_forth(rig: &Rig, start: &Manifest, after: &Manifest) {
    let started = Instant::now();
    let back = rig.aft(&["rollback", "start", "--on-conflict", "keep"]);
    assert!(
        [0, 5].contains(&back.status),
        "{}: {}{}",
        back.status,
        back.stdout,
        back.stderr
    );
    assert!(started.elapsed() < QUICK, "a rollback hangs on something");
    let now = rig.project.manifest();
    let old = |path: &[u8], _: &Entry| path.starts_with(b"before/");
    // Going back gives nobody rights of another user that the file does not have any more.
    let mut wanted = start.filtered(old);
    for path in ["before/sgid", "before/suid"] {
        let entry = wanted
            .entries
            .get_mut(path.as_bytes())
            .expect("it was there");
        assert!(entry.mode & 0o6000 != 0);
        entry.mode &= !0o6000;
    }
    assert_same(&wanted, &now.filtered(old), "rolled back");
    // What has no content in the history stays, with the directories that hold it.
    for (path, entry) in &after.entries {
        let special = entry.kind == Kind::Other;
        let name = String::from_utf8_lossy(path);
        assert!(!special || now.get(path) == Some(entry), "{name} is gone");
    }
    let undone = rig.aft(&["undo"]);
    assert_eq!(undone.status, 0, "{}{}", undone.stdout, undone.stderr);
    let mut wanted = after.clone();
    for path in ["after/sgid", "after/suid"] {
        let entry = wanted
            .entries
            .get_mut(path.as_bytes())
            .expect("it was there");
        entry.mode &= !0o6000;
    }
    assert_same(&wanted, &rig.project.manifest(), "undone");
    let check = rig.json(&["check", "--read-data"]);
    assert_eq!(check["ok"], true, "{check}");
}

#[test]
fn a_sparse_file_larger_than_memory_costs_next_to_nothing() {
    let rig = Rig::new();
    rig.project.write("small", "one\n");
    sparse(&rig.project, "before");
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    let (store, inode) = (rig.daemon.store(), |name: &str| {
        let meta = rig.root().join(name).symlink_metadata().expect("a file");
        (meta.ino(), meta.size(), meta.mtime_nsec())
    });
    let held = allocated(&store);
    let started = Instant::now();
    sparse(&rig.project, "after");
    rig.project.sh("printf more >> before; echo two > small");
    rig.ok(&["sync"]);
    assert!(started.elapsed() < SPARSE_TIME, "it is read whole");
    let cost = allocated(&store).saturating_sub(held);
    assert!(cost <= SPARSE_COST, "a sparse file costs {cost} bytes");
    let files = [inode("before"), inode("after")];
    let status = rig.json(&["status"])["not_covered"].to_string();
    for name in ["before", "after"] {
        assert!(status.contains(name), "{name} is not named: {status}");
        let words = rig.tree_at("@").remove(name.as_bytes()).unwrap_or_default();
        assert!(words.starts_with("opaque"), "{name}: {words}");
    }
    let back = rig.aft(&["rollback", "start", "--on-conflict", "keep"]);
    assert!(
        [0, 5].contains(&back.status),
        "{}{}",
        back.stdout,
        back.stderr
    );
    assert_eq!(rig.project.text("small"), "one\n");
    assert_eq!(files, [inode("before"), inode("after")], "they stay");
}

/// Real bytes, where there is time for them: a file above the limit is noted, never read.
#[test]
fn a_real_file_above_the_limit_is_noted() {
    let rig = Rig::new();
    rig.project.write("small", "one\n");
    rig.watch();
    let megabytes = if heavy() { 5 << 10 } else { 200 };
    rig.project.sh(&format!(
        "head -c {megabytes}M /dev/zero | tr '\\0' x > large"
    ));
    rig.ok(&["sync"]);
    let status = rig.json(&["status"])["not_covered"].to_string();
    assert!(status.contains("\"large\""), "{status}");
}

/// The path of its end is longer than the system takes in one call, so only step by step does anybody get there.
#[test]
fn a_directory_deeper_than_a_path_can_say_is_captured_and_comes_back() {
    let rig = Rig::new();
    write_at(&bottom(&rig.project, "before"), "file", "bottom\n");
    rig.watch();
    let start = rig.look();
    assert_whole(&rig, &start.plain, "deep at the baseline");
    rig.ok(&["checkpoint", "start"]);
    let deepest = bottom(&rig.project, "before");
    write_at(&deepest, "file", "edited\n");
    write_at(&deepest, "new", "new\n");
    write_at(&bottom(&rig.project, "half"), "file", "made\n");
    rig.ok(&["sync"]);
    let after = rig.look();
    assert_whole(&rig, &after.plain, "deep after a fence");
    rig.ok(&["rollback", "start"]);
    rig.assert_went(&start, &after, "rolled back at the bottom");
    let back = rig.look();
    rig.ok(&["undo"]);
    rig.assert_went(&after, &back, "undone at the bottom");
    // The tool that cleans up after a test holds a descriptor for each level.
    rig.project.sh("rm -rf before half");
}
