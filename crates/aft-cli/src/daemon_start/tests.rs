//! Finding out whether another daemon holds the lock, and what one said at its end.

use std::fs::File;
use std::io::Write;

use super::*;

#[test]
fn a_lock_is_seen_without_being_taken() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("daemon.lock");
    assert!(!is_locked(&path));
    let file = File::create(&path).unwrap();
    assert!(!is_locked(&path));
    file.try_lock().unwrap();
    assert!(is_locked(&path));
    drop(file);
    assert!(!is_locked(&path));
}

#[test]
fn the_last_lines_of_a_file_are_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("daemon.out");
    assert!(last_lines(&path, 3).is_empty());
    File::create(&path)
        .unwrap()
        .write_all(b"one\ntwo\nthr\xffee\n")
        .unwrap();
    assert_eq!(last_lines(&path, 2), ["two", "thr\u{fffd}ee"]);
    assert_eq!(last_lines(&path, 9).len(), 3);
}

#[test]
fn a_daemon_that_ended_at_once_is_reported_with_its_last_words() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_owned();
    let paths = Paths {
        home: home.clone(),
        runtime_dir: home.join("run"),
        config: home.join("c.toml"),
    };
    std::fs::create_dir(paths.log_dir()).unwrap();
    File::create(paths.daemon_output())
        .unwrap()
        .write_all(b"aft: the configuration is wrong\n")
        .unwrap();
    let failure = did_not_start(&paths);
    assert_eq!(failure.exit(), ExitKind::NoDaemon);
    let text = failure.text();
    assert!(
        text.contains("daemon.out") && text.contains("  aft: the configuration is wrong\n"),
        "{text}"
    );
}
