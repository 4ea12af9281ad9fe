//! Every test of resolution runs with both resolvers: they keep the same promises.

mod escape;

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

use super::beneath::Resolver;
use super::*;
use crate::fs::WriteDir;

fn path(bytes: impl AsRef<[u8]>) -> RelPath {
    RelPath::new(bytes).unwrap()
}

fn roots(dir: &Path) -> Vec<RealRoot> {
    [Resolver::Kernel, Resolver::Components]
        .map(|resolver| {
            let fd: OwnedFd = File::open(dir).unwrap().into();
            RealRoot::with_beneath(dir, Beneath::with_resolver(fd, resolver).unwrap()).unwrap()
        })
        .into()
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests prepare their directories by path"
)]
fn put(dir: &TempDir, name: &str, bytes: &[u8]) {
    let at = dir.path().join(name);
    std::fs::create_dir_all(at.parent().unwrap()).unwrap();
    std::fs::write(at, bytes).unwrap();
}

fn read_all(root: &RealRoot, at: &RelPath) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    root.open(at)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[expect(clippy::disallowed_methods, reason = "tests use real tools")]
fn run(program: &str, args: &[&std::ffi::OsStr]) {
    assert!(
        Command::new(program).args(args).status().unwrap().success(),
        "{program} {args:?}"
    );
}

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw_os_error)
}

#[test]
fn what_lstat_scan_and_open_tell_is_what_the_system_tells() {
    let dir = tempfile::tempdir().unwrap();
    put(&dir, "a/b/file", b"content");
    symlink("file", dir.path().join("a/b/link")).unwrap();
    for root in roots(dir.path()) {
        let expected = dir.path().join("a/b/file").metadata().unwrap();
        let found = root.lstat(&path("a/b/file")).unwrap().unwrap();
        assert_eq!((found.dev, found.ino), (expected.dev(), expected.ino()));
        assert_eq!((found.size, found.mode), (7, expected.mode()));
        assert_eq!(u64::from(found.nlink), expected.nlink());
        assert_eq!(
            found.mtime_ns,
            expected.mtime() * 1_000_000_000 + expected.mtime_nsec()
        );
        assert_eq!(
            found.ctime_ns,
            expected.ctime() * 1_000_000_000 + expected.ctime_nsec()
        );

        let mut entries = root.scan(&path("a/b")).unwrap();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<&[u8]> = entries.iter().map(|entry| &*entry.name).collect();
        assert_eq!(names, [b"file".as_slice(), b"link"]);
        assert_eq!(entries[0].stat, found);
        assert_eq!(
            root.lstat(&path("a/b/link")).unwrap().unwrap(),
            entries[1].stat
        );

        let mut file = root.open(&path("a/b/file")).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"content");
        assert_eq!(file.stat().unwrap(), found);
        assert_eq!(root.read_link(&path("a/b/link")).unwrap(), b"file");
        let kind = root.read_link(&path("a/b/file")).unwrap_err().kind();
        assert_eq!(kind, io::ErrorKind::InvalidInput);
        assert!(root.lstat(&RelPath::root()).unwrap().unwrap().ino == root.identity().unwrap().ino);
        assert_eq!(root.scan(&RelPath::root()).unwrap().len(), 1);
    }
}

