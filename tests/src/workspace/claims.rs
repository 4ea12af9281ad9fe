//! Whose a change is while several are at work: brackets with paths, brackets that overlap, and what nobody claims.

use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::{TestDaemon, Workspace};
use serde_json::{Value, json};

struct Rig {
    daemon: TestDaemon,
    project: Workspace,
}

impl Rig {
    fn watching() -> Self {
        let rig = Self {
            daemon: TestDaemon::start(),
            project: Workspace::new(),
        };
        rig.project
            .add_fixture("//- /src/a\na\n//- /src/b\nb\n//- /both\nboth\n");
        rig.daemon
            .aft_ok(rig.project.root(), &["watch", "--detach"]);
        rig
    }

    fn root(&self) -> &str {
        self.project.root().to_str().expect("UTF-8")
    }

    fn agent(&self, name: &str) -> Agent {
        let mut line = self.daemon.connect(Socket::Agent);
        let params = json!({"workspace": self.root(), "agent": name});
        let session = line.expect_call("session.start", &params);
        Agent {
            line,
            session: session["session"].as_str().expect("an id").to_owned(),
        }
    }

    /// Every operation after the first, oldest first.
    fn log(&self) -> Vec<Value> {
        let answer = self
            .daemon
            .aft_json(self.project.root(), &["log", "-n", "1000"]);
        let mut all = answer["operations"].as_array().cloned().expect("a list");
        all.reverse();
        all.remove(0);
        all
    }

    /// Whose the newest change of a path is, by the author's name.
    #[track_caller]
    fn author(&self, path: &str) -> String {
        let log = self.log();
        let changed = |one: &&Value| {
            let changes = one["changes"].as_array().expect("changes");
            changes.iter().any(|change| change["path"] == path)
        };
        let newest = log.iter().rev().find(changed).expect("a change");
        newest["author"].as_str().expect("an author").to_owned()
    }
}

struct Agent {
    line: Connection,
    session: String,
}

impl Agent {
    fn begin(&mut self, paths: Option<&[&str]>) -> Value {
        let params = json!({"session": self.session, "paths": paths, "tool": "Edit"});
        self.line.expect_call("edit.begin", &params)["edit"].clone()
    }

    fn end(&mut self, edit: &Value) -> Vec<u64> {
        self.end_naming(edit, None)
    }

    /// Ends a bracket and says what the tool wrote.
    fn end_naming(&mut self, edit: &Value, wrote: Option<&[&str]>) -> Vec<u64> {
        let params =
            json!({"session": self.session, "edit": edit, "success": true, "paths": wrote});
        let answer = self.line.expect_call("edit.end", &params);
        let operations = answer["operations"].as_array().expect("a list");
        operations.iter().filter_map(Value::as_u64).collect()
    }
}

#[test]
fn two_brackets_at_once_have_what_each_claims() {
    let rig = Rig::watching();
    let (mut one, mut two) = (rig.agent("one"), rig.agent("two"));
    let first = one.begin(Some(&["src/a"]));
    let absolute = rig.project.path("src/b");
    let second = two.begin(Some(&[absolute.to_str().expect("UTF-8")]));
    rig.project.write("src/a", "A\n");
    rig.project.write("src/b", "B\n");
    rig.project.write("elsewhere", "?\n");
    assert_eq!(two.end(&second).len(), 1);
    rig.project.write("src/a", "AA\n");
    assert_eq!(one.end(&first).len(), 2);
    assert_eq!(rig.author("src/a"), "agent:one");
    assert_eq!(rig.author("src/b"), "agent:two");
    assert_eq!(rig.author("elsewhere"), "unknown");
    let kinds: Vec<Value> = rig.log().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "edit").count(),
        3,
        "{kinds:?}"
    );
    // Each is taken back by itself.
    let undo = ["undo", "--session", one.session.as_str()];
    rig.daemon.aft_ok(rig.project.root(), &undo);
    assert_eq!(
        (rig.project.text("src/a"), rig.project.text("src/b")),
        ("a\n".to_owned(), "B\n".to_owned())
    );
}

#[test]
fn what_both_claim_is_nobodys_and_both_are_told() {
    let rig = Rig::watching();
    let mut events = rig.daemon.connect(Socket::Editor);
    let wish = json!({"workspace": rig.root(), "events": ["edit:overlap"]});
    events.expect_call("events.subscribe", &wish);
    let (mut one, mut two) = (rig.agent("one"), rig.agent("two"));
    let first = one.begin(Some(&["both", "src/a"]));
    let second = two.begin(Some(&["both"]));
    rig.project.write("src/a", "A\n");
    rig.project.write("both", "whose?\n");
    assert_eq!(two.end(&second), Vec::<u64>::new());
    assert_eq!(one.end(&first).len(), 1);
    assert_eq!(rig.author("both"), "unknown");
    assert_eq!(rig.author("src/a"), "agent:one");
    let event = events.next_event().expect("an event")["params"].take();
    assert_eq!(event["event"], "edit:overlap", "{event}");
    assert_eq!(event["payload"]["paths"], json!(["both"]), "{event}");
    let mut sessions = vec![one.session.clone(), two.session.clone()];
    sessions.sort();
    assert_eq!(event["payload"]["sessions"], json!(sessions), "{event}");
    let log = rig.log();
    let shared = log
        .iter()
        .find(|one| one["author"] == "unknown")
        .expect("the shared one");
    let note = shared["note"].as_str().expect("a note");
    assert!(
        note.starts_with("shared: ") && note.contains("agent:two"),
        "{note}"
    );
}

