//! What agents say, as they say it, what is understood of it, and how they are answered.

use serde_json::Value;

use super::agents::{Agent, Call, What, session_id};
use super::payload::Payload;
use super::{bracket, time};
use aft_rpc::WireTime;
use aft_rpc::types::operation::Kind;
use aft_rpc::types::session::TakenBack;

const CLAUDE_CODE: &str = include_str!("../../../tests/hook/claude-code.jsonl");
const CODEX: &str = include_str!("../../../tests/hook/codex.jsonl");
const GEMINI: &str = include_str!("../../../tests/hook/gemini.jsonl");
const CURSOR: &str = include_str!("../../../tests/hook/cursor.jsonl");
const OPENCODE: &str = include_str!("../../../tests/hook/opencode.jsonl");

const ALL: [(Agent, &str); 5] = [
    (Agent::ClaudeCode, CLAUDE_CODE),
    (Agent::Codex, CODEX),
    (Agent::Gemini, GEMINI),
    (Agent::Cursor, CURSOR),
    (Agent::Opencode, OPENCODE),
];

fn understood(agent: Agent, lines: &str) -> Vec<Option<Call>> {
    lines
        .lines()
        .map(|line| {
            let payload = Payload::read(line.as_bytes()).unwrap();
            agent.understand(&payload).unwrap()
        })
        .collect()
}

/// What is understood, in a word each.
fn words(agent: Agent, lines: &str) -> Vec<String> {
    let word = |call: &Call| match &call.what {
        What::SessionStart => "session".to_owned(),
        What::SessionEnd => "end of session".to_owned(),
        What::TurnStart { .. } => "turn".to_owned(),
        What::TurnEnd => "end of turn".to_owned(),
        What::Begin { tool, paths, .. } => {
            format!("{} of {}", tool.as_deref().unwrap(), paths.len())
        }
        What::End { tool, success, .. } => {
            format!("end of {}, {success}", tool.as_deref().unwrap())
        }
    };
    understood(agent, lines)
        .iter()
        .flatten()
        .map(word)
        .collect()
}

#[test]
fn a_turn_of_every_agent_is_understood() {
    assert_eq!(
        words(Agent::ClaudeCode, CLAUDE_CODE),
        [
            "session",
            "turn",
            "Edit of 1",
            "end of Edit, true",
            "Bash of 0",
            "end of Bash, false",
            "session",
            "Write of 1",
            "end of Write, true",
            "end of session",
            "end of turn",
            "end of session",
        ]
    );
    assert_eq!(
        words(Agent::Codex, CODEX),
        [
            "session",
            "turn",
            "apply_patch of 1",
            "end of apply_patch, true",
            "Bash of 0",
            "end of Bash, true",
            "end of turn",
        ]
    );
    assert_eq!(
        words(Agent::Gemini, GEMINI),
        [
            "session",
            "turn",
            "replace of 1",
            "end of replace, true",
            "run_shell_command of 0",
            "end of run_shell_command, true",
            "end of turn",
            "end of session",
        ]
    );
    assert_eq!(
        words(Agent::Cursor, CURSOR),
        [
            "session",
            "turn",
            "Write of 1",
            "end of Write, true",
            "Shell of 0",
            "end of Shell, true",
            "end of turn",
            "end of session",
        ]
    );
    assert_eq!(
        words(Agent::Opencode, OPENCODE),
        [
            "session",
            "turn",
            "edit of 1",
            "end of edit, true",
            "bash of 0",
            "end of bash, true",
            "end of turn",
            "end of session",
        ]
    );
}

#[test]
fn begin_and_end_of_a_tool_call_have_the_same_session_place_and_id() {
    for (agent, lines) in ALL {
        let mut open: Vec<(String, String, std::path::PathBuf)> = Vec::new();
        for call in understood(agent, lines).into_iter().flatten() {
            match call.what {
                What::Begin { id, .. } => open.push((call.session, id.unwrap(), call.place)),
                What::End { id, .. } => {
                    let ended = (call.session, id.unwrap(), call.place);
                    let at = open.iter().position(|begun| *begun == ended);
                    open.remove(at.unwrap_or_else(|| panic!("{agent:?}: {ended:?}")));
                }
                _ => {}
            }
        }
        assert!(open.is_empty(), "{agent:?} {open:?}");
    }
}

#[test]
fn a_subagent_is_a_session_of_its_own_with_the_run_as_its_parent() {
    let calls = understood(Agent::ClaudeCode, CLAUDE_CODE);
    let of = |tool: &str| {
        let found = calls.iter().flatten().find(
            |call| matches!(&call.what, What::Begin { tool: Some(name), .. } if name == tool),
        );
        found.unwrap().clone()
    };
    let (main, child) = (of("Edit"), of("Write"));
    assert_eq!(main.parent, None);
    assert_eq!(child.parent.as_ref(), Some(&main.session));
    assert_eq!(child.session, format!("{}:agent_a1b2c3", main.session));
    assert_eq!(child.label.as_deref(), Some("general-purpose"));
}

#[test]
fn without_anything_to_tell_every_answer_is_neutral() {
    for (agent, lines) in ALL {
        for line in lines.lines() {
            let payload = Payload::read(line.as_bytes()).unwrap();
            let said = agent.say(payload.event(), None);
            let neutral = match (agent, payload.event()) {
                (Agent::ClaudeCode | Agent::Codex, _) => "",
                (Agent::Cursor, "beforeSubmitPrompt") => "{\"continue\":true}",
                _ => "{}",
            };
            assert_eq!(said, neutral, "{agent:?} {}", payload.event());
        }
    }
}

