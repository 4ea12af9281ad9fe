//! Secrets that are not in the store: never captured, let go when their time is over, purged.
//!
//! Does: put bytes that do not compress into secrets, and look for them in the store's files.
//! Does not: ask what a socket tells; `secrets` does.

use std::fs;
use std::path::{Path, PathBuf};

use aft_testkit::TestDaemon;

use super::secrets::modes;
use crate::e2e_real::rig::Rig;

#[test]
fn what_is_never_captured_is_in_no_store_and_no_rollback_touches_it() {
    let daemon = TestDaemon::prepare();
    daemon.write_config(
        "[track]\nsecrets = \"never\"\ninclude = [\".env\"]\nsecret_names = [\"*.token\"]\n",
    );
    let mut rig = Rig::of(daemon);
    rig.daemon.run();
    let noise = noise(1);
    rig.project.write(".env", &noise);
    rig.project.write("src/api.token", &noise);
    rig.project.write("src/main.rs", "one\n");
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    let told = rig.json(&["status"])["left_out"].to_string();
    assert!(
        told.contains(".env") && told.contains("it is a secret"),
        "{told}"
    );
    rig.project.write("src/main.rs", "two\n");
    rig.project.write(".env", b"changed since");
    rig.project.write("made/new.rs", "three\n");
    rig.project.write("made/tls.key", &noise);
    rig.ok(&["sync"]);
    rig.ok(&["rollback", "start"]);
    assert_eq!(rig.project.text("src/main.rs"), "one\n");
    assert_eq!(rig.project.text(".env"), "changed since");
    assert_eq!(rig.project.read("made/tls.key"), Some(noise.clone()));
    assert!(!rig.project.exists("made/new.rs"));
    assert_eq!(
        rig.aft(&["cat", ".env"]).status,
        4,
        "it is not in the history"
    );
    rig.daemon.stop();
    assert_eq!(hits(&rig.daemon.store(), &noise[..64]), [] as [PathBuf; 0]);
}

/// Bytes that stand in a store as they are, because they do not compress.
fn noise(seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; 400];
    blake3::Hasher::new()
        .update(&[seed])
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

fn hits(dir: &Path, wanted: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    modes(dir, &mut found);
    let files = found.into_iter().filter(|(_, is_dir, _)| !is_dir);
    let has = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.windows(wanted.len()).any(|window| window == wanted)
    };
    files.map(|(path, ..)| path).filter(has).collect()
}

#[test]
fn what_a_secret_held_goes_when_its_time_is_over_and_purge_leaves_nothing_at_once() {
    let daemon = TestDaemon::prepare();
    daemon.write_config("[store]\nsecret_keep = \"1ms\"\n");
    let mut rig = Rig::of(daemon);
    rig.daemon.run();
    let (old, new, other) = (noise(1), noise(2), noise(3));
    rig.project.write(".env", &old);
    rig.project.write("data.bin", &other);
    rig.watch();
    rig.project.write(".env", &new);
    rig.project.write("data.bin", "changed\n");
    rig.ok(&["sync"]);
    assert_ne!(hits(&rig.daemon.store(), &old[..64]), [] as [PathBuf; 0]);
    for n in 0..60 {
        rig.project.write("src/main.rs", format!("{n}\n"));
        rig.ok(&["sync"]);
    }
    // Whoever was told that the old bytes are held may still count on them; nobody does after a restart.
    rig.daemon.restart();
    rig.ok(&["sync"]);
    rig.ok(&["gc"]);
    assert_eq!(hits(&rig.daemon.store(), &old[..64]), [] as [PathBuf; 0]);
    assert_ne!(hits(&rig.daemon.store(), &new[..64]), [] as [PathBuf; 0]);
    assert_ne!(hits(&rig.daemon.store(), &other[..64]), [] as [PathBuf; 0]);
    let gone = rig.aft(&["cat", ".env", "--at", "1"]);
    assert!(
        gone.status == 4 && gone.stderr.contains("expired"),
        "{gone:?}"
    );
    assert_eq!(
        rig.aft(&["check", "--read-data"]).status,
        0,
        "nothing is missing"
    );
    let back = rig.json(&["rollback", "1", "--dry-run"]);
    assert!(back.to_string().contains("secret_keep"), "{back}");
    rig.project.remove(".env");
    rig.ok(&["sync"]);
    rig.ok(&["purge", ".env", "--yes"]);
    assert_eq!(hits(&rig.daemon.store(), &new[..64]), [] as [PathBuf; 0]);
}
