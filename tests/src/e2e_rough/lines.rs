//! Lines no honest client sends: endless ones, and ones that stop in the middle.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use aft_testkit::daemon::Socket;
use serde_json::json;

use super::rig::{Rig, about};

/// A line is given up this long after its first byte; a busy machine is late.
const PATIENCE: std::ops::Range<Duration> = Duration::from_secs(8)..Duration::from_secs(25);

/// A figure of `/proc/PID/status` in KiB.
fn kib(pid: i32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .expect("the figure");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

fn connect(rig: &Rig, socket: Socket) -> UnixStream {
    let stream =
        UnixStream::connect(rig.daemon.runtime_dir().join(socket.file_name())).expect("a socket");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a deadline");
    stream
        .set_write_timeout(Some(Duration::from_secs(60)))
        .expect("a deadline");
    stream
}

#[test]
fn a_request_of_100_mb_ends_its_connection_and_costs_no_memory() {
    let rig = Rig::watching("//- /f\n1\n");
    let before = rig.unharmed();
    let pid = rig.daemon.pid().expect("a daemon");
    let mut other = rig.agent();
    other.expect_call("sync", &about(&rig, &json!({})));
    let resident = kib(pid, "VmRSS");
    for socket in [Socket::Agent, Socket::Editor, Socket::Control] {
        let mut stream = connect(&rig, socket);
        let piece = vec![b'x'; 1 << 20];
        let mut sent = 0;
        let ended = (0..100).find_map(|_| {
            let result = stream.write_all(&piece).err();
            sent += 1;
            result
        });
        assert!(ended.is_some(), "{socket:?} took 100 MiB of one line");
        assert!(
            sent < 20,
            "{socket:?} took {sent} MiB before it ended the connection"
        );
        other.expect_call("sync", &about(&rig, &json!({})));
    }
    let peak = kib(pid, "VmHWM");
    assert!(
        peak < resident + 12 * 1024,
        "it grew from {resident} to {peak} KiB"
    );
    rig.assert_unharmed(&before, "100 MB");
}

#[test]
fn a_line_over_the_limit_is_told_so_and_one_at_the_limit_is_taken() {
    let rig = Rig::new();
    let request = |len: usize| {
        let frame = r#"{"jsonrpc":"2.0","id":1,"method":"hello","params":{"client":""}}"#;
        let filling = "c".repeat(len - frame.len() - 1);
        format!(
            "{}\n",
            frame.replace("\"client\":\"\"", &format!("\"client\":\"{filling}\""))
        )
    };
    let mut editor = rig.editor();
    editor
        .send_raw(request(1 << 20).as_bytes())
        .expect("it is sent");
    let answer = editor
        .read_message()
        .expect("a message")
        .expect("an answer");
    assert_eq!(answer["result"]["protocol"], 1, "exactly 1 MiB: {answer}");
    let mut editor = rig.editor();
    // The daemon may hang up before all of it is taken; the answer is there all the same.
    drop(editor.send_raw(request((1 << 20) + 1).as_bytes()));
    let answer = editor
        .read_message()
        .expect("a message")
        .expect("an answer");
    assert_eq!(answer["error"]["data"]["kind"], "too_large", "{answer}");
    assert!(
        answer["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("1 MiB")),
        "{answer}"
    );
    assert!(
        editor
            .read_message()
            .map_or(true, |message| message.is_none()),
        "and it hangs up"
    );
}

/// All three wait at the same time.
#[test]
fn half_a_line_and_then_silence_is_dropped() {
    let rig = Rig::watching("//- /f\n1\n");
    std::thread::scope(|scope| {
        for socket in [Socket::Agent, Socket::Editor, Socket::Control] {
            let mut stream = connect(&rig, socket);
            scope.spawn(move || {
                stream.write_all(b"{\"jsonrpc\":").expect("it is sent");
                let start = Instant::now();
                let mut rest = Vec::new();
                drop(stream.read_to_end(&mut rest));
                let waited = start.elapsed();
                assert!(
                    PATIENCE.contains(&waited),
                    "{socket:?} was dropped after {waited:?}"
                );
            });
        }
        // One that says a little again and again is no better.
        let mut stream = connect(&rig, Socket::Editor);
        scope.spawn(move || {
            stream
                .set_read_timeout(Some(Duration::from_secs(2)))
                .expect("a deadline");
            let start = Instant::now();
            let mut byte = [0];
            loop {
                let sent = stream.write_all(b" ");
                match stream.read(&mut byte) {
                    Err(error)
                        if sent.is_ok() && error.kind() == std::io::ErrorKind::WouldBlock => {}
                    _ => break,
                }
                assert!(
                    start.elapsed() < PATIENCE.end,
                    "a slow line goes on for ever"
                );
            }
        });
        // A connection that is only quiet stays, and others are served.
        let mut idle = rig.editor();
        rig.edit("f", "2\n");
        scope.spawn(move || {
            std::thread::park_timeout(Duration::from_secs(12));
            idle.expect_call("workspace.list", &json!({}));
        });
    });
    rig.ok(&["status"]);
}

#[test]
fn many_connections_have_a_ceiling_and_room_comes_back() {
    let rig = Rig::watching("//- /f\n1\n");
    let mut open: Vec<UnixStream> = (0..200).map(|_| connect(&rig, Socket::Editor)).collect();
    let mut served = 0;
    for stream in &mut open {
        let asked = stream.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\"}\n");
        let mut byte = [0];
        if asked.is_ok() && stream.read(&mut byte).is_ok_and(|count| count == 1) {
            served += 1;
        }
    }
    assert!((16..200).contains(&served), "{served} of 200 were served");
    // Each socket has its own room.
    rig.agent().expect_call("workspace.list", &json!({}));
    rig.ok(&["status"]);
    drop(open);
    aft_testkit::workspace::wait_until(Duration::from_secs(20), "there is room again", || {
        rig.aft(&["status"]).status == 0
    });
}

#[test]
fn who_went_away_in_the_middle_of_a_long_poll_keeps_no_place() {
    let rig = Rig::watching("//- /f\n1\n");
    let first = rig
        .editor()
        .expect_call("history.poll", &about(&rig, &json!({})));
    let poll = about(&rig, &json!({"clock": first["clock"], "wait_ms": 60_000}));
    // Greeted, so that it has a place; `None` where none is left.
    let greeted = || {
        let mut editor = rig.editor();
        let asked = editor.send("hello", &json!({})).ok()?;
        editor.answer(asked).ok()?.ok().map(|_| editor)
    };
    let mut open = Vec::new();
    while let Some(mut editor) = greeted().filter(|_| open.len() < 500) {
        editor.send("history.poll", &poll).expect("it is sent");
        open.push(editor);
    }
    assert!((60..500).contains(&open.len()), "{} editors", open.len());
    drop(open);
    // Sooner than an answer that is not taken is given up.
    let limit = Duration::from_secs(5);
    aft_testkit::workspace::wait_until(limit, "there is room again", || greeted().is_some());
}
