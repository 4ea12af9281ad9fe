//! Clients that mean harm, or mean nothing at all, beside one that works: the daemon goes on, the one that works is
//! answered as before, and nothing of the others is left.
//!
//! Does: attack the sockets from outside, and read what the kernel says about the process.
//! Does not: look into answers, which `e2e_rough` does; judge times closely, because other programs run here too.

mod beside;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aft_testkit::daemon::Socket;
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use serde_json::{Value, json};

use super::gauge::Gauge;
use super::hostile_lines::Lines;
use super::{limit, size};
use crate::e2e_real::rig::Rig;
use crate::e2e_real::seed;
use beside::{GONE, RSS_MORE, connect, name, socket, under, under_instead_of};

/// What other programs may add where not everything is wanted.
const BUSY: Duration = Duration::from_millis(150);

fn document(rig: &Rig) -> Value {
    let mut editor = rig.daemon.connect(Socket::Editor);
    editor.expect_call("rpc.discover", &json!({}))
}

/// Sends so many lines, a few at a time, and reads until a question behind them is answered.
fn fuzz(rig: &Rig, which: Socket, lines: &mut Lines, n: usize) {
    let mut connection = None;
    let mut sent = 0;
    while sent < n {
        let open = connection.get_or_insert_with(|| {
            let connection = connect(rig, which);
            let deadline = Duration::from_secs(20);
            connection.set_read_deadline(deadline).expect("a deadline");
            connection
        });
        let mut piece = Vec::new();
        for _ in 0..8 {
            piece.extend(lines.line());
        }
        let marker = format!("marker {sent}");
        let question = json!({"jsonrpc": "2.0", "id": marker, "method": "workspace.list"});
        piece.extend(format!("{question}\n").into_bytes());
        sent += 8;
        let answered = open.send_raw(&piece).is_ok()
            && loop {
                match open.read_message() {
                    Ok(Some(message)) if message["id"] == json!(marker) => break true,
                    Ok(Some(_)) => {}
                    Ok(None) => break false,
                    Err(error) => panic!("no answer on {which:?}: {error}"),
                }
            };
        if !answered {
            connection = None;
        }
    }
}

#[test]
fn lines_without_sense_do_no_harm() {
    let n = usize::try_from(size("AFT_HOSTILE", 6_000, 1_000_000)).expect("a number");
    let mut rng = Rng::new(seed("hostile lines"));
    // A fence beside checkpoints, rollbacks and purges waits for them, whoever asks: they are asked with sense first.
    let with_sense = |rig: &Rig, which, over: &AtomicBool| {
        let mut lines = Lines::new(&document(rig), &name(rig), Rng::new(1)).with_sense();
        while !over.load(Ordering::Relaxed) {
            fuzz(rig, which, &mut lines, 8);
        }
    };
    under_instead_of("lines without sense", with_sense, |rig| {
        let document = document(rig);
        thread::scope(|scope| {
            for which in [Socket::Agent, Socket::Editor, Socket::Control] {
                let mut lines = Lines::new(&document, &name(rig), rng.fork());
                scope.spawn(move || fuzz(rig, which, &mut lines, n / 3));
            }
        });
    });
}

/// Writes until the daemon has enough; how many bytes it took, and whether it closed the connection.
fn pour(stream: &mut UnixStream, piece: &[u8], max: u64) -> (u64, bool) {
    let mut taken = 0;
    while taken < max {
        match stream.write(piece) {
            Ok(count) => taken += count as u64,
            Err(error) => {
                let closed = error.kind() == std::io::ErrorKind::BrokenPipe
                    || error.kind() == std::io::ErrorKind::ConnectionReset;
                return (taken, closed);
            }
        }
    }
    (taken, false)
}

#[test]
fn a_line_without_an_end_is_cut_short() {
    under("a line of 1 GiB", |rig| {
        for which in [Socket::Agent, Socket::Editor, Socket::Control] {
            let mut stream = UnixStream::connect(socket(rig, which)).expect("connected");
            stream
                .set_write_timeout(Some(limit(GONE)))
                .expect("a deadline");
            let (taken, closed) = pour(&mut stream, &[b'a'; 64 << 10], 1 << 30);
            println!("{which:?} took {taken} bytes");
            assert!(closed && taken < 16 << 20, "{taken} bytes, closed {closed}");
        }
    });
}

#[test]
fn depth_and_bad_text_are_answered_with_an_error() {
    under("depth and bad text", |rig| {
        for which in [Socket::Agent, Socket::Editor, Socket::Control] {
            for depth in [65, 1000, 10_000, 400_000] {
                for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                    let middle = if open == "[" { "" } else { "1" };
                    let line = format!("{}{middle}{}\n", open.repeat(depth), close.repeat(depth));
                    if line.len() > 1 << 20 {
                        continue;
                    }
                    let mut connection = connect(rig, which);
                    connection.send_raw(line.as_bytes()).expect("sent");
                    let answer = connection.read_message().expect("an answer");
                    let answer = answer.expect("a line");
                    assert!(!answer["error"].is_null(), "{answer}");
                }
            }
            let bad: [&[u8]; 4] = [
                b"\xff\xfe\x00\n",
                b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xc3\x28\"}\n",
                b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sync\",\"params\":{\"workspace\":\"\xed\xa0\x80\"}}\n",
                b"\x00\x00\x00\x00\n",
            ];
            for line in bad {
                let mut connection = connect(rig, which);
                connection.send_raw(line).expect("sent");
                let answer = connection.read_message().expect("an answer");
                let answer = answer.expect("a line");
                assert!(!answer["error"].is_null(), "{answer}");
            }
        }
    });
}

