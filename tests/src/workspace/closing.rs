//! Every workspace is collected while one of them is closed and opened again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use aft_testkit::{StopAtEnd, Workspace};

use crate::e2e_real::rig::Rig;

const ROUNDS: usize = 40;

#[test]
fn a_collection_of_all_leaves_out_one_that_is_closed_meanwhile() {
    let rig = Rig::new();
    rig.project.write("kept", "kept\n");
    rig.watch();
    let other = Workspace::new();
    other.write("file", "file\n");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let stopping = StopAtEnd(&stop);
        scope.spawn(|| {
            let _stopping = StopAtEnd(&stop);
            while !stop.load(Ordering::Relaxed) {
                rig.ok_in(other.root(), &["watch", "--detach"]);
                rig.ok_in(other.root(), &["unwatch"]);
            }
        });
        let mut left_out = 0;
        for _ in 0..ROUNDS {
            let outside = rig.project.outside();
            let collected = rig.daemon.aft_in(outside, &["gc"]);
            assert_eq!(
                collected.status, 0,
                "{}{}",
                collected.stdout, collected.stderr
            );
            left_out += usize::from(collected.stdout.contains("Left out: "));
        }
        println!("left out {left_out} times in {ROUNDS}");
        drop(stopping);
    });
}
