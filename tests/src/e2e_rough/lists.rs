//! `history.list` over a few hundred operations: filters, pages, and what the command line makes of them.

use aft_testkit::daemon::Connection;
use serde_json::{Value, json};

use super::rig::{Rig, about, numbers, refused};

/// Baseline and 299 saves: `even` and `odd` in turn, every tenth in `deep/er/file`.
const OPERATIONS: u64 = 300;

fn three_hundred() -> (Rig, Connection) {
    let rig = Rig::watching("//- /even\n0\n//- /odd\n0\n//- /deep/er/file\n0\n");
    let mut agent = rig.agent();
    for number in 2..=OPERATIONS {
        let path = match number {
            _ if number % 10 == 0 => "deep/er/file",
            _ if number % 2 == 0 => "even",
            _ => "odd",
        };
        rig.project.write(path, format!("{number}\n"));
        let synced = agent.expect_call("sync", &about(&rig, &json!({})));
        assert_eq!(synced["head"], number, "one save is one operation");
    }
    (rig, agent)
}

/// All pages of a list.
fn all_pages(connection: &mut Connection, params: &Value, limit: u64) -> Vec<u64> {
    let mut params = params.clone();
    params["limit"] = json!(limit);
    let mut seen = Vec::new();
    loop {
        let page = connection.expect_call("history.list", &params);
        let found = numbers(&page);
        assert!(found.len() as u64 <= limit);
        seen.extend(found);
        match page.get("cursor").filter(|cursor| !cursor.is_null()) {
            Some(cursor) => params["cursor"] = cursor.clone(),
            None => return seen,
        }
    }
}

#[test]
fn pages_and_filters_over_three_hundred_operations() {
    let (rig, mut agent) = three_hundred();
    let newest_first = |keep: &dyn Fn(u64) -> bool| -> Vec<u64> {
        (1..=OPERATIONS).rev().filter(|n| keep(*n)).collect()
    };
    let list =
        |agent: &mut Connection, more: Value, limit| all_pages(agent, &about(&rig, &more), limit);
    let everything = newest_first(&|_| true);
    for limit in [7, 100, 150, 300, 1000] {
        assert_eq!(
            list(&mut agent, json!({}), limit),
            everything,
            "pages of {limit}"
        );
    }
    let first = agent.expect_call("history.list", &about(&rig, &json!({})));
    assert_eq!(numbers(&first), &everything[..50], "50 without a limit");
    let deep = newest_first(&|n| n == 1 || n % 10 == 0);
    for path in [
        json!("deep"),
        json!("deep/er"),
        json!("deep/er/file"),
        json!("deep/"),
        json!("./deep"),
    ] {
        assert_eq!(list(&mut agent, json!({"path": path}), 9), deep, "{path}");
    }
    let odd = newest_first(&|n| n == 1 || n % 2 == 1);
    assert_eq!(list(&mut agent, json!({"paths": ["odd"]}), 9), odd);
    let both = newest_first(&|n| n == 1 || n % 2 == 1 || n % 10 == 0);
    assert_eq!(list(&mut agent, json!({"paths": ["odd", "deep"]}), 9), both);
    assert_eq!(list(&mut agent, json!({"kind": "baseline"}), 9), [1]);
    assert!(list(&mut agent, json!({"kind": "undo"}), 9).is_empty());
    assert_eq!(
        list(&mut agent, json!({"since": 290}), 3),
        newest_first(&|n| n > 290)
    );
    assert_eq!(
        list(&mut agent, json!({"until": 12}), 5),
        newest_first(&|n| n <= 12)
    );
    let window = json!({"since": 100, "until": 200, "path": "deep"});
    assert_eq!(
        list(&mut agent, window, 4),
        newest_first(&|n| n % 10 == 0 && n > 100 && n <= 200)
    );
    let nobody = about(&rig, &json!({"session": "nobody"}));
    let refused = agent.call("history.list", &nobody).unwrap_err();
    assert_eq!(refused["data"]["kind"], "not_found", "{refused}");
    assert!(list(&mut agent, json!({"path": "never-there"}), 9).is_empty());
    pages_stand_while_the_history_grows(&rig, &mut agent, &everything);
    the_command_line_pages_too(&rig);
}

fn pages_stand_while_the_history_grows(rig: &Rig, agent: &mut Connection, everything: &[u64]) {
    let first = agent.expect_call("history.list", &about(rig, &json!({"limit": 100})));
    rig.project.write("even", "later\n");
    rig.head();
    rig.ok(&["undo"]);
    let more = about(rig, &json!({"limit": 1000, "cursor": first["cursor"]}));
    let rest = agent.expect_call("history.list", &more);
    let seen: Vec<u64> = numbers(&first).into_iter().chain(numbers(&rest)).collect();
    assert_eq!(seen, everything, "nothing twice, nothing missed");
    let undone = agent.expect_call("history.list", &about(rig, &json!({"kind": "undo"})));
    assert_eq!(numbers(&undone), [302]);
    for cursor in [json!("nonsense"), json!(7), json!("-1")] {
        let params = about(rig, &json!({"cursor": cursor}));
        refused(agent, "history.list", &params, "invalid");
    }
    refused(
        agent,
        "history.list",
        &about(rig, &json!({"limit": -1})),
        "invalid",
    );
    refused(
        agent,
        "history.list",
        &about(rig, &json!({"kind": "guess"})),
        "invalid",
    );
    refused(
        agent,
        "history.list",
        &about(rig, &json!({"path": "../outside"})),
        "invalid",
    );
    let short = agent.expect_call(
        "history.list",
        &about(rig, &json!({"limit": 1, "changes_limit": 0})),
    );
    assert_eq!(short["operations"][0]["changes"], json!([]));
    assert_eq!(short["operations"][0]["n_changes"], 1);
}

fn the_command_line_pages_too(rig: &Rig) {
    let log = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["log"].iter().chain(arguments).copied().collect();
        numbers(&rig.json(&arguments))
    };
    assert_eq!(log(&[]).len(), 302);
    assert_eq!(log(&["-n", "3"]), [302, 301, 300]);
    assert_eq!(log(&["-n", "120"]).len(), 120);
    assert_eq!(log(&["deep", "-n", "2"]), [300, 290]);
    assert_eq!(log(&["--since", "299"]), [302, 301, 300]);
    assert_eq!(log(&["--kind", "undo"]), [302]);
    let text = rig.ok(&["log"]);
    assert_eq!(text.lines().count(), 302, "{text}");
    assert_eq!(rig.ok(&["log", "-n", "60"]).lines().count(), 60);
}
