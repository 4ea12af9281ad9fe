//! A descriptor goes over a real socket and proves what it should, nothing more.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use super::*;

#[test]
fn a_read_write_open_of_the_key_is_proof_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("control.key");
    let other = dir.path().join("other");
    File::create(&key).unwrap();
    File::create(&other).unwrap();
    std::os::unix::fs::symlink(&key, dir.path().join("link")).unwrap();
    let read_write = |path| File::options().read(true).write(true).open(path).unwrap();

    assert!(is_read_write_open_of(read_write(&key), &key).unwrap());
    assert!(!is_read_write_open_of(File::open(&key).unwrap(), &key).unwrap());
    assert!(!is_read_write_open_of(File::options().write(true).open(&key).unwrap(), &key).unwrap());
    assert!(!is_read_write_open_of(read_write(&other), &key).unwrap());
    assert!(!is_read_write_open_of(read_write(&key), &dir.path().join("link")).unwrap());
}

#[test]
fn a_descriptor_arrives_with_the_bytes_it_was_sent_with() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    assert_eq!(
        send_with_fd(ours.as_fd(), b"hello\n", Some(file.as_fd())).unwrap(),
        6
    );
    send_with_fd(ours.as_fd(), b"plain\n", None).unwrap();
    let mut bytes = [0; 64];
    let (n_read, fds) = receive_with_fds(theirs.as_fd(), &mut bytes).unwrap();
    assert_eq!(
        &bytes[..n_read],
        b"hello\n",
        "the kernel ends a read where a descriptor's bytes end"
    );
    assert_eq!(fds.len(), 1);
    assert_eq!(
        rustix::fs::fstat(&fds[0]).unwrap().st_ino,
        rustix::fs::fstat(&file).unwrap().st_ino
    );
    assert!(
        rustix::io::fcntl_getfd(&fds[0])
            .unwrap()
            .contains(rustix::io::FdFlags::CLOEXEC)
    );
    let (n_read, fds) = receive_with_fds(theirs.as_fd(), &mut bytes).unwrap();
    assert_eq!((&bytes[..n_read], fds.len()), (&b"plain\n"[..], 0));
    drop(ours);
    assert_eq!(receive_with_fds(theirs.as_fd(), &mut bytes).unwrap().0, 0);
}
