//! What follows the answer of a large import: everything durable by one call, so that a stop of the daemon need not wait.
//!
//! Does: count the system's calls, as a time would be that of the machine.

use std::fs;

use aft_testkit::manifest::assert_same;

use super::elsewhere;
use crate::e2e_real::rig::{Rig, manifest_of};
use crate::rollback::strace::{Tracer, is_there, thread_of};

const FILES: usize = 3000;
/// Each of these flushes what the disk itself holds back.
const SYNCS: [&str; 3] = ["fsync", "fdatasync", "syncfs"];

#[test]
fn thousands_of_imported_files_are_made_durable_by_one_call() {
    if !is_there() {
        return;
    }
    let rig = Rig::new();
    for n in 0..FILES {
        rig.project
            .write(format!("d{}/f{n}", n % 40), format!("file {n}\n"));
    }
    rig.watch();
    rig.ok(&["milestone", "create", "many", "--wait"]);
    let expected = rig.project.manifest();
    let (mut there, place) = elsewhere();
    let file = place.outside().join("many.aftm");
    let file = file.to_str().expect("UTF-8");
    rig.ok(&["milestone", "export", "many", file]);
    let new = place.root().join("new");
    fs::create_dir(&new).expect("a directory");
    there.aft_ok(&new, &["watch", "--detach"]);
    let pid = there.pid().expect("a daemon serves");
    let scratch = tempfile::tempdir().expect("a directory");
    let tracer = Tracer::attach_to(
        thread_of(pid, "aft-errand"),
        &SYNCS,
        scratch.path().join("trace"),
    );
    there.aft_ok(&new, &["milestone", "import", file]);
    there.stop();
    let trace = tracer.end();
    let count = |wanted: &str| {
        let begins = |line: &&String| line.starts_with(&format!("{wanted}("));
        trace.iter().filter(begins).count()
    };
    let made: Vec<usize> = SYNCS.iter().map(|call| count(call)).collect();
    assert!(made[2] >= 1, "{made:?}: nothing was synced whole");
    assert!(
        made[0] + made[1] < 50,
        "{made:?}: files are synced one by one"
    );
    there.run();
    there.aft_ok(&new, &["sync"]);
    assert_same(&expected, &manifest_of(&new), "after a stop at once");
    let status = there.aft_json(&new, &["status"]);
    assert_eq!(status["state"], "armed", "{status}");
}
