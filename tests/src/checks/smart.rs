//! States that get a name by themselves: before a lock file changes, before much changes, before a command that takes away.

use serde_json::{Value, json};

use super::agent::Rig;

fn hook(rig: &Rig, event: &str, command: &str) {
    let payload = json!({
        "hook_event_name": event,
        "session_id": "run-1",
        "cwd": rig.project.root(),
        "tool_name": "Bash",
        "tool_use_id": "toolu_1",
        "tool_input": { "command": command },
    });
    let output = rig.daemon.aft_fed(
        rig.project.root(),
        &["hook", "claude-code"],
        payload.to_string().as_bytes(),
    );
    assert_eq!(output.status, 0, "{}", output.stderr);
}

/// What a tool that runs `command` does, between its hooks.
fn tool(rig: &Rig, command: &str, does: impl FnOnce()) {
    hook(rig, "PreToolUse", command);
    does();
    hook(rig, "PostToolUse", command);
}

#[test]
fn before_a_lock_file_changes_the_state_gets_a_name_that_leads_back_to_it() {
    let rig = Rig::new(
        "",
        &[("Cargo.lock", "one\n"), ("src/lib.rs", "fn a() {}\n")],
    );
    let mut events = rig.daemon.control();
    let root = rig.project.root();
    events.expect_call(
        "events.subscribe",
        &json!({"workspace": root, "events": ["snapshot:created"]}),
    );
    rig.project.write("Cargo.lock", "two\n");
    rig.aft(&["sync"]);
    let made = rig.wait_named("before-dependency-change-");
    assert_eq!(made["keep"], "until-verified", "{made:#}");
    assert_eq!(made["operation"], 1, "{made:#}");
    assert_eq!((&made["files"], &made["bytes"]), (&json!(2), &json!(14)));
    let event = loop {
        let event = events.next_event().unwrap();
        if event["params"]["payload"]["checkpoint"].is_string() {
            break event["params"]["payload"].clone();
        }
    };
    assert_eq!(event["cause"], "dependency-change", "{event:#}");
    assert_eq!(event["message"], "before Cargo.lock (Cargo) changed");
    // While the work on it goes on there is no second one.
    for round in 0..10 {
        rig.project.write("Cargo.lock", format!("three {round}\n"));
        rig.aft(&["sync"]);
    }
    tool(&rig, "rm -rf src", || rig.project.write("x", "y"));
    rig.wait_named("before-destructive-command-");
    assert_eq!(rig.named("before-dependency-change-").len(), 1);
    let name = made["checkpoint"].as_str().unwrap();
    rig.aft(&["rollback", name, "--on-conflict", "keep"]);
    assert_eq!(rig.project.text("Cargo.lock"), "one\n");
}

#[test]
fn before_a_command_that_takes_away_the_state_gets_a_name() {
    let rig = Rig::new(
        "",
        &[("notes/a.md", "a\n"), ("notes/b.md", "b\n"), ("c", "c")],
    );
    tool(&rig, "ls -la", || {});
    tool(&rig, "cd . && sudo rm -rf notes", || {
        std::fs::remove_dir_all(rig.project.path("notes")).unwrap();
    });
    let made = rig.wait_named("before-destructive-command-");
    assert_eq!(made["keep"], "session");
    assert_eq!(made["message"], "before a command with `rm`");
    assert_eq!(made["files"], 3, "{made:#}");
    let name = made["checkpoint"].as_str().unwrap();
    rig.aft(&["rollback", name]);
    assert_eq!(rig.project.text("notes/b.md"), "b\n");
    assert_eq!(rig.named("before-").len(), 1);
}

#[test]
fn before_many_files_change_the_state_before_the_first_gets_a_name() {
    let rig = Rig::new("", &[("a.txt", "a\n")]);
    for number in 0..25 {
        rig.project
            .write(format!("src/{number}.rs"), format!("{number}\n"));
        rig.aft(&["sync"]);
    }
    let made = rig.wait_named("before-large-refactor-");
    assert_eq!(made["operation"], 1, "{made:#}");
    assert_eq!(made["files"], 1, "{made:#}");
    assert_eq!(made["keep"], "session");
}

#[test]
fn before_many_lines_change_the_state_gets_a_name() {
    let lines = |word: &str| format!("{word}\n").repeat(700);
    let rig = Rig::new("", &[("a.txt", &lines("a"))]);
    rig.project.write("a.txt", lines("b"));
    let made = rig.wait_named("before-large-refactor-");
    assert_eq!(made["operation"], 1, "{made:#}");
}

#[test]
fn rules_that_are_off_name_nothing() {
    let off = |on: &str| format!("[[checkpoint]]\non = \"{on}\"\nenabled = false\n");
    let config = off("dependency-change") + &off("large-refactor");
    let rig = Rig::new(&config, &[("go.mod", "module a\n")]);
    rig.project.write("go.mod", "module b\n");
    for number in 0..30 {
        rig.project.write(format!("{number}.go"), "package a\n");
    }
    rig.aft(&["sync"]);
    // Facts are taken in order: when this one has its name, the others will have none.
    tool(&rig, "git reset --hard", || rig.project.write("x", "y"));
    rig.wait_named("before-destructive-command-");
    let all: Vec<Value> = rig.named("before-");
    assert_eq!(all.len(), 1, "{all:#?}");
}

#[test]
fn before_a_function_became_complex_the_state_gets_a_name_for_the_user_to_keep() {
    let simple = "pub fn sign(n: i32) -> i32 {\n    if n < 0 { -1 } else { 1 }\n}\n";
    let branches = "    if n == 3 { return 1; }\n".repeat(12);
    let rig = Rig::new("", &[("src/lib.rs", simple)]);
    rig.project.write(
        "src/lib.rs",
        format!("pub fn sign(n: i32) -> i32 {{\n{branches}    2\n}}\n"),
    );
    rig.aft(&["sync"]);
    let made = rig.wait_named("before-complexity-");
    assert_eq!(made["keep"], "user", "{made:#}");
    assert_eq!(made["operation"], 1, "{made:#}");
    let message = made["message"].as_str().unwrap();
    assert!(
        message.contains("`sign` in src/lib.rs:1 became complex: 13"),
        "{message}"
    );
}
