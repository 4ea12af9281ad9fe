//! Mounts beneath a root, made in a namespace of the test's own.

use std::os::fd::OwnedFd;
use std::process::Command;

use super::beneath::Resolver;
use super::*;
use crate::fs::WriteDir;

const INSIDE: &str = "AFT_TEST_MOUNTS";

#[expect(clippy::disallowed_methods, reason = "tests use real tools")]
fn tool(program: &str) -> Command {
    Command::new(program)
}

/// True in the run within the namespace. The outer run starts that one and judges it.
fn in_namespace(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let mut probe = tool("unshare");
    if !probe
        .args(["-U", "-r", "-m", "true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        // Where namespaces are forbidden there is nothing to test with.
        return false;
    }
    let mut run = tool("unshare");
    run.args(["-U", "-r", "-m"])
        .arg(std::env::current_exe().unwrap());
    run.args(["--exact", &format!("fs::real::mount_tests::{test}")])
        .env(INSIDE, "1");
    let output = run.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    false
}

fn mount(args: &[&std::ffi::OsStr]) {
    assert!(
        tool("mount").args(args).status().unwrap().success(),
        "{args:?}"
    );
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw_os_error)
}

/// A directory with a file system mounted in it, a foreign directory and a foreign file.
fn tree_with_mounts() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["mounted", "bound", "plain"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
    }
    File::create(dir.path().join("plain/file")).unwrap();
    File::create(dir.path().join("over")).unwrap();
    let at = |name: &str| dir.path().join(name);
    mount(&[
        "-t".as_ref(),
        "tmpfs".as_ref(),
        "none".as_ref(),
        at("mounted").as_os_str(),
    ]);
    File::create(at("mounted/file")).unwrap();
    mount(&["--bind".as_ref(), "/etc".as_ref(), at("bound").as_os_str()]);
    mount(&[
        "--bind".as_ref(),
        "/etc/passwd".as_ref(),
        at("over").as_os_str(),
    ]);
    dir
}

#[test]
fn a_mount_in_the_workspace_is_not_read() {
    if !in_namespace("a_mount_in_the_workspace_is_not_read") {
        return;
    }
    let dir = tree_with_mounts();
    let root = RealRoot::open(dir.path()).unwrap();
    for name in ["mounted", "mounted/file", "bound", "bound/passwd", "over"] {
        assert_eq!(
            errno(&root.lstat(&path(name)).unwrap_err()),
            Some(Errno::XDEV),
            "{name}"
        );
        assert_eq!(
            errno(&root.open(&path(name)).err().unwrap()),
            Some(Errno::XDEV),
            "{name}"
        );
    }
    for name in ["mounted", "bound"] {
        assert_eq!(
            errno(&root.scan(&path(name)).unwrap_err()),
            Some(Errno::XDEV),
            "{name}"
        );
        assert_eq!(
            errno(&root.directory(&path(name)).unwrap_err()),
            Some(Errno::XDEV),
            "{name}"
        );
    }
    // The walk sees where it may not go, and goes on.
    assert_eq!(root.scan(&RelPath::root()).unwrap().len(), 4);
    assert!(root.lstat(&path("plain/file")).unwrap().is_some());

    // Without the kernel's help another device is noticed.
    let fd: OwnedFd = File::open(dir.path()).unwrap().into();
    let beneath = Beneath::with_resolver(fd, Resolver::Components).unwrap();
    let root = RealRoot::with_beneath(dir.path(), beneath).unwrap();
    assert_eq!(
        errno(&root.scan(&path("mounted")).unwrap_err()),
        Some(Errno::XDEV)
    );
    assert_eq!(
        errno(&root.open(&path("mounted/file")).err().unwrap()),
        Some(Errno::XDEV)
    );
}

#[test]
fn a_mount_in_the_workspace_is_not_written() {
    if !in_namespace("a_mount_in_the_workspace_is_not_written") {
        return;
    }
    let dir = tree_with_mounts();
    let writer = WritableRoot::open(dir.path()).unwrap();
    let outside = path("mounted/new");
    assert_eq!(
        errno(&writer.create(&outside, 0o644, b"x").unwrap_err()),
        Some(Errno::XDEV)
    );
    assert_eq!(
        errno(&writer.make_dir(&outside, 0o755).unwrap_err()),
        Some(Errno::XDEV)
    );
    assert_eq!(
        errno(
            &writer
                .rename_new(&path("plain/file"), &outside)
                .unwrap_err()
        ),
        Some(Errno::XDEV)
    );
    assert_eq!(
        errno(&writer.remove_file(&path("mounted/file")).unwrap_err()),
        Some(Errno::XDEV)
    );
}

#[test]
fn a_root_that_is_unmounted_or_mounted_over_is_not_attached() {
    if !in_namespace("a_root_that_is_unmounted_or_mounted_over_is_not_attached") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    mount(&[
        "-t".as_ref(),
        "tmpfs".as_ref(),
        "none".as_ref(),
        dir.path().as_os_str(),
    ]);
    let root = RealRoot::open(dir.path()).unwrap();
    assert!(root.is_attached());
    assert_eq!(root.kind().name(), "tmpfs");
    mount(&[
        "-t".as_ref(),
        "tmpfs".as_ref(),
        "none".as_ref(),
        dir.path().as_os_str(),
    ]);
    assert!(!root.is_attached());
    let umount = |lazy: bool| {
        let mut umount = tool("umount");
        if lazy {
            umount.arg("-l");
        }
        assert!(umount.arg(dir.path()).status().unwrap().success());
    };
    umount(false);
    assert!(root.is_attached());
    umount(true);
    assert!(!root.is_attached());
}
