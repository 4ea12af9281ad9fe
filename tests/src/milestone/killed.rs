//! A daemon that is killed while a milestone is being made.

use std::time::{Duration, Instant};

use super::{noise, settled};
use crate::e2e_real::heavy;
use crate::e2e_real::rig::Rig;

#[test]
fn a_milestone_that_was_begun_is_completed_by_the_next_daemon() {
    let mut rig = Rig::new();
    // Enough that reading it back takes a while.
    let bytes = noise(3 << 20);
    for number in 0..24 {
        rig.project
            .write(format!("f{number}"), [&bytes[..], &[number]].concat());
    }
    rig.watch();
    let whole = {
        rig.ok(&["milestone", "create", "whole", "--wait"]);
        settled(&rig, "whole")
    };
    let mut was_cut_short = 0;
    for delay in [0, 5, 20, 80, 200]
        .into_iter()
        .take(if heavy() { 5 } else { 3 })
    {
        let name = format!("after-{delay}");
        let begun = rig.json(&["milestone", "create", &name]);
        assert_eq!(begun["status"], "generating");
        let until = Instant::now() + Duration::from_millis(delay);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        rig.daemon.kill();
        let files = rig.project.sh(&format!(
            "ls {}/workspaces/*/milestones",
            rig.daemon.store().display()
        ));
        was_cut_short += usize::from(!files.is_empty());
        rig.daemon.run();
        let shown = settled(&rig, &name);
        assert_eq!(shown["status"], "completed", "{shown}");
        assert_eq!(shown["checksum"], whole["checksum"]);
        let files = rig.project.sh(&format!(
            "ls {}/workspaces/*/milestones | grep -v 'aftm$' || true",
            rig.daemon.store().display()
        ));
        assert_eq!(files, "", "nothing half made is left behind");
    }
    assert!(was_cut_short > 0);
}
