//! The audit log: one line for every call that changes something, done or refused, none for what reads; kept over every end
//! of the daemon; and told when a byte of it is changed.

use std::fs;
use std::path::PathBuf;

use aft_testkit::daemon::{Connection, Socket};
use serde_json::{Value, json};

use super::scene::{SOCKETS, STEPS, Scene, methods};

/// Everything that is in the log, newest first, by pages.
#[track_caller]
fn all(control: &mut Connection) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let mut params = json!({"limit": 7});
        if !cursor.is_null() {
            params["cursor"] = cursor;
        }
        let page = control.expect_call("audit.list", &params);
        all.extend(page["entries"].as_array().expect("entries").clone());
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            return all;
        }
    }
}

fn changes(document: &Value, method: &str) -> bool {
    let described = methods(document)
        .into_iter()
        .find(|one| one["name"] == method);
    described.is_some_and(|one| one["x-changes"] == true)
}

#[test]
fn every_change_leaves_one_line_refused_or_done_and_no_read_leaves_any() {
    let mut scene = Scene::new();
    let mut control = scene.connect(Socket::Control);
    let document = control.expect_call("rpc.discover", &json!({}));
    let mut asking = scene.connect(Socket::Control);
    let mut lesser: Vec<(&str, Connection)> = SOCKETS
        .iter()
        .filter(|(role, _)| *role != "control")
        .map(|(role, socket)| (*role, scene.connect(*socket)))
        .collect();
    let mut before = all(&mut asking).len();
    for step in STEPS.iter().filter(|step| step.method != "daemon.stop") {
        let wanted = usize::from(changes(&document, step.method));
        for (role, connection) in &mut lesser {
            // Refused: by the socket, or because it makes no sense.
            let params = json!({"no_such_parameter": 1});
            connection
                .call(step.method, &params)
                .expect_err("it is refused");
            let now = all(&mut asking);
            assert_eq!(
                now.len() - before,
                wanted,
                "{} refused on {role}.sock",
                step.method
            );
            if wanted == 1 {
                assert_eq!(
                    (&now[0]["socket"], &now[0]["method"]),
                    (&json!(role), &json!(step.method))
                );
                let outcome = now[0]["outcome"].as_str().expect("an outcome");
                assert!(["forbidden", "invalid"].contains(&outcome), "{}", now[0]);
            }
            before = now.len();
        }
        drop(scene.take(&mut control, step));
        let now = all(&mut asking);
        assert_eq!(now.len() - before, wanted, "{} by the person", step.method);
        before = now.len();
        if wanted == 1 {
            assert_noted(&scene, &now[0], step.method, step.error.unwrap_or("done"));
        }
    }
    let text = Value::Array(all(&mut asking)).to_string();
    for never in ["a label", "\"message\"", "metadata", "written in a bracket"] {
        assert!(!text.contains(never), "{never} is in the log");
    }
    assert_eq!(
        asking.expect_call("store.check", &json!({}))["problems"],
        json!([])
    );
}

#[track_caller]
fn assert_noted(scene: &Scene, entry: &Value, method: &str, outcome: &str) {
    assert_eq!(entry["method"], method, "{entry}");
    assert_eq!(entry["outcome"], outcome, "{entry}");
    assert_eq!(
        (&entry["socket"], &entry["pid"]),
        (&json!("control"), &json!(std::process::id()))
    );
    assert!(
        entry["uid"].is_u64() && entry["time"].is_string(),
        "{entry}"
    );
    if ["undo", "edit.begin", "checkpoint.create", "purge"].contains(&method) {
        assert_eq!(entry["root"], scene.root(), "{entry}");
        assert!(entry["workspace"].is_string(), "{entry}");
    }
    if ["undo", "edit.end", "rollback.apply"].contains(&method) {
        assert!(entry["operation"].is_u64(), "{entry}");
    }
    if method == "purge" {
        assert_eq!(entry["params"], json!({"n_paths": 1}), "{entry}");
    }
}

