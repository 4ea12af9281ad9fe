//! An agent in a process of its own, which hooks name to the daemon: where the kernel says who writes, what the agent and its
//! children write is its own without a bracket, and what a person writes in its turn is not.

use std::process::Command;

use serde_json::Value;

use super::rig::Rig;
use crate::workspace::writers::Shell;

/// The newest operation of a path.
fn newest(rig: &Rig, path: &str) -> Value {
    rig.daemon.aft_ok(rig.project.root(), &["sync"]);
    let log = rig.daemon.aft_json(rig.project.root(), &["log", path]);
    log["operations"][0].clone()
}

#[test]
fn what_the_agents_process_writes_in_its_turn_is_its_own_and_what_a_person_writes_is_not() {
    let rig = Rig::watching();
    let status = rig.daemon.aft_json(rig.project.root(), &["status"]);
    if status["writers"]["by"] != "kernel" {
        println!(
            "SKIPPED: the kernel does not say who writes: {}",
            status["writers"]
        );
        return;
    }
    let told = rig.daemon.command(&["hook", "claude-code"]);
    let mut command = Command::new("sh");
    command.current_dir(rig.project.root());
    for (name, value) in told.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut agent = Shell::of(&mut command);
    let lines = rig.lines("claude-code");
    let payload = rig.project.outside().join("payload");
    let aft = told.get_program().to_string_lossy().into_owned();
    // Through a shell, as agents run hooks, and directly.
    for (line, run) in [
        (
            &lines[0],
            format!("sh -c '{aft} hook claude-code --budget 5s; exit 0'"),
        ),
        (&lines[1], format!("{aft} hook claude-code --budget 5s")),
    ] {
        std::fs::write(&payload, line).expect("a payload");
        agent.run(&format!("{run} < {} > /dev/null", payload.display()));
    }
    let status = rig.daemon.aft_json(rig.project.root(), &["status"]);
    assert_eq!(status["writers"]["followed"], 1, "{status:#}");
    agent.run("cp src/greet.py by-agent");
    rig.project.write("by-hand", "by hand\n");
    let by_agent = newest(&rig, "by-agent");
    assert_eq!(by_agent["author"], "agent:claude-code", "{by_agent:#}");
    assert!(by_agent["turn"].is_string(), "{by_agent:#}");
    let by_hand = newest(&rig, "by-hand");
    assert_eq!(by_hand["author"], "unknown", "{by_hand:#}");
    let note = by_hand["note"].as_str().expect("a note");
    assert!(
        note.contains(&format!("({})", std::process::id())),
        "{note}"
    );
}
