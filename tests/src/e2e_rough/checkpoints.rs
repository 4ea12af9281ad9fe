//! Names on points: which are allowed, whom they belong to, and what `edit` and `rm` do.

use serde_json::json;

use super::rig::{Rig, about, refused};

#[test]
fn an_existing_name_is_refused_without_force_and_moved_with_it() {
    let rig = Rig::watching("//- /f\n1\n");
    rig.ok(&["checkpoint", "here"]);
    rig.edit("f", "2\n");
    let said = rig.fails(&["checkpoint", "here"], 1);
    assert!(said.contains("--force"), "{said}");
    assert_eq!(
        rig.fails_json(&["checkpoint", "here"], 1)["data"]["kind"],
        "invalid"
    );
    assert_eq!(
        rig.json(&["checkpoint", "show", "here"])["operation"],
        1,
        "it stayed"
    );
    let moved = rig.json(&["checkpoint", "here", "--force"]);
    assert_eq!(moved["operation"], 2);
    assert_eq!(
        rig.json(&["checkpoint", "list"])["checkpoints"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    rig.ok(&["rollback", "here"]);
    assert_eq!(rig.project.text("f"), "2\n");
}

#[test]
fn a_name_that_reads_as_a_point_or_a_subcommand_is_reserved() {
    let rig = Rig::watching("//- /f\n1\n");
    let before = rig.unharmed();
    let mut agent = rig.agent();
    for name in [
        "",
        "@",
        "@-1",
        "@home",
        "142",
        "0",
        "good",
        "10m",
        "2h",
        "1d",
        "30s",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "turn:-1",
        "turn:x",
        "session:abc",
        "list",
        "show",
        "edit",
        "rm",
        "create",
        "two\nlines",
        "nul\0",
    ] {
        let params = about(&rig, &json!({"name": name}));
        let error = refused(&mut agent, "checkpoint.create", &params, "invalid");
        let text = error["message"].as_str().unwrap_or_default();
        assert!(text.len() > 10, "{name:?} is told too little: {text}");
    }
    for name in ["@", "142", "good", "10m"] {
        rig.fails(&["checkpoint", name], 1);
    }
    for name in ["list", "rm"] {
        rig.fails(&["checkpoint", "create", name], 1);
    }
    assert_eq!(rig.json(&["checkpoint", "list"])["checkpoints"], json!([]));
    rig.assert_unharmed(&before, "reserved names");
}

#[test]
fn names_people_use_are_allowed() {
    let rig = Rig::watching("//- /f\n1\n");
    let names = [
        "before-refactor",
        "v1.2.3",
        "fix_the_thing",
        "größer",
        "release/2.0",
        "a",
        "10x",
        "goods",
    ];
    for name in names {
        rig.ok(&["checkpoint", name]);
        assert_eq!(rig.json(&["checkpoint", "show", name])["checkpoint"], name);
        rig.ok(&["rollback", name, "--dry-run"]);
    }
    let listed = rig.json(&["checkpoint", "list"]);
    assert_eq!(
        listed["checkpoints"].as_array().map(Vec::len),
        Some(names.len())
    );
}

#[test]
fn each_class_is_kept_and_user_is_the_default() {
    let rig = Rig::watching("//- /f\n1\n");
    for class in ["permanent", "session", "until-verified", "user"] {
        let name = format!("kept-{class}");
        assert_eq!(
            rig.json(&["checkpoint", &name, "--keep", class])["keep"],
            class
        );
        assert_eq!(rig.json(&["checkpoint", "show", &name])["keep"], class);
    }
    assert_eq!(rig.json(&["checkpoint", "plain"])["keep"], "user");
    let mut agent = rig.agent();
    let wrong = about(&rig, &json!({"name": "x", "keep": "for-ever"}));
    refused(&mut agent, "checkpoint.create", &wrong, "invalid");
    let metadata = json!({"ticket": 7, "tags": ["a", "b"]});
    let params = about(&rig, &json!({"name": "meta", "metadata": metadata}));
    assert_eq!(
        agent.expect_call("checkpoint.create", &params)["metadata"],
        metadata
    );
    let shown = agent.expect_call("checkpoint.show", &about(&rig, &json!({"name": "meta"})));
    assert_eq!(shown["metadata"], metadata);
}

#[test]
fn files_and_bytes_are_those_of_the_state_that_is_named() {
    let rig = Rig::watching("//- /f\n1\n//- /g\n22\n");
    rig.edit("h", "333\n");
    rig.project.remove("f");
    rig.head();
    for (point, files, bytes) in [("1", 2, 5), ("2", 3, 9), ("3", 2, 7), ("@", 2, 7)] {
        let named = rig.json(&[
            "checkpoint",
            &format!("at-{files}-{bytes}"),
            "--at",
            point,
            "--force",
        ]);
        assert_eq!(
            (&named["files"], &named["bytes"]),
            (&json!(files), &json!(bytes)),
            "at {point}: {named}"
        );
    }
}

#[test]
fn edit_and_rm_change_only_the_name() {
    let mut rig = Rig::watching("//- /f\n1\n");
    rig.ok(&["checkpoint", "one", "-m", "first"]);
    rig.edit("f", "2\n");
    rig.ok(&["checkpoint", "two"]);
    rig.fails(&["checkpoint", "edit", "nobody", "-m", "x"], 4);
    rig.fails(&["checkpoint", "edit", "one", "--rename", "two"], 1);
    rig.fails(&["checkpoint", "edit", "one", "--rename", "142"], 1);
    let renamed = rig.json(&["checkpoint", "edit", "one", "--rename", "uno"]);
    assert_eq!(
        (&renamed["checkpoint"], &renamed["operation"]),
        (&json!("uno"), &json!(1))
    );
    assert_eq!(renamed["message"], "first");
    let near = rig.fails(&["checkpoint", "show", "one"], 4);
    assert!(near.contains("nearest"), "{near}");
    let bare = rig.json(&["checkpoint", "edit", "uno", "-m", ""]);
    assert!(
        bare["message"].is_null(),
        "an empty sentence takes it away: {bare}"
    );
    rig.ok(&["checkpoint", "rm", "two"]);
    rig.fails(&["checkpoint", "rm", "two"], 4);
    rig.fails(&["rollback", "two"], 4);
    assert_eq!(rig.log().len(), 2, "the states stay in the history");
    rig.ok(&["sync", "--durable"]);
    rig.daemon.kill();
    rig.daemon.run();
    let listed = rig.json(&["checkpoint", "list"]);
    assert_eq!(
        listed["checkpoints"],
        json!([bare]),
        "names survive kill -9"
    );
    rig.ok(&["rollback", "uno"]);
    assert_eq!(rig.project.text("f"), "1\n");
}

#[test]
fn a_list_is_newest_first_and_paged() {
    let rig = Rig::watching("//- /f\n1\n");
    let mut agent = rig.agent();
    for number in 0..25 {
        let params = about(&rig, &json!({"name": format!("c{number:02}")}));
        agent.expect_call("checkpoint.create", &params);
    }
    let (mut seen, mut cursor) = (Vec::new(), json!(null));
    loop {
        let mut params = about(&rig, &json!({"limit": 7}));
        if cursor.is_string() {
            params["cursor"] = cursor;
        }
        let page = agent.expect_call("checkpoint.list", &params);
        let entries = page["checkpoints"].as_array().expect("checkpoints");
        assert!(entries.len() <= 7);
        seen.extend(
            entries
                .iter()
                .map(|entry| entry["checkpoint"].as_str().expect("a name").to_owned()),
        );
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    let expected: Vec<String> = (0..25)
        .rev()
        .map(|number| format!("c{number:02}"))
        .collect();
    assert_eq!(seen, expected);
    refused(
        &mut agent,
        "checkpoint.list",
        &about(&rig, &json!({"cursor": "nonsense"})),
        "invalid",
    );
}
