//! Points: every form a user may write, and what an unknown one is told.

use serde_json::{Value, json};

use super::rig::{Rig, about, refused};

/// Four versions of one file: operation N holds version N; `mark` is the second.
fn four_versions() -> Rig {
    let rig = Rig::watching("//- /f\nv1\n");
    for version in 2..=4_u64 {
        let head = rig.edit("f", format!("v{version}\n"));
        assert_eq!(head, version, "one save is one operation");
    }
    rig.ok(&["checkpoint", "mark", "--at", "2"]);
    rig
}

#[track_caller]
fn assert_is(rig: &Rig, point: &str, version: u64) {
    let text = rig.ok(&["cat", "f", "--at", point]);
    assert_eq!(text, format!("v{version}\n"), "at {point}");
    let mut editor = rig.editor();
    let read = editor.expect_call("file.read", &about(rig, &json!({"path": "f", "at": point})));
    assert_eq!(read["content"], text, "at {point}, over the socket");
}

fn time_of(rig: &Rig, operation: u64) -> String {
    let log = rig.log();
    let found = log.iter().find(|entry| entry["operation"] == operation);
    let time = found.and_then(|entry| entry["time"].as_str());
    time.expect("an operation has a time").to_owned()
}

#[test]
fn every_form_of_a_point_is_understood() {
    let rig = four_versions();
    for (point, version) in [
        ("@", 4),
        ("@-0", 4),
        ("@-1", 3),
        ("@-3", 1),
        ("1", 1),
        ("3", 3),
        ("4", 4),
        ("mark", 2),
        ("0s", 4),
        ("2200-01-01T00:00:00Z", 4),
    ] {
        assert_is(&rig, point, version);
    }
    for version in 1..=4 {
        assert_is(&rig, &time_of(&rig, version), version);
    }
    // The same moment on another clock on the wall.
    let time = time_of(&rig, 3);
    let hour: u32 = time[11..13].parse().expect("an hour");
    if (1..=22).contains(&hour) {
        let eastern = format!(
            "{}{:02}{}+01:00",
            &time[..11],
            hour + 1,
            time[13..].trim_end_matches('Z')
        );
        assert_is(&rig, &eastern, 3);
    }
    let mut editor = rig.editor();
    let read = editor.expect_call("file.read", &about(&rig, &json!({"path": "f", "at": 2})));
    assert_eq!(read["content"], "v2\n", "a number may be a number");
}

#[test]
fn every_command_takes_points() {
    let rig = four_versions();
    let diff = rig.ok(&["diff", "mark", "@-1"]);
    assert!(diff.contains("-v2") && diff.contains("+v3"), "{diff}");
    let diff = rig.ok(&["diff", "@", "1"]);
    assert!(
        diff.contains("-v4") && diff.contains("+v1"),
        "backwards: {diff}"
    );
    assert!(rig.ok(&["diff", "mark"]).contains("+v4"), "to now");
    assert!(rig.ok(&["diff"]).contains("-v3"), "the last operation");
    assert!(rig.ok(&["show", "@-1"]).contains("+v3"));
    let since = rig.json(&["log", "--since", "mark"]);
    assert_eq!(super::rig::numbers(&since), [4, 3]);
    let until = rig.json(&["log", "--until", "mark"]);
    assert_eq!(super::rig::numbers(&until), [2, 1]);
    rig.ok(&["rollback", "mark"]);
    assert_eq!(rig.project.text("f"), "v2\n");
    let time = time_of(&rig, 3);
    rig.ok(&["rollback", &time]);
    assert_eq!(rig.project.text("f"), "v3\n");
    rig.ok(&["restore", "f", "--at", "@-4"]);
    assert_eq!(rig.project.text("f"), "v2\n");
}

#[test]
fn an_unknown_point_is_not_found_and_names_the_nearest() {
    let rig = four_versions();
    rig.ok(&["checkpoint", "before-refactor"]);
    rig.ok(&["checkpoint", "zebra"]);
    let before = rig.unharmed();
    for point in [
        "999",
        "@-99",
        "@x",
        "@-",
        "good",
        "10m",
        "turn:-1",
        "turn:-0",
        "session:nobody",
        "1970-01-01T00:00:00Z",
        "2026-99-99T00:00:00Z",
        "no-such-name",
        "mar",
        "18446744073709551616",
        "0",
    ] {
        for command in [
            vec!["rollback", point],
            vec!["rollback", point, "--dry-run"],
            vec!["cat", "f", "--at", point],
            vec!["restore", "f", "--at", point],
            vec!["diff", point],
            vec!["log", "--since", point],
            vec!["checkpoint", "x", "--at", point],
        ] {
            if point == "0" && command[0] == "log" {
                continue;
            }
            rig.fails(&command, 4);
        }
    }
    let near = rig.fails(&["rollback", "mrak"], 4);
    assert!(near.contains("mark"), "{near}");
    let near = rig.fails_json(&["rollback", "before-refaktor"], 4);
    assert_eq!(near["data"]["kind"], "not_found");
    assert_eq!(near["data"]["nearest"][0], "before-refactor", "{near}");
    let near = rig.fails_json(&["show", "999"], 4);
    assert_eq!(near["data"]["nearest"], json!(["4"]), "{near}");
    rig.assert_unharmed(&before, "unknown points");
}

#[test]
fn an_unknown_point_over_the_socket_is_not_found() {
    let rig = four_versions();
    let mut agent = rig.agent();
    for (method, params) in [
        ("rollback.plan", json!({"point": "nowhere"})),
        ("rollback.apply", json!({"point": "nowhere"})),
        ("undo", json!({"operation": 99})),
        ("operation.show", json!({"operation": 99})),
        ("diff", json!({"from": "nowhere"})),
        ("diff", json!({"from": 1, "to": "nowhere"})),
        ("file.read", json!({"path": "f", "at": "nowhere"})),
        ("file.read", json!({"path": "never-there"})),
        ("file.history", json!({"path": "never-there"})),
        ("tree.list", json!({"at": "nowhere"})),
        ("history.list", json!({"since": "nowhere"})),
        ("checkpoint.show", json!({"name": "nowhere"})),
        ("checkpoint.create", json!({"name": "n", "at": "nowhere"})),
        ("session.show", json!({"session": "nobody"})),
    ] {
        refused(&mut agent, method, &about(&rig, &params), "not_found");
    }
    for at in [json!(true), json!(1.5), json!([]), json!(-1), Value::Null] {
        let params = about(&rig, &json!({"point": at}));
        refused(&mut agent, "rollback.plan", &params, "invalid");
    }
}
