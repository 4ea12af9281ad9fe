//! Verification: damage in the store and in a milestone's own file is told, and healed where it can be.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::{noise, settled};
use crate::e2e_real::rig::Rig;

/// Every file of the store whose name ends so.
fn files(rig: &Rig, end: &str) -> Vec<PathBuf> {
    let found = rig.project.sh(&format!(
        "find {} -name '*{end}'",
        rig.daemon.store().display()
    ));
    found.lines().map(PathBuf::from).collect()
}

#[test]
fn damage_in_the_store_is_found_named_and_healed() {
    let mut rig = Rig::new();
    let bytes = noise(100_000);
    rig.project.write("precious", &bytes);
    rig.project.write("other", "text\n");
    rig.watch();
    rig.ok(&["milestone", "create", "v1", "--wait"]);
    let whole = rig.json(&["milestone", "verify", "v1"]);
    assert_eq!(
        (&whole["ok"], &whole["n_contents"]),
        (&json!(true), &json!(2))
    );
    // The file is gone, so that nobody can mend what is damaged next.
    rig.project.remove("precious");
    rig.ok(&["sync"]);
    rig.daemon.stop();
    let needle = &bytes[50_000..50_032];
    let mut damaged = 0;
    for segment in files(&rig, ".aft") {
        let mut held = fs::read(&segment).expect("a segment");
        let at = held.windows(needle.len()).position(|bytes| bytes == needle);
        if let Some(at) = at {
            held[at + 7] ^= 0x10;
            fs::write(&segment, held).expect("a segment");
            damaged += 1;
        }
    }
    assert!(damaged > 0, "noise lies in the store as it is");
    rig.daemon.run();
    let verified = rig.aft(&["--json", "milestone", "verify", "v1"]);
    assert_eq!(verified.status, 8, "{}", verified.stderr);
    let told: serde_json::Value = serde_json::from_str(&verified.stdout).expect("JSON");
    assert_eq!(
        (&told["ok"], &told["status"]),
        (&json!(false), &json!("failed"))
    );
    assert_eq!(told["problems"][0]["path"], "precious");
    let shown = rig.json(&["milestone", "show", "v1"]);
    assert_eq!(shown["status"], "failed");
    assert!(
        shown["remedy"].is_string() && shown["reason"].is_string(),
        "{shown}"
    );
    let out = rig.project.outside().join("v1.aftm");
    let refused = rig.aft(&["milestone", "export", "v1", out.to_str().expect("UTF-8")]);
    assert!(refused.status != 0 && !out.exists());
    // The same bytes come back, and with them the milestone.
    rig.project.write("again", &bytes);
    rig.ok(&["sync"]);
    let healed = rig.json(&["milestone", "verify", "v1"]);
    assert_eq!(
        (&healed["ok"], &healed["status"]),
        (&json!(true), &json!("completed"))
    );
    assert_eq!(healed["checksum"], whole["checksum"]);
}

#[test]
fn a_milestone_whose_own_file_is_damaged_is_told_and_made_anew() {
    let mut rig = Rig::new();
    rig.project.write("a", "text\n");
    rig.watch();
    rig.ok(&["milestone", "create", "v1", "--wait"]);
    let whole = settled(&rig, "v1");
    let file = files(&rig, ".aftm").pop().expect("a milestone's file");
    let stats = rig.json(&["stats"]);
    let taken = fs::metadata(&file).expect("a file").len();
    assert_eq!(
        (&stats["n_milestones"], &stats["milestone_bytes"]),
        (&json!(1), &json!(taken))
    );
    assert_eq!(rig.aft(&["check"]).status, 0);
    for cut in [false, true] {
        rig.daemon.stop();
        let mut bytes = fs::read(&file).expect("a file");
        let last = bytes.len() - 60;
        if cut {
            bytes.truncate(11);
        } else {
            bytes[last] ^= 1;
        }
        fs::write(&file, bytes).expect("a file");
        rig.daemon.run();
        let checked = rig.aft(&["check"]);
        assert_eq!(checked.status, 8, "{}", checked.stdout);
        assert!(
            checked.stdout.contains("milestone v1")
                && checked.stdout.contains("milestone verify v1"),
            "{}",
            checked.stdout
        );
        // A list is still a list.
        let listed = rig.json(&["milestone", "list"]);
        assert_eq!(listed["milestones"][0]["milestone"], "v1", "{listed}");
        if !cut {
            let verified = rig.aft(&["milestone", "verify", "v1"]);
            assert_eq!(verified.status, 8, "{}", verified.stdout);
        }
        assert_eq!(rig.json(&["milestone", "show", "v1"])["status"], "failed");
        let again = rig.json(&["milestone", "verify", "v1"]);
        assert_eq!(
            (&again["ok"], &again["checksum"]),
            (&json!(true), &whole["checksum"])
        );
        assert_eq!(rig.aft(&["check"]).status, 0, "it is whole again");
    }
    rig.ok(&["milestone", "rm", "v1"]);
    assert_eq!(rig.json(&["stats"])["milestone_bytes"], json!(0));
}
