//! A daemon without any network: its whole work is done over its own sockets and files, and the system is never asked
//! for another kind of socket. A client that sees the store read only has no control.
//!
//! Does: run the daemon and its commands in an empty network namespace under `strace`, and read what it asked for.
//! Does not: test roles, which `e2e_rough` does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use aft_testkit::{TestDaemon, Workspace, daemon};

use crate::e2e_real::not_covered::am_root;
use crate::e2e_real::rig::{Rig, has};

/// A program that runs `aft` where there is no network, and notes every socket it asks for.
fn without_network(place: &Workspace) -> Option<(PathBuf, PathBuf)> {
    if !has(place, "strace") || !has(place, "unshare") {
        return None;
    }
    let notes = place.outside().join("sockets");
    fs::create_dir(&notes).expect("a directory");
    let program = place.outside().join("aft-without-network");
    let script = format!(
        "#!/bin/sh\nexec unshare -r -n strace -D -f -qq -e trace=socket,socketpair,connect,bind -o {}/$$ {} \"$@\"\n",
        notes.display(),
        daemon::binary().display()
    );
    fs::write(&program, script).expect("a wrapper");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    let runs = place.try_run(&program.to_string_lossy(), &["--version"]);
    if runs.status != 0 {
        println!("SKIPPED: no namespace or no tracing here: {}", runs.stderr);
        return None;
    }
    Some((program, notes))
}

#[test]
fn a_whole_run_without_a_network_asks_for_none() {
    let place = Workspace::new();
    let Some((program, notes)) = without_network(&place) else {
        return;
    };
    let mut daemon = TestDaemon::of_binary(program);
    daemon.run();
    let rig = Rig::of(daemon);
    rig.project.write("f", "one\n");
    rig.project.git_init();
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    rig.project.write("f", "two\n");
    for arguments in [
        &["sync", "--durable", "--strict"][..],
        &["status"],
        &["log"],
        &["show", "2"],
        &["diff", "start"],
        &["rollback", "start"],
        &["undo"],
        &["redo"],
        &["check", "--read-data"],
        &["doctor"],
        &["daemon", "status"],
        &["gc"],
    ] {
        // Some may have nothing to do; what counts is what they ask the system for.
        println!("{arguments:?}: {}", rig.aft(arguments).status);
    }
    assert_eq!(rig.project.text("f"), "one\n", "the rollback is done again");
    drop(rig);
    let mut calls = 0;
    for entry in fs::read_dir(&notes).expect("notes").flatten() {
        for line in fs::read_to_string(entry.path()).expect("a note").lines() {
            calls += usize::from(line.contains("AF_UNIX"));
            let foreign = line.contains("AF_") && !line.contains("AF_UNIX");
            assert!(!foreign, "another kind of socket: {line}");
        }
    }
    assert!(calls > 20, "nothing was noted: {calls}");
}

/// As a container sees it that was given the sockets and the project, and the store to read.
#[test]
fn a_client_that_sees_the_store_read_only_has_no_control() {
    if !am_root() {
        println!("SKIPPED: only root can mount");
        return;
    }
    let rig = Rig::new();
    rig.project.write("f", "one\n");
    rig.watch();
    let head = rig.head();
    let store = rig.daemon.store();
    let inside = |command: &str| {
        let script = format!(
            "mount --bind {0} {0} && mount -o remount,bind,ro {0} || exit 77; export AFT_HOME={0} AFT_RUNTIME_DIR={1}; exec {2} {command}",
            store.display(),
            rig.daemon.runtime_dir().display(),
            daemon::binary().display(),
        );
        rig.project.try_run(
            "unshare",
            &["-m", "--propagation", "private", "sh", "-c", &script],
        )
    };
    let probe = inside("--version");
    if probe.status != 0 {
        println!("SKIPPED: nothing can be mounted here: {}", probe.stderr);
        return;
    }
    for command in ["daemon stop", "unwatch . --purge --yes", "watch --detach ."] {
        let refused = inside(command);
        assert_ne!(refused.status, 0, "{command}: {}", refused.stdout);
        assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    }
    rig.project.write("f", "two\n");
    assert!(rig.head() > head, "it serves on");
}
