//! Files that nobody tracked come into coverage, because a rule changed. Nobody made them then, so going back to a
//! point before leaves them on disk and says so; what was made while covered goes.

use aft_testkit::TestDaemon;
use serde_json::Value;

use super::rig::Rig;

/// An ignored directory and a covered file, tracked, with a checkpoint `start`.
fn rig_with_ignored_directory() -> Rig {
    let rig = Rig::new();
    rig.project.write(".gitignore", "target/\n");
    rig.project.write("src/main.rs", "fn main() {}\n");
    rig.project
        .write("target/debug/built", "made by a compiler\n");
    rig.project.mkdir("target/empty");
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    rig
}

/// Goes back to `start`: `kept` stays and is named, in words and in JSON, before and after; `gone` goes.
#[track_caller]
fn go_back_and_keep(rig: &Rig, kept: &[&str], named: &str, gone: &[&str]) {
    let names = |answer: &Value| answer["not_covered"].to_string();
    let plan = rig.json(&["rollback", "start", "--dry-run"]);
    assert!(names(&plan).contains(&format!("\"{named}\"")), "{plan}");
    let steps = plan["steps"].as_array().expect("steps");
    for path in kept {
        let is_step = steps.iter().any(|step| step["path"] == *path);
        assert!(!is_step, "{path}: {plan}");
    }
    let told = rig.ok(&["rollback", "start", "--dry-run"]);
    assert!(told.contains(&format!("  {named}: ")), "{told}");
    let done = rig.json(&["rollback", "start"]);
    assert!(names(&done).contains(&format!("\"{named}\"")), "{done}");
    for path in kept {
        assert!(rig.project.exists(path), "{path} was deleted: {done}");
    }
    for path in gone {
        assert!(!rig.project.exists(path), "{path} is there: {done}");
    }
}

#[test]
fn an_ignored_directory_that_comes_into_coverage_survives_going_back() {
    let rig = rig_with_ignored_directory();
    rig.project.write(".gitignore", "# nothing\n");
    rig.ok(&["sync"]);
    let entering = rig
        .log()
        .into_iter()
        .find(|operation| operation["kind"] == "gap")
        .expect("coming into coverage is a gap");
    let number = entering["operation"].to_string();
    let shown = rig.ok(&["show", &number]);
    assert!(shown.contains("target/debug/built"), "{shown}");
    let undone = rig.aft(&["undo", &number]);
    assert_ne!(undone.status, 0, "{}", undone.stdout);
    assert!(rig.project.exists("target/debug/built"));
    rig.project
        .write("target/debug/later", "made while covered\n");
    rig.project.write("target/debug/built", "made again\n");
    rig.project.write("src/new.rs", "mod new;\n");
    rig.ok(&["sync"]);
    go_back_and_keep(
        &rig,
        &[
            "target",
            "target/debug",
            "target/debug/built",
            "target/empty",
        ],
        "target",
        &["target/debug/later", "src/new.rs"],
    );
    assert_eq!(rig.project.text(".gitignore"), "target/\n");
    assert_eq!(rig.project.text("target/debug/built"), "made again\n");
}

#[test]
fn what_was_ignored_until_the_daemon_slept_survives_going_back() {
    for how in ["stop", "kill"] {
        let mut rig = rig_with_ignored_directory();
        match how {
            "stop" => rig.daemon.stop(),
            _ => rig.daemon.kill(),
        }
        rig.project.write(".gitignore", "# nothing\n");
        rig.project.write("src/new.rs", "mod new;\n");
        rig.daemon.run();
        rig.ok(&["sync"]);
        let kept = ["target/debug/built", "target/empty"];
        go_back_and_keep(&rig, &kept, "target", &["src/new.rs"]);
    }
}

#[test]
fn what_the_configuration_left_out_survives_going_back() {
    let mut prepared = TestDaemon::prepare();
    prepared.write_config("[track]\nexclude = [\"*.log\"]\n");
    prepared.run();
    let mut rig = Rig::of(prepared);
    rig.project.write("a", "one\n");
    rig.project.write("old.log", "from before\n");
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    for how in ["stop", "kill"] {
        match how {
            "stop" => rig.daemon.stop(),
            _ => rig.daemon.kill(),
        }
        // The second time nothing changes, and nothing comes in.
        rig.daemon.write_config("");
        rig.daemon.run();
        rig.ok(&["sync"]);
        rig.project.write("new.log", "made while covered\n");
        rig.ok(&["sync"]);
        assert_eq!(rig.ok(&["cat", "old.log"]), "from before\n");
        go_back_and_keep(&rig, &["old.log"], "old.log", &["new.log"]);
        // Once covered it is one like the others.
        rig.project.write("old.log", "later\n");
        rig.ok(&["sync"]);
        rig.ok(&["undo"]);
        assert_eq!(rig.project.text("old.log"), "from before\n");
    }
}
