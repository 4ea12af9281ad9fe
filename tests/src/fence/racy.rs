//! Edits that leave size and modification time as they were, as fast as they can be made: a signature of the file
//! must never stand for bytes that were not read.
//!
//! Does: change the same files in place between fences, in the same tick where the machine is quick enough, and
//! compare after each fence, by events and by the walk of a strict one.
//! Does not: have coarse clocks; where the file system's times are fine the change time tells, which is what most
//! machines have.

use std::fs::{File, FileTimes, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, SystemTime};

use aft_testkit::sim::Rng;
use serde_json::json;

use super::judge::differences;
use super::rig::Rig;
use super::{backends, option};

/// Files that are edited in turn.
const FILES: usize = 8;
/// Bytes of each, always.
const LEN: usize = 64;

#[test]
fn an_edit_that_keeps_size_and_time_is_never_missed() {
    let (seed, edits) = (option("AFT_SEED", 1), option("AFT_RACY_EDITS", 4000));
    for backend in backends() {
        println!("racy edits by {backend}: AFT_SEED={seed} AFT_RACY_EDITS={edits}");
        run(backend, Rng::new(seed), edits);
    }
}

fn run(backend: &str, mut rng: Rng, edits: u64) {
    let rig = Rig::start(backend);
    let mut agent = rig.agent();
    // One time for all of them, for ever: only the bytes and the change time tell.
    let times =
        FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    rig.project.mkdir("racy");
    let files: Vec<File> = (0..FILES)
        .map(|number| {
            let path = rig.project.path(format!("racy/f{number}"));
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .open(path)
                .expect("a file")
        })
        .collect();
    let (mut done, mut round) = (0, 0_u64);
    while done < edits {
        for _ in 0..=rng.below(16) {
            let file = rng.pick(&files).expect("a file");
            file.write_all_at(&rng.bytes(LEN), 0).expect("a write");
            file.set_times(times).expect("a time");
            done += 1;
        }
        round += 1;
        let mut wanted = rig.params();
        // A walk in between compares signatures of everything, with nothing to point at what changed.
        wanted["strict"] = json!(round.is_multiple_of(5));
        agent.expect_call("sync", &wanted);
        let found = differences(&mut agent, rig.root(), "racy");
        assert!(found.is_empty(), "after {done} edits: {found:#?}");
    }
}
