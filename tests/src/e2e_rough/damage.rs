//! A damaged store, a store of a newer time, and a second daemon.

use std::path::PathBuf;

use aft_testkit::Workspace;
use serde_json::json;

use super::rig::{Rig, about, assert_failure, kind};

/// Bytes that are stored as they stand, so that they can be found in a segment.
pub(super) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[2]
    };
    (0..len).map(|_| next()).collect()
}

/// Every segment of the store, of every workspace.
fn segments(rig: &Rig) -> Vec<PathBuf> {
    let workspaces = std::fs::read_dir(rig.daemon.store().join("workspaces")).expect("workspaces");
    let mut found: Vec<PathBuf> = workspaces
        .flatten()
        .flat_map(|workspace| {
            std::fs::read_dir(workspace.path())
                .expect("a workspace")
                .flatten()
        })
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("seg-") && name.ends_with(".aft")
        })
        .collect();
    found.sort();
    found
}

/// Flips a bit in the middle of where these bytes are stored.
#[track_caller]
pub(super) fn damage(rig: &Rig, content: &[u8]) {
    let middle = &content[content.len() / 2..content.len() / 2 + 24];
    for path in segments(rig) {
        let mut bytes = std::fs::read(&path).expect("a segment");
        if let Some(at) = bytes
            .windows(middle.len())
            .position(|window| window == middle)
        {
            bytes[at] ^= 0x10;
            std::fs::write(&path, bytes).expect("it is written");
            return;
        }
    }
    panic!("the content is in no segment");
}

#[test]
fn a_damaged_record_is_reported_and_never_restored_and_all_else_is_served() {
    let mut rig = Rig::watching("//- /sound\n1\n");
    let victim = noise(200_000);
    rig.edit("victim", &victim);
    rig.ok(&["sync", "--durable"]);
    rig.edit("sound", "2\n");
    rig.ok(&["sync", "--durable"]);
    rig.project.remove("victim");
    rig.edit("later", "later\n");
    rig.ok(&["sync", "--durable"]);
    let head = rig.head();
    rig.daemon.stop();
    damage(&rig, &victim);
    rig.daemon.run();
    assert_eq!(rig.head(), head, "the history is whole");
    let tree = rig.project.manifest_with_times();
    let check = rig.aft(&["check", "--read-data"]);
    assert_eq!(check.status, 8, "{}{}", check.stdout, check.stderr);
    assert!(check.stdout.contains("never put back"), "{}", check.stdout);
    assert_eq!(
        rig.aft(&["check", "--json"]).status,
        8,
        "a checksum of its own finds it too"
    );
    assert_eq!(rig.ok(&["cat", "sound", "--at", "1"]), "1\n");
    assert_eq!(rig.ok(&["cat", "later"]), "later\n");
    let error = rig.fails_json(&["cat", "victim", "--at", "2"], 8);
    assert_eq!(error["data"]["kind"], "corrupt", "{error}");
    assert!(error["data"]["remedy"].is_string(), "{error}");
    let error = rig.fails_json(&["rollback", "2"], 3);
    assert_eq!(
        error["data"]["conflicts"][0]["reason"], "content-damaged",
        "{error}"
    );
    rig.fails(&["restore", "victim", "--at", "2"], 3);
    aft_testkit::manifest::assert_same(&tree, &rig.project.manifest_with_times(), "refused");
    let partly = rig.aft(&["rollback", "2", "--on-conflict", "keep", "--json"]);
    assert_eq!(partly.status, 5, "{}{}", partly.stdout, partly.stderr);
    assert!(partly.stdout.contains("victim"), "{}", partly.stdout);
    assert!(!rig.project.exists("victim"), "never put back");
    assert_eq!(rig.project.text("sound"), "1\n", "the rest is done");
    rig.ok(&["log"]);
    // Going on works, and the same content is stored anew when it is seen again.
    rig.edit("victim", &victim);
    rig.ok(&["sync", "--durable"]);
    assert!(
        rig.aft(&["cat", "victim"]).stdout_bytes == victim,
        "content that came again is whole"
    );
}

