//! Nothing outside of the root is reached: not through a link in any position, not by `..`.

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::super::*;
use super::{errno, path, put, read_all, roots};
use crate::fs::WriteDir;

/// A directory to stay in, with links in every position, and one to stay out of.
fn tree_with_links() -> (TempDir, TempDir) {
    let outside = tempfile::tempdir().unwrap();
    put(&outside, "sub/secret", b"canary");
    let dir = tempfile::tempdir().unwrap();
    put(&dir, "real/sub/secret", b"inside");
    symlink(outside.path(), dir.path().join("first")).unwrap();
    symlink(outside.path().join("sub"), dir.path().join("real/middle")).unwrap();
    symlink(
        outside.path().join("sub/secret"),
        dir.path().join("real/sub/last"),
    )
    .unwrap();
    // A link that stays inside is followed as little.
    symlink("real", dir.path().join("inner")).unwrap();
    symlink("/proc/self/root", dir.path().join("magic")).unwrap();
    (dir, outside)
}

#[test]
fn nothing_is_read_through_a_link_in_any_position() {
    let (dir, _outside) = tree_with_links();
    for root in roots(dir.path()) {
        for at in [
            "first/sub/secret",
            "real/middle/secret",
            "inner/sub/secret",
            "magic/etc/passwd",
        ] {
            let at = path(at);
            assert_eq!(
                errno(&root.lstat(&at).unwrap_err()),
                Some(Errno::LOOP),
                "{at:?}"
            );
            assert_eq!(
                errno(&root.open(&at).err().unwrap()),
                Some(Errno::LOOP),
                "{at:?}"
            );
            assert_eq!(
                errno(&root.read_link(&at).unwrap_err()),
                Some(Errno::LOOP),
                "{at:?}"
            );
            assert!(root.has_writer(&at).is_err(), "{at:?}");
        }
        for at in ["first", "real/middle", "inner", "magic"] {
            assert_eq!(
                errno(&root.scan(&path(at)).unwrap_err()),
                Some(Errno::LOOP),
                "{at}"
            );
            assert_eq!(
                errno(&root.directory(&path(at)).unwrap_err()),
                Some(Errno::LOOP),
                "{at}"
            );
        }
        let last = root.open(&path("real/sub/last")).err().unwrap();
        assert_eq!(last.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(
            read_all(&root, &path("real/sub/secret")).unwrap(),
            b"inside"
        );
    }
}

#[test]
fn nothing_is_written_through_a_link_in_any_position() {
    let (dir, outside) = tree_with_links();
    for root in roots(dir.path()) {
        let writer = WritableRoot::from_root(root);
        let inside = path("real/sub/secret");
        for parent in ["first", "first/sub", "real/middle", "inner", "magic/tmp"] {
            let (at, known) = (
                path(format!("{parent}/new")),
                path(format!("{parent}/secret")),
            );
            let errors = [
                writer.create(&at, 0o644, b"x").unwrap_err(),
                writer
                    .create_from(&at, 0o644, &mut b"x".as_slice())
                    .unwrap_err(),
                writer.make_dir(&at, 0o755).unwrap_err(),
                writer.make_link(&at, b"x").unwrap_err(),
                writer.rename_new(&inside, &at).unwrap_err(),
                writer.rename_new(&known, &path("stolen")).unwrap_err(),
                writer.remove_file(&known).unwrap_err(),
                writer
                    .remove_dir(&path(format!("{parent}/sub")))
                    .unwrap_err(),
                writer.exchange(&inside, &known).unwrap_err(),
                writer.sync_file(&known).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(errno(&error), Some(Errno::LOOP), "{parent}: {error}");
            }
        }
        // A link in the last place is never written through.
        let last = path("real/sub/last");
        let exists = writer.create(&last, 0o644, b"x").unwrap_err();
        assert_eq!(exists.kind(), io::ErrorKind::AlreadyExists);
        let link = writer.lstat(&last).unwrap().unwrap();
        assert!(writer.set_mode(&last, 0o777, &link).is_err());
    }
    assert_eq!(
        std::fs::read(outside.path().join("sub/secret")).unwrap(),
        b"canary"
    );
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(
        std::fs::read_dir(outside.path().join("sub"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn dot_dot_cannot_even_be_asked_for() {
    for text in ["..", "a/..", "../a", "a/../b", ".", "/a", "a/", "a//b"] {
        assert!(RelPath::new(text).is_err(), "{text}");
    }
    assert!(path("a").join(b"..").is_err());
    assert!(path("a").join(b"b/../..").is_err());
}
