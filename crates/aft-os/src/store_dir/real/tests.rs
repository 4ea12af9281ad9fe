//! Tests of the module beside this file: store_dir / real.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn store() -> (tempfile::TempDir, RealStoreDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = RealStoreDir::open(&dir.path().join("state/store"), true).unwrap();
    (dir, store)
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn files_grow_are_read_at_offsets_and_are_private() {
    let (_dir, store) = store();
    let mut file = store.append("seg-1").unwrap();
    file.append(b"hello ").unwrap();
    file.append(b"world").unwrap();
    file.sync().unwrap();
    assert_eq!(file.len(), 11);
    file.truncate(5).unwrap();
    file.append(b"!").unwrap();
    drop(file);
    let again = store.append("seg-1").unwrap();
    assert_eq!((again.len(), again.is_empty()), (6, false));
    let read = store.read("seg-1").unwrap();
    let mut bytes = [0; 3];
    read.read_exact_at(&mut bytes, 3).unwrap();
    assert_eq!(&bytes, b"lo!");
    assert_eq!(
        read.read_exact_at(&mut bytes, 4).unwrap_err().kind(),
        io::ErrorKind::UnexpectedEof
    );
    assert_eq!(read.len().unwrap(), 6);
    assert_eq!(
        store.read("none").err().unwrap().kind(),
        io::ErrorKind::NotFound
    );

    let sub = store.subdir("blobs").unwrap();
    sub.append("x").unwrap();
    let top = store.real_path().unwrap();
    assert_eq!(sub.real_path().unwrap(), top.join("blobs"));
    assert_eq!((mode(&top), mode(&top.join("blobs"))), (0o700, 0o700));
    assert_eq!(
        (mode(&top.join("seg-1")), mode(&top.join("blobs/x"))),
        (0o600, 0o600)
    );
    assert_eq!(store.list().unwrap(), ["seg-1"]);
    assert!(store.free_bytes().unwrap() > 0);
}

#[test]
fn a_replaced_file_is_old_or_new_and_leaves_nothing_beside_it() {
    let (_dir, store) = store();
    store.replace("head", b"one").unwrap();
    store.replace("head", b"two, longer").unwrap();
    assert_eq!(
        std::fs::read(store.real_path().unwrap().join("head")).unwrap(),
        b"two, longer"
    );
    assert_eq!(store.list().unwrap(), ["head"]);
    // A directory cannot be replaced by a file.
    store.subdir("taken").unwrap();
    assert!(store.replace("taken", b"x").is_err());
    assert_eq!(store.list().unwrap(), ["head"]);
    store.rename("head", "tail").unwrap();
    store.remove("tail").unwrap();
    assert_eq!(
        store.remove("tail").unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    store.sync_dir().unwrap();
    assert!(store.list().unwrap().is_empty());
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    let (dir, store) = store();
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "../x",
        "/etc/passwd",
        "a b",
        "a\0b",
        "\u{fc}",
    ] {
        let kinds = [
            store.append(name).err().unwrap().kind(),
            store.read(name).err().unwrap().kind(),
            store.replace(name, b"").unwrap_err().kind(),
            store.remove(name).unwrap_err().kind(),
            store.rename(name, "x").unwrap_err().kind(),
            store.subdir(name).err().unwrap().kind(),
            store.lock(name).unwrap_err().kind(),
        ];
        assert_eq!(kinds, [io::ErrorKind::InvalidInput; 7], "{name:?}");
    }
    let top = store.real_path().unwrap();
    std::os::unix::fs::symlink(dir.path(), top.join("link")).unwrap();
    assert!(store.append("link").is_err());
    assert!(store.subdir("link").is_err());
    assert!(store.list().unwrap().is_empty());
}

#[test]
fn a_lock_is_held_by_one() {
    let (_dir, store) = store();
    let held = store.lock("lock").unwrap();
    assert!(held.is_some());
    let other = RealStoreDir::open(&store.real_path().unwrap(), false).unwrap();
    assert!(other.lock("lock").unwrap().is_none());
    drop(held);
    assert!(other.lock("lock").unwrap().is_some());
    assert!(store.real_path().unwrap().join("lock").exists());
}

#[test]
fn a_missing_directory_is_made_only_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("none");
    assert_eq!(
        RealStoreDir::open(&at, false).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    RealStoreDir::open(&at, true).unwrap();
    std::fs::set_permissions(&at, PermissionsExt::from_mode(0o755)).unwrap();
    let refused = RealStoreDir::open(&at, true).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    assert!(refused.to_string().contains("chmod 700"), "{refused}");
}

#[test]
fn bytes_are_written_again_where_they_are_and_beyond_the_end() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = RealStoreDir::open(&temporary.path().join("store"), true).unwrap();
    dir.append("log").unwrap().append(b"one two").unwrap();
    dir.rewrite("log", 4, b"two three").unwrap();
    let file = dir.read("log").unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes, b"one two three");
    let missing = dir.rewrite("other", 0, b"x").unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
}
