//! Single hunks: listed with ids that stay, taken back by them, while everything else stays.

use aft_testkit::manifest::assert_same;
use serde_json::{Value, json};

use super::rig::{Rig, about, kind, refused};

fn lines(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("line {n}\n")).collect()
}

/// A file of sixty lines, and an operation that changes three of them.
fn three_hunks() -> (Rig, String, Vec<String>) {
    let rig = Rig::watching(&format!("//- /f\n{}", lines(0..60)));
    let text = lines(0..60)
        .replace("line 5\n", "five\n")
        .replace("line 20\n", "twenty\nand more\n")
        .replace("line 35\n", "");
    let operation = rig.edit("f", text).to_string();
    let hunks = ids(&rig.json(&["show", &operation, "--hunks"])["operation"]["changes"]);
    assert_eq!(hunks.len(), 3);
    (rig, operation, hunks)
}

/// The ids of all hunks of these changes.
fn ids(changes: &Value) -> Vec<String> {
    let changes = changes.as_array().expect("changes");
    let hunks = changes
        .iter()
        .filter_map(|change| change["hunks"].as_array());
    hunks
        .flatten()
        .map(|hunk| hunk["hunk"].as_str().expect("an id").to_owned())
        .collect()
}

#[test]
fn a_hunk_of_an_operation_is_taken_back_and_later_edits_stay() {
    let (rig, operation, hunks) = three_hunks();
    let later = rig
        .project
        .text("f")
        .replace("line 0\n", "zero\nand a half\n");
    rig.edit("f", &later);
    let again = ids(&rig.json(&["show", &operation, "--hunks"])["operation"]["changes"]);
    assert_eq!(again, hunks, "the same in two answers");
    let before = rig.unharmed();
    let plan = rig.json(&["undo", &operation, "--hunk", &hunks[1], "--dry-run"]);
    assert_eq!(plan["plan"]["hunks"], json!([hunks[1]]), "{plan}");
    assert_eq!(plan["plan"]["n_steps"], 1, "{plan}");
    rig.assert_unharmed(&before, "a dry run");
    let said = rig.ok(&["undo", &operation, "--hunk", &hunks[1]]);
    assert!(
        said.starts_with("Took back 1 hunk: 1 path changed"),
        "{said}"
    );
    let expected = later.replace("twenty\nand more\n", "line 20\n");
    assert_eq!(rig.project.text("f"), expected);
    let newest = rig.log().swap_remove(0);
    assert_eq!(newest["kind"], "rollback", "{newest}");
    assert!(
        newest["note"].as_str().unwrap().contains(&hunks[1]),
        "{newest}"
    );
    // It is undone like everything else, and the operation can still be taken back as a whole.
    rig.ok(&["undo"]);
    assert_eq!(rig.project.text("f"), later);
    rig.ok(&["redo"]);
    rig.ok(&["undo", &operation]);
    let rest = lines(0..60).replace("line 0\n", "zero\nand a half\n");
    assert_eq!(rig.project.text("f"), rest);
}

#[test]
fn hunks_since_a_point_are_taken_back_and_their_ids_stay_while_others_come_and_go() {
    let (rig, _, _) = three_hunks();
    let shown = rig.json(&["diff", "1", "--hunks"]);
    let hunks = ids(&shown["files"]);
    assert_eq!(hunks.len(), 3, "{shown}");
    // Far from the hunks, and a neighbour of none.
    let text = rig
        .project
        .text("f")
        .replace("line 50\n", "fifty\nand a half\n");
    rig.project.write("f", &text);
    rig.ok(&["rollback", "1", "--hunk", &hunks[2], "--hunk", &hunks[0]]);
    let now = lines(0..60)
        .replace("line 50\n", "fifty\nand a half\n")
        .replace("line 20\n", "twenty\nand more\n");
    assert_eq!(rig.project.text("f"), now);
    let left = ids(&rig.json(&["diff", "1", "--hunks"])["files"]);
    assert!(left.contains(&hunks[1]), "{left:?}");
}

#[test]
fn an_unknown_and_a_stale_hunk_are_exit_4_and_name_the_command_that_lists_them() {
    let (rig, operation, hunks) = three_hunks();
    let before = rig.unharmed();
    let error = rig.fails_json(&["undo", &operation, "--hunk", "0123456789abcdef"], 4);
    assert_eq!(kind(&error), "not_found");
    let remedy = error["data"]["remedy"].to_string();
    assert!(
        remedy.contains(&format!("aft show {operation} --hunks")),
        "{error}"
    );
    // One that is known beside one that is not: nothing is done.
    rig.fails(&["undo", &operation, "--hunk", &hunks[0], "--hunk", "x"], 4);
    rig.assert_unharmed(&before, "unknown hunks");
    let since = ids(&rig.json(&["diff", "1", "--hunks"])["files"]);
    rig.ok(&["rollback", "1", "--hunk", &since[0]]);
    let error = rig.fails_json(&["rollback", "1", "--hunk", &since[0]], 4);
    assert!(
        error["data"]["remedy"]
            .to_string()
            .contains("aft diff 1 --hunks"),
        "{error}"
    );
    rig.fails(&["undo", "--hunk", &hunks[0]], 2);
    rig.fails(&["undo", "1", "--hunk", &hunks[0]], 1);
}

