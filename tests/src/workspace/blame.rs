//! Who wrote which line: agents and a person in one file, through a rename, an undo and a restart.
//!
//! Does: write lines that say who wrote them, and hold `blame` against that. Does not: know how lines are followed.

use aft_testkit::daemon::Socket;
use serde_json::{Value, json};

use super::session_view::Session;
use crate::e2e_real::rig::Rig;

fn lines(rig: &Rig, path: &str) -> Vec<String> {
    let bytes = std::fs::read(rig.root().join(path)).expect("the file");
    let text = String::from_utf8(bytes).expect("text");
    text.lines().map(str::to_owned).collect()
}

fn insert(rig: &Rig, path: &str, at: usize, line: &str) {
    let mut all = lines(rig, path);
    all.insert(at, line.to_owned());
    rig.project.write(path, all.join("\n") + "\n");
}

/// For each line its session, or `person`, and what the file was called when it was written.
fn blamed(rig: &Rig, path: &str) -> Vec<(String, String)> {
    let text = rig.ok(&["blame", path, "--json"]);
    let told: Value = serde_json::from_str(&text).expect("JSON");
    assert!(told["approximate"].is_null(), "{told}");
    let mut owners = Vec::new();
    for range in told["ranges"].as_array().expect("ranges") {
        assert_eq!(range["start"], json!(owners.len() + 1), "{told}");
        let who = range["session"].as_str().unwrap_or("person").to_owned();
        let then = range["path"].as_str().unwrap_or(path).to_owned();
        for _ in 0..range["count"].as_u64().expect("a count") {
            owners.push((who.clone(), then.clone()));
        }
    }
    assert_eq!(told["lines"], json!(owners.len()));
    owners
}

#[test]
fn every_line_is_told_with_who_wrote_it() {
    let mut rig = Rig::new();
    rig.project.write("f", "person 1\nperson 2\nperson 3\n");
    rig.watch();
    let mut ada = Session::start(&rig, "ada");
    let mut bob = Session::start(&rig, "bob");
    ada.edit(&rig.project, |_| insert(&rig, "f", 1, "ada 1"));
    bob.edit(&rig.project, |_| insert(&rig, "f", 3, "bob 1"));
    insert(&rig, "f", 0, "person 4");
    rig.ok(&["sync"]);
    let ids = [("ada", ada.id.clone()), ("bob", bob.id.clone())];
    let check = |rig: &Rig, path: &str| {
        let wanted: Vec<String> = lines(rig, path)
            .iter()
            .map(|line| {
                let who = line.split(' ').next().expect("a word");
                let id = ids.iter().find(|(name, _)| *name == who);
                id.map_or("person".to_owned(), |(_, id)| id.clone())
            })
            .collect();
        let told = blamed(rig, path);
        let owners: Vec<&String> = told.iter().map(|(who, _)| who).collect();
        assert_eq!(owners, wanted.iter().collect::<Vec<_>>());
        told
    };
    let told = check(&rig, "f");
    rig.ok(&["undo", "--session", &bob.id]);
    assert!(lines(&rig, "f").iter().all(|line| !line.contains("bob")));
    check(&rig, "f");
    rig.ok(&["redo"]);
    assert_eq!(check(&rig, "f"), told);
    ada.edit(&rig.project, |_| {
        std::fs::rename(rig.root().join("f"), rig.root().join("g")).expect("renamed");
    });
    bob.edit(&rig.project, |_| insert(&rig, "g", 2, "bob 2"));
    let told = check(&rig, "g");
    let after_rename = told.iter().filter(|(_, then)| then == "g").count();
    assert_eq!(after_rename, 1, "one line was written since: {told:?}");
    // What an undo takes away and brings back changes nobody's lines.
    rig.ok(&["undo"]);
    check(&rig, "g");
    rig.ok(&["redo"]);
    assert_eq!(check(&rig, "g"), told);
    let shown = rig.ok(&["blame", "g"]);
    assert!(
        shown
            .lines()
            .any(|line| line.contains("agent:ada") && line.ends_with("ada 1")),
        "{shown}"
    );
    rig.daemon.kill();
    rig.daemon.run();
    assert_eq!(check(&rig, "g"), told);
}

#[test]
fn what_has_no_lines_is_said() {
    let rig = Rig::new();
    rig.project.write("bin", "a\0b");
    rig.project.write("gone", "text\n");
    rig.watch();
    rig.project.remove("gone");
    rig.ok(&["sync"]);
    for (path, exit, why) in [
        ("bin", 1, "not text"),
        ("gone", 4, "not there"),
        ("nobody", 4, "never in the history"),
        ("../out", 1, "outside"),
    ] {
        let refused = rig.aft(&["blame", path]);
        assert!(refused.stderr.contains(why), "{path}: {}", refused.stderr);
        assert_eq!(refused.status, exit, "{path}: {}", refused.stderr);
    }
    // An editor may ask, and gets what a person gets.
    let root = rig.root().to_str().expect("UTF-8");
    let params = json!({"workspace": root, "path": "gone", "at": "1"});
    let mut editor = rig.daemon.connect(Socket::Editor);
    let told = editor.expect_call("blame", &params);
    assert_eq!(told["lines"], json!(1), "{told}");
    assert_eq!(told["ranges"][0]["kind"], json!("baseline"), "{told}");
}
