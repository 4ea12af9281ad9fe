//! What a milestone is while and after it is made.

use aft_testkit::daemon::Socket;
use aft_testkit::manifest::assert_same;
use serde_json::json;

use super::{PATIENCE, project, settled};
use crate::e2e_real::rig::Rig;

#[test]
fn a_milestone_answers_at_once_and_is_completed_in_the_background() {
    let rig = Rig::new();
    project(&rig);
    rig.watch();
    let mut editor = rig.daemon.connect(Socket::Editor);
    editor.set_read_deadline(PATIENCE).expect("a deadline");
    let wanted = json!({"workspace": rig.root().to_str(), "events": ["snapshot:milestone"]});
    editor.expect_call("events.subscribe", &wanted);
    let begun = rig.json(&[
        "milestone",
        "create",
        "v1",
        "-m",
        "first",
        "--metadata",
        "{\"k\":[1]}",
    ]);
    assert_eq!(begun["status"], "generating");
    assert!(
        begun["lines"].is_null() && begun["checksum"].is_null(),
        "{begun}"
    );
    let event = editor.next_event().expect("an event")["params"].clone();
    assert_eq!(event["event"], "snapshot:milestone");
    assert_eq!(event["payload"]["status"], "completed", "{event}");
    let shown = settled(&rig, "v1");
    assert_eq!(shown["status"], "completed");
    assert_eq!(shown["checksum"], event["payload"]["checksum"]);
    assert_eq!(
        (&shown["message"], &shown["metadata"]["k"]),
        (&json!("first"), &json!([1]))
    );
    assert!(shown["verification"].is_null() && shown["performance"].is_null());
    // A checkpoint of the same state has the same counts.
    rig.ok(&["checkpoint", "same"]);
    let same = rig.json(&["checkpoint", "show", "same"]);
    assert_eq!(
        (&same["lines"], &same["tokens"]),
        (&shown["lines"], &shown["tokens"])
    );
    // Counted by somebody else.
    let counted =
        |script: &str| -> u64 { rig.project.sh(script).trim().parse().expect("a number") };
    let texts = "find . -type f -not -name large -print0 | xargs -0 cat";
    assert_eq!(shown["lines"], counted(&format!("{texts} | wc -l")));
    assert_eq!(
        shown["words"],
        counted(&format!(
            "export LC_ALL=C; {texts} | tr -s '[:space:]' '\n' | grep -a -c ."
        ))
    );
    assert_eq!(
        shown["files"],
        counted("find . -type f -o -type l | tr -dc '\\n' | wc -c") - 1
    );
    let sizes = "find . -type f -printf '%s\\n' | awk '{s+=$1} END {print s}'";
    assert_eq!(shown["bytes"], counted(sizes));
    let tokens =
        "find . -type f -not -name large -printf '%s\\n' | awk '{s+=int(($1+3)/4)} END {print s}'";
    assert_eq!(shown["tokens"], counted(tokens));
}

