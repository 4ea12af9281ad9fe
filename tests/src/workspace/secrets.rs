//! Secrets: kept for an exact way back, and told to nobody but the person.
//!
//! Does: put canaries into files that are secrets by name, and look for them in every answer of the lesser sockets, in
//! logs and command lines, in the store after they were to go; look at the modes of everything that is written.
//! Does not: know what a secret is; the names are those that the guide lists.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aft_testkit::TestDaemon;
use aft_testkit::daemon::{Connection, Socket, binary};
use serde_json::{Value, json};

use crate::e2e_real::rig::Rig;
use crate::wire::wire_bytes;

/// In everything that is a secret, and in nothing else.
const CANARY: &str = "canary-7d41";
/// In what is none.
const PLAIN: &str = "plain-7d41";

/// The files that are secrets, all of them with versions before and after.
const SECRETS: [&str; 6] = [
    ".env",
    "deploy/prod.env.local.env",
    "tls/server.key",
    "home/.aws/credentials",
    "credentials.json",
    "old/.npmrc",
];

/// A daemon that writes everything into its log, under a umask that takes nothing away.
fn rig() -> (tempfile::TempDir, Rig) {
    let dir = tempfile::tempdir().expect("a directory");
    let wrapper = dir.path().join("aft");
    let script = format!(
        "#!/bin/sh\numask 000\nexec {} \"$@\"\n",
        binary().to_str().expect("UTF-8")
    );
    fs::write(&wrapper, script).expect("a script");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("its mode");
    let mut daemon = TestDaemon::of_binary(wrapper);
    daemon.write_config("[daemon]\nlog = \"trace\"\n");
    daemon.run();
    (dir, Rig::of(daemon))
}

fn secret(path: &str, version: u32) -> Vec<u8> {
    let mut bytes = format!("TOKEN={CANARY}-{version}-{path}\n").into_bytes();
    // Some of them travel in base64.
    if path.ends_with(".key") {
        bytes.insert(0, 0xff);
    }
    bytes
}

fn write_all(rig: &Rig, version: u32) {
    for path in SECRETS {
        rig.project.write(path, secret(path, version));
    }
    rig.project
        .write("src/main.rs", format!("{PLAIN} {version}\n"));
}

/// A history in which secrets are made, changed, moved, linked and deleted; also within a session. Its id.
fn history(rig: &Rig) -> String {
    write_all(rig, 1);
    rig.project.symlink("id_rsa", format!("/{CANARY}/target"));
    rig.watch();
    let root = root(rig);
    let mut agent = rig.daemon.connect(Socket::Agent);
    let params = json!({"workspace": root, "agent": "tester"});
    let session = agent.expect_call("session.start", &params)["session"].clone();
    let params = json!({"workspace": root, "session": session});
    let edit = agent.expect_call("edit.begin", &params)["edit"].clone();
    write_all(rig, 2);
    rig.ok(&["sync"]);
    agent.expect_call("edit.end", &json!({"workspace": root, "edit": edit}));
    rig.project
        .rename("credentials.json", "credentials.old.json");
    rig.ok(&["sync"]);
    rig.project.remove("old/.npmrc");
    rig.ok(&["sync"]);
    rig.ok(&["checkpoint", "named"]);
    write_all(rig, 3);
    rig.ok(&["sync"]);
    session.as_str().expect("an id").to_owned()
}

fn root(rig: &Rig) -> String {
    rig.root().to_str().expect("UTF-8").to_owned()
}

/// Every text and every content in an answer.
fn texts(value: &Value, into: &mut Vec<u8>) {
    match value {
        Value::String(text) => into.extend(text.as_bytes()),
        Value::Array(all) => all.iter().for_each(|one| texts(one, into)),
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("base64") => {
            into.extend(wire_bytes(value));
        }
        Value::Object(fields) => fields.values().for_each(|one| texts(one, into)),
        other => into.extend(other.to_string().into_bytes()),
    }
    into.push(b'\n');
}