#[test]
fn news_goes_where_each_agent_reads_it() {
    let said = |agent: Agent, event: &str| -> Value {
        serde_json::from_str(&agent.say(event, Some("news"))).unwrap()
    };
    for agent in [Agent::ClaudeCode, Agent::Codex] {
        let answer = said(agent, "PostToolUse");
        let told = &answer["hookSpecificOutput"];
        assert_eq!(told["hookEventName"], "PostToolUse");
        assert_eq!(told["additionalContext"], "news");
        assert!(answer.get("decision").is_none());
    }
    let gemini = said(Agent::Gemini, "AfterTool");
    assert_eq!(gemini["hookSpecificOutput"]["additionalContext"], "news");
    let cursor = said(Agent::Cursor, "postToolUse");
    assert_eq!(cursor, serde_json::json!({ "additional_context": "news" }));
    assert_eq!(said(Agent::Opencode, "tool.after")["message"], "news");
}

#[test]
fn news_is_asked_for_only_where_the_answer_can_hold_it() {
    for (agent, lines) in ALL {
        for line in lines.lines() {
            let payload = Payload::read(line.as_bytes()).unwrap();
            let Some(call) = agent.understand(&payload).unwrap() else {
                continue;
            };
            if call.tell {
                let said = agent.say(payload.event(), Some("news"));
                assert!(said.contains("news"), "{agent:?} {}", payload.event());
            }
        }
    }
}

#[test]
fn what_is_no_payload_is_said_to_be_none() {
    for input in ["", " \n", "not json", "{\"session_id\": 7}", "\u{0}"] {
        assert!(Payload::read(input.as_bytes()).is_err(), "{input:?}");
    }
    let no_session = r#"{"hook_event_name":"Stop","cwd":"/p"}"#;
    let payload = Payload::read(no_session.as_bytes()).unwrap();
    assert!(Agent::ClaudeCode.understand(&payload).is_err());
    let no_place = r#"{"hook_event_name":"stop","session_id":"s"}"#;
    let payload = Payload::read(no_place.as_bytes()).unwrap();
    assert!(Agent::Cursor.understand(&payload).is_err());
    let unknown = r#"{"hook_event_name":"Somewhat","session_id":"s","cwd":"/p"}"#;
    let payload = Payload::read(unknown.as_bytes()).unwrap();
    assert_eq!(Agent::Codex.understand(&payload), Ok(None));
}

#[test]
fn an_id_is_made_of_what_the_daemon_takes() {
    assert_eq!(session_id("codex", "019a-b", None), "codex:019a-b");
    assert_eq!(
        session_id("codex", "a/b c\u{e9}", Some("x y")),
        "codex:a-b-c-:x-y"
    );
    assert_eq!(session_id("x", "y", None), "x:y-----");
    let long = session_id("claude-code", &"r".repeat(500), Some(&"a".repeat(500)));
    assert!(long.len() <= 200, "{}", long.len());
}

#[test]
fn a_sentence_names_who_took_what_back() {
    let news = [TakenBack {
        operation: 20,
        kind: Kind::Undo,
        author: "human".to_owned(),
        time: WireTime(0),
        reverts: vec![12, 13],
        n_changes: 3,
        paths: vec!["src/a.rs".into(), "src/b.rs".into()],
        note: None,
    }];
    let said = bracket::sentence(&news).unwrap();
    assert!(
        said.contains(
            "operation 20: undo of operations #12, #13 by human: src/a.rs, src/b.rs and 1 more"
        ),
        "{said}"
    );
    assert_eq!(bracket::sentence(&[]), None);
    let [way] = news;
    let by_rule = TakenBack {
        note: Some("tests: 4 of 10 failed".to_owned()),
        ..way
    };
    let said = bracket::sentence(&[by_rule]).unwrap();
    assert!(
        said.contains("by human (tests: 4 of 10 failed): src/a.rs"),
        "{said}"
    );
}

#[test]
fn a_shells_command_is_passed_on_unless_it_is_very_long() {
    let command_of = |agent: Agent, line: &str| {
        let payload = Payload::read(line.as_bytes()).unwrap();
        match agent.understand(&payload).unwrap().unwrap().what {
            What::Begin { command, .. } => command,
            other => panic!("{other:?}"),
        }
    };
    let claude = |input: &str| {
        format!(
            r#"{{"hook_event_name":"PreToolUse","session_id":"s","cwd":"/p","tool_name":"Bash","tool_input":{input}}}"#
        )
    };
    let said = |input: &str| command_of(Agent::ClaudeCode, &claude(input));
    assert_eq!(
        said(r#"{"command":"rm -rf x"}"#).as_deref(),
        Some("rm -rf x")
    );
    assert_eq!(
        said(r#"{"command":["bash","-lc","rm -rf x"]}"#).as_deref(),
        Some("bash -lc rm -rf x")
    );
    assert_eq!(said(r#"{"file_path":"/p/a"}"#), None);
    assert_eq!(said(r#"{"command":7}"#), None);
    let long = format!(r#"{{"command":"{}"}}"#, "x".repeat(20_000));
    assert_eq!(said(&long), None);
    let patch = r#"{"hook_event_name":"PreToolUse","session_id":"s","cwd":"/p","tool_name":"apply_patch","tool_input":{"command":"*** Begin Patch"}}"#;
    assert_eq!(command_of(Agent::Codex, patch), None);
}

#[test]
fn a_budget_is_read_in_any_of_its_forms() {
    use std::time::Duration;
    assert_eq!(time("250ms"), Some(Duration::from_millis(250)));
    assert_eq!(time("2s"), Some(Duration::from_secs(2)));
    assert_eq!(time("40"), Some(Duration::from_millis(40)));
    assert_eq!(time("soon"), None);
}
