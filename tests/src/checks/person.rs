//! Rules beside people and other agents: what they do is not gone over, and rules that do not help stop.

use serde_json::{Value, json};

use super::agent::{Rig, SOON, words};

/// A check that fails where the file `state` says so, once a file outside lets it go on.
fn config(rig_gate: &str) -> String {
    let script = format!("while [ ! -e {rig_gate} ]; do sleep 0.02; done; ! grep -q bad state");
    let run = words(&["sh", "-c", &script]);
    format!(
        "[[verify]]\nname = \"tests\"\nrun = {run}\naction = \"rollback\"\ntimeout = \"60s\"\nrule = \"exit\"\n"
    )
}

/// A file that lets checks go on while it is there.
struct Gate(tempfile::TempDir);

impl Gate {
    fn new() -> Self {
        let gate = Self(tempfile::tempdir().unwrap());
        gate.open();
        gate
    }

    fn path(&self) -> String {
        self.0.path().join("open").display().to_string()
    }

    fn open(&self) {
        std::fs::write(self.path(), "").unwrap();
    }

    fn close(&self) {
        std::fs::remove_file(self.path()).unwrap();
    }
}

fn begun() -> (Rig, Gate) {
    let gate = Gate::new();
    let rig = Rig::new(&config(&gate.path()), &[("README", "x\n")]);
    rig.turn(&[("state", "good\n")]);
    (rig, gate)
}

/// What the last verdict led to, as the status says.
fn acted(rig: &Rig) -> Value {
    rig.json(&["status"])["acted"].clone()
}

#[test]
fn what_a_person_writes_while_the_check_runs_is_not_gone_over() {
    let (rig, gate) = begun();
    gate.close();
    let mut events = rig.daemon.control();
    events.expect_call(
        "events.subscribe",
        &json!({"workspace": rig.project.root(), "events": ["verify:started", "verify:finished"]}),
    );
    rig.turn_unwaited(&[("state", "bad\n"), ("other", "agent\n")]);
    let next = |wanted: &str, events: &mut aft_testkit::daemon::Connection| loop {
        let event = events.next_event().unwrap();
        if event["params"]["event"] == wanted {
            break;
        }
    };
    next("verify:started", &mut events);
    rig.project.write("state", "mended by hand\n");
    gate.open();
    next("verify:finished", &mut events);
    aft_testkit::workspace::wait_until(SOON, "a suggestion", || acted(&rig).is_object());
    let acted = acted(&rig);
    assert_eq!(acted["kind"], "suggested", "{acted:#}");
    assert_eq!(rig.project.text("state"), "mended by hand\n");
    assert_eq!(rig.project.text("other"), "agent\n");
    assert!(!rig.went_back());
}

#[test]
fn what_a_person_wrote_before_is_not_gone_over_and_the_agents_part_is_offered() {
    let (rig, _gate) = begun();
    rig.project.write("notes", "by hand\n");
    rig.aft(&["sync"]);
    rig.turn(&[("state", "bad\n")]);
    let acted = acted(&rig);
    assert_eq!(acted["why_not"], "person", "{acted:#}");
    assert_eq!(acted["agents_part"].as_array().map(Vec::len), Some(1));
    assert_eq!(rig.project.text("state"), "bad\n");
    assert_eq!(rig.project.text("notes"), "by hand\n");
}

#[test]
fn an_agent_that_fails_the_same_way_again_is_left_alone_the_third_time() {
    let (rig, _gate) = begun();
    for _ in 0..2 {
        rig.turn(&[("state", "bad\n")]);
        assert!(rig.went_back(), "{:#}", rig.newest());
        assert_eq!(rig.project.text("state"), "good\n");
    }
    rig.turn(&[("state", "bad\n")]);
    assert_eq!(rig.project.text("state"), "bad\n");
    let acted = acted(&rig);
    assert_eq!(acted["why_not"], "same-again", "{acted:#}");
    assert_eq!(acted["breaker_opened"], true);
    // A state that passes is a new one to go back to.
    rig.turn(&[("state", "better\n")]);
    rig.turn(&[("state", "bad again\n")]);
    assert!(rig.went_back());
    assert_eq!(rig.project.text("state"), "better\n");
}

#[test]
fn everything_passed_is_a_milestone_and_lets_go_of_what_waited_for_it() {
    let (rig, _gate) = begun();
    let made = rig.wait_named("all-passed-");
    assert_eq!(made["keep"], "permanent", "{made:#}");
    rig.project.write("yarn.lock", "one\n");
    rig.wait_named("before-dependency-change-");
    rig.turn(&[("state", "better\n")]);
    aft_testkit::workspace::wait_until(SOON, "the name goes", || {
        rig.named("before-dependency-change-").is_empty()
    });
    let milestones = rig.json(&["milestone", "list"]);
    assert_eq!(milestones["milestones"].as_array().unwrap().len(), 1);
}
