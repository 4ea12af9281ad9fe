//! Whole turns of every agent.

use serde_json::Value;

use super::rig::Rig;

const AGENTS: [&str; 5] = ["claude-code", "codex", "gemini", "cursor", "opencode"];

/// What a tool does after the hook before it: an edit tool its edit, a shell something of its own.
fn tool(rig: &Rig, line: &str) {
    let payload: Value = serde_json::from_str(line).expect("JSON");
    let event = payload["hook_event_name"]
        .as_str()
        .or(payload["event"].as_str());
    let is_before =
        ["PreToolUse", "BeforeTool", "preToolUse", "tool.before"].contains(&event.unwrap());
    if !is_before {
        return;
    }
    match payload["tool_name"].as_str().unwrap() {
        "Read" | "read" | "read_file" => {}
        "Bash" | "Shell" | "bash" | "run_shell_command" => rig.project.write("built.txt", "ok\n"),
        "Write" if line.contains("notes.md") => rig.project.write("src/notes.md", "notes\n"),
        _ => rig.project.write("src/greet.py", "good day\n"),
    }
}

#[test]
fn what_every_agent_does_in_a_recorded_turn_is_its_own() {
    for agent in AGENTS {
        let rig = Rig::watching();
        for line in rig.lines(agent) {
            rig.hook(agent, &line);
            tool(&rig, &line);
        }
        let log = rig.log();
        let edits: Vec<&Value> = log.iter().skip(1).collect();
        let expected = if agent == "claude-code" { 3 } else { 2 };
        assert_eq!(edits.len(), expected, "{agent}: {log:#?}");
        let turn = &edits[0]["turn"];
        assert!(turn.is_string(), "{agent}: {log:#?}");
        for edit in &edits {
            assert_eq!(edit["kind"], "edit", "{agent}");
            assert_eq!(edit["author"], format!("agent:{agent}"), "{agent}");
            assert!(
                edit["session"]
                    .as_str()
                    .unwrap()
                    .starts_with(&format!("{agent}:")),
                "{agent}: {edit:#?}"
            );
            assert_eq!(
                &edit["turn"], turn,
                "{agent}: one turn, a subagent's work in it"
            );
            assert!(edit["tool"].is_string(), "{agent}");
        }
        if agent == "claude-code" {
            let child = edits[2]["session"].as_str().unwrap();
            assert!(child.ends_with(":agent_a1b2c3"), "{child}");
        }
        let list = rig
            .daemon
            .aft_json(rig.project.root(), &["session", "list", "--open"]);
        let open = list["sessions"].as_array().unwrap().len();
        // Codex does not tell when a run ends.
        assert_eq!(open, usize::from(agent == "codex"), "{agent}: {list:#?}");
        rig.daemon
            .aft_ok(rig.project.root(), &["undo", "--turn=-1"]);
        assert_eq!(rig.project.text("src/greet.py"), "hello\n", "{agent}");
        assert!(!rig.project.exists("built.txt"), "{agent}");
        assert!(!rig.project.exists("src/notes.md"), "{agent}");
    }
}

#[test]
fn an_agent_is_told_once_what_somebody_took_back() {
    for agent in AGENTS {
        let rig = Rig::watching();
        let mut lines = rig.lines(agent).into_iter();
        let is_before_edit = |line: &str| {
            line.contains("greet.py")
                && !line.contains("Read")
                && !line.contains("\"read")
                && ["PreToolUse", "BeforeTool", "preToolUse", "tool.before"]
                    .iter()
                    .any(|event| line.contains(event))
        };
        let mut before = String::new();
        for line in lines.by_ref() {
            let said = rig.hook(agent, &line);
            assert!(!said.contains("taken back"), "{agent}: {said}");
            if is_before_edit(&line) {
                before = line;
                break;
            }
        }
        rig.project.write("src/greet.py", "good day\n");
        let after = lines.next().expect("the end of the edit");
        assert!(!rig.hook(agent, &after).contains("taken back"), "{agent}");
        rig.daemon.aft_ok(rig.project.root(), &["undo"]);
        // It works on, and hears of it with the first answer that can hold news.
        let told: Vec<String> = [&before, &after, &before, &after]
            .iter()
            .map(|line| rig.hook(agent, line))
            .filter(|said| said.contains("taken back"))
            .collect();
        assert_eq!(told.len(), 1, "{agent}: {told:?}");
        assert!(told[0].contains("src/greet.py"), "{agent}: {told:?}");
        assert!(
            told[0].contains("undo of operations #2 by human"),
            "{agent}: {told:?}"
        );
        let answer: Value = serde_json::from_str(&told[0]).expect("JSON");
        assert!(answer.get("decision").is_none() && answer.get("permission").is_none());
    }
}

#[test]
fn hooks_that_come_in_in_the_middle_of_a_run_begin_its_session() {
    let rig = Rig::watching();
    let lines = rig.lines("claude-code");
    let edit: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("toolu_01Edit"))
        .collect();
    rig.hook("claude-code", edit[0]);
    rig.project.write("src/greet.py", "good day\n");
    rig.hook("claude-code", edit[1]);
    let log = rig.log();
    assert_eq!(log[1]["author"], "agent:claude-code", "{log:#?}");
    assert_eq!(log[1]["tool"], "Edit");
}

#[test]
fn a_run_that_outlives_the_daemon_keeps_its_session_and_its_news() {
    let mut rig = Rig::watching();
    let lines = rig.lines("claude-code");
    let edit: Vec<String> = lines
        .iter()
        .filter(|line| line.contains("toolu_01Edit"))
        .cloned()
        .collect();
    rig.hook("claude-code", &lines[0]);
    rig.hook("claude-code", &lines[1]);
    rig.hook("claude-code", &edit[0]);
    rig.project.write("src/greet.py", "good day\n");
    rig.hook("claude-code", &edit[1]);
    rig.daemon.aft_ok(rig.project.root(), &["undo"]);
    rig.daemon.kill();
    rig.daemon.run();
    let said = rig.hook("claude-code", &lines[1]);
    assert!(said.contains("undo of operations #2"), "{said}");
    rig.hook("claude-code", &edit[0]);
    rig.project.write("src/greet.py", "good evening\n");
    rig.hook("claude-code", &edit[1]);
    let log = rig.log();
    let last = log.last().unwrap();
    assert_eq!(last["session"], log[1]["session"], "{log:#?}");
}

#[test]
fn a_tool_call_that_was_broken_off_claims_nothing_after_its_turn() {
    let rig = Rig::watching_by_brackets();
    let lines = rig.lines("codex");
    for line in &lines[..3] {
        rig.hook("codex", line);
    }
    // No hook after a call that failed; then the turn ends, and a person writes.
    rig.hook("codex", lines.last().unwrap());
    rig.project.write("src/greet.py", "by hand\n");
    let log = rig.log();
    assert_eq!(log[1]["author"], "unknown", "{log:#?}");
}
