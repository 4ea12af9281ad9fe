//! Who serves a store: one daemon, whatever others try, whatever a dead one left behind, and none of an older time.

use std::os::unix::net::UnixListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use aft_store::OpenError;
use aft_testkit::workspace::wait_until;
use aft_testkit::{TestDaemon, Workspace};

use super::rot_damage::{frames, is_segment};
use super::rot_template::{Template, files_of, open};

/// A daemon that may not serve ends within this.
const LOSER_ENDS: Duration = Duration::from_secs(1);
/// Everything here ends within this however busy the machine is.
const LONG: Duration = Duration::from_secs(20);
/// The fastest of so many tries is held against a limit: the others may have waited for a processor.
const TRIES: usize = 5;

fn spawn(daemon: &TestDaemon) -> Child {
    let mut command = daemon.command(&["daemon", "run"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().expect("it starts")
}

/// Waits for a daemon that may not serve; how long it took.
#[track_caller]
fn assert_loses(mut loser: Child) -> Duration {
    let start = Instant::now();
    wait_until(LONG, "the other daemon ends", || {
        loser.try_wait().expect("it can be asked").is_some()
    });
    let took = start.elapsed();
    let output = loser.wait_with_output().expect("what it said");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("already"), "{said}");
    took
}

#[test]
fn of_many_daemons_one_serves_and_the_others_end_at_once() {
    let mut daemon = TestDaemon::prepare();
    let project = Workspace::from_fixture("//- /f\n1\n");
    let mut all: Vec<Child> = (0..6).map(|_| spawn(&daemon)).collect();
    wait_until(LONG, "one serves and the others are gone", || {
        let alive = |child: &mut Child| child.try_wait().expect("it can be asked").is_none();
        let n_alive = all
            .iter_mut()
            .filter_map(|child| alive(child).then_some(()))
            .count();
        assert!(n_alive > 0, "nobody serves");
        n_alive == 1 && daemon.pid().is_some()
    });
    let pid = daemon.pid().expect("one serves");
    let (winner, losers): (Vec<_>, Vec<_>) = all
        .drain(..)
        .partition(|child| i32::try_from(child.id()).ok() == Some(pid));
    for loser in losers {
        assert_loses(loser);
    }
    drop(daemon.aft_in(project.root(), &["watch", "--detach"]).ok());
    let took = (0..TRIES).map(|_| assert_loses(spawn(&daemon)));
    let fastest = took.min().expect("tries");
    assert!(fastest <= LOSER_ENDS, "{fastest:?}");
    // One that does not move still has its store.
    daemon.pause();
    assert_loses(spawn(&daemon));
    daemon.resume();
    assert_eq!(daemon.pid(), Some(pid));
    project.write("f", "2\n");
    drop(daemon.aft_in(project.root(), &["sync", "--durable"]).ok());
    let check = daemon.aft_json(project.root(), &["check", "--read-data"]);
    assert_eq!(check["ok"], true, "{check}");
    daemon.stop();
    for mut child in winner {
        assert!(child.wait().expect("it ended").success());
    }
}

#[test]
fn what_a_dead_daemon_left_behind_keeps_nobody_from_serving() {
    let mut daemon = TestDaemon::start();
    let project = Workspace::from_fixture("//- /f\n1\n");
    drop(daemon.aft_in(project.root(), &["watch", "--detach"]).ok());
    daemon.kill();
    let lock = daemon.store().join("daemon.lock");
    let sockets = ["agent.sock", "editor.sock", "control.sock"];
    for socket in sockets {
        assert!(
            daemon.runtime_dir().join(socket).exists(),
            "{socket} is left"
        );
    }
    assert!(lock.exists());
    // The number of the dead one may belong to somebody else by now, here to this test.
    std::fs::write(&lock, format!("{}\n", std::process::id())).expect("it is written");
    let start = Instant::now();
    daemon.run();
    let took = start.elapsed();
    assert!(took < LONG, "{took:?}");
    assert_eq!(daemon.aft_in(project.root(), &["cat", "f"]).ok(), "1\n");
    daemon.stop();
    // Sockets nobody listens on any more, made by somebody else.
    for socket in sockets {
        let path = daemon.runtime_dir().join(socket);
        drop(std::fs::remove_file(&path));
        drop(UnixListener::bind(&path).expect("a socket"));
        assert!(path.exists(), "it stays when its maker is gone");
    }
    daemon.run();
    project.write("f", "2\n");
    drop(daemon.aft_in(project.root(), &["sync", "--durable"]).ok());
    assert_eq!(daemon.aft_in(project.root(), &["cat", "f"]).ok(), "2\n");
}

/// CRC-32 as the format has it, continued from `crc`.
fn crc32(crc: u32, bytes: &[u8]) -> u32 {
    let mut crc = !crc;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// An intact frame of `version` at `offset` of segment `number`.
fn frame(store: &[u8], number: u32, offset: u64, version: u8, kind: u8) -> Vec<u8> {
    let head = [0xAF, 3, 0, 0];
    let rest = [version, kind, b'n', b'e', b'w'];
    let mut crc = crc32(crc32(0, store), &number.to_le_bytes());
    for part in [&offset.to_le_bytes()[..], &head, &rest] {
        crc = crc32(crc, part);
    }
    [&head[..], &crc.to_le_bytes(), &rest].concat()
}

#[test]
fn a_record_of_a_newer_time_is_refused_and_nothing_is_cut() {
    let place = tempfile::tempdir().expect("a directory");
    let dir = place.path().join("store");
    let template = Template::make(&dir, false);
    let mut segments = template.files.iter().filter(|(name, _)| is_segment(name));
    let (name, bytes) = segments.next_back().expect("a segment");
    let number: u32 = name[4..12].parse().expect("its number");
    // The header's record: the format, then the store's id.
    let header = frames(bytes)[0].range.start + 10;
    let store = bytes[header + 1..header + 17].to_vec();
    for (version, kind) in [(5, 6), (1, 77)] {
        let newer = frame(&store, number, bytes.len() as u64, version, kind);
        let with_newer = [&bytes[..], &newer].concat();
        std::fs::write(dir.join(name), &with_newer).expect("it is written");
        let before = files_of(&dir);
        let opened = open(&dir);
        if version == 5 {
            let refused = matches!(
                opened.err(),
                Some(OpenError::NewerFormat { found: 5, known: 4 })
            );
            assert!(refused, "a frame of version 5 is not understood");
            let segments = |files: Vec<(String, Vec<u8>)>| -> Vec<_> {
                files
                    .into_iter()
                    .filter(|(name, _)| is_segment(name))
                    .collect()
            };
            assert!(
                segments(before) == segments(files_of(&dir)),
                "and left alone"
            );
        } else {
            // An unknown kind without a group is what a crash leaves; the store opens.
            drop(opened.expect("it opens"));
        }
    }
}
