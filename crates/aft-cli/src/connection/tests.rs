//! A daemon that makes room, one that is not there, and a sandbox that has a lesser socket only.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use aft_rpc::types::daemon::{DaemonStopParams, DiscoverParams};
use serde_json::Value;

use super::*;

fn places() -> (tempfile::TempDir, Paths) {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_owned();
    File::create(home.join("control.key")).unwrap();
    (
        dir,
        Paths {
            home: home.clone(),
            runtime_dir: home.clone(),
            config: home.join("c.toml"),
        },
    )
}

/// Reads `hello` and the request, and answers both; returns what `hello` said.
fn answer(stream: &UnixStream) -> Value {
    let mut lines = BufReader::new(stream).lines();
    let hello: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let request: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let result =
        r#"{"version":"1","protocol":1,"instance":"i","role":"control","capabilities":[]}"#;
    let mut writer = stream;
    writeln!(writer, r#"{{"jsonrpc":"2.0","id":0,"result":{result}}}"#).unwrap();
    writeln!(
        writer,
        r#"{{"jsonrpc":"2.0","id":{},"result":{{"method":{}}}}}"#,
        request["id"], request["method"]
    )
    .unwrap();
    hello
}

#[test]
fn a_daemon_that_hangs_up_at_hello_is_asked_once_more_without_a_version() {
    let (_dir, paths) = places();
    let listener = UnixListener::bind(paths.socket(Role::Control).unwrap()).unwrap();
    let server = std::thread::spawn(move || {
        // The old daemon takes two more connections while it ends.
        for _ in 0..3 {
            drop(listener.accept().unwrap());
        }
        answer(&listener.accept().unwrap().0)
    });
    let mut connection = Connection::new(paths, Start::Never);
    let raw = connection
        .call_raw("rpc.discover", &DiscoverParams {})
        .unwrap();
    assert_eq!(raw.get(), r#"{"method":"rpc.discover"}"#);
    assert_eq!(
        server.join().unwrap()["params"],
        serde_json::json!({ "client": "aft" })
    );
}

#[test]
fn a_hangup_after_hello_is_not_tried_again_because_the_request_may_be_done() {
    let (_dir, paths) = places();
    let listener = UnixListener::bind(paths.socket(Role::Control).unwrap()).unwrap();
    let server = std::thread::spawn(move || {
        let stream = listener.accept().unwrap().0;
        let hello = answer(&stream);
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        hello
    });
    let mut connection = Connection::new(paths, Start::Never);
    connection
        .call_raw("rpc.discover", &DiscoverParams {})
        .unwrap();
    assert!(
        connection
            .call_raw("daemon.stop", &DaemonStopParams {})
            .unwrap_err()
            .is_hangup()
    );
    let hello = server.join().unwrap();
    assert_eq!(hello["params"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn without_a_daemon_and_without_starting_one_it_is_an_error() {
    let (_dir, paths) = places();
    let mut connection = Connection::new(paths.clone(), Start::Never);
    assert_eq!(
        connection.client().map(drop).unwrap_err().exit(),
        aft_rpc::ExitKind::NoDaemon
    );
    assert!(!paths.log_dir().exists());
}

#[test]
fn where_only_the_agents_socket_is_that_one_serves() {
    let dir = tempfile::tempdir().unwrap();
    let runtime_dir = dir.path().to_owned();
    let paths = Paths {
        home: runtime_dir.join("none"),
        runtime_dir,
        config: dir.path().join("c.toml"),
    };
    let listener = UnixListener::bind(paths.socket(Role::Agent).unwrap()).unwrap();
    let server = std::thread::spawn(move || answer(&listener.accept().unwrap().0));
    let mut connection = Connection::new(paths, Start::Never);
    assert!(
        connection
            .call_raw("rpc.discover", &DiscoverParams {})
            .is_ok()
    );
    server.join().unwrap();
}