#[test]
fn what_is_missing_is_told_as_missing() {
    let dir = tempfile::tempdir().unwrap();
    put(&dir, "file", b"");
    for root in roots(dir.path()) {
        assert_eq!(root.lstat(&path("none")).unwrap(), None);
        assert_eq!(root.lstat(&path("none/deeper")).unwrap(), None);
        assert_eq!(root.lstat(&path("file/deeper")).unwrap(), None);
        assert_eq!(
            root.scan(&path("none")).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert_eq!(
            root.scan(&path("file")).unwrap_err().kind(),
            io::ErrorKind::NotADirectory
        );
        assert_eq!(
            root.open(&path("none")).err().unwrap().kind(),
            io::ErrorKind::NotFound
        );
        assert_eq!(
            root.open(&RelPath::root()).err().unwrap().kind(),
            io::ErrorKind::InvalidInput
        );
    }
}

#[test]
fn a_path_longer_than_the_system_takes_works() {
    let dir = tempfile::tempdir().unwrap();
    for (root, top) in roots(dir.path()).into_iter().zip(["kernel", "components"]) {
        let writer = WritableRoot::from_root(root);
        let mut deep = path(top);
        writer.make_dir(&deep, 0o755).unwrap();
        while deep.as_bytes().len() < 3 * 4096 {
            deep = deep.join(&[b'd'; 200]).unwrap();
            writer.make_dir(&deep, 0o755).unwrap();
        }
        let file = deep.join(b"file").unwrap();
        let made = writer.create(&file, 0o640, b"deep").unwrap();
        assert_eq!(writer.lstat(&file).unwrap(), Some(made));
        assert_eq!(writer.scan(&deep).unwrap().len(), 1);
        assert_eq!(read_all(writer.reading(), &file).unwrap(), b"deep");
        writer
            .rename_new(&file, &path(format!("{top}-up")))
            .unwrap();
        assert_eq!(writer.lstat(&file).unwrap(), None);
        // The library that removes the test's directory goes by path, so the depth is taken away here.
        while let Some((parent, _)) = deep.split() {
            writer.remove_dir(&deep).unwrap();
            deep = parent;
        }
    }
}

#[test]
fn names_are_bytes() {
    let dir = tempfile::tempdir().unwrap();
    for root in roots(dir.path()) {
        let writer = WritableRoot::from_root(root);
        for name in [
            b"\xff\xfe".as_slice(),
            b"new\nline",
            b" ",
            b"-rf",
            &[b'n'; 255],
        ] {
            let at = path(name);
            writer.create(&at, 0o600, b"x").unwrap();
            assert!(
                writer
                    .scan(&RelPath::root())
                    .unwrap()
                    .iter()
                    .any(|entry| *entry.name == *name)
            );
            assert!(writer.lstat(&at).unwrap().is_some());
            writer.remove_file(&at).unwrap();
        }
    }
}

#[test]
fn nothing_but_a_regular_file_is_opened_and_nothing_waits() {
    let dir = tempfile::tempdir().unwrap();
    run("mkfifo", &[dir.path().join("fifo").as_os_str()]);
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || {
        for root in roots(dir.path()) {
            for at in ["fifo", "socket"] {
                let kind = root.open(&path(at)).err().unwrap().kind();
                assert_eq!(kind, io::ErrorKind::InvalidInput, "{at}");
                assert!(root.lstat(&path(at)).unwrap().is_some());
            }
        }
        done.send(()).unwrap();
    });
    finished
        .recv_timeout(Duration::from_secs(10))
        .expect("an open waits, or found the wrong kind");
}

#[test]
fn a_writer_is_seen_while_it_holds_the_file() {
    let dir = tempfile::tempdir().unwrap();
    put(&dir, "file", b"x");
    for root in roots(dir.path()) {
        let at = path("file");
        assert_eq!(root.has_writer(&at).unwrap(), Some(false));
        let reader = File::open(dir.path().join("file")).unwrap();
        assert_eq!(root.has_writer(&at).unwrap(), Some(false));
        let writer = File::options()
            .append(true)
            .open(dir.path().join("file"))
            .unwrap();
        assert_eq!(root.has_writer(&at).unwrap(), Some(true));
        drop(writer);
        assert_eq!(root.has_writer(&at).unwrap(), Some(false));
        drop(reader);
    }
}

