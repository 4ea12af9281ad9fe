//! What is done to configuration files, and what is not.

use serde_json::Value;

use super::hooks_file::{EditError, edited};
use super::places::{self, Form, Hooks, Scope};
use super::replace;
use crate::commands::hook::Agent;

const JSON_AGENTS: [Agent; 4] = [
    Agent::ClaudeCode,
    Agent::Codex,
    Agent::Gemini,
    Agent::Cursor,
];

fn hooks(agent: Agent) -> Hooks {
    let place = places::of(agent, &Scope::Project("/p".into())).unwrap();
    match place.form {
        Form::Hooks(hooks) => hooks,
        Form::Plugin(_) => panic!("a plugin"),
    }
}

fn put_in(agent: Agent, before: &str) -> String {
    edited(Some(before), &hooks(agent), false).unwrap().unwrap()
}

fn taken_out(agent: Agent, before: &str) -> String {
    edited(Some(before), &hooks(agent), true).unwrap().unwrap()
}

/// Somebody's settings, as untidy as they are.
const SETTINGS: &str = r#"{
    // mine
    "model": "opus",   "zeta": 1,
    "permissions": { "allow": ["Bash(git *)"] },
    "hooks": {
        "PreToolUse": [
            { "matcher": "Bash", "hooks": [ { "type": "command", "command": "my-guard" } ] }
        ],
        "Notification": [ { "hooks": [ { "type": "command", "command": "beep" } ] } ]
    },
    "alpha": true
}
"#;

#[test]
fn what_is_put_in_and_taken_out_again_leaves_the_file_as_it_was() {
    for before in [
        SETTINGS,
        "{}\n",
        "{\"a\":1}",
        "{\n\t\"a\": 1\n}\n",
        "{\r\n  \"a\": [1, 2],\r\n  \"b\": null\r\n}\r\n",
    ] {
        let with = put_in(Agent::ClaudeCode, before);
        assert_ne!(with, before);
        let value: Value = serde_json::from_str(&with.replace("// mine", "")).unwrap();
        assert_eq!(
            value["hooks"]["Stop"][0]["hooks"][0]["command"],
            "aft hook claude-code"
        );
        let without = taken_out(Agent::ClaudeCode, &with);
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(squeezed(&without), squeezed(before));
    }
}

#[test]
fn lines_that_are_not_ours_stay_byte_for_byte() {
    let with = put_in(Agent::ClaudeCode, SETTINGS);
    for line in SETTINGS.lines().filter(|line| line.trim().len() > 2) {
        let line = line.trim_end_matches(',').trim_end_matches(']').trim_end();
        assert!(with.contains(line), "lost: {line}\n{with}");
    }
}

#[test]
fn a_second_time_changes_nothing() {
    for agent in JSON_AGENTS {
        for before in ["", "{}", SETTINGS] {
            let once = put_in(agent, before);
            assert_eq!(put_in(agent, &once), once, "{agent:?}");
            let out = taken_out(agent, &once);
            assert_eq!(taken_out(agent, &out), out, "{agent:?}");
        }
    }
}

#[test]
fn an_older_command_of_ours_is_replaced_and_only_that() {
    let before = r#"{"hooks": {"Stop": [
        {"hooks": [{"type": "command", "command": "'/old place/aft' hook claude-code --budget 1s"}, {"type": "command", "command": "mine"}]},
        {"hooks": [{"type": "command", "command": "/bin/other hook claude-code"}]}
    ]}}"#;
    let after = put_in(Agent::ClaudeCode, before);
    let value: Value = serde_json::from_str(&after).unwrap();
    let stop = value["hooks"]["Stop"].as_array().unwrap();
    let commands: Vec<&str> = stop
        .iter()
        .flat_map(|group| group["hooks"].as_array().unwrap())
        .map(|hook| hook["command"].as_str().unwrap())
        .collect();
    assert_eq!(
        commands,
        [
            "mine",
            "/bin/other hook claude-code",
            "aft hook claude-code"
        ]
    );
}

#[test]
fn another_agents_hooks_are_not_taken_out() {
    let both = put_in(Agent::Codex, &put_in(Agent::ClaudeCode, "{}"));
    let value: Value = serde_json::from_str(&taken_out(Agent::Codex, &both)).unwrap();
    let stop = value["hooks"]["Stop"].as_array().unwrap();
    assert_eq!(stop.len(), 1);
    assert_eq!(stop[0]["hooks"][0]["command"], "aft hook claude-code");
}

#[test]
fn a_file_that_cannot_be_understood_is_refused_with_the_place() {
    let hooks = hooks(Agent::ClaudeCode);
    for broken in ["{", "{\"a\": }", "{\"a\": 1 \"b\": 2}", "{'a': 1}", "{} x"] {
        let refused = edited(Some(broken), &hooks, false).unwrap_err();
        let EditError::NotJson(why) = &refused else {
            panic!("{broken}: {refused}");
        };
        assert!(why.contains("line 1"), "{broken}: {why}");
    }
    for wrong in ["[]", "7", "{\"hooks\": []}", "{\"hooks\": {\"Stop\": {}}}"] {
        let refused = edited(Some(wrong), &hooks, false).unwrap_err();
        assert!(matches!(refused, EditError::WrongKind(..)), "{wrong}");
    }
}

#[test]
fn a_new_file_is_what_the_agent_wants() {
    for agent in JSON_AGENTS {
        let text = edited(None, &hooks(agent), false).unwrap().unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let is_cursor = agent == Agent::Cursor;
        assert_eq!(value.get("version").is_some(), is_cursor);
        for (event, entry) in &hooks(agent).entries {
            assert_eq!(&value["hooks"][event][0], entry);
        }
        assert_eq!(edited(None, &hooks(agent), true).unwrap(), None);
    }
}

#[test]
fn the_plugin_holds_the_program_and_its_mark() {
    let place = places::of(Agent::Opencode, &Scope::Project("/p".into())).unwrap();
    let Form::Plugin(text) = place.form else {
        panic!("no plugin");
    };
    assert!(text.contains("const AFT = \"aft\";"), "{text}");
    assert!(text.contains(places::PLUGIN_MARK));
    assert!(place.file.ends_with(".opencode/plugins/afterimage.js"));
}

#[test]
fn a_link_stays_a_link_the_mode_is_kept_and_a_copy_is_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().join("dotfiles.json");
    let link = dir.path().join("settings.json");
    rustix::fs::symlink("dotfiles.json", &link).unwrap();
    assert_eq!(replace::replace(&link, None, Some("one")).unwrap(), None);
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    let backup = replace::replace(&link, Some("one"), Some("two"))
        .unwrap()
        .unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "two");
    assert_eq!(std::fs::read_to_string(backup).unwrap(), "one");
    let mode = real.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    let refused = replace::replace(&link, Some("one"), Some("three"));
    assert!(refused.is_err(), "it was changed in between");
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "two");
    assert_eq!(replace::replace(&link, Some("two"), None).unwrap(), None);
    assert!(!real.exists());
}