#[test]
fn a_shell_that_may_write_anything_shares_with_whoever_claims_and_has_the_rest() {
    let rig = Rig::watching();
    let (mut one, mut two) = (rig.agent("one"), rig.agent("two"));
    let shell = one.begin(None);
    let edit = two.begin(Some(&["src"]));
    rig.project.write("built", "x\n");
    rig.project.write("src/a", "?\n");
    two.end(&edit);
    rig.project.write("src/b", "after\n");
    one.end(&shell);
    assert_eq!(rig.author("built"), "agent:one");
    assert_eq!(rig.author("src/a"), "unknown");
    assert_eq!(rig.author("src/b"), "agent:one");
}

#[test]
fn what_a_claim_does_not_name_is_the_turns() {
    let rig = Rig::watching();
    let mut one = rig.agent("one");
    let turn = json!({"session": one.session});
    one.line.expect_call("turn.start", &turn);
    let edit = one.begin(Some(&["src/a"]));
    rig.project.write("src/a", "A\n");
    rig.project.write("src/formatted", "besides\n");
    one.end(&edit);
    let log = rig.log();
    let kinds: Vec<(Value, Value)> = log
        .iter()
        .map(|one| (one["kind"].clone(), one["author"].clone()))
        .collect();
    let expected = [("edit", "agent:one"), ("observed", "agent:one")];
    for (kind, author) in expected {
        assert!(kinds.contains(&(json!(kind), json!(author))), "{kinds:?}");
    }
}

#[test]
fn directories_made_on_the_way_do_not_part_a_session_from_its_file() {
    let rig = Rig::watching();
    let (mut one, mut two) = (rig.agent("one"), rig.agent("two"));
    let first = one.begin(Some(&["new/one/file"]));
    let second = two.begin(Some(&["new/two/file"]));
    rig.project.write("new/one/file", "1\n");
    rig.project.write("new/two/file", "2\n");
    one.end(&first);
    two.end(&second);
    assert_eq!(rig.author("new/one/file"), "agent:one");
    assert_eq!(rig.author("new/two/file"), "agent:two");
    // Every state in between can be gone back to.
    let newest = rig
        .log()
        .last()
        .and_then(|one| one["operation"].as_u64())
        .expect("a number");
    for point in (1..=newest).rev() {
        rig.daemon
            .aft_ok(rig.project.root(), &["rollback", &point.to_string()]);
    }
    assert!(!rig.project.exists("new"));
}

#[test]
fn what_a_tool_says_at_its_end_that_it_wrote_is_all_it_claims() {
    let rig = Rig {
        daemon: TestDaemon::start(),
        project: Workspace::new(),
    };
    rig.project
        .add_fixture("//- /src/a\na\n//- /src/b\nb\n//- /both\nboth\n");
    // Nothing is recorded before a bracket ends, however slow the machine is.
    rig.project
        .write(".afterimage.toml", "[track]\nsettle = \"4s\"\n");
    rig.daemon
        .aft_ok(rig.project.root(), &["watch", "--detach"]);
    let (mut one, mut two) = (rig.agent("one"), rig.agent("two"));
    let first = one.begin(None);
    let second = two.begin(Some(&["src/b"]));
    rig.project.write("src/a", "A\n");
    rig.project.write("src/b", "B\n");
    rig.project.write("elsewhere", "?\n");
    one.end_naming(&first, Some(&["src/a"]));
    two.end(&second);
    assert_eq!(rig.author("src/a"), "agent:one");
    assert_eq!(rig.author("src/b"), "agent:two", "it is not shared");
    assert_eq!(rig.author("elsewhere"), "unknown", "nobody said so");

    // It is the last word, also against what was announced.
    let first = one.begin(Some(&["src/a"]));
    rig.project.write("both", "by one\n");
    one.end_naming(&first, Some(&["both"]));
    assert_eq!(rig.author("both"), "agent:one");
    // What is not in the workspace says nothing.
    let first = one.begin(Some(&["src/a"]));
    rig.project.write("src/a", "AA\n");
    one.end_naming(&first, Some(&["/somewhere/else"]));
    assert_eq!(rig.author("src/a"), "agent:one");
}