#[test]
fn a_store_of_a_newer_time_is_left_alone_and_others_are_served() {
    let mut rig = Rig::watching("//- /f\n1\n");
    rig.ok(&["sync", "--durable"]);
    let other = Workspace::from_fixture("//- /g\n1\n");
    rig.daemon.stop();
    let bytes = std::fs::read(&segments(&rig)[0]).expect("a segment");
    assert!(bytes.starts_with(b"AFTSEG1\n"), "{:?}", &bytes[..8]);
    let newer: Vec<(PathBuf, Vec<u8>)> = segments(&rig)
        .into_iter()
        .map(|path| {
            let mut bytes = std::fs::read(&path).expect("a segment");
            bytes[6] = b'2';
            std::fs::write(&path, &bytes).expect("it is written");
            (path, bytes)
        })
        .collect();
    rig.daemon.run();
    drop(rig.daemon.aft_in(other.root(), &["watch", "--detach"]).ok());
    drop(rig.daemon.aft_in(other.root(), &["sync"]).ok());
    let status = rig.json(&["status"]);
    assert_eq!(status["state"], "detached", "{status}");
    let reason = status["reasons"][0]["message"].as_str().unwrap_or_default();
    assert!(
        reason.contains("newer") || reason.contains("format"),
        "{status}"
    );
    for command in [
        &["undo"][..],
        &["log"],
        &["rollback", "1"],
        &["sync"],
        &["checkpoint", "x"],
    ] {
        let output = rig.aft(command);
        assert!(
            [1, 8].contains(&output.status),
            "{command:?}: {}: {}",
            output.status,
            output.stderr
        );
        assert!(
            output.stderr.contains("newer") || output.stderr.contains("format"),
            "{}",
            output.stderr
        );
        assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
    }
    let again = rig.aft(&["watch", "--detach"]);
    assert!(again.status != 0, "{}{}", again.stdout, again.stderr);
    // It is still known, also when the list of workspaces is written.
    let third = Workspace::from_fixture("//- /h\n1\n");
    drop(rig.daemon.aft_in(third.root(), &["watch", "--detach"]).ok());
    assert_eq!(rig.json(&["status"])["state"], "detached");
    rig.daemon.stop();
    for (path, bytes) in newer {
        let now = std::fs::read(&path).expect("a segment");
        assert!(now == bytes, "a store of a newer time was written to");
        let mut older = bytes;
        older[6] = b'1';
        std::fs::write(&path, older).expect("it is written");
    }
    rig.daemon.run();
    assert_eq!(
        rig.ok(&["cat", "f", "--at", "1"]),
        "1\n",
        "all of it is there"
    );
    rig.ok(&["sync"]);
}

#[test]
fn a_second_daemon_says_that_one_runs() {
    let rig = Rig::watching("//- /f\n1\n");
    let before = rig.unharmed();
    let pid = rig.daemon.pid();
    let output = rig.aft(&["daemon", "run"]);
    assert_failure(&output, 1, "daemon run");
    assert!(output.stderr.contains("already"), "{}", output.stderr);
    assert!(
        output.stderr.contains("aft daemon status"),
        "{}",
        output.stderr
    );
    // With sockets elsewhere it is still the same store.
    let elsewhere = rig.project.outside().join("run");
    let mut command = rig.daemon.command(&["daemon", "run"]);
    command.env("AFT_RUNTIME_DIR", &elsewhere);
    let output = command.output().expect("it ends");
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("already"));
    assert_eq!(rig.daemon.pid(), pid);
    rig.assert_unharmed(&before, "a second daemon");
}

#[test]
fn an_index_that_is_gone_is_made_again() {
    let mut rig = Rig::watching("//- /f\n1\n");
    rig.edit("f", "2\n");
    rig.ok(&["checkpoint", "two"]);
    rig.edit("f", "3\n");
    let log = rig.log();
    rig.daemon.stop();
    for segment in segments(&rig) {
        let dir = segment.parent().expect("its directory");
        for name in ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm"] {
            drop(std::fs::remove_file(dir.join(name)));
        }
    }
    rig.daemon.run();
    assert_eq!(rig.log(), log, "the segments are the truth");
    assert_eq!(rig.ok(&["cat", "f", "--at", "two"]), "2\n");
    rig.daemon.stop();
    for segment in segments(&rig) {
        let index = segment.with_file_name("index.sqlite");
        std::fs::write(index, "this is no database").expect("it is written");
    }
    rig.daemon.run();
    assert_eq!(rig.log(), log, "a broken index is no broken history");
    let mut agent = rig.agent();
    let error = agent
        .call("file.read", &about(&rig, &json!({"path": "x"})))
        .expect_err("never there");
    assert_eq!(kind(&error), "not_found");
}
