//! `aft run`: real commands as sessions of their own, with the kernel's word on who writes and without.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use aft_testkit::TestDaemon;
use aft_testkit::daemon::Socket;
use aft_testkit::workspace::wait_until;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::rig::Rig;
use crate::workspace::writers::is_told_of_processes;

const SOON: Duration = Duration::from_secs(30);

/// A daemon that asks the kernel who writes if it may, and one that does not.
fn rigs() -> [Rig; 2] {
    let mut unasking = TestDaemon::prepare();
    unasking.write_config("[daemon]\nwriters = \"off\"\n");
    unasking.run();
    [Rig::new(), Rig::of(unasking)].map(|rig| {
        rig.project.write("before", "before\n");
        rig.watch();
        rig
    })
}

fn asks_the_kernel(rig: &Rig) -> bool {
    rig.json(&["status"])["writers"]["by"] == "kernel"
}

/// `aft run -- sh -c SCRIPT`, under way.
struct Running {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Running {
    fn start(rig: &Rig, script: &str) -> Self {
        let mut command = rig.daemon.command(&["run", "--", "sh", "-c", script]);
        let mut child = command
            .current_dir(rig.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("aft run");
        let said = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, said }
    }

    #[track_caller]
    fn says(&mut self, expected: &str) {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("it writes");
        assert_eq!(line.trim_end(), expected);
    }

    fn tell(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("its input");
        writeln!(input, "{line}").expect("it reads");
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a pid"), signal).expect("it is there");
    }