fn names(list: &serde_json::Value) -> Vec<String> {
    let all = list["milestones"].as_array().expect("milestones");
    all.iter()
        .map(|one| one["milestone"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn milestones_are_points_and_their_histories_meet() {
    let rig = Rig::new();
    project(&rig);
    rig.watch();
    rig.ok(&["milestone", "create", "v1", "--wait"]);
    let first = rig.project.manifest();
    rig.project.write("text", "changed\n");
    rig.ok(&["sync"]);
    rig.project.remove("script");
    rig.ok(&["sync"]);
    rig.ok(&["milestone", "create", "v2", "--wait"]);
    let second = rig.project.manifest();
    // An earlier state may be written down later.
    let between = rig.json(&["milestone", "create", "between", "@-1", "--wait"]);
    assert_eq!(between["status"], "completed");
    let shown = rig.json(&["milestone", "show", "v2", "--history", "10"]);
    let v1 = rig.json(&["milestone", "show", "v1"]);
    assert_eq!(shown["since"], v1["operation"], "{shown}");
    assert_eq!(
        shown["history"].as_array().map(Vec::len),
        Some(2),
        "{shown}"
    );
    assert_eq!(
        names(&rig.json(&["milestone", "list"])),
        ["v2", "between", "v1"]
    );
    assert_eq!(names(&rig.json(&["milestone", "list", "-n", "1"])), ["v2"]);
    let diff = rig.ok(&["diff", "v1", "v2"]);
    assert!(
        diff.contains("+changed") && diff.contains("script"),
        "{diff}"
    );
    rig.ok(&["rollback", "v1"]);
    assert_same(
        &first,
        &rig.project.manifest(),
        "rolled back to a milestone",
    );
    rig.ok(&["rollback", "v2"]);
    assert_same(&second, &rig.project.manifest(), "and to the other");
    assert_eq!(
        rig.aft(&["milestone", "create", "v1"]).status,
        1,
        "the name is taken"
    );
}

#[test]
fn a_milestone_is_named_anew_and_taken_away() {
    let rig = Rig::new();
    project(&rig);
    rig.watch();
    rig.ok(&["milestone", "create", "v1", "--wait"]);
    rig.ok(&["milestone", "create", "between", "--wait"]);
    rig.ok(&["milestone", "create", "v2", "--wait"]);
    let v1 = rig.json(&["milestone", "show", "v1"]);
    rig.ok(&["checkpoint", "plain"]);
    assert_eq!(
        rig.aft(&["milestone", "show", "plain"]).status,
        4,
        "a checkpoint is no milestone"
    );
    rig.ok(&[
        "milestone",
        "edit",
        "v1",
        "--rename",
        "one",
        "-m",
        "said later",
    ]);
    let one = rig.json(&["milestone", "show", "one"]);
    assert_eq!(
        (&one["checksum"], &one["message"]),
        (&v1["checksum"], &"said later".into())
    );
    assert_eq!(
        rig.aft(&["checkpoint", "edit", "one", "--keep", "session"])
            .status,
        1
    );
    rig.ok(&["milestone", "rm", "one"]);
    assert_eq!(rig.aft(&["milestone", "show", "one"]).status, 4);
    assert_eq!(rig.aft(&["checkpoint", "show", "one"]).status, 4);
    // Taken away as a checkpoint it is gone as a milestone.
    rig.ok(&["checkpoint", "rm", "between"]);
    assert_eq!(names(&rig.json(&["milestone", "list"])), ["v2"]);
}

#[test]
fn a_milestone_keeps_its_state_through_thinning_and_purge() {
    let mut rig = Rig::new();
    rig.daemon
        .write_config("[store]\nkeep = { every = \"0s\", hourly = \"0s\", daily = \"0s\" }\n");
    rig.daemon.restart();
    rig.project.write("kept", "first\n");
    rig.project.write("secret-plan", "never\n");
    rig.watch();
    rig.ok(&["milestone", "create", "v1", "--wait"]);
    let before = rig.json(&["milestone", "show", "v1"]);
    for n in 0..80 {
        rig.project.write("kept", format!("{n}\n"));
        rig.ok(&["sync"]);
    }
    rig.project.remove("secret-plan");
    rig.ok(&["sync"]);
    rig.ok(&["gc"]);
    let verified = rig.json(&["milestone", "verify", "v1"]);
    assert_eq!(
        (&verified["ok"], &verified["checksum"]),
        (&json!(true), &before["checksum"])
    );
    assert_eq!(rig.ok(&["cat", "kept", "--at", "v1"]), "first\n");
    rig.ok(&["purge", "secret-plan", "--yes"]);
    let after = settled(&rig, "v1");
    assert_eq!(
        after["status"], "completed",
        "made anew without what was purged"
    );
    assert_eq!(after["files"], 1);
    let store = rig.daemon.store();
    let found = rig.project.try_run(
        "grep",
        &["-rl", "secret-plan", store.to_str().expect("UTF-8")],
    );
    assert_eq!(found.stdout, "", "the name is nowhere in the store");
}
