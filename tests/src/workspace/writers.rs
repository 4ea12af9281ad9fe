//! Who wrote, told by the kernel: sessions with a process of their own, real shells that write without brackets, and
//! bystanders. Without the privilege (as uid 65534) the same script gives what brackets and turns give.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use aft_testkit::daemon::{Connection, Socket};
use serde_json::{Value, json};

use crate::e2e_real::not_covered::rig_without_rights;
use crate::e2e_real::rig::Rig;

/// A shell that does what it is told and says when.
pub(crate) struct Shell {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Shell {
    fn start(dir: &Path) -> Self {
        Self::of(Command::new("sh").current_dir(dir))
    }

    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let said = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, said }
    }

    pub(crate) fn run(&mut self, command: &str) {
        let input = self.child.stdin.as_mut().expect("its input");
        writeln!(input, "{command}\necho done").expect("it reads");
        let mut line = String::new();
        self.said.read_line(&mut line).expect("it writes");
        assert_eq!(line, "done\n", "{command}");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// A shell with a session of which it is the process.
struct Agent {
    shell: Shell,
    session: String,
}

struct Scene {
    rig: Rig,
    agent: Connection,
}

impl Scene {
    fn new(rig: Rig) -> Self {
        rig.project.write("base", "base\n");
        rig.watch();
        let agent = rig.daemon.connect(Socket::Agent);
        Self { rig, agent }
    }

    /// `None` where the kernel says nothing; that is said.
    fn with_kernel() -> Option<Self> {
        let scene = Self::new(Rig::new());
        let writers = scene.status()["writers"].clone();
        if writers["by"] == "kernel" {
            return Some(scene);
        }
        println!("SKIPPED: the kernel does not say who writes: {writers}");
        None
    }

    fn status(&self) -> Value {
        let params = json!({"workspace": self.rig.root()});
        self.rig
            .daemon
            .control()
            .expect_call("workspace.status", &params)
    }

    fn shell(&self) -> Shell {
        Shell::start(self.rig.root())
    }

    fn begin(&mut self, name: &str) -> Agent {
        let shell = self.shell();
        let session = self.session(name, Some(shell.child.id()));
        Agent { shell, session }
    }

    fn session(&mut self, name: &str, pid: Option<u32>) -> String {
        let params = json!({"workspace": self.rig.root(), "agent": name, "pid": pid});
        let session = self.agent.expect_call("session.start", &params);
        session["session"].as_str().expect("an id").to_owned()
    }

    fn turn(&mut self, session: &str) -> String {
        let turn = self
            .agent
            .expect_call("turn.start", &json!({"session": session}));
        turn["turn"].as_str().expect("an id").to_owned()
    }

    /// Everything that the history has of a path, newest first, after a fence.
    fn operations(&mut self, path: &str) -> Vec<Value> {
        let root = self.rig.root().to_owned();
        let mut control = self.rig.daemon.control();
        control.expect_call("sync", &json!({"workspace": root}));
        let params = json!({"workspace": root, "path": path, "limit": 100});
        let mut listed = control.expect_call("history.list", &params);
        std::mem::take(listed["operations"].as_array_mut().expect("operations"))
    }

    /// The newest operation of a path is that author's.
    #[track_caller]
    fn is_of(&mut self, path: &str, author: &str) {
        let operations = self.operations(path);
        let newest = operations
            .first()
            .unwrap_or_else(|| panic!("no operation of {path}"));
        assert_eq!(newest["author"], author, "{path}: {operations:#?}");
        let of_session = newest["session"].is_string();
        assert_eq!(of_session, author.starts_with("agent:"), "{newest:#}");
    }

    /// As [`Self::is_of`], for what a process of that author's made that ended at once.
    #[track_caller]
    fn is_childs(&mut self, path: &str, author: &str) {
        if is_told_of_processes() {
            return self.is_of(path, author);
        }
        // It may have ended before it was looked at. It is never somebody else's.
        let operations = self.operations(path);
        let newest = &operations[0]["author"];
        assert!(
            *newest == author || *newest == "unknown",
            "{path}: {operations:#?}"
        );
    }
}

/// The kernel tells which process began which in the first namespace of process numbers only.
pub(crate) fn is_told_of_processes() -> bool {
    let place = std::fs::read_link("/proc/self/ns/pid");
    place.is_ok_and(|place| place.as_os_str() == "pid:[4026531836]")
}

#[test]
fn two_shells_in_one_directory_are_told_apart_without_a_bracket() {
    let Some(mut scene) = Scene::with_kernel() else {
        return;
    };
    let (mut one, mut two) = (scene.begin("one"), scene.begin("two"));
    assert_eq!(scene.status()["writers"]["followed"], 2);
    let mut stranger = scene.shell();
    one.shell
        .run("echo x > by-one; echo both > both; mkdir d; echo x > d/one");
    two.shell
        .run("echo x > by-two; echo both >> both; echo x > d/two");
    stranger.run("echo x > strange; cp strange strange-too");
    // Begun by a shell of a shell, and ended at once.
    one.shell.run("sh -c 'sh -c \"echo x > grandchild\"'; cp base copied; mkdir -p new/dir; cp base new/dir/file");
    two.shell.run("mv by-two moved; rm base; chmod 600 copied");
    scene.is_of("by-one", "agent:one");
    scene.is_childs("moved", "agent:two");
    scene.is_childs("base", "agent:two");
    scene.is_of("d/one", "agent:one");
    scene.is_of("d/two", "agent:two");
    scene.is_of("strange", "unknown");
    let both = scene.operations("both");
    let is_shared = |operation: &Value| {
        let note = operation["note"].as_str().unwrap_or_default();
        operation["author"] == "unknown" && note.contains("shared")
    };
    let of_each = both.len() == 2 && both[0]["author"] == "agent:two";
    assert!(of_each || both.iter().any(is_shared), "{both:#?}");
    scene.is_childs("grandchild", "agent:one");
    scene.is_childs("new/dir/file", "agent:one");
    scene.is_of("strange-too", "unknown");
    let evidence = scene.operations("by-one")[0]["note"].clone();
    let process = format!("sh ({})", one.shell.child.id());
    let evidence = evidence.as_str().expect("a note");
    assert!(
        evidence.contains("written by") && evidence.contains(&process),
        "{evidence}"
    );
}

#[test]
fn a_file_that_two_wrote_before_anybody_looked_is_shared_and_told() {
    let Some(mut scene) = Scene::with_kernel() else {
        return;
    };
    let (mut one, mut two) = (scene.begin("one"), scene.begin("two"));
    let root = scene.rig.root().to_owned();
    let mut events = scene.rig.daemon.control();
    events.expect_call(
        "events.subscribe",
        &json!({"workspace": root, "events": ["edit:overlap"]}),
    );
    // It stays open, so that it is looked at when nothing is written for a while.
    one.shell.run("exec 3>> both; echo one >&3");
    two.shell.run("echo two >> both");
    one.shell.run("echo one >&3; exec 3>&-");
    let both = scene.operations("both");
    if both
        .iter()
        .all(|operation| operation["author"] != "unknown")
    {
        // Somebody looked in between: then each version is its writer's.
        assert!(both.len() > 1, "{both:#?}");
        return;
    }
    let told = events.next_event().expect("an event");
    let sessions = told["params"]["payload"]["sessions"]
        .as_array()
        .map(Vec::len);
    assert_eq!(sessions, Some(2), "{told:#}");
}

#[test]
fn a_bystander_is_not_the_one_open_turn_and_a_turn_has_what_its_process_wrote() {
    let Some(mut scene) = Scene::with_kernel() else {
        return;
    };
    let mut one = scene.begin("one");
    let turn = scene.turn(&one.session);
    let mut stranger = scene.shell();
    one.shell.run("echo x > mine");
    stranger.run("echo x > strange; mkdir theirs; echo x > theirs/file");
    scene.is_of("strange", "unknown");
    scene.is_of("theirs/file", "unknown");
    scene.is_of("mine", "agent:one");
    assert_eq!(scene.operations("mine")[0]["turn"], json!(turn));
    // A tool call that may write anything does not take what a bystander writes.
    let edit = scene.agent.expect_call(
        "edit.begin",
        &json!({"session": one.session, "tool": "Bash"}),
    );
    one.shell.run("echo x > by-tool");
    stranger.run("echo more >> strange");
    scene
        .agent
        .expect_call("edit.end", &json!({"edit": edit["edit"], "success": true}));
    scene.is_of("strange", "unknown");
    let by_tool = scene.operations("by-tool");
    assert_eq!(by_tool[0]["tool"], "Bash", "{by_tool:#?}");
    // Without its process the session is one of which nobody knows where it goes on.
    drop(one.shell);
    stranger.run("echo x > after");
    scene.is_of("after", "agent:one");
}

#[test]
fn a_session_ends_and_begins_with_its_process() {
    let Some(mut scene) = Scene::with_kernel() else {
        return;
    };
    let mut shell = scene.shell();
    shell.run("echo x > before");
    let first = scene.session("first", Some(shell.child.id()));
    shell.run("echo x > during");
    scene
        .agent
        .expect_call("session.end", &json!({"session": first}));
    shell.run("echo x > after");
    scene.is_of("before", "unknown");
    scene.is_of("during", "agent:first");
    scene.is_of("after", "unknown");
    // And over a restart of the daemon.
    let second = scene.session("second", Some(shell.child.id()));
    scene.rig.daemon.restart();
    scene.rig.ok(&["sync"]);
    shell.run("echo x > restarted");
    scene.is_of("restarted", "agent:second");
    assert_eq!(scene.operations("restarted")[0]["session"], json!(second));
}

#[test]
fn one_agents_work_is_taken_back_and_the_others_stays() {
    let Some(mut scene) = Scene::with_kernel() else {
        return;
    };
    let lines: String = (0..40).map(|n| format!("line {n}\n")).collect();
    scene.rig.project.write("shared.txt", &lines);
    scene.rig.ok(&["sync"]);
    let (mut one, mut two) = (scene.begin("one"), scene.begin("two"));
    for round in 0..4 {
        for (shell, name, line) in [
            (&mut one.shell, "one", round * 4),
            (&mut two.shell, "two", 24 + round * 4),
        ] {
            // By the shell itself, as a program of it would have ended before it is looked at in some namespaces.
            let text = scene.rig.project.text("shared.txt");
            let text = text.replace(&format!("line {line}\n"), &format!("{name} {round}\n"));
            shell.run(&format!(
                "echo x > {name}-{round}; printf '{}' > shared.txt",
                text.replace('\n', "\\n")
            ));
            scene.rig.ok(&["sync"]);
        }
    }
    scene.rig.ok(&["undo", "--session", &one.session]);
    let text = scene.rig.project.text("shared.txt");
    for round in 0..4 {
        assert!(!scene.rig.project.exists(format!("one-{round}")));
        assert!(scene.rig.project.exists(format!("two-{round}")));
        assert!(text.contains(&format!("line {}\n", round * 4)), "{text}");
        assert!(text.contains(&format!("two {round}\n")), "{text}");
    }
    assert!(!text.contains("one "), "{text}");
}

/// The same script where brackets and turns are all there is; by the command line, as the sockets are not this user's.
#[track_caller]
fn by_brackets(rig: &Rig, why: &str) {
    rig.project.write("base", "base\n");
    rig.project.sh("chmod 777 . && chmod 666 base");
    rig.watch();
    let status = || rig.daemon.aft_json(rig.root(), &["status"]);
    let writers = status()["writers"].clone();
    assert_eq!(writers["by"], "brackets", "{writers}");
    let reason = writers["reason"].as_str().expect("a reason");
    assert!(reason.contains(why), "{reason}");
    assert!(rig.ok(&["status"]).contains(reason));
    let begin = |name: &str| {
        let shell = Shell::start(rig.root());
        let pid = shell.child.id().to_string();
        let session = rig.ok(&["session", "start", "--agent", name, "--pid", &pid]);
        (shell, session.trim().to_owned())
    };
    let newest = |path: &str| {
        rig.ok(&["sync"]);
        let log = rig.daemon.aft_json(rig.root(), &["log", path]);
        log["operations"][0].clone()
    };
    let ((mut one, first), (mut two, _)) = (begin("one"), begin("two"));
    assert_eq!(status()["writers"]["followed"], 0);
    one.run("echo x > by-one");
    assert_eq!(newest("by-one")["author"], "unknown");
    rig.ok(&["turn", "start", "--session", &first]);
    two.run("echo x > by-two");
    let by_two = newest("by-two");
    assert_eq!(by_two["author"], "agent:one", "{by_two:#}");
    assert!(by_two["note"].is_null(), "{by_two:#}");
}

#[test]
fn without_the_privilege_brackets_and_turns_decide_and_the_status_says_why() {
    let Some(rig) = rig_without_rights() else {
        println!("SKIPPED: no daemon without rights can be made here");
        return;
    };
    by_brackets(&rig, "CAP_SYS_ADMIN");
}

#[test]
fn switched_off_brackets_and_turns_decide() {
    let mut daemon = aft_testkit::TestDaemon::prepare();
    daemon.write_config("[daemon]\nwriters = \"off\"\n");
    daemon.run();
    by_brackets(&Rig::of(daemon), "switched off");
}
