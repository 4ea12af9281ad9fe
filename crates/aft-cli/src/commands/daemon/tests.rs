//! The service without a service.

use serde_json::json;

use super::*;
use crate::fake_daemon::{FakeDaemon, run_at};

fn nowhere() -> (tempfile::TempDir, aft_rpc::Paths) {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_owned();
    let paths = aft_rpc::Paths {
        home: home.clone(),
        runtime_dir: home.join("run"),
        config: home.join("c.toml"),
    };
    (dir, paths)
}

#[test]
fn status_and_stop_do_not_start_a_daemon() {
    let (_dir, paths) = nowhere();
    for line in ["aft daemon status", "aft daemon stop"] {
        let ran = run_at(&paths, line);
        assert_eq!(ran.exit, 7, "{line}");
        assert!(ran.failure.unwrap().text().contains("aft daemon start"));
    }
    assert!(!paths.log_dir().exists());
}

#[test]
fn logs_are_read_from_the_files_when_no_daemon_runs() {
    let (_dir, paths) = nowhere();
    assert_eq!(run_at(&paths, "aft daemon logs").exit, 4);
    std::fs::create_dir(paths.log_dir()).unwrap();
    std::io::Write::write_all(
        &mut std::fs::File::create(paths.log_dir().join("aft.log")).unwrap(),
        b"one\ntwo\nthr\x1bee\n",
    )
    .unwrap();
    std::fs::File::create(paths.daemon_output()).unwrap();
    let ran = run_at(&paths, "aft daemon logs -n 2");
    assert_eq!((ran.exit, ran.out.as_str()), (0, "two\nthr\\u{1b}ee\n"));
    let document: serde_json::Value =
        serde_json::from_str(&run_at(&paths, "aft daemon logs -n 1 --json").out).unwrap();
    assert_eq!(document["lines"], json!(["thr\u{1b}ee"]));
}

#[test]
fn status_shows_process_and_version() {
    let answer = json!({ "pid": 42, "version": "0.1.0", "uptime": 3700.5, "started": "2026-11-21T12:03:04.000000000Z", "instance": "i",
        "home": "/h", "runtime_dir": "/r", "n_workspaces": 2, "n_connections": 1, "memory_bytes": 1048576 });
    let ran = FakeDaemon::always(answer).run("aft daemon status");
    assert!(
        ran.out
            .starts_with("The daemon runs: process 42, version 0.1.0.\n  uptime      1 h 1 min\n"),
        "{}",
        ran.out
    );
}

#[test]
fn the_newest_log_that_says_something_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(newest_file(&dir.path().join("none")), None);
    std::fs::File::create(dir.path().join("empty")).unwrap();
    assert_eq!(newest_file(dir.path()), None);
    std::io::Write::write_all(
        &mut std::fs::File::create(dir.path().join("full")).unwrap(),
        b"x",
    )
    .unwrap();
    assert_eq!(newest_file(dir.path()), Some(dir.path().join("full")));
}
