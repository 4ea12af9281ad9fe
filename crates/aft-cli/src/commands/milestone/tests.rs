//! What each form of the command asks, and the code it ends with.

use std::ffi::OsString;

use serde_json::{Value, json};

use crate::args::Cli;
use crate::fake_daemon::FakeDaemon;

fn milestone(status: &str) -> Value {
    let mut view = json!({ "milestone": "a", "operation": 7, "time": "2020-11-21T12:03:04.000000000Z", "status": status,
        "checksum": null, "files": 1, "bytes": 2, "lines": null, "words": null, "tokens": null, "text_files": null,
        "contents": null, "since": 0, "operations": null, "verification": null, "performance": null });
    if status == "failed" {
        view["reason"] = json!("it broke");
    }
    view
}

fn with(mut view: Value, more: Value) -> Value {
    let (Some(view_fields), Value::Object(more)) = (view.as_object_mut(), more) else {
        unreachable!("both are objects");
    };
    view_fields.extend(more);
    view
}

#[test]
fn each_form_is_one_call() {
    let daemon = FakeDaemon::always(milestone("generating"));
    let made = daemon.run("aft milestone create a #7 -m text --metadata {\"k\":1} --force --wait");
    assert!(made.out.starts_with("a  #7  "), "{}", made.out);
    assert_eq!(
        daemon.run("aft milestone rm a").out,
        "Took the milestone a off #7.\n"
    );
    assert!(
        daemon
            .run("aft milestone show a --history 3")
            .out
            .starts_with("milestone a\n")
    );
    daemon.run("aft milestone edit a --rename b -m text");
    let calls = daemon.calls();
    let methods: Vec<&str> = calls.iter().map(|(method, _)| method.as_str()).collect();
    let expected = [
        "milestone.create",
        "milestone.delete",
        "milestone.show",
        "milestone.update",
    ];
    assert_eq!(methods, expected);
    let create = &calls[0].1;
    assert_eq!((&create["at"], &create["wait"]), (&json!(7), &json!(true)));
    assert_eq!(
        (&create["force"], &create["metadata"]),
        (&json!(true), &json!({"k": 1}))
    );
    assert_eq!(calls[2].1["history"], 3);
}

#[test]
fn what_failed_ends_with_its_code() {
    let failed = FakeDaemon::always(milestone("failed"));
    assert_eq!(failed.run("aft milestone create a --wait").exit, 1);
    let problems = json!({"ok": false, "n_contents": 1, "n_bytes": 2, "took_ms": 3.0, "n_problems": 1,
        "problems": [{"path": "x", "message": "gone"}]});
    let verified =
        FakeDaemon::always(with(milestone("failed"), problems)).run("aft milestone verify a");
    assert_eq!(verified.exit, 8);
    assert!(verified.out.contains("  x: gone\n"), "{}", verified.out);
    let left = json!({"workspace": "w", "root": "/r", "created": true, "restored": 2, "n_changed": 1,
        "not_covered": [{"path": "x", "message": "too large"}], "took_ms": 1.0});
    let daemon = FakeDaemon::always(with(milestone("generating"), left));
    assert_eq!(daemon.run("aft milestone import /f /r").exit, 5);
    assert_eq!(daemon.calls()[0].1["root"], "/r");
}

#[test]
fn an_export_goes_to_a_file_or_a_branch_and_never_to_both() {
    let daemon = FakeDaemon::always(
        json!({"milestone": "a", "file": "/f", "file_bytes": 9, "checksum": "00",
        "files": 1, "bytes": 2, "left_out": [".env"], "took_ms": 1.0}),
    );
    let out = daemon.run("aft milestone export a /f").out;
    assert!(
        out.contains("is in /f") && out.contains("  .env: left out, a secret\n"),
        "{out}"
    );
    for wrong in [
        "aft milestone export a",
        "aft milestone export a /f --git b",
        "aft milestone create a --metadata [1]",
    ] {
        let words: Vec<OsString> = wrong.split(' ').map(OsString::from).collect();
        assert!(Cli::read(&words).is_err(), "{wrong}");
    }
}
