//! `aft bisect`: the operation that broke something is found in few runs, and the workspace is not touched.
//!
//! The operation is planted by a seed that is printed, among 40, and among 500 with `AFT_HEAVY=1`; which of 500 in how many looks
//! is tested over all of them where the search is (`aft_engine::bisect`).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::Value;

use super::rig::{Rig, verify};

/// Numbers of the operations, in order.
fn write_history(rig: &Rig, n: usize, planted: usize) -> Vec<u64> {
    let write = |number: usize| {
        // One file each, so that each is one operation.
        match number == planted {
            true => rig.project.write("state", "one\nbroken\n"),
            false => rig
                .project
                .write(format!("f{}", number % 7), format!("edit {number}\n")),
        }
        rig.head()
    };
    (1..=n).map(write).collect()
}

fn found(rig: &Rig, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = ["bisect"].iter().chain(arguments).copied().collect();
    println!("aft {}", arguments.join(" "));
    let json: Vec<&str> = ["--json"].iter().chain(&arguments).copied().collect();
    let output = rig.aft(&json);
    assert_eq!(
        output.status,
        0,
        "{}{}\n{}",
        output.stdout,
        output.stderr,
        rig.daemon.printed()
    );
    serde_json::from_str(&output.stdout).unwrap()
}

/// What can be seen of every file without reading it.
fn signatures(rig: &Rig) -> BTreeMap<String, (u64, i64, i64, u64)> {
    let entries = fs::read_dir(rig.root()).unwrap().flatten();
    let signature = |entry: fs::DirEntry| {
        let stat = entry.metadata().unwrap();
        let name = entry.file_name().into_string().unwrap();
        (
            name,
            (
                stat.ino(),
                stat.mtime_nsec(),
                stat.ctime_nsec(),
                stat.size(),
            ),
        )
    };
    entries.map(signature).collect()
}

#[test]
fn the_planted_operation_is_found_and_nothing_is_touched() {
    let (n, most) = match std::env::var_os("AFT_HEAVY") {
        Some(_) => (500, 10),
        None => (40, 7),
    };
    let seed = rustix::process::getpid().as_raw_nonzero().get() as usize;
    let planted = 1 + seed % n;
    println!("seed {seed}: operation {planted} of {n}");
    let mut rig = Rig::with(&verify("state", "! grep -q broken state", ""));
    rig.project.write("state", "one\n");
    rig.watch();
    let first = rig.head();
    rig.verify(&[], 0);
    let operations = write_history(&rig, n, planted);
    let wanted = operations[planted - 1];
    let before = signatures(&rig);
    let head = rig.head();

    let by_check = found(&rig, &["state"]);
    assert_eq!(
        by_check["suspects"],
        serde_json::json!([wanted]),
        "{by_check:#}"
    );
    assert!(by_check["runs"].as_u64().unwrap() <= most, "{by_check:#}");
    let good = first.to_string();
    let line = ["--good", &good, "--", "sh", "-c", "! grep -q broken state"];
    let by_command = found(&rig, &line);
    assert_eq!(
        by_command["operation"]["operation"], wanted,
        "{by_command:#}"
    );
    assert!(
        by_command["runs"].as_u64().unwrap() <= most,
        "{by_command:#}"
    );
    let paths = by_command["operation"]["changes"].as_array().unwrap();
    assert!(
        paths.iter().any(|change| change["path"] == "state"),
        "{by_command:#}"
    );
    assert_eq!(signatures(&rig), before);
    assert_eq!(rig.head(), head);

    // What is offered takes back just that.
    let undo = by_command["undo"].as_str().unwrap().to_owned();
    let words: Vec<&str> = undo.split(' ').skip(1).collect();
    rig.project.write("later", "stays\n");
    rig.ok(&words);
    assert_eq!(rig.project.text("state"), "one\n");
    assert_eq!(rig.project.text("later"), "stays\n");
    rig.verify(&[], 0);
    rig.daemon.stop();
}

#[test]
fn states_that_cannot_be_looked_at_are_passed_over_and_named() {
    let mut rig = Rig::with("");
    rig.project.write("state", "one\n");
    rig.watch();
    let first = rig.head();
    let operations = write_history(&rig, 12, 6);
    let good = first.to_string();
    // The state it was made in and the one before say nothing: what is left is one of three.
    let skips = "case $(cat f5 f0 2>/dev/null | tr '\\n' ' ') in *'edit 7'*) ;; *'edit 5'*) exit 125;; esac; ! grep -q broken state";
    let passed_over = found(&rig, &["--good", &good, "--", "sh", "-c", skips]);
    let wanted: Vec<u64> = operations[4..7].to_vec();
    assert_eq!(
        passed_over["suspects"],
        serde_json::json!(wanted),
        "{passed_over:#}"
    );
    assert!(passed_over["undo"].is_null(), "{passed_over:#}");

    for (arguments, exit, says) in [
        (
            vec!["--good", good.as_str(), "--", "true"],
            1,
            "does not fail",
        ),
        (vec!["--good", good.as_str(), "--", "false"], 1, "already"),
        (
            vec!["--good", good.as_str(), "--", "sh", "-c", "exit 130"],
            1,
            "ended with 130",
        ),
        (
            vec![
                "--good",
                good.as_str(),
                "--bad",
                good.as_str(),
                "--",
                "false",
            ],
            4,
            "nothing was recorded",
        ),
        (vec!["nosuch"], 4, "no "),
        (vec!["--", "false"], 4, "every check passed"),
    ] {
        let line: Vec<&str> = ["bisect"].into_iter().chain(arguments).collect();
        let output = rig.aft(&line);
        assert_eq!(output.status, exit, "{line:?}: {}", output.stderr);
        assert!(output.stderr.contains(says), "{line:?}: {}", output.stderr);
    }
    // Nothing that runs commands is for an agent.
    let mut agent = rig.daemon.connect(aft_testkit::daemon::Socket::Agent);
    let mut params = rig.params();
    params["command"] = serde_json::json!(["true"]);
    let refused = agent.call("verify.bisect", &params).unwrap_err();
    assert_eq!(refused["data"]["kind"], "forbidden", "{refused:#}");
    rig.daemon.stop();
}

#[test]
fn a_check_of_the_workspace_is_not_run_before_it_was_approved() {
    let rig = Rig::with("");
    rig.project.write("state", "one\n");
    rig.project.write(
        ".afterimage.toml",
        verify("state", "! grep -q broken state", ""),
    );
    rig.watch();
    let good = rig.head().to_string();
    write_history(&rig, 3, 2);
    let refused = rig.aft(&["bisect", "state", "--good", &good]);
    assert_eq!(refused.status, 6, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("aft trust --show"),
        "{}",
        refused.stderr
    );
    rig.ok(&["trust", "--yes"]);
    rig.ok(&["bisect", "state", "--good", &good]);
}
