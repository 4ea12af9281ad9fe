//! The user's watch limit is reached: the rest is polled, `status` says so and how to mend it, and a fence is exact
//! all the same.
//!
//! The limit is lowered in a user namespace, in a run of the test by itself; the daemon starts inside.

use std::process::Command;

use aft_testkit::TestDaemon;
use serde_json::{Value, json};

use super::backends;
use super::judge::assert_exact;
use super::rig::Rig;

/// Set in the run within the namespace: the backend.
const INSIDE: &str = "AFT_TEST_FENCE_LIMIT";
/// What the namespace allows.
const WATCHES: u32 = 10;
/// Directories of the project.
const DIRS: u32 = 30;

#[test]
fn at_the_watch_limit_fences_stay_exact_and_the_remedy_is_named() {
    if let Ok(backend) = std::env::var(INSIDE) {
        exact_with_few_watches(&backend, true);
        exact_with_few_watches(&backend, false);
        return;
    }
    for backend in backends() {
        let script = format!(
            "echo {WATCHES} > /proc/sys/user/max_inotify_watches || exit 77; exec \"$0\" --exact \"$1\" --nocapture"
        );
        let run = Command::new("unshare")
            .args(["-U", "-r", "sh", "-c", &script])
            .arg(std::env::current_exe().expect("this test's path"))
            .arg("fence::limit::at_the_watch_limit_fences_stay_exact_and_the_remedy_is_named")
            .env(INSIDE, backend)
            .output();
        let Ok(run) = run else {
            println!("skipped: no `unshare` on this machine");
            return;
        };
        let said = String::from_utf8_lossy(&run.stdout);
        if run.status.code() == Some(77) || !said.contains("running") {
            println!("skipped: user namespaces are forbidden here");
            return;
        }
        assert!(
            run.status.success() && said.contains("1 passed"),
            "{backend}: {said}\n{}",
            String::from_utf8_lossy(&run.stderr)
        );
    }
}

/// The directories are there when the workspace is armed, or come while it is.
fn exact_with_few_watches(backend: &str, from_the_start: bool) {
    let mut daemon = TestDaemon::prepare();
    // No regular walk: it would hide what a fence missed.
    daemon.write_config(&format!(
        "[daemon]\nwatch = \"{backend}\"\nrescan = \"24h\"\n"
    ));
    daemon.run();
    let rig = Rig::of(daemon);
    if from_the_start {
        make_dirs(&rig);
    }
    rig.watch();
    if !from_the_start {
        make_dirs(&rig);
    }
    let mut agent = rig.agent();
    agent.expect_call("sync", &rig.params());
    let status = agent.expect_call("workspace.status", &rig.params());
    assert_degraded(&status);
    assert_exact(&mut agent, rig.root(), "as it was made");
    for round in 0..20 {
        for dir in 0..DIRS {
            let file = format!("d{dir}/f{}", round % 3);
            rig.project
                .write(&file, format!("round {round} of {dir}\n"));
        }
        let (from, to) = (
            format!("d{}/f0", round),
            format!("d{}/moved{round}", round + 1),
        );
        rig.project.rename(&from, &to);
        rig.project
            .write(format!("d{round}/new{round}/deep/f"), "deep\n");
        rig.project.remove(format!("d{}/g", DIRS - 1 - round));
        agent.expect_call("sync", &rig.params());
        assert_exact(
            &mut agent,
            rig.root(),
            &format!("round {round}, from the start {from_the_start}"),
        );
    }
    turns_fence_too(&rig);
    let status = agent.expect_call("workspace.status", &rig.params());
    assert_degraded(&status);
}

/// A turn begins and ends with a fence: what was written inside is in the history when its end is answered, and is
/// the turn's.
#[track_caller]
fn turns_fence_too(rig: &Rig) {
    let mut agent = rig.agent();
    let mut wanted = rig.params();
    wanted["agent"] = json!("writer");
    let session = agent.expect_call("session.start", &wanted)["session"].clone();
    for round in 0..5 {
        for dir in 0..DIRS {
            rig.project
                .write(format!("d{dir}/before"), format!("{round} of nobody\n"));
        }
        let turn = agent.expect_call("turn.start", &json!({"session": session}))["turn"].clone();
        assert_exact(&mut agent, rig.root(), "when a turn begins");
        for dir in 0..DIRS {
            rig.project
                .write(format!("d{dir}/inside"), format!("{round} of the turn\n"));
        }
        agent.expect_call("turn.end", &json!({"session": session, "turn": turn}));
        assert_exact(&mut agent, rig.root(), "when a turn ends");
    }
}

fn make_dirs(rig: &Rig) {
    for dir in 0..DIRS {
        rig.project.write(format!("d{dir}/g"), "first\n");
    }
}

#[track_caller]
fn assert_degraded(status: &Value) {
    assert_eq!(status["state"], "degraded", "{status}");
    let reasons = status["reasons"].as_array().expect("reasons");
    let names_remedy = |reason: &Value| {
        let text = reason.to_string();
        text.contains("sysctl") && text.contains("max_user_watches")
    };
    assert!(reasons.iter().any(names_remedy), "{status}");
}