#[test]
fn what_was_answered_is_there_after_a_kill_and_what_is_over_can_still_be_asked_for() {
    let mut scene = Scene::new();
    let mut control = scene.connect(Socket::Control);
    let added = control.expect_call("workspace.add", &json!({"root": scene.root()}));
    control.expect_call("checkpoint.create", &scene.about(json!({"name": "a"})));
    scene.daemon.kill();
    scene.daemon.run();
    let mut control = scene.connect(Socket::Control);
    let wanted = ["checkpoint.create", "workspace.add"];
    let there = all(&mut control);
    let methods: Vec<&Value> = there.iter().map(|entry| &entry["method"]).collect();
    assert_eq!(methods, wanted);
    control.expect_call("workspace.remove", &scene.about(json!({"purge": true})));
    // By the root it had, by its id, by the family, by the socket, by time.
    for filter in [
        scene.about(json!({})),
        json!({"workspace": added["workspace"]}),
        json!({"method": "workspace."}),
        json!({"socket": "control", "since": "1h"}),
    ] {
        let entries = control.expect_call("audit.list", &filter)["entries"].clone();
        assert_eq!(
            entries[0]["method"], "workspace.remove",
            "{filter}: {entries}"
        );
        assert_eq!(entries[0]["params"]["purge"], true, "{entries}");
    }
    for (filter, kind) in [
        (json!({"since": "tomorrow"}), "invalid"),
        (json!({"cursor": "x"}), "invalid"),
    ] {
        let error = control
            .call("audit.list", &filter)
            .expect_err("it makes no sense");
        assert_eq!(error["data"]["kind"], kind);
    }
    let none = control.expect_call("audit.list", &json!({"since": "2030-01-01T00:00:00Z"}));
    assert_eq!(none["entries"], json!([]));
    scene.daemon.restart();
    let mut control = scene.connect(Socket::Control);
    let there = all(&mut control);
    let still: Vec<&Value> = there
        .iter()
        .filter(|entry| entry["method"] != "daemon.stop")
        .collect();
    assert_eq!(still.len(), 3, "{there:?}");
    assert_eq!(control.expect_call("store.check", &json!({}))["ok"], true);
}

fn part(scene: &Scene) -> PathBuf {
    scene.daemon.store().join("audit/part-00000001.log")
}

#[test]
fn the_command_line_shows_it_and_tells_of_a_changed_byte() {
    let mut scene = Scene::new();
    let root = scene.project.root().to_owned();
    scene.daemon.aft_ok(&root, &["watch", "--detach"]);
    scene.daemon.aft_ok(&root, &["checkpoint", "before"]);
    let text = scene.daemon.aft_ok(&root, &["audit"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].contains("control  checkpoint.create") && lines[0].contains("name=before"),
        "{text}"
    );
    assert!(lines[1].contains("workspace.add"), "{text}");
    let one = scene.daemon.aft_json(&root, &["audit", "-n", "1"]);
    assert_eq!(one["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        scene
            .daemon
            .aft_in(&root, &["audit", "--since", "nonsense"])
            .status,
        1
    );
    assert_eq!(scene.daemon.aft_in(&root, &["check"]).status, 0);
    // While the daemon runs, and when it finds it so at its start.
    let bytes = fs::read(part(&scene)).expect("the log");
    let changed = String::from_utf8(bytes.clone())
        .expect("text")
        .replace("\"before\"", "\"behind\"");
    fs::write(part(&scene), &changed).expect("a hand in the store");
    let said = scene.daemon.aft_in(&root, &["check"]);
    assert_eq!(said.status, 8, "{}", said.stdout);
    assert!(
        said.stdout
            .contains("audit log: entry 3 in part-00000001.log"),
        "{}",
        said.stdout
    );
    fs::write(part(&scene), &bytes).expect("put back");
    assert_eq!(scene.daemon.aft_in(&root, &["check"]).status, 0);
    scene.daemon.stop();
    fs::write(part(&scene), &changed).expect("a hand in the store");
    scene.daemon.run();
    assert_eq!(scene.daemon.aft_in(&root, &["check"]).status, 8);
}

#[test]
fn only_the_person_reads_it_and_only_the_person_can_open_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::new();
    scene
        .connect(Socket::Control)
        .expect_call("workspace.add", &json!({"root": scene.root()}));
    for socket in [Socket::Editor, Socket::Agent] {
        let error = scene
            .connect(socket)
            .call("audit.list", &json!({}))
            .expect_err("it is refused");
        assert_eq!(error["data"]["kind"], "forbidden");
    }
    let mode = |path: PathBuf| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(part(&scene)), 0o600);
    assert_eq!(mode(scene.daemon.store().join("audit")), 0o700);
}