    /// Its exit code and what it said on standard error.
    fn ended(mut self) -> (i32, String) {
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().expect("it ends");
        let code = output.status.code().expect("a code");
        (code, String::from_utf8(output.stderr).expect("text"))
    }
}

fn sessions(rig: &Rig, open: bool) -> Vec<Value> {
    let mut arguments = vec!["session", "list"];
    arguments.extend(open.then_some("--open"));
    let mut listed = rig.json(&arguments);
    std::mem::take(listed["sessions"].as_array_mut().expect("sessions"))
}

/// The newest operation of a path.
#[track_caller]
fn newest(rig: &Rig, path: &str) -> Value {
    rig.ok(&["sync"]);
    let changed = |one: &Value| {
        let changes = one["changes"].as_array().expect("changes");
        changes.iter().any(|change| change["path"] == path)
    };
    let found = rig.log().into_iter().find(changed);
    found.unwrap_or_else(|| panic!("no operation of {path}"))
}

#[test]
fn what_a_command_wrote_is_taken_back_and_what_another_wrote_meanwhile_stays() {
    for rig in rigs() {
        let mut run = Running::start(
            &rig,
            "echo mine > mine; echo more >> before; echo ready; read word; echo \"$word\" > word",
        );
        run.says("ready");
        let mut other = rig.daemon.connect(Socket::Agent);
        let root = rig.root().to_str().expect("UTF-8").to_owned();
        let params = json!({"workspace": root, "agent": "other"});
        let session = other.expect_call("session.start", &params)["session"].clone();
        let params = json!({"session": session, "paths": ["theirs"], "tool": "Edit"});
        let edit = other.expect_call("edit.begin", &params)["edit"].clone();
        rig.project.write("theirs", "theirs\n");
        other.expect_call("edit.end", &json!({"session": session, "edit": edit}));
        run.tell("through standard input");
        let (code, said) = run.ended();
        assert_eq!(code, 0, "{said}");
        assert_eq!(rig.project.text("word"), "through standard input\n");
        let all = sessions(&rig, false);
        let own = all.iter().find(|one| one["agent"] == "run").expect("it");
        let id = own["session"].as_str().expect("an id");
        assert_eq!(own["label"], "sh");
        assert!(own["ended"].is_string(), "{own:#}");
        for path in ["mine", "word"] {
            assert_eq!(newest(&rig, path)["session"], id, "{path}");
        }
        let way = format!("aft undo --session {}", id.get(..8).expect("longer"));
        assert!(said.contains(&way) && said.contains("3 paths"), "{said}");
        rig.ok(&["undo", "--session", id]);
        assert!(!rig.project.exists("mine") && !rig.project.exists("word"));
        assert_eq!(rig.project.text("before"), "before\n");
        assert_eq!(rig.project.text("theirs"), "theirs\n");
    }
}

#[test]
fn the_exit_code_is_the_commands_and_the_session_always_ends() {
    let rig = Rig::new();
    rig.project.write("plain", "no program\n");
    rig.watch();
    for (command, code) in [
        (&["sh", "-c", "echo out; exit 0"][..], 0),
        (&["sh", "-c", "echo out; exit 3"], 3),
        (&["sh", "-c", "echo out; kill -INT $$"], 130),
        (&["sh", "-c", "echo out; kill -KILL $$"], 137),
        (&["no-such-command"], 127),
        (&["./plain"], 126),
    ] {
        for quiet in [false, true] {
            let mut arguments = vec!["run", "--label", "for people"];
            arguments.extend(quiet.then_some("--quiet"));
            arguments.push("--");
            let output = rig.aft(&[&arguments, command].concat());
            assert_eq!(output.status, code, "{command:?}: {}", output.stderr);
            let began = command[0] == "sh";
            assert_eq!(output.stdout, if began { "out\n" } else { "" });
            assert_eq!(
                output.stderr.is_empty(),
                quiet && began,
                "{}",
                output.stderr
            );
            assert_eq!(sessions(&rig, true), Vec::<Value>::new());
        }
    }
    assert_eq!(sessions(&rig, false)[0]["label"], "for people");
    let output = rig.aft(&["run", "--json", "--", "sh", "-c", "echo x > x; exit 5"]);
    let told: Value = serde_json::from_str(&output.stderr).expect("a document");
    assert_eq!((output.status, output.stdout.as_str()), (5, ""));
    assert_eq!((&told["exit"], &told["paths"]), (&json!(5), &json!(1)));
}

#[test]
fn signals_reach_the_command_and_one_that_is_killed_leaves_no_session() {
    let rig = Rig::new();
    rig.watch();
    for signal in [Signal::TERM, Signal::INT] {
        let mut run = Running::start(
            &rig,
            "trap 'echo got > got; exit 7' TERM INT; echo ready; read word; exit 1",
        );
        run.says("ready");
        run.signal(signal);
        // Its input stays open: what ends it is the signal.
        let over = || matches!(run.child.try_wait(), Ok(Some(_)));
        wait_until(SOON, "the command ends", over);
        assert_eq!(run.ended().0, 7);
        assert!(newest(&rig, "got")["session"].is_string());
        rig.project.remove("got");
    }
    let mut run = Running::start(&rig, "echo ready; read word");
    run.says("ready");
    assert_eq!(sessions(&rig, true).len(), 1);
    run.signal(Signal::KILL);
    drop(run.child.stdin.take());
    drop(run.child.wait());
    wait_until(SOON, "its session ends", || sessions(&rig, true).is_empty());
}

#[test]
fn a_run_within_a_run_is_its_own_or_else_the_outer_ones() {
    for rig in rigs() {
        let aft = aft_testkit::daemon::binary();
        let script = format!(
            "echo x > outer; {} run --label inner -- sh -c 'echo x > inner'",
            aft.display()
        );
        let (code, said) = Running::start(&rig, &script).ended();
        assert_eq!(code, 0, "{said}");
        let all = sessions(&rig, false);
        let of = |label: &str| {
            let found = all.iter().find(|one| one["label"] == label);
            found.unwrap_or_else(|| panic!("no session {label}: {all:#?}"))
        };
        let (inner, outer) = (of("inner"), of("sh"));
        assert_eq!(inner["parent"], outer["session"]);
        assert_eq!(newest(&rig, "outer")["session"], outer["session"]);
        let made = &newest(&rig, "inner")["session"];
        if !asks_the_kernel(&rig) {
            assert_eq!(made, &outer["session"]);
        } else if is_told_of_processes() {
            assert_eq!(made, &inner["session"]);
        } else {
            // The shell may have ended before it was looked at. It is never somebody else's.
            assert!(made.is_null() || [inner, outer].iter().any(|one| *made == one["session"]));
        }
        let is_its_own = *made == inner["session"];
        assert_ne!(said.contains("nothing of its own"), is_its_own, "{said}");
    }
}

#[test]
fn of_two_at_once_each_has_its_own_or_it_is_told_that_both_claim_it() {
    for rig in rigs() {
        let mut one = Running::start(
            &rig,
            "echo ready; read go; echo x > one; echo ready; read go",
        );
        let mut two = Running::start(
            &rig,
            "echo ready; read go; echo x > two; echo ready; read go",
        );
        for run in [&mut one, &mut two] {
            run.says("ready");
        }
        for run in [&mut one, &mut two] {
            run.tell("go");
            run.says("ready");
        }
        for run in [one, two] {
            assert_eq!(run.ended().0, 1);
        }
        let (one, two) = (newest(&rig, "one"), newest(&rig, "two"));
        if asks_the_kernel(&rig) {
            // Where processes are not told of, one that has ended before it is looked at is nobody's.
            let are_known = one["session"].is_string() && two["session"].is_string();
            assert!(are_known || !is_told_of_processes(), "{one:#} {two:#}");
            assert!(!are_known || one["session"] != two["session"]);
        } else {
            for operation in [one, two] {
                let note = operation["note"].as_str().unwrap_or_default();
                assert_eq!(operation["author"], "unknown", "{operation:#}");
                assert!(note.contains("shared"), "{operation:#}");
            }
        }
    }
}

#[test]
fn a_daemon_that_goes_away_does_not_disturb_the_command() {
    let mut rig = Rig::new();
    rig.watch();
    let mut run = Running::start(&rig, "echo ready; read word; echo x > late; exit 9");
    run.says("ready");
    rig.daemon.kill();
    let (code, said) = run.ended();
    assert_eq!(code, 9, "{said}");
    assert!(said.contains("not known"), "{said}");
    assert_eq!(rig.project.text("late"), "x\n");
}

#[test]
fn nothing_is_run_where_nothing_is_watched() {
    let rig = Rig::new();
    let output = rig.aft(&["run", "--", "sh", "-c", "echo x > x"]);
    assert_eq!(output.status, 4, "{}", output.stderr);
    let tells = output.stderr.contains("aft watch") && output.stderr.contains("was not run");
    assert!(tells, "{}", output.stderr);
    assert!(!rig.project.exists("x"));
}
