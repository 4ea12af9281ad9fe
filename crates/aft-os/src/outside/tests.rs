//! Files outside: whole or not there, private, and never over another unasked.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use super::{Existing, OutsideFile, open_outside};

#[test]
fn a_file_comes_whole_and_private_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let mut file = OutsideFile::create(&path).unwrap();
    file.write_all(b"first").unwrap();
    drop(file);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let mut file = OutsideFile::create(&path).unwrap();
    file.write_all(b"second").unwrap();
    file.finish(Existing::Keep).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"second");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let file = OutsideFile::create(&path).unwrap();
    let refused = file.finish(Existing::Keep).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(&path).unwrap(), b"second");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    let mut file = OutsideFile::create(&path).unwrap();
    file.write_all(b"third").unwrap();
    file.finish(Existing::Replace).unwrap();
    assert_eq!(open_outside(&path).unwrap().len().unwrap(), 5);
}

#[test]
fn what_is_no_regular_file_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    assert!(open_outside(dir.path()).is_err());
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert!(open_outside(&fifo).is_err());
}