/// Asks everything that can be asked about the history, and returns all that was answered.
fn ask_everything(connection: &mut Connection, rig: &Rig, session: &str) -> Vec<u8> {
    let root = root(rig);
    let mut told = Vec::new();
    let mut ask = |method: &str, mut params: Value| {
        params["workspace"] = json!(root);
        let answer = connection.call(method, &params);
        texts(answer.as_ref().unwrap_or_else(|error| error), &mut told);
        answer.ok()
    };
    let listed = ask(
        "history.list",
        json!({"limit": 500, "changes_limit": 100, "stat": true}),
    );
    let operations = listed.expect("a list")["operations"].clone();
    ask("history.list", json!({"limit": 500, "changes_limit": 100}));
    ask("history.poll", json!({"limit": 500}));
    for operation in operations.as_array().expect("operations") {
        for detail in ["none", "stat", "unified"] {
            let params = json!({"operation": operation["operation"], "diff": detail});
            assert!(ask("operation.show", params).is_some());
        }
        let at = &operation["operation"];
        for format in ["unified", "stat", "hunks"] {
            ask("diff", json!({"from": at, "format": format}));
            ask("diff", json!({"from": "@", "to": at, "format": format}));
        }
        ask("tree.list", json!({"at": at, "limit": 1000}));
        let names = SECRETS
            .iter()
            .chain(&["id_rsa", "credentials.old.json", "src/main.rs"]);
        for path in names {
            ask("file.read", json!({"path": path, "at": at}));
        }
        ask("rollback.plan", json!({"point": at}));
        ask("undo", json!({"operation": at, "dry_run": true}));
    }
    for path in SECRETS.iter().chain(&["id_rsa", "credentials.old.json"]) {
        ask("file.history", json!({"path": path}));
        ask("blame", json!({"path": path}));
    }
    for (view, level) in [("stat", "net"), ("unified", "net"), ("unified", "steps")] {
        ask(
            "session.show",
            json!({"session": session, "view": view, "level": level}),
        );
    }
    for method in [
        "workspace.status",
        "session.list",
        "checkpoint.list",
        "store.stats",
        "daemon.status",
        "workspace.list",
    ] {
        ask(method, json!({}));
    }
    ask("checkpoint.show", json!({"name": "named"}));
    ask("undo", json!({"dry_run": true}));
    told
}

