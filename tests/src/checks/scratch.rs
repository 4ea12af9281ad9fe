//! Scratch copies on the real daemon: exact, warm, and the workspace is not touched.

use aft_testkit::Manifest;
use aft_testkit::manifest::assert_same;

use super::rig::{Rig, verify};

#[test]
fn the_copy_is_the_state_and_the_workspace_is_not_touched() {
    let rig = Rig::with(&verify("look", "true", ""));
    rig.project.write(".gitignore", "*.o\nbuild/\n");
    rig.project.write("bin/run", "#!/bin/sh\n");
    rig.project.chmod("bin/run", 0o755);
    rig.project.write(".env", "KEY=1\n");
    rig.project.write("deep/er/file", vec![7_u8; 5_000_000]);
    rig.project.write(b"name\nwith\xff bytes", "x");
    rig.project.symlink("deep/link", "../bin/run");
    rig.project.symlink("dangling", "/nowhere");
    rig.project.mkdir("empty");
    rig.project.chmod("empty", 0o711);
    rig.watch();
    rig.ok(&["sync"]);
    let before = rig.project.manifest_with_times();
    rig.verify(&[], 0);
    let scratch = rig.store().join("scratch/1");
    assert_same(
        &rig.project.manifest(),
        &Manifest::of(&scratch),
        "the scratch copy",
    );
    assert_same(&before, &rig.project.manifest_with_times(), "the workspace");

    // What differs is what is written.
    rig.project.write("bin/run", "#!/bin/sh\ntrue\n");
    rig.project.remove("deep/link");
    rig.project.write("build/out", "left out");
    rig.ok(&["sync"]);
    let before = rig.project.manifest_with_times();
    rig.verify(&[], 0);
    let wanted = rig
        .project
        .manifest()
        .filtered(|path, _| !path.starts_with(b"build"));
    assert_same(&wanted, &Manifest::of(&scratch), "the scratch copy");
    assert_same(&before, &rig.project.manifest_with_times(), "the workspace");
}

#[test]
fn what_a_check_did_is_gone_for_the_next_and_what_is_kept_warm_stays() {
    let meddle = "test ! -e left && mkdir -p target && (cd target && echo x >> n) && rm -f st* && touch left && \
                  for f in sub/*; do echo y > $f; done";
    let more = "keep_warm = [\"target\"]\non = [\"manual\"]\n";
    let rig = Rig::with(&verify("meddle", meddle, more));
    rig.project.write("state", "x");
    rig.project.write("sub/f", "y\n");
    rig.watch();
    rig.ok(&["sync"]);
    let before = rig.project.manifest_with_times();
    for n in 1..=3 {
        rig.verify(&["--again"], 0);
        let count = std::fs::read_to_string(rig.store().join("scratch/1/target/n"));
        assert_eq!(count.expect("the warm file").lines().count(), n);
    }
    assert_same(&before, &rig.project.manifest_with_times(), "the workspace");
}

#[test]
fn what_was_compiled_of_another_state_is_not_run() {
    let rig = Rig::with(&verify(
        "imports",
        "python3 -c 'import own; own.check()'",
        "",
    ));
    let version = |sign: char| format!("def check():\n    assert 2 {sign} 2 == 4\n");
    rig.project.write("own.py", version('+'));
    rig.watch();
    rig.ok(&["sync"]);
    rig.verify(&[], 0);
    // The same size, and most likely the same second.
    rig.project.write("own.py", version('-'));
    rig.ok(&["sync"]);
    rig.verify(&[], 1);
    rig.project.write("own.py", version('*'));
    rig.ok(&["sync"]);
    rig.verify(&[], 0);
}

#[test]
fn a_check_in_the_workspace_says_nothing_when_the_state_moved_meanwhile() {
    let place = "where = \"workspace\"\n";
    let checks = [
        verify("still", "grep -rq x .", place),
        verify("moves", "for f in st*; do echo y >> $f; done", place),
    ];
    let rig = Rig::with(&checks.concat());
    rig.project.write("state", "x\n");
    rig.watch();
    let still = rig.verify(&["still"], 0);
    assert_eq!(still["verdicts"][0]["status"], "passed", "{still:#}");
    let moves = rig.verify(&["moves"], 1);
    assert_eq!(moves["verdicts"][0]["status"], "error", "{moves:#}");
    assert_eq!(rig.project.text("state"), "x\ny\n");
}

#[test]
fn a_project_of_3000_files_is_ready_in_the_time_that_differs() {
    let rig = Rig::with(&verify("look", "true", ""));
    for n in 0..3000 {
        let text = format!("file {n}\n").repeat(500);
        rig.project.write(format!("d{}/f{}", n % 60, n), text);
    }
    rig.watch();
    let cold = rig.verify(&[], 0);
    rig.project.write("d0/f0", "changed\n");
    let warm = rig.verify(&[], 0);
    let took = |run: &serde_json::Value| run["verdicts"][0]["scratch_ms"].as_f64();
    let (cold, warm) = (took(&cold).expect("a time"), took(&warm).expect("a time"));
    println!("3000 files: cold {cold:.0} ms, warm {warm:.0} ms");
    assert!(
        warm < 1500.0 && warm < cold,
        "cold {cold} ms, warm {warm} ms"
    );
}
