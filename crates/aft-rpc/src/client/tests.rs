//! The client against a scripted server on a real socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread::JoinHandle;

use super::*;
use crate::ancillary::receive_with_fds;
use crate::types::daemon::{DaemonStopParams, DiscoverParams};
use crate::types::event::EventName;
use crate::{ErrorKind, Notification};

/// Runs `script` as the server of one connection.
fn serve(
    script: impl FnOnce(UnixStream) + Send + 'static,
) -> (tempfile::TempDir, PathBuf, JoinHandle<()>) {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("control.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let server = std::thread::spawn(move || script(listener.accept().unwrap().0));
    (dir, socket, server)
}

fn read_line(stream: &UnixStream) -> serde_json::Value {
    let mut line = String::new();
    BufReader::with_capacity(1 << 16, stream.try_clone().unwrap())
        .read_line(&mut line)
        .unwrap();
    serde_json::from_str(&line).unwrap()
}

fn hello_result() -> &'static str {
    r#"{"version":"9","protocol":1,"instance":"i","role":"control","capabilities":[]}"#
}

#[test]
fn hello_and_the_first_request_are_one_write_with_the_key_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    File::create(dir.path().join("control.key")).unwrap();
    let paths = Paths {
        home: dir.path().into(),
        runtime_dir: dir.path().into(),
        config: dir.path().join("c"),
    };
    let listener = UnixListener::bind(paths.socket(Role::Control).unwrap()).unwrap();
    let key = paths.control_key();
    let server = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut bytes = vec![0; 4096];
        let (n_read, fds) = receive_with_fds(stream.as_fd(), &mut bytes).unwrap();
        let text = String::from_utf8(bytes[..n_read].to_vec()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.lines().next().unwrap().contains(r#""method":"hello""#));
        assert!(crate::ancillary::is_read_write_open_of(&fds[0], &key).unwrap());
        writeln!(
            stream,
            r#"{{"jsonrpc":"2.0","id":0,"result":{}}}"#,
            hello_result()
        )
        .unwrap();
        writeln!(
            stream,
            r#"{{"jsonrpc":"2.0","id":1,"result":{{"pid":42}}}}"#
        )
        .unwrap();
    });
    let mut client = Client::connect_as(&paths, Role::Control, HelloParams::default()).unwrap();
    assert_eq!(client.call(&DaemonStopParams {}).unwrap().pid, 42);
    assert_eq!(client.hello().unwrap().version, "9");
    server.join().unwrap();
}

#[test]
fn an_error_comes_back_with_its_kind() {
    let (_dir, socket, server) = serve(|mut stream| {
        assert_eq!(read_line(&stream)["method"], "daemon.stop");
        let error = RpcError::new(ErrorKind::Forbidden, "no");
        stream
            .write_all(&crate::Response::err(Id::Number(1), error).to_line())
            .unwrap();
    });
    let mut client = Client::connect(&socket).unwrap();
    let Err(ClientError::Rpc(error)) = client.call(&DaemonStopParams {}) else {
        panic!("no error")
    };
    assert_eq!(error.data.kind, ErrorKind::Forbidden);
    server.join().unwrap();
}

#[test]
fn events_that_come_before_an_answer_are_kept_in_order() {
    let event = |clock: &str| Event {
        subscription: "s".to_owned(),
        event: Some(EventName::SnapshotCreated),
        workspace: None,
        clock: Some(clock.to_owned()),
        time: None,
        payload: serde_json::Value::Null,
        fresh_instance: false,
    };
    let (_dir, socket, server) = serve(move |mut stream| {
        read_line(&stream);
        stream
            .write_all(&to_line(&Notification::event(&event("1")).unwrap()))
            .unwrap();
        stream
            .write_all(&crate::Response::ok(Id::Number(1), &serde_json::json!({"x": 1})).to_line())
            .unwrap();
        stream
            .write_all(&to_line(&Notification::event(&event("2")).unwrap()))
            .unwrap();
    });
    let mut client = Client::connect(&socket).unwrap();
    assert_eq!(client.call(&DiscoverParams {}).unwrap()["x"], 1);
    assert_eq!(client.next_event().unwrap().clock.as_deref(), Some("1"));
    assert_eq!(client.next_event().unwrap().clock.as_deref(), Some("2"));
    server.join().unwrap();
    assert!(matches!(client.next_event(), Err(ClientError::Closed)));
}

#[test]
fn a_silent_daemon_runs_into_the_deadline_and_its_late_answer_is_passed_over() {
    let (release, wait) = std::sync::mpsc::channel();
    let (_dir, socket, server) = serve(move |mut stream| {
        read_line(&stream);
        wait.recv().unwrap();
        stream
            .write_all(
                &crate::Response::ok(Id::Number(1), &serde_json::json!({"late": true})).to_line(),
            )
            .unwrap();
        read_line(&stream);
        stream
            .write_all(
                &crate::Response::ok(Id::Number(2), &serde_json::json!({"late": false})).to_line(),
            )
            .unwrap();
    });
    let mut client = Client::connect(&socket).unwrap();
    client.set_deadline(Some(Duration::from_millis(20)));
    assert!(matches!(
        client.call(&DiscoverParams {}),
        Err(ClientError::TimedOut)
    ));
    client.set_deadline(None);
    release.send(()).unwrap();
    assert_eq!(client.call(&DiscoverParams {}).unwrap()["late"], false);
    server.join().unwrap();
}

#[test]
fn a_daemon_that_hangs_up_and_one_that_is_not_there_are_told_apart() {
    let (dir, socket, server) = serve(|stream| {
        read_line(&stream);
    });
    let mut client = Client::connect(&socket).unwrap();
    assert!(matches!(
        client.call(&DiscoverParams {}),
        Err(ClientError::Closed)
    ));
    server.join().unwrap();
    assert!(matches!(
        Client::connect(&dir.path().join("none.sock")),
        Err(ClientError::NoDaemon { .. })
    ));
    assert!(
        matches!(Client::connect(&socket), Err(ClientError::NoDaemon { .. })),
        "a socket nobody listens at"
    );
}

#[test]
fn a_request_beyond_the_ceiling_is_not_sent() {
    let (_dir, socket, server) = serve(|stream| {
        let mut rest = Vec::new();
        (&stream).read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty());
    });
    let mut client = Client::connect(&socket).unwrap();
    let long = "x".repeat(MAX_LINE);
    assert!(matches!(
        client.call_raw("hello", &long),
        Err(ClientError::RequestTooLong { .. })
    ));
    drop(client);
    server.join().unwrap();
}
