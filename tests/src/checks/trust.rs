//! T17: nothing that a workspace defines runs before exactly those bytes were approved for exactly that directory.
//!
//! Each check here says by its exit code whose it is: 0 what was approved, 1 what nobody approved; so a verdict `failed` is an
//! execution that must not have been. `AFT_HEAVY=1` exchanges and runs 10 000 times instead of 20.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aft_testkit::StopAtEnd;
use serde_json::Value;

use super::rig::Rig;

const APPROVED: &str = "[[verify]]\nname = \"t\"\nrun = [\"sh\", \"-c\", \"exit 0\"]\nrule = \"exit\"\nparse = \"exit\"\n";
const CALLS: &str =
    "[[verify]]\nname = \"t\"\nrun = [\"tools/t.sh\"]\nrule = \"exit\"\nparse = \"exit\"\n";
const GOOD: &str = "#!/bin/sh\nexit 0\n";
const BAD: &str = "#!/bin/sh\nexit 1\n";

fn rig(config: &str) -> Rig {
    let rig = Rig::with("");
    rig.project.write("value", "1");
    rig.project.write(".afterimage.toml", config);
    script(rig.root(), GOOD);
    rig.watch();
    rig
}

/// Put in place as a whole, as an editor would.
fn put(path: &Path, text: &str, mode: u32) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(mode)).unwrap();
    fs::rename(&new, path).unwrap();
}

fn script(root: &Path, text: &str) {
    fs::create_dir_all(root.join("tools")).unwrap();
    put(&root.join("tools/t.sh"), text, 0o755);
}

#[track_caller]
fn is_refused(rig: &Rig, names: &str) {
    let said = rig.verify(&["--again"], 6);
    let verdict = &said["verdicts"][0];
    assert_eq!(verdict["untrusted"], true, "{said:#}");
    let reason = verdict["reason"].as_str().unwrap();
    assert!(
        reason.contains(names) && reason.contains("aft trust --show"),
        "{reason}"
    );
}

#[track_caller]
fn passes(rig: &Rig) {
    let said = rig.verify(&["--again"], 0);
    assert_eq!(said["verdicts"][0]["status"], "passed", "{said:#}");
}

