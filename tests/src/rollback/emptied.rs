//! A file that somebody makes in a directory while a rollback removes it: the directory stays with the file in it, that is
//! said, and nothing of it is lost.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use aft_testkit::StopAtEnd;

use super::rig::Rig;

/// Files that the rollback takes out of the directory before it comes to the directory itself.
const FILES: usize = 400;
/// The file may come too late; of so many tries one must not.
const ROUNDS: usize = 30;
const HITS: usize = 2;

#[test]
fn a_file_made_in_a_directory_that_is_being_removed_keeps_it() {
    let rig = Rig::new();
    rig.project.write("a", "one\n");
    rig.watch();
    rig.ok(&["checkpoint", "base"]);
    let mut n_hits = 0;
    for round in 0..ROUNDS {
        for n in 0..FILES {
            rig.project
                .write(format!("doomed/deep/f{n}"), format!("{round} {n}\n"));
        }
        rig.ok(&["sync"]);
        let (is_made, kept) = race(&rig, round);
        rig.wait_settled();
        let dir = rig.root().join("doomed/deep");
        if !is_made {
            assert!(kept.is_empty(), "nobody was in the way: {kept:?}");
            assert!(!rig.root().join("doomed").exists());
            continue;
        }
        let text = std::fs::read_to_string(dir.join("late"));
        assert_eq!(text.expect("it is there"), token(round));
        let n_entries = std::fs::read_dir(&dir).expect("it is there").count();
        if n_entries == 1 {
            // Only then the race was for the directory: else it was refused before anything was touched.
            assert!(kept.contains(&"doomed/deep".to_owned()), "{kept:?}");
            n_hits += 1;
        }
        rig.ok(&["sync"]);
        std::fs::remove_file(dir.join("late")).expect("removed");
        rig.ok(&["rollback", "base"]);
        rig.wait_settled();
        assert!(
            !rig.root().join("doomed").exists(),
            "nobody is in the way now"
        );
        if n_hits >= HITS {
            return;
        }
    }
    panic!("in {ROUNDS} rounds the file came in time only {n_hits} times");
}

fn token(round: usize) -> String {
    format!("somebody's in round {round}\n")
}

/// A rollback, and somebody who makes a file as soon as it is under way. Whether that worked, and what was left.
fn race(rig: &Rig, round: usize) -> (bool, Vec<String>) {
    let stop = AtomicBool::new(false);
    let mut control = rig.daemon.control();
    thread::scope(|scope| {
        let _stop = StopAtEnd(&stop);
        let (staging, late) = (
            rig.root().join(".afterimage/limbo"),
            rig.root().join("doomed/deep/late"),
        );
        let stop = &stop;
        let other = scope.spawn(move || {
            while !staging.exists() && !stop.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            make(&late, &token(round))
        });
        let answer = control.expect_call("rollback.apply", &rig.to("base", "keep"));
        stop.store(true, Ordering::Relaxed);
        let kept = answer["kept"].as_array().cloned().unwrap_or_default();
        let paths = kept.iter().filter_map(|left| left["path"].as_str());
        let kept = paths.map(str::to_owned).collect();
        (other.join().expect("it ends"), kept)
    })
}

/// Makes a file, whole, unless there is no directory for it any more.
fn make(path: &Path, text: &str) -> bool {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.is_ok_and(|mut file| file.write_all(text.as_bytes()).is_ok())
}
