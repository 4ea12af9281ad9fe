//! What a person at a terminal is told while a command takes long, and nobody else.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use aft_testkit::{TestDaemon, Workspace};

/// How long anything here may take.
const WITHIN: Duration = Duration::from_secs(60);

/// `aft check` with a terminal for everything it prints, or without one.
fn check(daemon: &TestDaemon, terminal: bool) -> Child {
    let plain = daemon.command(&["check"]);
    let mut command = if terminal {
        let mut script = Command::new("script");
        let line = format!("'{}' check", plain.get_program().to_string_lossy());
        script.args(["-qefc", &line, "/dev/null"]);
        script.envs(
            plain
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        script.env("TERM", "xterm");
        script
    } else {
        plain
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

/// What it prints, as it comes.
fn printed(child: &mut Child) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    let mut out = child.stdout.take().expect("a pipe");
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(len @ 1..) = out.read(&mut buffer) {
            if send.send(buffer[..len].to_vec()).is_err() {
                break;
            }
        }
    });
    receive
}

#[test]
fn a_long_wait_is_told_on_a_terminal_and_nowhere_else() {
    if Command::new("script").arg("--version").output().is_err() {
        println!("SKIPPED: no `script`, so that there is no terminal");
        return;
    }
    let workspace = Workspace::new();
    let mut daemon = TestDaemon::start();
    daemon.aft_ok(workspace.root(), &["watch", "--detach", "."]);
    daemon.pause();
    let (mut seen, mut piped) = (check(&daemon, true), check(&daemon, false));
    let lines = printed(&mut seen);
    let mut told = Vec::new();
    while !String::from_utf8_lossy(&told).contains("checking the store") {
        let more = lines.recv_timeout(WITHIN);
        told.extend(more.expect("it says what it waits for"));
    }
    daemon.resume();
    assert!(seen.wait().expect("it ends").success());
    told.extend(lines.into_iter().flatten());
    let told = String::from_utf8_lossy(&told);
    // The line is taken away before the result.
    let (_, result) = told.rsplit_once("checking the store").expect("told");
    assert!(
        result.contains("\u{1b}[2K") && result.contains("is sound"),
        "{told:?}"
    );
    let mut error = String::new();
    let mut errors = piped.stderr.take().expect("a pipe");
    errors.read_to_string(&mut error).expect("read");
    assert!(piped.wait().expect("it ends").success());
    assert_eq!(error, "");
    daemon.stop();
}
