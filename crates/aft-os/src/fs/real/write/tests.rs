//! Tests of the module beside this file: fs / real / write.

use std::io::Read;
use std::os::unix::fs::MetadataExt;

use super::*;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn workspace() -> (tempfile::TempDir, WritableRoot) {
    let dir = tempfile::tempdir().unwrap();
    let root = WritableRoot::open(dir.path()).unwrap();
    (dir, root)
}

#[test]
fn a_file_has_its_bytes_its_exact_mode_and_the_stat_that_was_told() {
    let (dir, root) = workspace();
    for mode in [0o600, 0o644, 0o777, 0o4755, 0o000] {
        let name = format!("file-{mode:o}");
        let made = root.create(&path(&name), mode, b"bytes").unwrap();
        assert_eq!(made.mode & 0o7777, mode, "{name}");
        assert_eq!(root.lstat(&path(&name)).unwrap(), Some(made));
    }
    assert_eq!(
        std::fs::read(dir.path().join("file-644")).unwrap(),
        b"bytes"
    );
    let again = root.create(&path("file-644"), 0o600, b"other").unwrap_err();
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(
        std::fs::read(dir.path().join("file-644")).unwrap(),
        b"bytes"
    );
    root.make_dir(&path("dir"), 0o2775).unwrap();
    assert_eq!(
        dir.path().join("dir").metadata().unwrap().mode() & 0o7777,
        0o2775
    );
    root.sync_file(&path("file-644")).unwrap();
    root.sync_dir(&path("dir")).unwrap();
    root.sync_dir(&RelPath::root()).unwrap();
    let whole = root.sync_everything().unwrap();
    assert_eq!(whole, root.reading().kind().syncs_whole());
}

/// A byte and how often it comes.
type Runs<'a> = &'a [(u8, usize)];

#[test]
fn long_runs_of_zeros_become_holes_and_the_bytes_are_the_same() {
    let (dir, root) = workspace();
    let kib = 1024;
    let cases: [(&str, Runs<'_>, bool); 7] = [
        ("zeros", &[(0, 1024 * kib)], true),
        ("end", &[(1, 100), (0, 1024 * kib)], true),
        ("start", &[(0, 1024 * kib), (1, 1)], true),
        ("middle", &[(1, 5000), (0, 64 * kib), (2, 5000)], true),
        (
            "short",
            &[(1, 5000), (0, 40 * kib), (2, 5000), (3, 64 * kib)],
            false,
        ),
        ("short end", &[(1, 128 * kib), (0, 10 * kib)], false),
        ("empty", &[], false),
    ];
    for (name, runs, has_hole) in cases {
        let bytes: Vec<u8> = runs
            .iter()
            .flat_map(|(byte, len)| vec![*byte; *len])
            .collect();
        let at_once = root.create(&path(name), 0o644, &bytes).unwrap();
        // A source that gives odd small parts must end in the same file.
        let mut source = Dribble(&bytes);
        let piecewise = format!("{name} from");
        root.create_from(&path(&piecewise), 0o644, &mut source)
            .unwrap();
        for file in [name, &piecewise] {
            assert_eq!(
                std::fs::read(dir.path().join(file)).unwrap(),
                bytes,
                "{file}"
            );
            let allocated = dir.path().join(file).metadata().unwrap().blocks() * 512;
            let spared = allocated + 48 * 1024 < bytes.len() as u64;
            assert_eq!(spared, has_hole, "{file}: {allocated} of {}", bytes.len());
        }
        assert_eq!(at_once.size, bytes.len() as u64);
    }
}

struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = buf.len().min(4097);
        self.0.read(&mut buf[..len])
    }
}

#[test]
fn a_source_that_fails_leaves_nothing_behind() {
    struct Broken(u32);
    impl Read for Broken {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 3 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            buf.fill(7);
            Ok(buf.len())
        }
    }
    let (_dir, root) = workspace();
    let error = root
        .create_from(&path("file"), 0o644, &mut Broken(0))
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(root.lstat(&path("file")).unwrap(), None);
}

#[test]
fn a_rename_takes_no_name_that_is_there_and_an_exchange_swaps_two() {
    let (dir, root) = workspace();
    root.make_dir(&path("d"), 0o755).unwrap();
    root.create(&path("a"), 0o644, b"a").unwrap();
    root.create(&path("d/b"), 0o644, b"b").unwrap();
    let taken = root.rename_new(&path("a"), &path("d/b")).unwrap_err();
    assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(
        root.rename_new(&path("none"), &path("x"))
            .unwrap_err()
            .kind(),
        io::ErrorKind::NotFound
    );
    root.exchange(&path("a"), &path("d/b")).unwrap();
    assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"b");
    assert_eq!(std::fs::read(dir.path().join("d/b")).unwrap(), b"a");
    assert_eq!(
        root.exchange(&path("a"), &path("none")).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    // A directory and a file swap as well.
    root.exchange(&path("a"), &path("d")).unwrap();
    assert_eq!(std::fs::read(dir.path().join("a/b")).unwrap(), b"a");
    root.rename_new(&path("a/b"), &path("free")).unwrap();
    assert_eq!(
        root.remove_dir(&path("d")).unwrap_err().kind(),
        io::ErrorKind::NotADirectory
    );
    root.remove_dir(&path("a")).unwrap();
    assert!(root.exchange(&RelPath::root(), &path("d")).is_err());
}

