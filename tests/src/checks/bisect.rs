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

#[test]
fn whichever_operation_is_planted_is_found_in_few_runs() {
    let (n, times, most) = match std::env::var_os("AFT_HEAVY") {
        Some(_) => (500_u64, 100_u64, 10),
        None => (40, 3, 7),
    };
    let mut rig = Rig::with("");
    rig.project.write("n", "0\n");
    rig.watch();
    let good = rig.head();
    let operations: Vec<u64> = (1..=n)
        .map(|number| {
            rig.project.write("n", format!("{number}\n"));
            rig.head()
        })
        .collect();
    let mut most_seen = 0;
    for time in 0..times {
        let planted = 1 + (time * 0x9e37_79b9 + u64::from(std::process::id())) % n;
        let check = format!("test $(cat n) -lt {planted}");
        let good = good.to_string();
        let said = found(&rig, &["--good", &good, "--", "sh", "-c", &check]);
        let wanted = operations[planted as usize - 1];
        assert_eq!(
            said["suspects"],
            serde_json::json!([wanted]),
            "{planted}: {said:#}"
        );
        most_seen = most_seen.max(said["runs"].as_u64().unwrap());
    }
    println!("found {times} of {times} among {n}, with at most {most_seen} runs");
    assert!(most_seen <= most, "{most_seen} runs");
    rig.daemon.stop();
}

/// A file of so many blocks of lines, far enough apart to be hunks of their own; those of these numbers are changed.
fn blocks(n: usize, changed: &[(usize, &str)]) -> String {
    let block = |number: usize| {
        let text = changed.iter().find(|(at, _)| *at == number);
        let text = text.map_or("as it was", |(_, text)| text);
        let filling: String = (0..8)
            .map(|line| format!("filling {line} of {number}\n"))
            .collect();
        format!("block {number}: {text}\n{filling}")
    };
    (0..n).map(block).collect()
}

#[test]
fn of_the_operation_the_hunk_is_found_and_what_is_offered_takes_back_just_that() {
    let mut rig = Rig::with(&verify("state", "! grep -rq broken .", ""));
    rig.project.write("src/a", blocks(9, &[]));
    rig.project.write("src/b", blocks(3, &[]));
    rig.watch();
    rig.verify(&[], 0);
    // One operation that changes many places of two files and adds a third in a new directory.
    rig.ok(&["turn", "start"]);
    let changed: Vec<(usize, &str)> = (0..9)
        .map(|at| (at, if at == 5 { "broken" } else { "new" }))
        .collect();
    let scene = "mkdir -p src/d; printf '%s' \"$1\" > src/a; printf '%s' \"$2\" > src/b; echo fine > src/d/c";
    let mut play = std::process::Command::new("sh");
    let play = play.args([
        "-c",
        scene,
        "sh",
        &blocks(9, &changed),
        &blocks(3, &[(1, "new")]),
    ]);
    assert!(play.current_dir(rig.root()).status().unwrap().success());
    rig.ok(&["turn", "end"]);
    let wanted = rig.head();
    rig.project.write("later", "stays\n");
    rig.ok(&["sync"]);
    let before = signatures(&rig);
    let head = rig.head();

    for question in [
        &["state"][..],
        &["--good", "good", "--", "sh", "-c", "! grep -rq broken ."],
    ] {
        let arguments: Vec<&str> = ["--hunks"].iter().chain(question).copied().collect();
        let found = found(&rig, &arguments);
        assert_eq!(found["suspects"], serde_json::json!([wanted]), "{found:#}");
        let hunks = &found["hunks"];
        assert_eq!(hunks["hunks"].as_array().unwrap().len(), 1, "{found:#}");
        assert_eq!(
            (&hunks["all"], &hunks["least"]),
            (&false.into(), &true.into()),
            "{found:#}"
        );
        assert_eq!(hunks["changes"][0]["path"], "src/a", "{found:#}");
        let id = hunks["hunks"][0].as_str().unwrap();
        assert_eq!(found["undo"], format!("aft undo {wanted} --hunk {id}"));
        // Eleven hunks: four to find it, one to see that it is enough.
        assert!(hunks["looks"].as_array().unwrap().len() <= 5, "{found:#}");
    }
    assert_eq!(signatures(&rig), before);
    assert_eq!(rig.head(), head);
    let text = rig.ok(&["bisect", "state", "--hunks"]);
    assert!(
        text.contains("Without 1 hunk of it") && text.contains("+block 5: broken"),
        "{text}"
    );

    let found = found(&rig, &["state", "--hunks"]);
    let undo = found["undo"].as_str().unwrap().to_owned();
    let words: Vec<&str> = undo.split(' ').skip(1).collect();
    rig.ok(&words);
    let kept: Vec<(usize, &str)> = changed.into_iter().filter(|(at, _)| *at != 5).collect();
    assert_eq!(rig.project.text("src/a"), blocks(9, &kept));
    assert_eq!(rig.project.text("src/d/c"), "fine\n");
    rig.verify(&[], 0);
    rig.daemon.stop();
}

#[test]
fn hunks_that_break_it_together_are_all_found() {
    let mut rig = Rig::with("");
    rig.project.write("a", blocks(8, &[]));
    rig.watch();
    let good = rig.head().to_string();
    rig.project
        .write("a", blocks(8, &[(1, "broken"), (4, "new"), (6, "broken")]));
    let wanted = rig.head();
    let line = [
        "--hunks",
        "--good",
        &good,
        "--",
        "sh",
        "-c",
        "! grep -rq broken .",
    ];
    let found = found(&rig, &line);
    let hunks = found["hunks"]["hunks"].as_array().unwrap();
    assert_eq!(hunks.len(), 2, "{found:#}");
    let ids: Vec<&str> = hunks.iter().map(|id| id.as_str().unwrap()).collect();
    let undo = format!("aft undo {wanted} --hunk {} --hunk {}", ids[0], ids[1]);
    assert_eq!(found["undo"], undo, "{found:#}");
    // A state with a hunk taken out never was; a verdict on it is kept for nobody.
    let more = [
        "--hunks",
        "--good",
        &good,
        "--",
        "sh",
        "-c",
        "! grep -q 'block 4: new' a",
    ];
    let one = self::found(&rig, &more);
    assert_eq!(
        one["hunks"]["hunks"].as_array().unwrap().len(),
        1,
        "{one:#}"
    );
    rig.daemon.stop();
}
