//! A flood of refused calls in the audit log: counted, and little of it.

use aft_testkit::daemon::Socket;
use serde_json::{Value, json};

use super::scene::Scene;

const FLOOD: u64 = 3000;

#[test]
fn a_flood_of_refused_calls_is_counted_and_what_was_done_stands_beside_it() {
    let scene = Scene::new();
    let mut control = scene.connect(Socket::Control);
    control.expect_call("workspace.add", &json!({"root": scene.root()}));
    let began = std::time::Instant::now();
    let mut agent = scene.connect(Socket::Agent);
    for n in 0..FLOOD {
        let refused = agent.call("purge", &scene.about(json!({"path": format!("f{n}")})));
        refused.expect_err("it is not an agent's");
        if n == FLOOD / 2 {
            agent.expect_call(
                "checkpoint.create",
                &scene.about(json!({"name": "in-the-middle"})),
            );
        }
    }
    // Of another kind: a line at once.
    drop(agent.call("store.gc", &scene.about(json!({}))));
    let seconds = began.elapsed().as_secs() + 1;
    let listed = control.expect_call("audit.list", &json!({"limit": 1000}));
    let entries = listed["entries"].as_array().expect("entries");
    let of = |method: &str| -> Vec<&Value> {
        let all = entries.iter();
        all.filter(|entry| entry["method"] == method).collect()
    };
    let purges = of("purge");
    assert!(
        purges.len() as u64 <= 2 + seconds,
        "{} lines in {seconds} s",
        purges.len()
    );
    let counted: u64 = purges
        .iter()
        .map(|entry| 1 + entry["repeated"].as_u64().unwrap_or(0))
        .sum();
    assert_eq!(counted, FLOOD, "none is lost");
    assert_eq!(of("checkpoint.create").len(), 1);
    assert_eq!(of("store.gc").len(), 1);
    let text = scene
        .daemon
        .aft_ok(scene.project.root(), &["audit", "--refused"]);
    assert!(text.contains(" more"), "{text}");
}