#[test]
fn a_hunk_under_a_later_edit_of_its_lines_is_refused_or_marked() {
    let (rig, operation, hunks) = three_hunks();
    let text = rig.project.text("f").replace("five\n", "fünf\n");
    rig.edit("f", &text);
    let before = rig.unharmed();
    rig.fails(&["undo", &operation, "--hunk", &hunks[0]], 3);
    rig.assert_unharmed(&before, "a clash");
    rig.ok(&["undo", &operation, "--hunk", &hunks[1]]);
    let marked = rig.aft(&[
        "undo",
        &operation,
        "--hunk",
        &hunks[0],
        "--on-conflict",
        "markers",
    ]);
    assert_eq!(marked.status, 5, "{}{}", marked.stdout, marked.stderr);
    assert!(rig.project.text("f").contains("<<<<<<< now\nfünf\n"));
}

/// Everything a change can be: lines, a mode, both, a new file, a new directory, a deletion, a link, binary bytes, a move.
fn every_kind(rig: &Rig) -> u64 {
    let project = &rig.project;
    project.write(
        "lines",
        lines(0..40)
            .replace("line 3\n", "three\n")
            .replace("line 33\n", ""),
    );
    project.chmod("mode", 0o755);
    project.write("both", "new\n");
    project.chmod("both", 0o755);
    project.remove("dir/deleted");
    project.remove("dir");
    project.mkdir("made");
    project.mkdir("made/deep");
    project.write("made/deep/new", "new\nfile\n");
    project.write("made/empty", "");
    project.remove("link");
    project.symlink("link", "mode");
    project.write("binary", b"\0new");
    project.rename("moved", "made/moved");
    let text = project.text("made/moved").replace("line 9\n", "nine\n");
    project.write("made/moved", text);
    rig.head()
}

#[test]
fn all_hunks_one_by_one_are_the_operation_taken_back() {
    let fixture = format!(
        "//- /lines\n{text}//- /mode\nm\n//- /both\nold\n//- /dir/deleted\nd\n//- /binary\nb\n//- /moved\n{text}",
        text = lines(0..40)
    );
    let rig = Rig::new();
    rig.project.add_fixture(&fixture);
    rig.project.write("binary", b"\0old");
    rig.project.symlink("link", "lines");
    rig.ok(&["watch", "--detach"]);
    let start = rig.project.manifest();
    every_kind(&rig);
    // A bracket makes one operation of it all; without one there are several, which are each taken back.
    let mut n_taken = 0;
    let operations: Vec<u64> = rig
        .log()
        .iter()
        .filter_map(|one| one["operation"].as_u64())
        .filter(|id| *id > 1)
        .collect();
    for operation in &operations {
        let operation = operation.to_string();
        let shown = rig.json(&["show", &operation, "--hunks"]);
        for hunk in ids(&shown["operation"]["changes"]).iter().rev() {
            rig.ok(&["undo", &operation, "--hunk", hunk]);
            n_taken += 1;
        }
    }
    assert!(n_taken >= 10, "{n_taken} hunks of {operations:?}");
    assert_same(&start, &rig.project.manifest(), "every hunk was taken back");
}

#[test]
fn secrets_have_no_hunks_on_the_agents_socket() {
    let rig = Rig::watching("//- /f\nold\n//- /.env\nKEY=old\n");
    rig.project.write(".env", "KEY=new\n");
    let operation = rig.edit("f", "new\n").to_string();
    let mut agent = rig.agent();
    let shown = agent.expect_call(
        "diff",
        &about(&rig, &json!({"from": "1", "format": "hunks"})),
    );
    assert!(!shown.to_string().contains("KEY"), "{shown}");
    let hidden = ids(&rig.json(&["diff", "1", "--hunks", ".env"])["files"]);
    assert_eq!(hidden.len(), 1, "the person sees them");
    let undo = json!({"point": "1", "hunks": [hidden[0]]});
    refused(
        &mut agent,
        "rollback.plan",
        &about(&rig, &undo),
        "not_found",
    );
    assert_eq!(rig.project.text(".env"), "KEY=new\n");
    rig.ok(&["rollback", "1", "--hunk", &hidden[0]]);
    assert_eq!(rig.project.text(".env"), "KEY=old\n");
    assert!(!operation.is_empty());
}

#[test]
fn a_plan_of_hunks_is_what_runs() {
    let (rig, _, _) = three_hunks();
    let hunks = ids(&rig.json(&["diff", "1", "--hunks"])["files"]);
    let mut agent = rig.agent();
    let wish = json!({"to": "1", "hunks": [hunks[0]]});
    let plan = agent.expect_call("rollback.plan", &about(&rig, &wish));
    assert_eq!(plan["hunks"], json!([hunks[0]]), "{plan}");
    let done = agent.expect_call(
        "rollback.apply",
        &about(&rig, &json!({"plan": plan["plan"]})),
    );
    assert_eq!(done["kind"], "rollback", "{done}");
    assert!(rig.project.text("f").contains("line 5\n"));
    assert!(rig.project.text("f").contains("twenty\n"));
    for wrong in [
        json!({"point": "1", "hunks": []}),
        json!({"point": "1", "hunks": [hunks[1]], "session": "s"}),
    ] {
        refused(&mut agent, "rollback.plan", &about(&rig, &wrong), "invalid");
    }
}
