//! The harness against a stand-in for the binary: a script that serves a socket, prints and ends as told.

use rustix::process::{Pid, test_kill_process};
use serde_json::json;

use super::*;

/// Speaks as much of the product as the harness needs: `daemon run` serves three sockets and answers every
/// request with its own parameters and the size of the file that came along.
const STAND_IN: &str = r#"#!/usr/bin/env python3
import array, json, os, socket, sys, threading, signal
run = os.environ["AFT_RUNTIME_DIR"]
def serve(conn):
    buffer = b""
    while True:
        data, extra, _, _ = conn.recvmsg(65536, socket.CMSG_LEN(4))
        if not data:
            return
        size = None
        for _, _, payload in extra:
            size = os.fstat(array.array("i", payload)[0]).st_size
        buffer += data
        while b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            request = json.loads(line)
            note = {"jsonrpc": "2.0", "method": "event", "params": {"n": 1}}
            answer = {"jsonrpc": "2.0", "id": request["id"]}
            if request["method"] == "fail":
                answer["error"] = {"code": 1, "message": "no", "data": {"kind": "invalid"}}
            else:
                answer["result"] = {"params": request["params"], "size": size}
            for message in (note, answer):
                conn.sendall(json.dumps(message).encode() + b"\n")
def accept(listener):
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
if sys.argv[1:] == ["daemon", "run"]:
    with open(os.path.join(os.environ["AFT_HOME"], "control.key"), "w") as key:
        key.write("k" * 32)
    with open(os.path.join(os.environ["AFT_HOME"], "pid"), "w") as file:
        file.write(str(os.getpid()))
    for name in ("control", "editor", "agent"):
        path = os.path.join(run, name + ".sock")
        if os.path.exists(path):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(16)
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
    print("serving", flush=True)
    signal.sigwait({signal.SIGTERM})
elif sys.argv[1:] == ["daemon", "stop"]:
    with open(os.path.join(os.environ["AFT_HOME"], "pid")) as file:
        os.kill(int(file.read()), signal.SIGTERM)
elif sys.argv[1:2] == ["env"]:
    print(json.dumps({name: value for name, value in os.environ.items()}))
elif sys.argv[1:2] == ["cat"]:
    sys.stdout.write(sys.stdin.read())
else:
    sys.exit("unknown")
"#;

struct StandIn {
    _dir: TempDir,
    daemon: TestDaemon,
}

fn stand_in() -> StandIn {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("aft");
    fs::write(&path, STAND_IN).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let daemon = TestDaemon::of_binary(path);
    StandIn { _dir: dir, daemon }
}

#[test]
fn a_daemon_is_started_paused_killed_stopped_and_restarted() {
    let mut stand_in = stand_in();
    let daemon = &mut stand_in.daemon;
    assert_eq!(daemon.pid(), None);
    daemon.run();
    let first = daemon.pid().unwrap();
    daemon.pause();
    daemon.resume();
    assert_eq!(
        daemon.connect(Socket::Agent).expect_call("x", &json!([1]))["params"],
        json!([1])
    );
    daemon.restart();
    let second = daemon.pid().unwrap();
    assert_ne!(first, second);
    daemon.kill();
    assert_eq!(daemon.pid(), None);
    daemon.run();
    // It serves before it says so.
    crate::workspace::wait_until(
        Duration::from_secs(10),
        "the third start is printed",
        || daemon.printed().matches("serving").count() == 3,
    );
    daemon.pause();
    let pid = Pid::from_raw(daemon.pid().unwrap()).unwrap();
    drop(stand_in);
    assert!(
        test_kill_process(pid).is_err(),
        "dropped, nothing is left, not even a paused one"
    );
}

#[test]
fn connections_carry_lines_errors_events_and_descriptors() {
    let mut stand_in = stand_in();
    stand_in.daemon.run();
    let mut control = stand_in.daemon.control();
    assert_eq!(control.next_event().unwrap()["params"]["n"], 1);
    let mut editor = stand_in.daemon.connect(Socket::Editor);
    assert_eq!(
        editor.call("fail", &json!({})).unwrap_err()["data"]["kind"],
        "invalid"
    );
    let key = fs::File::open(stand_in.daemon.store().join("control.key")).unwrap();
    assert_eq!(editor.hello_with_key(&key).unwrap()["size"], 32);
    editor
        .send_raw(b"{\"id\": 9, \"method\": \"m\", \"params\": {}}\n")
        .unwrap();
    assert_eq!(editor.answer(9).unwrap().unwrap()["size"], Value::Null);
    stand_in.daemon.kill();
    assert!(matches!(editor.read_line(), Ok(None) | Err(_)));
}

#[test]
fn commands_see_only_the_environment_of_the_test() {
    let mut stand_in = stand_in();
    stand_in.daemon.set_env("AFT_EXTRA", "1");
    let seen = stand_in
        .daemon
        .aft_json(stand_in.daemon.runtime_dir().as_path(), &["env"]);
    assert_eq!(seen["AFT_HOME"], stand_in.daemon.store().to_str().unwrap());
    assert_eq!(seen["AFT_EXTRA"], "1");
    assert!(
        seen.as_object()
            .unwrap()
            .keys()
            .all(|name| !name.starts_with("XDG_"))
    );
    let fed = stand_in.daemon.aft_fed(Path::new("/"), &["cat"], b"in");
    assert_eq!((fed.status, fed.stdout.as_str()), (0, "in"));
    let failed = stand_in.daemon.aft(&["nonsense"]);
    assert_eq!((failed.status, failed.stderr.as_str()), (1, "unknown\n"));
}

#[test]
fn a_daemon_that_ends_at_once_is_told_with_what_it_printed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("aft");
    fs::write(&path, "#!/bin/sh\necho broken >&2; exit 8\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let failed = std::panic::catch_unwind(|| TestDaemon::of_binary(path.clone()).run());
    let text = failed.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("broken"), "{text}");
}
