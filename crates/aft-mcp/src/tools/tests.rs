//! What the table promises.

use super::*;

#[test]
fn names_are_unique_and_what_reads_is_said_to_read() {
    let mut names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    for tool in TOOLS {
        let changes = ["undo", "redo", "rollback_apply", "restore"].contains(&tool.name);
        let says = matches!(tool.effect, Effect::ChangesFiles | Effect::ChangesFilesOnce);
        assert_eq!(changes, says, "{}", tool.name);
    }
}

#[test]
fn an_argument_that_is_not_known_is_refused_and_named() {
    let daemon = Daemon::at("/nonexistent/agent.sock".into());
    let undo = find("undo").unwrap();
    let arguments = serde_json::json!({ "workspace": "/w", "force": true });
    let refused = (undo.run)(&daemon, arguments).err().unwrap().text();
    assert!(refused.contains("force"), "{refused}");
}

#[test]
fn without_a_daemon_it_says_how_to_start_one() {
    let daemon = Daemon::at("/nonexistent/agent.sock".into());
    let status = find("status").unwrap();
    let refused = (status.run)(&daemon, serde_json::json!({ "workspace": "/w" }));
    let text = refused.err().unwrap().text();
    assert!(text.contains("aft daemon start"), "{text}");
}