#[test]
fn a_lease_that_is_broken_does_not_end_the_process() {
    let dir = tempfile::tempdir().unwrap();
    put(&dir, "file", b"x");
    let root = RealRoot::open(dir.path()).unwrap();
    let file = dir.path().join("file");
    let (stop, stopped) = mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            drop(File::options().append(true).open(&file).unwrap());
        }
    });
    // Without the change of signal one of these collisions ends the test run.
    for _ in 0..20_000 {
        root.has_writer(&path("file")).unwrap();
    }
    stop.send(()).unwrap();
    writer.join().unwrap();
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "somebody else moves the directory by path"
)]
fn a_root_that_was_moved_or_replaced_is_not_attached() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("root");
    std::fs::create_dir(&at).unwrap();
    let root = RealRoot::open(&at).unwrap();
    let id = root.identity().unwrap();
    assert!(root.is_attached());
    std::fs::rename(&at, dir.path().join("moved")).unwrap();
    assert!(!root.is_attached());
    std::fs::create_dir(&at).unwrap();
    assert!(!root.is_attached());
    assert_eq!(root.identity().unwrap(), id);
    assert!(RealRoot::open(&dir.path().join("none")).is_err());
    put(&dir, "file", b"");
    let kind = RealRoot::open(&dir.path().join("file")).unwrap_err().kind();
    assert_eq!(kind, io::ErrorKind::NotADirectory);
}

#[test]
fn a_file_changed_before_now_is_older_than_the_clock() {
    let dir = tempfile::tempdir().unwrap();
    let root = RealRoot::open(dir.path()).unwrap();
    let (before, granularity) = root.fs_clock().unwrap();
    put(&dir, "file", b"x");
    let stamp = root.lstat(&path("file")).unwrap().unwrap().mtime_ns;
    assert!((0..=2_000_000_000).contains(&granularity));
    // A coarse stamp lags the fine clock by at most a tick.
    assert!(stamp >= before - 20_000_000, "{stamp} {before}");
    let (mut now, _) = root.fs_clock().unwrap();
    while now <= stamp {
        (now, _) = root.fs_clock().unwrap();
    }
    assert!(now - stamp < 10_000_000_000);
    let (bytes, inodes) = root.free_space().unwrap();
    assert!(bytes > 0 && inodes > 0);
}

#[test]
fn with_multigrain_stamps_a_change_after_a_stat_always_shows() {
    let dir = tempfile::tempdir().unwrap();
    put(&dir, "file", b"0");
    let root = RealRoot::open(dir.path()).unwrap();
    if root.fs_clock().unwrap().1 != 0 {
        return;
    }
    let at = path("file");
    for round in 0..2_000u32 {
        let before = root.lstat(&at).unwrap().unwrap();
        put(&dir, "file", &[u8::try_from(round % 10).unwrap()]);
        let after = root.lstat(&at).unwrap().unwrap();
        assert!(!before.same(&after), "round {round}");
    }
}

/// Who watches a directory as editors do, and takes what came and then went for a file that is gone, is to see a file
/// that was put back go and come.
#[test]
fn watchers_see_an_exchanged_file_arrive_last() {
    use rustix::fs::inotify;
    let dir = tempfile::tempdir().unwrap();
    put(&dir, "staged/new", b"target");
    put(&dir, "src/file", b"before");
    for root in roots(dir.path()) {
        let writer = WritableRoot::from_root(root);
        let queue = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        let moves = inotify::WatchFlags::MOVED_FROM | inotify::WatchFlags::MOVED_TO;
        inotify::add_watch(&queue, dir.path().join("src"), moves).unwrap();
        let (staged, file) = (path("staged/new"), path("src/file"));
        let there = writer.lstat(&staged).unwrap();
        let now = writer.exchange_and_look(&staged, &file).unwrap();
        assert_eq!(
            now.unwrap().ino,
            there.unwrap().ino,
            "it looks at the target"
        );
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&queue, &mut buffer);
        let mut told = Vec::new();
        while let Ok(event) = events.next() {
            told.push(event.events());
        }
        let wanted = [inotify::ReadFlags::MOVED_FROM, inotify::ReadFlags::MOVED_TO];
        assert_eq!(told, wanted);
    }
}
