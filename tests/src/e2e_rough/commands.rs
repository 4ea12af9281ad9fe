//! Every command once, from outside: its exit code and the shape of its document.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use aft_testkit::TestDaemon;
use serde_json::{Value, json};

use super::rig::{Rig, assert_keys};

const PROJECT: &str = "//- /src/main\nfirst\n//- /readme\nhello\n//- /bin/run mode=755\nrun\n";

const OPERATION: &[&str] = &[
    "operation",
    "kind",
    "author",
    "time",
    "reverts",
    "n_changes",
    "changes",
];
const TRAVEL: &[&str] = &["operation", "kind", "head", "reverts", "n_changed", "kept"];
const PLAN: &[&str] = &[
    "plan",
    "head",
    "n_steps",
    "steps",
    "conflicts",
    "not_covered",
];
const CHECKPOINT: &[&str] = &[
    "checkpoint",
    "operation",
    "time",
    "keep",
    "files",
    "bytes",
    "lines",
    "words",
    "tokens",
];

#[test]
fn commands_that_look_print_the_promised_documents() {
    let rig = Rig::new();
    rig.project.add_fixture(PROJECT);
    let watched = rig.json(&["watch", "--detach"]);
    let status_keys = &[
        "workspace",
        "root",
        "state",
        "head",
        "sync",
        "reasons",
        "not_covered",
        "memory_bytes",
        "disk_bytes",
        "sessions",
        "verifications",
        "watches",
        "backend",
    ];
    assert_keys(&watched, status_keys, "watch --detach");
    assert_eq!(watched["state"], "armed");
    assert_eq!(watched["root"], rig.workspace());
    rig.edit("src/main", "second\n");
    let synced = rig.json(&["sync", "--durable"]);
    assert_keys(&synced, &["head", "clock", "fence", "durable"], "sync");
    assert_eq!(
        (&synced["durable"], &synced["head"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(rig.json(&["sync", "--strict"])["fence"], "strict");
    let status = rig.json(&["status"]);
    assert_keys(&status, status_keys, "status");
    assert_eq!(status["sync"]["state"], "saved", "{status}");
    assert_eq!(status["sync"]["durable_head"], 2, "{status}");
    let log = rig.json(&["log"]);
    for operation in log["operations"].as_array().expect("operations") {
        assert_keys(operation, OPERATION, "log");
    }
    assert_eq!(log["operations"][0]["kind"], "observed");
    assert_eq!(log["operations"][1]["kind"], "baseline");
}

#[test]
fn commands_that_show_changes_and_files_print_the_promised_documents() {
    let rig = Rig::watching(PROJECT);
    rig.edit("src/main", "second\n");
    let shown = rig.json(&["show", "2"]);
    assert_keys(&shown["operation"], OPERATION, "show");
    assert_keys(
        &shown["operation"]["changes"][0],
        &["path", "before", "after", "diff"],
        "show",
    );
    let diff = rig.json(&["diff", "1", "2"]);
    assert_keys(&diff, &["from", "to", "n_files", "files"], "diff");
    assert_eq!(
        diff["files"][0]["diff"],
        shown["operation"]["changes"][0]["diff"]
    );
    let cat = rig.json(&["cat", "src/main", "--at", "1"]);
    assert_keys(
        &cat,
        &[
            "path",
            "operation",
            "type",
            "mode",
            "size",
            "hash",
            "offset",
            "content",
        ],
        "cat",
    );
    assert_eq!(cat["content"], "first\n");
    assert_eq!(rig.ok(&["cat", "src/main", "--at", "1"]), "first\n");
    let history = rig.json(&["history", "src/main"]);
    assert_eq!(
        history["versions"].as_array().map(Vec::len),
        Some(2),
        "{history}"
    );
    assert_keys(
        &history["versions"][0],
        &["operation", "kind", "author", "time", "state"],
        "history",
    );
}

#[test]
fn commands_that_change_print_the_promised_documents() {
    let rig = Rig::watching(PROJECT);
    rig.edit("src/main", "second\n");
    let checked = |arguments: &[&str], kind: &str, operation: u64| {
        let answer = rig.json(arguments);
        assert_keys(&answer, TRAVEL, &arguments.join(" "));
        assert_eq!(answer["kind"], kind, "{answer}");
        assert_eq!(answer["operation"], operation, "{answer}");
        assert_eq!(answer["head"], operation, "{answer}");
    };
    let dry = rig.json(&["undo", "--dry-run"]);
    assert_eq!(dry["operation"], Value::Null, "{dry}");
    assert_keys(&dry["plan"], PLAN, "undo --dry-run");
    checked(&["undo"], "undo", 3);
    assert_eq!(rig.project.text("src/main"), "first\n");
    checked(&["redo"], "redo", 4);
    assert_eq!(rig.project.text("src/main"), "second\n");
    let plan = rig.json(&["rollback", "1", "--dry-run"]);
    assert_keys(&plan, PLAN, "rollback --dry-run");
    assert_keys(
        &plan["steps"][0],
        &["path", "now", "target"],
        "rollback --dry-run",
    );
    checked(&["rollback", "1"], "rollback", 5);
    checked(&["restore", "src/main", "--at", "2"], "restore", 6);
    assert_eq!(rig.project.text("src/main"), "second\n");
}

#[test]
fn checkpoint_commands_print_the_promised_documents() {
    let rig = Rig::watching(PROJECT);
    let made = rig.json(&["checkpoint", "start", "-m", "all green"]);
    assert_keys(&made, CHECKPOINT, "checkpoint");
    assert_eq!(
        (&made["files"], &made["bytes"]),
        (&json!(3), &json!(16)),
        "{made}"
    );
    assert_eq!(made["message"], "all green");
    let listed = rig.json(&["checkpoint", "list"]);
    assert_eq!(listed["checkpoints"], json!([made]));
    assert_eq!(rig.json(&["checkpoint", "show", "start"]), made);
    let edited = rig.json(&["checkpoint", "edit", "start", "--keep", "permanent"]);
    assert_eq!(edited["keep"], "permanent");
    assert_keys(
        &rig.json(&["checkpoint", "rm", "start"]),
        CHECKPOINT,
        "checkpoint rm",
    );
    assert_eq!(rig.json(&["checkpoint", "list"])["checkpoints"], json!([]));
}

#[test]
fn the_daemon_its_store_and_its_health_are_shown() {
    let rig = Rig::watching(PROJECT);
    let status = rig.json(&["daemon", "status"]);
    assert_keys(
        &status,
        &[
            "pid",
            "version",
            "uptime",
            "started",
            "instance",
            "home",
            "memory_bytes",
        ],
        "daemon status",
    );
    assert_eq!(status["pid"].as_i64(), rig.daemon.pid().map(i64::from));
    assert_eq!(
        rig.json(&["daemon", "start"])["pid"],
        status["pid"],
        "it is started once"
    );
    let logs = rig.json(&["daemon", "logs"]);
    assert!(
        logs["lines"]
            .as_array()
            .is_some_and(|lines| !lines.is_empty()),
        "{logs}"
    );
    let stats = rig.json(&["stats"]);
    assert_keys(
        &stats,
        &[
            "disk_bytes",
            "segment_bytes",
            "index_bytes",
            "n_operations",
            "n_workspaces",
        ],
        "stats",
    );
    let check = rig.json(&["check", "--read-data"]);
    assert_eq!(check["ok"], true, "{check}");
    assert!(check["n_contents"].as_u64() >= Some(3), "{check}");
    let doctor = rig.json(&["doctor"]);
    assert_eq!(doctor["ok"], true, "{doctor}");
    let events = rig.ok(&["events", "--json"]);
    assert!(
        events.contains("snapshot:created"),
        "the baseline is still held: {events:?}"
    );
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).expect("one document a line");
        assert_keys(
            &event,
            &["event", "workspace", "clock", "payload"],
            "events",
        );
    }
}

#[test]
fn unwatch_keeps_the_history_unless_it_is_purged() {
    let rig = Rig::watching(PROJECT);
    rig.edit("readme", "changed\n");
    let gone = rig.json(&["unwatch"]);
    assert_eq!(gone["purged"], false, "{gone}");
    rig.fails(&["status"], 4);
    rig.fails(&["unwatch"], 4);
    rig.project.write("readme", "meanwhile\n");
    rig.ok(&["watch", "--detach"]);
    assert_eq!(
        rig.ok(&["cat", "readme", "--at", "1"]),
        "hello\n",
        "the history goes on"
    );
    rig.ok(&["rollback", "2"]);
    assert_eq!(rig.project.text("readme"), "changed\n");
    rig.fails(&["unwatch", "--purge"], 2);
    let gone = rig.json(&["unwatch", "--purge", "--yes"]);
    assert_eq!(gone["purged"], true, "{gone}");
    let again = rig.json(&["watch", "--detach"]);
    assert_eq!(again["head"], 1, "a new history begins: {again}");
    assert_eq!(rig.project.text("readme"), "changed\n");
}

#[test]
fn watch_prints_what_happens_and_ctrl_c_stops_only_the_printing() {
    let rig = Rig::new();
    rig.project.add_fixture(PROJECT);
    let mut command = rig.daemon.command(&["watch"]);
    command.current_dir(rig.root()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("aft watch");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut until = |wanted: &str| {
        let found = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains(wanted));
        assert!(found.is_some(), "watch ended before it printed {wanted:?}");
    };
    until("Watching");
    rig.project.write("readme", "other\n");
    until("readme");
    until("-hello");
    until("+other");
    rig.project.run("kill", &["-INT", &child.id().to_string()]);
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0), "Ctrl-C is the way to end it");
    rig.edit("readme", "third\n");
    assert_eq!(rig.log().len(), 3, "it is still tracked");
}

#[test]
fn a_command_that_needs_the_daemon_starts_it_and_others_say_that_none_runs() {
    let rig = Rig::of(TestDaemon::prepare());
    for command in ["status", "stop"] {
        let said = rig.fails(&["daemon", command], 7);
        assert!(said.contains("aft daemon start"), "{said}");
    }
    assert_eq!(rig.json(&["doctor"])["ok"], true, "doctor starts nothing");
    assert_eq!(rig.daemon.pid(), None);
    rig.ok(&["watch", "--detach"]);
    let pid = rig.daemon.pid().expect("it was started");
    assert_eq!(rig.json(&["daemon", "stop"])["pid"], pid);
    assert_eq!(rig.daemon.pid(), None);
    rig.fails(&["daemon", "stop"], 7);
    rig.ok(&["status"]);
    assert_ne!(rig.daemon.pid(), Some(pid));
}
