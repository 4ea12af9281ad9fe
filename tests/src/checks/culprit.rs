//! After a rule acted the report names the operation that broke it, where it is found in the time that the configuration gives.

use serde_json::json;

use super::agent::{Rig, SOON, words};

/// A check that takes so many seconds, and says `bad` of a state where any file does.
fn config(seconds: &str, more: &str) -> String {
    let script = format!("sleep {seconds}; ! grep -rq bad .");
    let run = words(&["sh", "-c", &script]);
    format!(
        "[[verify]]\nname = \"tests\"\nrun = {run}\nrule = \"exit\"\ntimeout = \"60s\"\n{more}\n"
    )
}

/// What later is asked of the operation that went back, of the verdict, and of the state of things.
fn assert_kept(rig: &Rig, acted: &serde_json::Value) {
    let back = acted["operation"].to_string();
    assert_eq!(&rig.json(&["show", &back])["acted"], acted);
    let shown = rig.aft(&["show", &back]);
    let row = format!("Broke:   #{} by ", acted["culprit"]["operation"]);
    assert!(shown.contains(&row), "{shown}");
    let listed = rig.json(&["verify", "--list"]);
    let failed = |one: &&serde_json::Value| one["status"] == "failed";
    let verdict = listed["verdicts"].as_array().unwrap().iter().find(failed);
    assert_eq!(&verdict.unwrap()["acted"], acted, "{listed:#}");
    let listed = rig.aft(&["verify", "--list"]);
    assert!(
        listed.contains(acted["message"].as_str().unwrap()),
        "{listed}"
    );
    assert_eq!(&rig.json(&["status"])["acted"], acted);
}

/// A good state, then a turn of an agent of so many operations, of which one breaks it. Its number, and what the turn's end said.
fn broken_by_one_of(rig: &Rig, n: usize, planted: usize) -> (u64, serde_json::Value) {
    rig.turn(&[("state", "good\n")]);
    rig.aft(&["turn", "start"]);
    let mut wanted = 0;
    for number in 0..n {
        let text = if number == planted { "bad\n" } else { "fine\n" };
        rig.project.write(format!("f{number}"), text);
        let head = rig.json(&["sync"])["head"].as_u64().unwrap();
        if number == planted {
            wanted = head;
        }
    }
    (wanted, rig.json(&["turn", "end"]))
}

#[test]
fn after_a_way_back_the_operation_that_broke_it_is_named_everywhere() {
    let mut rig = Rig::new(&config("0", "action = \"rollback\""), &[("README", "x\n")]);
    let mut events = rig.daemon.control();
    events.expect_call(
        "events.subscribe",
        &json!({"workspace": rig.project.root(), "events": ["verify:culprit"]}),
    );
    let (wanted, end) = broken_by_one_of(&rig, 9, 5);
    let acted = &end["acted"];
    assert_eq!(acted["kind"], "rolled_back", "{end:#}");
    let culprit = &acted["culprit"];
    assert_eq!(culprit["operation"], wanted, "{end:#}");
    assert_eq!(
        (&culprit["paths"], &culprit["check"]),
        (&json!(["f5"]), &json!("tests"))
    );
    // Nine operations, and both ends are known.
    assert!(
        (1..=4).contains(&culprit["runs"].as_u64().unwrap()),
        "{culprit:#}"
    );
    let sentence = format!("; operation {wanted} by ");
    let message = acted["message"].as_str().unwrap();
    assert!(
        message.contains(&sentence) && message.ends_with(" broke it (f5)"),
        "{message}"
    );

    let event = events.next_event().unwrap();
    assert_eq!(event["params"]["event"], "verify:culprit", "{event:#}");
    assert_eq!(&event["params"]["payload"]["culprit"], culprit, "{event:#}");
    assert_kept(&rig, acted);
    rig.daemon.restart();
    assert_kept(&rig, acted);
    let is_in_report = || {
        let attempt = rig.named("failed-");
        attempt[0]["metadata"]["report"] == *acted
    };
    aft_testkit::workspace::wait_until(SOON, "the report has it", is_in_report);
    // An agent's next call is told, too.
    let session = json!({"workspace": rig.project.root(), "agent": "other"});
    let mut agent = rig.daemon.control();
    let session = agent.expect_call("session.start", &session)["session"].clone();
    rig.turn(&[("state", "better\n")]);
    rig.turn(&[("f1", "bad\n")]);
    let begin = json!({"session": session, "workspace": rig.project.root(), "tell": true});
    let told = agent.expect_call("turn.start", &begin);
    let note = told["taken_back"].as_array().unwrap().last().unwrap()["note"].clone();
    assert!(
        note.as_str().unwrap().contains(" broke it (f1)"),
        "{told:#}"
    );
}

#[test]
fn what_is_not_found_in_time_is_said_and_a_suggestion_names_it_too() {
    let slow = config("0.4", "action = \"rollback\"\nfind_within = \"1s\"");
    let rig = Rig::new(&slow, &[("README", "x\n")]);
    // More looks than fit in a second.
    let (_, end) = broken_by_one_of(&rig, 40, 20);
    let acted = &end["acted"];
    assert_eq!(acted["kind"], "rolled_back", "{end:#}");
    assert_eq!(
        acted["culprit_unknown"], "was not found within 1s",
        "{end:#}"
    );
    assert!(acted["culprit"].is_null());
    let message = acted["message"].as_str().unwrap();
    assert!(
        message.ends_with("; which operation broke it was not found within 1s"),
        "{message}"
    );
    assert!(!rig.project.root().join("f20").exists());

    let rig = Rig::new(&config("0", "action = \"suggest\""), &[("README", "x\n")]);
    let (wanted, end) = broken_by_one_of(&rig, 5, 0);
    assert_eq!(end["acted"]["kind"], "suggested", "{end:#}");
    assert_eq!(end["acted"]["culprit"]["operation"], wanted, "{end:#}");
    // Asked again of the same, it is not searched again.
    let again = rig.json_of(&["verify"], 1);
    assert_eq!(
        again["acted"]["culprit"], end["acted"]["culprit"],
        "{again:#}"
    );

    let rig = Rig::new(&config("0", "find_within = \"0s\""), &[("README", "x\n")]);
    let (_, end) = broken_by_one_of(&rig, 5, 0);
    assert_eq!(end["acted"]["kind"], "suggested", "{end:#}");
    assert!(end["acted"]["culprit"].is_null() && end["acted"]["culprit_unknown"].is_null());
}