fn has(haystack: &[u8], needle: &str) -> bool {
    let needle = needle.as_bytes();
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[test]
fn nothing_of_a_secret_goes_over_the_lesser_sockets_and_a_person_sees_it_all() {
    let (_dir, rig) = rig();
    let session = history(&rig);
    let hashes: Vec<String> = SECRETS
        .iter()
        .flat_map(|path| (1..=3).map(|version| secret(path, version)))
        .map(|bytes| blake3::hash(&bytes).to_hex().to_string())
        .collect();
    let whole = ask_everything(&mut rig.daemon.control(), &rig, &session);
    for path in SECRETS {
        let wanted = format!("{CANARY}-1-{path}");
        assert!(has(&whole, &wanted), "control.sock tells {wanted}");
    }
    assert!(hashes.iter().all(|hash| has(&whole, hash)));
    for socket in [Socket::Agent, Socket::Editor] {
        let told = ask_everything(&mut rig.daemon.connect(socket), &rig, &session);
        assert!(has(&told, PLAIN), "{socket:?}: what is no secret is told");
        assert!(has(&told, ".env"), "{socket:?}: that it changed is told");
        assert!(!has(&told, CANARY), "{socket:?}: a canary was told");
        let hash = hashes.iter().find(|hash| has(&told, hash));
        assert_eq!(hash, None, "{socket:?}: the hash of a secret was told");
        let params = json!({"workspace": root(&rig), "path": ".env"});
        let refused = rig.daemon.connect(socket).call("file.read", &params);
        let refused = refused.expect_err("a secret");
        assert_eq!(refused["data"]["kind"], "forbidden", "{refused}");
    }
}

#[test]
fn events_and_plans_tell_nothing_of_a_secret() {
    let (_dir, rig) = rig();
    history(&rig);
    let mut agent = rig.daemon.connect(Socket::Agent);
    let params = json!({"workspace": root(&rig), "after": ""});
    let id = agent.send("events.subscribe", &params).expect("sent");
    rig.project.write(".env", secret(".env", 9));
    rig.ok(&["sync"]);
    let mut told = Vec::new();
    let mut is_answered = false;
    while !is_answered {
        let message = agent.read_message().expect("read").expect("a message");
        is_answered = message["id"] == json!(id);
        texts(&message, &mut told);
    }
    texts(&agent.next_event().expect("the edit"), &mut told);
    assert!(has(&told, "snapshot:created") && !has(&told, CANARY));
    // The name of a plan is no hash of what is in it: the same plan has another name in another daemon's life.
    let name = |rig: &Rig| {
        let params = json!({"workspace": root(rig), "point": "named"});
        let plan = rig
            .daemon
            .connect(Socket::Agent)
            .expect_call("rollback.plan", &params);
        plan["plan"].as_str().expect("a name").to_owned()
    };
    let mut rig = rig;
    let first = name(&rig);
    assert_eq!(first, name(&rig));
    rig.daemon.restart();
    rig.ok(&["sync"]);
    assert_ne!(first, name(&rig));
}

/// Every file and directory beneath, with its permission bits.
pub(super) fn modes(dir: &Path, into: &mut Vec<(PathBuf, bool, u32)>) {
    for entry in fs::read_dir(dir)
        .expect("a directory")
        .filter_map(Result::ok)
    {
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        let mode = metadata.permissions().mode() & 0o7777;
        into.push((entry.path(), metadata.is_dir(), mode));
        if metadata.is_dir() {
            modes(&entry.path(), into);
        }
    }
}

#[track_caller]
fn assert_private(rig: &Rig) {
    let mut found = Vec::new();
    modes(&rig.daemon.store(), &mut found);
    modes(&rig.daemon.runtime_dir(), &mut found);
    for wanted in [
        "seg-00000001.aft",
        "index.sqlite",
        "control.key",
        "agent.sock",
        ".log",
    ] {
        let is_there = found
            .iter()
            .any(|(path, ..)| path.to_str().is_some_and(|p| p.ends_with(wanted)));
        assert!(is_there, "no {wanted} among {found:?}");
    }
    for (path, is_dir, mode) in found {
        let is_socket = path.extension().is_some_and(|end| end == "sock");
        let most = if is_dir || is_socket { 0o700 } else { 0o600 };
        assert_eq!(mode & !most, 0, "{} has mode {mode:o}", path.display());
    }
}

/// Bytes of all logs.
fn logs(rig: &Rig) -> Vec<u8> {
    let mut found = Vec::new();
    modes(&rig.daemon.store(), &mut found);
    let logs = found
        .iter()
        .filter(|(path, ..)| path.extension().is_some_and(|end| end == "log"));
    logs.flat_map(|(path, ..)| fs::read(path).expect("a log"))
        .collect()
}

#[test]
fn no_log_and_no_process_shows_a_secret_and_only_the_owner_reads_the_store() {
    let (_dir, mut rig) = rig();
    let session = history(&rig);
    ask_everything(&mut rig.daemon.connect(Socket::Agent), &rig, &session);
    ask_everything(&mut rig.daemon.control(), &rig, &session);
    rig.ok(&["rollback", "named"]);
    rig.ok(&["undo"]);
    rig.ok(&["gc"]);
    assert_private(&rig);
    let pid = rig.daemon.pid().expect("it serves");
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let numbers: Vec<&str> = core
        .expect("a limit")
        .split_whitespace()
        .skip(4)
        .take(2)
        .collect();
    assert_eq!(numbers, ["0", "0"], "no core is ever dumped");
    for file in ["cmdline", "environ", "comm"] {
        if let Ok(bytes) = fs::read(format!("/proc/{pid}/{file}")) {
            assert!(!has(&bytes, CANARY), "{file}");
        }
    }
    rig.daemon.kill();
    rig.daemon.run();
    rig.ok(&["sync"]);
    assert_private(&rig);
    rig.daemon.stop();
    let logs = logs(&rig);
    assert!(
        has(&logs, "TRACE") || has(&logs, "DEBUG"),
        "everything is logged"
    );
    assert!(!has(&logs, CANARY), "a canary is in a log");
    assert!(!has(rig.daemon.printed().as_bytes(), CANARY));
}

#[test]
fn the_command_line_shows_a_secret_to_the_person_and_says_why_not_elsewhere() {
    let (_dir, rig) = rig();
    history(&rig);
    let at = ["cat", ".env", "--at", "named"];
    assert!(rig.ok(&at).contains(CANARY));
    assert!(rig.ok(&["diff", "named", ".env"]).contains(CANARY));
    // What a container sees that was given one socket.
    let given = rig.project.outside().join("given");
    fs::create_dir(&given).expect("a directory");
    fs::set_permissions(&given, fs::Permissions::from_mode(0o700)).expect("its mode");
    let socket = rig.daemon.runtime_dir().join("agent.sock");
    std::os::unix::fs::symlink(socket, given.join("agent.sock")).expect("a link");
    let inside = |arguments: &[&str]| {
        let mut command = rig.daemon.command(arguments);
        command
            .env("AFT_RUNTIME_DIR", &given)
            .current_dir(rig.root());
        command.output().expect("it runs")
    };
    let refused = inside(&at);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(6), "{said}");
    assert!(
        said.contains("is a secret") && said.contains("control.sock"),
        "{said}"
    );
    let shown = inside(&["diff", "named"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    let said = String::from_utf8_lossy(&shown.stderr).into_owned();
    assert!(shown.status.success(), "{shown:?}");
    assert!(text.contains(PLAIN) && !text.contains(CANARY), "{text}");
    assert!(
        said.contains(".env"),
        "it says that the secret differs: {said}"
    );
}
