//! The audit log within its limit: full parts are packed, the oldest go, and both are told and verify.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use aft_testkit::daemon::Socket;
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use serde_json::{Value, json};

use super::scene::Scene;

/// A part is full at 16 KiB.
const CONFIG: &str = "[daemon]\naudit_max = \"256 KiB\"\n";
const CALLS: usize = 8000;

fn parts(scene: &Scene, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(scene.daemon.store().join("audit")).expect("the log");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut parts: Vec<PathBuf> = paths
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    parts.sort();
    parts
}

/// Which of the calls this is, and noise that no packing makes shorter than its 32 bytes: what is noted of all of them must
/// not fit into the limit, however good the packing becomes.
fn named(n: usize) -> String {
    let mut rng = Rng::new(n as u64);
    let noise = rng.bytes(32);
    let noise: String = noise.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("n-{n}-{noise}")
}

/// A daemon that has noted so many calls. They succeed: of refused ones there would be a line a second.
fn noted(calls: usize) -> Scene {
    let mut scene = Scene::new();
    scene.daemon.stop();
    scene.daemon.write_config(CONFIG);
    scene.daemon.run();
    let root = scene.root().to_owned();
    let mut control = scene.connect(Socket::Control);
    control.expect_call("workspace.add", &json!({"root": root}));
    let mut agent = scene.connect(Socket::Agent);
    for n in 0..calls {
        // One session that is taken up again and again.
        let resumed =
            json!({"workspace": root, "agent": named(n), "session": "bound:always-the-same"});
        agent.expect_call("session.start", &resumed);
    }
    scene
}

#[test]
fn what_had_no_room_is_gone_and_said_and_the_rest_verifies() {
    let mut scene = noted(CALLS);
    wait_until(Duration::from_secs(30), "full parts are packed", || {
        parts(&scene, ".log").len() == 1
    });
    let bytes: u64 = [parts(&scene, ".log"), parts(&scene, ".zst")]
        .concat()
        .iter()
        .map(|part| part.metadata().expect("a part").len())
        .sum();
    assert!(bytes <= (256 + 64) << 10, "{bytes} bytes");
    let root = scene.project.root().to_owned();
    let listed = scene.daemon.aft_json(&root, &["audit", "-n", "1000000"]);
    let entries = listed["entries"].as_array().expect("entries");
    let gone = listed["gone_through"]
        .as_u64()
        .expect("the oldest are gone");
    let oldest = entries.last().expect("an entry")["number"].as_u64();
    // Between the two stand the line that begins the part, and perhaps that something was let go of.
    assert!(
        oldest > Some(gone) && oldest <= Some(gone + 8),
        "{oldest:?} after {gone}"
    );
    assert!(entries.len() < CALLS, "{} entries", entries.len());
    // Of lines as they are it would be eight hundred.
    assert!(entries.len() > 2000, "{} entries", entries.len());
    assert_eq!(entries[0]["params"]["agent"], named(CALLS - 1));
    let text = scene.daemon.aft_ok(&root, &["audit", "-n", "1000000"]);
    let said = format!("entries up to {gone} are gone");
    assert!(
        text.ends_with("has room for\n") && text.contains(&said),
        "{}",
        &text[text.len() - 200..]
    );
    let some = scene.daemon.aft_ok(&root, &["audit", "-n", "5"]);
    assert!(!some.contains("are gone"), "{some}");
    assert_eq!(scene.daemon.aft_in(&root, &["check"]).status, 0);
    // As it is after a start, and when a packed part was changed.
    scene.daemon.restart();
    assert_eq!(scene.daemon.aft_in(&root, &["check"]).status, 0);
    let packed = parts(&scene, ".zst").pop().expect("a packed part");
    let whole = fs::read(&packed).expect("the part");
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    fs::write(&packed, &changed).expect("a hand in the store");
    let said = scene.daemon.aft_in(&root, &["check"]);
    let name = packed
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    assert_eq!(said.status, 8, "{}", said.stdout);
    assert!(
        said.stdout.contains(&format!("{name} was changed")),
        "{}",
        said.stdout
    );
    fs::write(&packed, &whole).expect("put back");
    assert_eq!(scene.daemon.aft_in(&root, &["check"]).status, 0);
}

#[test]
fn a_collection_that_is_asked_for_packs_the_log_too() {
    let scene = noted(200);
    let root = scene.project.root().to_owned();
    let before = scene
        .connect(Socket::Control)
        .expect_call("audit.list", &json!({"limit": 1000}));
    let plain = |scene: &Scene| -> u64 {
        let all = [parts(scene, ".log"), parts(scene, ".zst")].concat();
        all.iter()
            .map(|part| part.metadata().expect("a part").len())
            .sum()
    };
    let bytes = plain(&scene);
    scene.daemon.aft_ok(&root, &["gc"]);
    assert!(plain(&scene) < bytes, "{} of {bytes} bytes", plain(&scene));
    let growing = parts(&scene, ".log");
    assert_eq!(growing.len(), 1, "{growing:?}");
    let left = growing[0].metadata().expect("a part").len();
    assert!(left < 17 << 10, "{left} bytes are as they were");
    let after = scene
        .connect(Socket::Control)
        .expect_call("audit.list", &json!({"limit": 1000}));
    let methods = |listed: &Value| -> Vec<Value> {
        let entries = listed["entries"].as_array().expect("entries");
        entries
            .iter()
            .filter(|entry| entry["method"] != "store.gc")
            .cloned()
            .collect()
    };
    assert_eq!(methods(&after), methods(&before));
    assert_eq!(after["gone_through"], Value::Null);
    assert_eq!(scene.daemon.aft_in(&root, &["check"]).status, 0);
}
