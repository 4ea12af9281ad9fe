//! Sessions and turns over a restart and a kill: the same lists, and what was open goes on.

use aft_testkit::daemon::Socket;
use serde_json::{Value, json};

use crate::e2e_real::rig::Rig;

fn listed(rig: &Rig) -> Vec<Value> {
    let params = json!({"workspace": rig.root()});
    let mut listed = rig.daemon.control().expect_call("session.list", &params);
    let sessions = listed["sessions"].as_array_mut().expect("sessions");
    std::mem::take(sessions)
}

#[test]
fn a_restarted_daemon_knows_sessions_and_turns_and_what_was_open_goes_on() {
    let mut rig = Rig::new();
    rig.project.write("f", "begin\n");
    rig.watch();
    let root = rig.root().to_owned();
    let mut agent = rig.daemon.connect(Socket::Agent);
    let start =
        json!({"workspace": root, "agent": "codex", "label": "first", "metadata": {"n": 1}});
    let first = agent.expect_call("session.start", &start);
    let second = json!({"workspace": root, "agent": "gemini", "parent": first["session"]});
    let second = agent.expect_call("session.start", &second);
    let attached = json!({"workspace": root, "agent": "cursor", "attach": true});
    let attached = agent.expect_call("session.start", &attached);
    let of_first = json!({"session": first["session"], "label": "a turn", "prompt_id": "p"});
    let turn = agent.expect_call("turn.start", &of_first);
    rig.project.write("f", "by the first\n");
    agent.expect_call("session.end", &json!({"session": second["session"]}));
    agent.expect_call("sync", &json!({"workspace": root, "durable": true}));
    let before = listed(&rig);
    assert_eq!(before.len(), 3, "{before:#?}");
    for killed in [true, false] {
        if killed {
            rig.daemon.kill();
            rig.daemon.run();
        } else {
            rig.daemon.restart();
        }
        rig.ok(&["sync"]);
        let mut after = listed(&rig);
        let position = after
            .iter()
            .position(|one| one["session"] == attached["session"]);
        let gone = after.remove(position.expect("it is still known"));
        assert!(
            gone["ended"].is_string(),
            "its connection is gone: {gone:#}"
        );
        let stays: Vec<&Value> = before
            .iter()
            .filter(|one| one["session"] != attached["session"])
            .collect();
        assert_eq!(after.iter().collect::<Vec<_>>(), stays, "killed: {killed}");
    }
    // The turn goes on: what is written now belongs to it, and it ends as any other.
    rig.project.write("f", "by the first, after the restart\n");
    let mut agent = rig.daemon.connect(Socket::Agent);
    let ended = agent.expect_call("turn.end", &json!({"turn": turn["turn"]}));
    assert_eq!(
        ended["operations"].as_array().map(Vec::len),
        Some(2),
        "{ended:#}"
    );
    let ended = agent.expect_call("session.end", &json!({"session": first["session"]}));
    assert!(ended["ended"].is_string(), "{ended:#}");
    assert_eq!(ended["n_operations"], 2, "{ended:#}");
    rig.daemon.restart();
    rig.ok(&["sync"]);
    let after = listed(&rig);
    assert!(
        after.iter().all(|one| one["ended"].is_string()),
        "{after:#?}"
    );
    assert_eq!(after.len(), 3);
}
