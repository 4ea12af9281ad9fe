//! A branch switch of ten thousand files while the daemon cannot listen: the kernel's queue overflows, and
//! nothing may be lost but what was there in between.

use std::time::Instant;

use super::rig::Rig;

/// Files of each branch.
const N_FILES: usize = 10_000;

#[test]
fn a_branch_switch_of_ten_thousand_files_while_the_daemon_is_stopped_loses_nothing() {
    let rig = Rig::new();
    make_branches(&rig);
    let start = Instant::now();
    rig.watch();
    println!("{N_FILES} files armed after {:?}", start.elapsed());
    rig.ok(&["checkpoint", "on-main"]);
    let before = rig.look();
    let head = rig.head();

    rig.daemon.pause();
    rig.project.sh("git checkout -q topic");
    let after = rig.look();
    rig.daemon.resume();

    let start = Instant::now();
    let answer = rig.json(&["sync"]);
    println!("in step after {:?}: {answer}", start.elapsed());
    rig.assert_recorded("after the switch");
    let new: Vec<(u64, String)> = rig
        .log()
        .iter()
        .map(|operation| {
            (
                operation["operation"].as_u64().unwrap_or_default(),
                operation["kind"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .filter(|(number, _)| *number > head)
        .collect();
    println!("operations since: {new:?}");
    let gaps = new.iter().filter(|(_, kind)| kind == "gap").count();
    assert_eq!(
        gaps, 1,
        "30 000 events do not fit into the kernel's queue: {new:?}"
    );
    assert_eq!(rig.state(), "armed");

    let git = rig.git_dir();
    let start = Instant::now();
    rig.ok(&["rollback", "on-main"]);
    println!("rolled back in {:?}", start.elapsed());
    rig.assert_went(&before, &after, "rolled back across the switch");
    let back = rig.look();
    rig.ok(&["undo"]);
    rig.assert_went(&after, &back, "and forth again");
    aft_testkit::manifest::assert_same(&git, &rig.git_dir(), ".git");
    // The watches survived the overflow: what happens now is seen.
    rig.project.write("d3/f303.txt", "after the overflow\n");
    rig.project.write("made/after/overflow.txt", "too\n");
    rig.assert_recorded("after the overflow");
}

/// Two branches: a third of the files differ, a third is only here, a third only there.
fn make_branches(rig: &Rig) {
    let project = &rig.project;
    project.sh("git init -q -b main .; git config gc.auto 0; git config core.fsync none");
    for (branch, other) in [("main", "m"), ("topic", "t")] {
        if branch == "topic" {
            project.sh("git checkout -q -b topic; git rm -rq .");
        }
        for n in 0..N_FILES {
            let dir = n % 100;
            let content = format!("{branch} {n}\n");
            match n % 3 {
                0 => project.write(format!("d{dir}/f{n}.txt"), &content),
                1 => project.write(format!("d{dir}/only-{other}{n}.txt"), &content),
                _ => project.write(format!("{other}{dir}/deep/{n}"), &content),
            }
        }
        project.sh(&format!("git add -A; git commit -qm {branch}"));
    }
    project.sh("git checkout -q main");
}
