//! The session cache: what it serves, what it costs, and that nothing depends on it.
//!
//! Does: ask the same questions with the cache large, tiny, emptied by each level of memory pressure, and after a
//! restart, and compare the answers. Does not: measure speed, but for the one promise about a session's view.

use std::time::Duration;

use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::workspace::wait_until;
use serde_json::{Value, json};

use crate::e2e_real::heavy;
use crate::e2e_real::rig::Rig;

use super::session_view::Session;

const PATIENCE: Duration = Duration::from_secs(30);

/// A history of more operations than L1 holds, by a session and by nobody.
#[track_caller]
fn history(rig: &Rig) -> String {
    let lines = |changed: u64| -> String {
        (0..60)
            .map(|line| {
                format!(
                    "line {line} {}\n",
                    if line == changed % 60 { changed } else { 0 }
                )
            })
            .collect()
    };
    rig.project.write("kept", "as it was\n");
    rig.watch();
    let mut session = Session::start(rig, "one");
    for edit in 0..70 {
        session.edit(&rig.project, |project| {
            project.write(format!("f{}", edit % 5), lines(edit));
        });
        if edit % 10 == 0 {
            rig.project.write("persons", lines(edit * 7));
            rig.ok(&["sync"]);
        }
    }
    session.edit(&rig.project, |project| project.rename("f0", "moved"));
    session.end();
    session.id.clone()
}

fn about(rig: &Rig, more: &Value) -> Value {
    let mut params = json!({"workspace": rig.root().to_str().expect("UTF-8")});
    if let (Some(params), Some(more)) = (params.as_object_mut(), more.as_object()) {
        params.extend(more.clone());
    }
    params
}

/// Everything a reader can ask about sessions and operations, twice: the second time the cache may have it.
#[track_caller]
fn answers(rig: &Rig, session: &str) -> Vec<Value> {
    let mut editor = rig.daemon.connect(Socket::Editor);
    let mut all = Vec::new();
    for _ in 0..2 {
        for id in [session, "unknown"] {
            for level in ["net", "steps"] {
                for view in ["stat", "unified"] {
                    let more = json!({"session": id, "view": view, "level": level});
                    all.push(editor.expect_call("session.show", &about(rig, &more)));
                }
            }
        }
        let head = 70;
        for operation in 1..=head {
            let more = json!({"operation": operation.to_string(), "diff": "unified"});
            all.push(editor.expect_call("operation.show", &about(rig, &more)));
        }
        let more = json!({"from": "10", "to": "60"});
        all.push(editor.expect_call("diff", &about(rig, &more)));
        for at in ["10", "40", "60"] {
            let more = json!({"path": "f1", "at": at, "offset": 7, "length": 40});
            all.push(editor.expect_call("file.read", &about(rig, &more)));
        }
    }
    all
}

fn stats(rig: &Rig) -> Value {
    let mut editor = rig.daemon.connect(Socket::Editor);
    editor.expect_call("store.stats", &about(rig, &json!({})))
}

fn configured(rig: &mut Rig, daemon: &str) {
    rig.daemon.write_config(&format!("[daemon]\n{daemon}\n"));
    rig.daemon.restart();
}

#[test]
fn answers_are_the_same_whatever_is_held() {
    let mut rig = Rig::new();
    let session = history(&rig);
    // After a restart nothing is in memory, and a session is told from the history alone.
    rig.daemon.restart();
    let expected = answers(&rig, &session);
    let (first, second) = expected.split_at(expected.len() / 2);
    assert!(first == second, "what was held is told as what was read");
    let l2 = stats(&rig)["l2"].clone();
    let count = |l2: &Value, what: &str| l2[what].as_u64().expect("a figure");
    assert!(count(&l2, "hits") > 100, "{l2}");
    assert!(
        count(&l2, "entries") > 50 && count(&l2, "bytes") > 0,
        "{l2}"
    );
    assert_eq!(count(&l2, "evictions"), 0, "{l2}");
    let (large, huge) = ("\"1 TiB\"", "\"2 TiB\"");
    for (name, config) in [
        ("no cache to speak of", "l2_bytes = \"16 KiB\"".to_owned()),
        ("two operations", "l2_operations = 2".to_owned()),
        (
            "warning",
            format!(
                "memory_warning = \"1 MiB\"\nmemory_critical = {large}\nmemory_emergency = {huge}"
            ),
        ),
        (
            "critical",
            format!(
                "memory_warning = \"1 KiB\"\nmemory_critical = \"1 MiB\"\nmemory_emergency = {huge}"
            ),
        ),
        (
            "emergency",
            "memory_warning = \"1 KiB\"\nmemory_critical = \"2 KiB\"\nmemory_emergency = \"1 MiB\""
                .to_owned(),
        ),
    ] {
        configured(&mut rig, &config);
        let found = answers(&rig, &session);
        for (found, expected) in found.iter().zip(&expected) {
            // Of an author only so many operations count, and the configuration says how many.
            if name == "two operations" && expected["session"] == "unknown" {
                continue;
            }
            assert_eq!(found, expected, "{name}");
        }
        let now = stats(&rig);
        let l2 = now["l2"].clone();
        match name {
            "no cache to speak of" => {
                assert!(count(&l2, "evictions") > 50, "{l2}");
                assert!(count(&l2, "bytes") <= 16 * 1024, "{l2}");
            }
            "two operations" => {}
            level => assert_eq!(now["memory"]["level"], level, "{now}"),
        }
    }
}

