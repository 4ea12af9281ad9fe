//! The two ways to look at an entry tell the same, and what may not be changed is told.
#![expect(clippy::disallowed_methods, reason = "tests use real tools")]

use std::path::Path;
use std::process::Command;

use aft_model::RelPath;

use crate::fs::{ReadDir as _, Rights, WriteDir as _};
use crate::{RealRoot, WritableRoot};

const FREE: Rights = Rights {
    fixed: false,
    owned: true,
};

fn attribute(change: &str, path: &Path) -> bool {
    let changed = Command::new("chattr").arg(change).arg(path).status();
    changed.is_ok_and(|status| status.success())
}

#[test]
fn both_looks_tell_the_same_signature() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), b"bytes").unwrap();
    std::fs::hard_link(dir.path().join("file"), dir.path().join("second")).unwrap();
    std::os::unix::fs::symlink("file", dir.path().join("link")).unwrap();
    let root = WritableRoot::open(dir.path()).unwrap();
    let reader = RealRoot::open(dir.path()).unwrap();
    for name in ["file", "link", ""] {
        let path = RelPath::new(name).unwrap();
        let (stat, rights) = root.lstat_with_rights(&path).unwrap().unwrap();
        assert_eq!(reader.lstat(&path).unwrap(), Some(stat), "{name}");
        assert_eq!(rights, FREE, "{name}");
    }
    let missing = RelPath::new("missing").unwrap();
    assert_eq!(root.lstat_with_rights(&missing).unwrap(), None);
}

#[test]
fn what_is_immutable_or_only_grows_is_fixed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, b"bytes").unwrap();
    let root = WritableRoot::open(dir.path()).unwrap();
    let fixed = || {
        let path = RelPath::new("file").unwrap();
        root.lstat_with_rights(&path).unwrap().unwrap().1.fixed
    };
    for (set, unset) in [("+i", "-i"), ("+a", "-a")] {
        if !attribute(set, &file) {
            println!("SKIPPED: no `chattr {set}` here");
            continue;
        }
        let found = fixed();
        assert!(attribute(unset, &file));
        assert!(found, "{set}");
        assert!(!fixed(), "{unset}");
    }
}