#[test]
fn what_a_workspace_brings_runs_when_it_was_approved_and_asks_again_when_it_changed() {
    let rig = rig(APPROVED);
    let file = rig.root().join(".afterimage.toml").display().to_string();
    is_refused(&rig, &file);
    assert_eq!(rig.aft(&["trust", "--show"]).status, 6);
    assert_eq!(
        rig.aft(&["trust"]).status,
        2,
        "there is no terminal to ask on"
    );
    is_refused(&rig, &file);
    rig.ok(&["trust", "--yes"]);
    rig.ok(&["trust", "--show"]);
    passes(&rig);
    // One byte, and the one back.
    put(
        Path::new(&file),
        &APPROVED.replace("exit 0", "exit 1"),
        0o644,
    );
    is_refused(&rig, &file);
    put(Path::new(&file), APPROVED, 0o644);
    passes(&rig);
    let kept = rig.store().join("trust.json");
    assert_eq!(
        fs::metadata(kept).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn an_edited_script_asks_again_also_where_the_user_s_own_file_calls_it() {
    for own in [true, false] {
        for place in ["scratch", "workspace"] {
            let text = format!("{CALLS}where = \"{place}\"\n");
            let mut rig = Rig::with(if own { "" } else { &text });
            rig.project.write("value", "1");
            if own {
                rig.project.write(".afterimage.toml", &text);
            }
            script(rig.root(), GOOD);
            rig.watch();
            let named = if own {
                ".afterimage.toml"
            } else {
                "tools/t.sh"
            };
            is_refused(&rig, named);
            rig.ok(&["trust", "--yes"]);
            passes(&rig);
            script(rig.root(), BAD);
            is_refused(&rig, "tools/t.sh");
            rig.ok(&["trust", "--yes"]);
            let said = rig.verify(&["--again"], 1);
            assert_eq!(said["verdicts"][0]["status"], "failed", "{said:#}");
            rig.daemon.stop();
        }
    }
}

#[test]
fn a_link_in_the_file_s_place_and_words_that_lead_elsewhere_are_refused() {
    let rig = rig(APPROVED);
    rig.ok(&["trust", "--yes"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let file = rig.root().join(".afterimage.toml");
    fs::rename(&file, elsewhere.path().join("c.toml")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("c.toml"), &file).unwrap();
    let refused = rig.aft(&["verify", "--again"]);
    assert_ne!(refused.status, 0, "{}", refused.stdout);
    assert!(!refused.stdout.contains("passed"), "{}", refused.stdout);

    fs::remove_file(&file).unwrap();
    let absolute = CALLS.replace(
        "tools/t.sh",
        &rig.root().join("tools/t.sh").display().to_string(),
    );
    put(&file, &absolute, 0o644);
    rig.ok(&["trust", "--yes"]);
    let said = rig.verify(&["--again"], 6);
    let reason = said["verdicts"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("in the workspace itself"), "{reason}");

    put(&file, CALLS, 0o644);
    fs::remove_file(rig.root().join("tools/t.sh")).unwrap();
    put(&elsewhere.path().join("x"), GOOD, 0o755);
    std::os::unix::fs::symlink(elsewhere.path().join("x"), rig.root().join("tools/t.sh")).unwrap();
    rig.ok(&["trust", "--yes"]);
    let said = rig.verify(&["--again"], 6);
    let reason = said["verdicts"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("leads out"), "{reason}");
}

#[test]
fn the_same_bytes_in_another_directory_ask_again() {
    let rig = rig(APPROVED);
    rig.ok(&["trust", "--yes"]);
    passes(&rig);
    // A sibling whose name begins with this one's.
    let sibling = rig.root().with_extension("sibling");
    fs::create_dir(&sibling).unwrap();
    fs::write(sibling.join(".afterimage.toml"), APPROVED).unwrap();
    let in_sibling = |arguments: &[&str]| rig.daemon.aft_in(&sibling, arguments);
    assert_eq!(in_sibling(&["watch", "--detach"]).status, 0);
    assert_eq!(in_sibling(&["verify"]).status, 6);
    assert_eq!(in_sibling(&["trust", "--yes"]).status, 0);
    assert_eq!(in_sibling(&["verify"]).status, 0);
    // Moved: the history comes along, the approval does not.
    let moved = rig.root().with_extension("moved");
    fs::rename(&sibling, &moved).unwrap();
    let watched = rig.daemon.aft_in(&moved, &["watch", "--detach"]);
    assert_eq!(watched.status, 0, "{}", watched.stderr);
    assert_eq!(rig.daemon.aft_in(&moved, &["verify", "--again"]).status, 6);
    fs::remove_dir_all(&moved).unwrap();
}

#[test]
fn what_was_shown_is_what_is_approved() {
    let rig = rig(CALLS);
    let mut control = rig.daemon.control();
    let shown = control.expect_call("trust.show", &rig.params());
    let digest = shown["digest"].as_str().unwrap().to_owned();
    assert_eq!(
        shown["checks"][0]["scripts"][0]["path"], "tools/t.sh",
        "{shown:#}"
    );
    script(rig.root(), BAD);
    let mut params = rig.params();
    params["digest"] = Value::from(digest);
    let refused = control.call("trust.approve", &params).unwrap_err();
    assert_eq!(refused["data"]["kind"], "version_conflict", "{refused:#}");
    is_refused(&rig, ".afterimage.toml");
    let mut agent = rig.daemon.connect(aft_testkit::daemon::Socket::Agent);
    let refused = agent.call("trust.approve", &params).unwrap_err();
    assert_eq!(refused["data"]["kind"], "forbidden", "{refused:#}");
}

/// The file and the script are exchanged all the time: whatever runs is what was approved.
#[test]
fn nothing_that_was_exchanged_meanwhile_runs_in_a_copy() {
    exchanged_meanwhile("scratch");
}

#[test]
fn nothing_that_was_exchanged_meanwhile_runs_in_the_workspace() {
    exchanged_meanwhile("workspace");
}

/// The file with which what nobody approved shows that it ran: what a check says of a workspace in which files changed
/// meanwhile is void, whatever its exit code.
const TRACE: &str = "it-ran";

fn exchanged_meanwhile(place: &str) {
    let rounds = match std::env::var_os("AFT_HEAVY") {
        Some(_) => 5_000,
        None => 10,
    };
    let text = format!("{CALLS}where = \"{place}\"\n");
    let rig = rig(&text);
    rig.ok(&["trust", "--yes"]);
    let evil = text.replace("[\"tools/t.sh\"]", &format!("\"touch {TRACE}; exit 1\""));
    let bad = format!("#!/bin/sh\ntouch {TRACE}\nexit 1\n");
    let over = AtomicBool::new(false);
    let n_asked = AtomicUsize::new(0);
    let (mut n_passed, mut n_refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _over = StopAtEnd(&over);
            exchange(&rig, (&evil, &text), &bad, (&n_asked, &over));
        });
        let _over = StopAtEnd(&over);
        for _ in 0..rounds {
            n_asked.fetch_add(1, Ordering::Relaxed);
            let output = rig.aft(&["verify", "--again", "--json"]);
            let said: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
            match said["verdicts"][0]["status"].as_str() {
                Some("passed") => n_passed += 1,
                Some("failed") => panic!("what nobody approved ran: {said:#}"),
                // Untrusted, or void because files changed while it ran.
                _ => n_refused += 1,
            }
            assert!(!rig.root().join(TRACE).exists(), "it ran: {said:#}");
        }
    });
    println!("{place}: {n_passed} ran, {n_refused} were refused");
    assert!(n_passed > 0 && n_refused > 0, "there was nothing to choose");
}

/// Exchanges both files for a while after each question, now longer, now shorter; then what was approved is there until the next.
fn exchange(
    rig: &Rig,
    (evil, text): (&str, &str),
    bad: &str,
    (n_asked, over): (&AtomicUsize, &AtomicBool),
) {
    let root = rig.root();
    let mut n_answered = 0;
    while !over.load(Ordering::Relaxed) {
        let number = n_asked.load(Ordering::Relaxed);
        if number == n_answered {
            std::thread::yield_now();
            continue;
        }
        n_answered = number;
        // Now and then not at all.
        for _ in 0..(number * 7919 % 17).saturating_sub(4).pow(2) {
            script(root, bad);
            put(&root.join(".afterimage.toml"), evil, 0o644);
            script(root, GOOD);
            put(&root.join(".afterimage.toml"), text, 0o644);
        }
    }
}