#[test]
fn operations_that_leave_l1_are_held_in_l2() {
    let rig = Rig::new();
    history(&rig);
    wait_until(PATIENCE, "operations that left L1 are in L2", || {
        stats(&rig)["l2"]["entries"].as_u64() >= Some(20)
    });
    let before = stats(&rig);
    assert_eq!(before["l1"]["entries"], 50, "{before}");
    assert!(before["l1"]["evictions"].as_u64() >= Some(20), "{before}");
    let mut editor = rig.daemon.connect(Socket::Editor);
    let hits = before["l2"]["hits"].as_u64().expect("a figure");
    for operation in 5..15 {
        let more = json!({"operation": operation.to_string(), "diff": "none"});
        editor.expect_call("operation.show", &about(&rig, &more));
    }
    assert_eq!(stats(&rig)["l2"]["hits"], hits + 10);
    let text = rig.ok(&["stats"]);
    assert!(
        text.contains("L1 50 entries") && text.contains("L2 "),
        "{text}"
    );
}

/// The next event of a name.
#[track_caller]
fn event(connection: &mut Connection, name: &str) -> Value {
    connection
        .set_read_deadline(PATIENCE)
        .expect("a deadline can be set");
    loop {
        let event = connection.next_event().expect("an event");
        if event["params"]["event"] == name {
            return event["params"]["payload"].clone();
        }
    }
}

#[track_caller]
fn subscribed(rig: &Rig, name: &str) -> Connection {
    let mut connection = rig.daemon.connect(Socket::Editor);
    connection.expect_call("events.subscribe", &about(rig, &json!({"events": [name]})));
    connection
}

#[test]
fn short_memory_empties_the_cache_at_once_and_says_what_was_freed() {
    let mut rig = Rig::new();
    let session = history(&rig);
    configured(
        &mut rig,
        "memory_warning = \"1 KiB\"\nmemory_critical = \"2 KiB\"\nmemory_emergency = \"3 KiB\"",
    );
    let mut events = subscribed(&rig, "snapshot:cleanup");
    answers(&rig, &session);
    let cleanup = event(&mut events, "snapshot:cleanup");
    assert_eq!(cleanup["cause"], "memory", "{cleanup}");
    assert_eq!(cleanup["level"], "emergency", "{cleanup}");
    assert!(cleanup["cache_bytes"].as_u64() > Some(0), "{cleanup}");
    println!("back from an emergency in {} ms", cleanup["took_ms"]);
    assert!(cleanup["took_ms"].as_f64() < Some(500.0), "{cleanup}");
    wait_until(PATIENCE, "nothing is held", || {
        stats(&rig)["l2"]["entries"] == 0
    });
}

#[test]
fn a_session_of_many_edits_is_much_smaller_than_its_raw_diffs() {
    let edits: u64 = if heavy() { 1000 } else { 400 };
    let files = edits / 100;
    let rig = Rig::new();
    rig.project.mkdir("src");
    rig.watch();
    let mut session = Session::start(&rig, "one");
    let text = |edit: u64| -> String {
        (0..120)
            .map(|line| {
                let last = (0..=edit).rev().find(|edit| edit * 7 % 120 == line);
                format!("line {line} as of edit {}\n", last.unwrap_or(0))
            })
            .collect()
    };
    for edit in 0..edits {
        let file = edit / 100;
        session.edit(&rig.project, |project| {
            project.write(format!("src/f{file}"), text(edit));
        });
    }
    let mut events = subscribed(&rig, "snapshot:compression");
    session.end();
    let made = event(&mut events, "snapshot:compression");
    let figure = |what: &str| made[what].as_u64().expect("a figure");
    assert_eq!(made["session"], session.id.as_str());
    assert_eq!(figure("n_operations"), edits, "{made}");
    assert_eq!(figure("n_entries"), files, "{made}");
    println!("{made}");
    assert!(
        figure("view_bytes") * 10 <= figure("raw_bytes") * 3,
        "at least 70 % smaller: {made}"
    );
    if heavy() {
        assert!(made["took_ms"].as_f64() <= Some(200.0), "{made}");
    }
    let view = session.view("unified", "net");
    let shown: usize = view["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| entry["diff"].as_str().expect("a diff").len())
        .sum();
    assert_eq!(shown as u64, figure("view_bytes"));
}

#[test]
fn a_restarted_daemon_is_warm_where_it_is_told_to_be() {
    let mut rig = Rig::new();
    configured(&mut rig, "l2_keep = true");
    let session = history(&rig);
    let expected = rig.json(&["session", "show", &session, "--diff"]);
    let held = stats(&rig)["l2"]["entries"].as_u64().expect("a figure");
    assert!(held > 20, "{held}");
    rig.daemon.restart();
    rig.ok(&["status"]);
    wait_until(PATIENCE, "the cache is warm again", || {
        stats(&rig)["l2"]["entries"].as_u64() > Some(20)
    });
    let hits = |rig: &Rig| stats(rig)["l2"]["hits"].as_u64();
    let before = hits(&rig);
    let again = rig.json(&["session", "show", &session, "--diff"]);
    assert_eq!(again["view"], expected["view"]);
    assert!(hits(&rig) > before);
    // Without being told it begins with nothing, and what was noted is left alone.
    configured(&mut rig, "l2_keep = false");
    assert_eq!(stats(&rig)["l2"]["entries"], 0);
}
