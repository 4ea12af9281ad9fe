//! Somebody looks on while a check runs: each line is shown, the last ones too, and Ctrl-C ends what was asked for.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aft_testkit::workspace::wait_until;

use super::rig::{Rig, verify};

/// Longer than anything here takes, and much shorter than the checks that are to be ended.
const SOON: Duration = Duration::from_secs(30);
/// It is ended long before that.
const LONG: &str = "sleep 600";

fn rig(run: &str) -> Rig {
    let rig = Rig::with(&verify("t", run, "timeout = \"900s\""));
    rig.project.write("value", "1");
    rig.watch();
    rig
}

fn runs_now(rig: &Rig) -> bool {
    !rig.json(&["verify", "--list"])["running"].is_null()
}

/// Ctrl-C on a terminal is this signal.
fn interrupt(child: &mut Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    child.wait().unwrap();
}

#[test]
fn who_goes_away_ends_the_run_that_he_waited_for() {
    let rig = rig(LONG);
    let mut child = rig
        .daemon
        .command(&["verify"])
        .current_dir(rig.root())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(SOON, "it runs", || runs_now(&rig));
    interrupt(&mut child);
    wait_until(SOON, "it has ended", || !runs_now(&rig));
    let said = rig.json(&["verify", "--list"]);
    assert_ne!(said["verdicts"][0]["status"], "passed", "{said:#}");
    assert!(said["last_good"].is_null(), "{said:#}");
}

/// Who does not wait for the end has not asked for it to end.
#[test]
fn a_run_that_nobody_waited_for_goes_on() {
    let rig = rig("sleep 1");
    let mut params = rig.params();
    params["wait_ms"] = 0.into();
    let mut control = rig.daemon.control();
    let begun = control.expect_call("verify.run", &params);
    assert_eq!(begun["running"], true, "{begun:#}");
    drop(control);
    let passed = || rig.json(&["verify", "--list"])["verdicts"][0]["status"] == "passed";
    wait_until(SOON, "it ends well", passed);
}

#[test]
fn who_goes_away_ends_his_search() {
    let rig = rig("true");
    for number in 0..6 {
        rig.project.write("value", number.to_string());
        rig.ok(&["sync"]);
    }
    // Nobody else sleeps so long.
    let sleep = format!("sleep {}", 1_000_000 + std::process::id());
    let mut child = rig
        .daemon
        .command(&["bisect", "--good", "1", "--", "sh", "-c", &sleep])
        .current_dir(rig.root())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let sleeper = sleep.replace(' ', "\0");
    wait_until(SOON, "it searches", || is_there(&sleeper));
    interrupt(&mut child);
    wait_until(SOON, "it has ended", || !is_there(&sleeper));
}

/// Whether a process runs by these words.
fn is_there(words: &str) -> bool {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let runs = |entry: std::fs::DirEntry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.starts_with(words.as_bytes())
    };
    all.into_iter().any(runs)
}

#[test]
fn a_terminal_is_shown_every_line_also_of_a_check_that_is_over_at_once() {
    if Command::new("script").arg("--version").output().is_err() {
        println!("SKIPPED: no `script`, so there is no terminal");
        return;
    }
    for run in [
        "echo first; sleep 0.6; echo second; echo last",
        "echo first; echo second; echo last",
    ] {
        let rig = rig(run);
        let command = rig.daemon.command(&["verify"]);
        let words: Vec<_> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| word.to_str().unwrap().to_owned())
            .collect();
        let mut terminal = Command::new("script");
        terminal
            .args(["-qec", &words.join(" "), "/dev/null"])
            .current_dir(rig.root())
            .stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => terminal.env(name, value),
                None => terminal.env_remove(name),
            };
        }
        let shown = terminal.output().unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        for line in ["first", "second", "last"] {
            let n = shown.matches(line).count();
            assert_eq!(n, 1, "{line} is shown {n} times:\n{shown}");
        }
    }
}