#[test]
fn only_an_empty_directory_is_removed() {
    let (_dir, root) = workspace();
    root.make_dir(&path("d"), 0o755).unwrap();
    root.create(&path("d/f"), 0o644, b"").unwrap();
    assert_eq!(
        root.remove_dir(&path("d")).unwrap_err().kind(),
        io::ErrorKind::DirectoryNotEmpty
    );
    assert!(root.remove_file(&path("d")).is_err());
    root.remove_file(&path("d/f")).unwrap();
    root.remove_dir(&path("d")).unwrap();
    assert_eq!(
        root.remove_dir(&path("d")).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
}

#[test]
fn a_mode_is_set_on_the_inode_that_was_meant_only() {
    let (_dir, root) = workspace();
    let first = root.create(&path("f"), 0o644, b"x").unwrap();
    let other = root.create(&path("g"), 0o644, b"x").unwrap();
    root.set_mode(&path("f"), 0o755, &first).unwrap();
    assert_eq!(
        root.lstat(&path("f")).unwrap().unwrap().mode & 0o7777,
        0o755
    );
    let refused = root.set_mode(&path("f"), 0o600, &other).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    assert_eq!(
        root.lstat(&path("f")).unwrap().unwrap().mode & 0o7777,
        0o755
    );
    // Also where its owner may not open it.
    root.set_mode(&path("g"), 0o000, &other).unwrap();
    root.set_mode(&path("g"), 0o400, &other).unwrap();
    assert_eq!(
        root.lstat(&path("g")).unwrap().unwrap().mode & 0o7777,
        0o400
    );
}

#[test]
fn attributes_are_carried_over_and_the_mode_is_kept() {
    let (dir, root) = workspace();
    root.create(&path("from"), 0o600, b"old").unwrap();
    root.create(&path("to"), 0o6751, b"new").unwrap();
    let from = dir.path().join("from");
    let set = rustix::fs::setxattr(
        &from,
        "user.origin",
        b"here",
        rustix::fs::XattrFlags::empty(),
    );
    // An ACL with one more group, as the kernel keeps it: version 2, then tag, permissions and id of each entry.
    let acl: Vec<u8> = [
        (1u16, 6u16, u32::MAX),
        (4, 0, u32::MAX),
        (8, 4, 12),
        (16, 4, u32::MAX),
        (32, 0, u32::MAX),
    ]
    .iter()
    .fold(2u32.to_le_bytes().to_vec(), |mut acl, (tag, perm, id)| {
        acl.extend(tag.to_le_bytes());
        acl.extend(perm.to_le_bytes());
        acl.extend(id.to_le_bytes());
        acl
    });
    let name = "system.posix_acl_access";
    let with_acl = rustix::fs::setxattr(&from, name, &acl, rustix::fs::XattrFlags::empty()).is_ok();
    let as_root = crate::process::euid() == 0;
    if as_root {
        std::os::unix::fs::chown(&from, Some(12), Some(34)).unwrap();
    }
    root.copy_attributes(&path("from"), &path("to"));
    let to = dir.path().join("to");
    let found = to.metadata().unwrap();
    assert_eq!(found.mode() & 0o7777, 0o6751);
    if set.is_ok() {
        let mut value = [0; 16];
        let len = rustix::fs::getxattr(&to, "user.origin", &mut value[..]).unwrap();
        assert_eq!(&value[..len], b"here");
    }
    if with_acl {
        let mut value = [0; 256];
        assert!(rustix::fs::getxattr(&to, name, &mut value[..]).unwrap() > 4);
    }
    if as_root {
        assert_eq!((found.uid(), found.gid()), (12, 34));
    }
    root.copy_attributes(&path("none"), &path("to"));
}

#[test]
fn a_link_holds_any_bytes() {
    let (_dir, root) = workspace();
    let made = root.make_link(&path("link"), b"/no\xffwhere/../x").unwrap();
    assert_eq!(root.lstat(&path("link")).unwrap(), Some(made));
    assert_eq!(root.read_link(&path("link")).unwrap(), b"/no\xffwhere/../x");
    assert_eq!(
        root.make_link(&path("link"), b"y").unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
}