#[test]
fn descriptors_that_nobody_asked_for_are_closed() {
    under("descriptors", |rig| {
        let gauge = Gauge::of(&rig.daemon);
        let place = rig.project.outside().join("passed");
        std::fs::write(&place, "passed\n").expect("a file");
        let file = File::open(&place).expect("the file");
        let line = json!({"jsonrpc": "2.0", "id": 1, "method": "workspace.list"}).to_string();
        for which in [Socket::Agent, Socket::Editor, Socket::Control] {
            for _ in 0..10 {
                let mut connection = connect(rig, which);
                for _ in 0..50 {
                    connection.send_with_file(&line, &file).expect("sent");
                    connection.read_message().expect("an answer");
                }
            }
        }
        let passed = place.to_string_lossy().into_owned();
        wait_until(limit(GONE), "none of them is open", || {
            gauge.fds().iter().all(|fd| *fd != passed)
        });
    });
}

#[test]
fn many_connections_leave_those_that_are_there_alone() {
    let n = size("AFT_HOSTILE", 6_000, 1_000_000) / 20;
    under("many connections", |rig| {
        let mut open = Vec::new();
        for n in 0..n {
            let which = [Socket::Agent, Socket::Editor, Socket::Control][n as usize % 3];
            // The backlog may be full: that is an answer too.
            open.extend(UnixStream::connect(socket(rig, which)));
            if open.len() >= 200 {
                open.clear();
            }
        }
        println!("{n} connections");
    });
}

#[test]
fn idle_connections_do_not_keep_a_person_out() {
    under("idle connections", |rig| {
        let gauge = Gauge::of(&rig.daemon);
        let before = gauge.read();
        let mut idle: Vec<_> = (0..150)
            .filter_map(|_| UnixStream::connect(socket(rig, Socket::Agent)).ok())
            .collect();
        // The last one is closed, so all were looked at.
        assert!(idle.last_mut().is_some_and(is_closed), "150 were let in");
        // What an agent may open is all taken; the person's own socket answers.
        let listed = rig
            .daemon
            .control()
            .expect_call("workspace.list", &json!({}));
        assert!(!listed["workspaces"].is_null(), "{listed}");
        rig.ok(&["status"]);
        drop(idle);
        wait_until(limit(GONE), "all of them are gone", || {
            gauge.read().n_sockets <= before.n_sockets
        });
    });
}

/// Whether the daemon closes this connection in time.
fn is_closed(stream: &mut UnixStream) -> bool {
    stream
        .set_read_timeout(Some(limit(GONE)))
        .expect("a deadline");
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn half_a_line_is_not_waited_for() {
    under("half a line", |rig| {
        let mut streams = Vec::new();
        for which in [Socket::Agent, Socket::Editor, Socket::Control] {
            for half_closed in [false, true] {
                let mut stream = UnixStream::connect(socket(rig, which)).expect("connected");
                stream.write_all(b"{\"jsonrpc\": \"2.0\",").expect("sent");
                if half_closed {
                    stream
                        .shutdown(std::net::Shutdown::Write)
                        .expect("half closed");
                }
                streams.push(stream);
            }
        }
        for mut stream in streams {
            assert!(is_closed(&mut stream), "half a line was waited for");
        }
    });
}

#[test]
fn who_never_reads_is_gone_and_costs_nothing() {
    under("never reading", |rig| {
        let gauge = Gauge::of(&rig.daemon);
        let before = gauge.read();
        let params = json!({"workspace": name(rig)});
        let request =
            json!({"jsonrpc": "2.0", "id": 1, "method": "history.list", "params": params});
        let line = request.to_string() + "\n";
        let mut streams = Vec::new();
        for which in [Socket::Agent, Socket::Editor] {
            for _ in 0..8 {
                let mut stream = UnixStream::connect(socket(rig, which)).expect("connected");
                stream
                    .set_write_timeout(Some(Duration::from_millis(200)))
                    .expect("a deadline");
                // Until it is held back.
                let (taken, _) = pour(&mut stream, line.repeat(50).as_bytes(), 64 << 20);
                assert!(taken < 16 << 20, "{taken} bytes of requests were taken");
                streams.push(stream);
            }
        }
        let held_back = gauge.read();
        println!("held back: {held_back:?}");
        assert!(
            held_back.rss_kib <= before.rss_kib + RSS_MORE,
            "{before:?} {held_back:?}"
        );
        let start = Instant::now();
        wait_until(Duration::from_secs(90), "they are closed", || {
            gauge.read().n_sockets <= before.n_sockets
        });
        println!("gone after {:?}", start.elapsed());
        assert!(
            start.elapsed() < limit(GONE),
            "gone after {:?}",
            start.elapsed()
        );
    });
}
